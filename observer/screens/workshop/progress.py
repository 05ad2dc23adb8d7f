"""How far the telemetry of one seat confirms a lesson, step by step.

Pure except for `ask`, which fetches an answer of the JSON API. Checks of what only the
visitor sees cannot be made from telemetry: they are left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from incidents.checks import Ask, Outcome, Result, run
from incidents.json_paths import Unfilled, filled_path
from incidents.model import Check, Incident, Source, Step


@dataclass(frozen=True, slots=True)
class CheckView:
    """The result of one check."""

    title: str
    holds: bool
    reached: bool
    detail: str


@dataclass(frozen=True, slots=True)
class StepView:
    """One step of the lesson, and its checks that telemetry can make."""

    number: int
    step: Step
    href: str | None
    """The address of the step; None until the ids in it are known."""
    checks: tuple[CheckView, ...]
    unseen: int
    """Checks of this step that only the visitor can make."""

    @property
    def state(self) -> str:
        """`arrived`, `partly`, `waiting`, or `yours` where telemetry can make no check."""
        if not self.checks:
            return "yours"
        held = sum(check.holds for check in self.checks)
        return "arrived" if held == len(self.checks) else "partly" if held else "waiting"


@dataclass(frozen=True, slots=True)
class Progress:
    """A lesson with the state of its steps."""

    incident: Incident
    steps: tuple[StepView, ...]

    @property
    def arrived(self) -> int:
        """Steps of which every check holds."""
        return sum(step.state == "arrived" for step in self.steps)

    @property
    def judged(self) -> int:
        """Steps with checks that telemetry can make."""
        return sum(step.state != "yours" for step in self.steps)


def askable(checks: Sequence[Check]) -> tuple[Check, ...]:
    """The checks that need only the API: none of a visit, and none that needs the result of such a check."""
    left_out: set[str] = set()
    kept = []
    for check in checks:
        if check.source is not Source.API or left_out.intersection(check.needs):
            left_out.add(check.name)
        else:
            kept.append(check)
    return tuple(kept)


def progress(incident: Incident, given: Mapping[str, str | int], ask: Ask | None) -> Progress:
    """The lesson for a seat; without `ask` (no seat was taken) nothing is checked."""
    results: Sequence[Result] = run(askable(incident.checks), given, ask) if ask else ()
    known: dict[str, Any] = dict(given)
    by_name = {result.check.name: result for result in results}
    steps = []
    for number, step in enumerate(incident.steps, 1):
        # Up to this step only: an order after a repair may be in another session than the one before.
        for check in step.checks:
            known.update(by_name[check.name].kept if check.name in by_name else {})
        views = tuple(_view(by_name[check.name]) for check in step.checks if check.name in by_name)
        unseen = sum(check.source is Source.VISIT for check in step.checks)
        steps.append(StepView(number, step, address(step, known), views, unseen))
    return Progress(incident, tuple(steps))


def _view(result: Result) -> CheckView:
    return CheckView(
        title=result.check.title,
        holds=result.outcome is Outcome.HOLDS,
        reached=result.outcome is not Outcome.NOT_REACHED,
        detail=result.detail,
    )


def address(step: Step, known: Mapping[str, Any]) -> str | None:
    """The address of a step, or None while an id in it is not known."""
    template = step.screen
    try:
        if template.startswith("{shop}"):
            shop = known.get("shop")
            return f"{shop}{filled_path(template.removeprefix('{shop}'), known)}" if shop else None
        return filled_path(template, known)
    except Unfilled:
        return None
