"""How far the telemetry of one seat confirms a lesson, step by step.

Pure except for `ask`, which fetches an answer of the JSON API. Checks of what only the
visitor sees cannot be made from telemetry: they are left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from incidents.checks import NOTHING_REPAIRED, Ask, Outcome, Result, run
from incidents.json_paths import Unfilled, filled_path
from incidents.model import Check, Incident, Source, Step

IN_SHOP = "{shop}"
_WHERE_TO_LOOK = "; look at "


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
    implied: bool = False
    """Telemetry can make no check of this step, and that of others shows that it was done."""

    @property
    def state(self) -> str:
        """`arrived`, `partly`, `waiting`, or `unseen` where telemetry shows nothing of the step."""
        if not self.checks:
            return "arrived" if self.implied else "unseen"
        held = sum(check.holds for check in self.checks)
        return "arrived" if held == len(self.checks) else "partly" if held else "waiting"

    @property
    def in_shop(self) -> bool:
        """Whether the step leads to the shop."""
        return self.step.screen.startswith(IN_SHOP)


@dataclass(frozen=True, slots=True)
class Progress:
    """A lesson with the state of its steps, and the ids that its checks found."""

    incident: Incident
    steps: tuple[StepView, ...]
    ids: Mapping[str, frozenset[str]]
    """What the checks kept, by name: those of other chapters may keep another value under one name."""


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


def progress(
    incident: Incident,
    given: Mapping[str, str | int],
    ask: Ask | None,
    repaired: Mapping[str, int] = NOTHING_REPAIRED,
) -> Progress:
    """The lesson for a seat; without `ask` (no seat was taken) nothing is checked.

    `repaired` holds the repairs in force for the seat and since when.
    """
    results: Sequence[Result] = run(askable(incident.checks), given, ask, repaired=repaired) if ask else ()
    known: dict[str, Any] = dict(given)
    by_name = {result.check.name: result for result in results}
    steps: list[StepView] = []
    for number, step in enumerate(incident.steps, 1):
        # Up to this step only: an order after a repair may be in another session than the one before.
        for check in step.checks:
            known.update(by_name[check.name].kept if check.name in by_name else {})
        views = tuple(_view(by_name[check.name]) for check in step.checks if check.name in by_name)
        unseen = sum(check.source is Source.VISIT for check in step.checks)
        steps.append(StepView(number, step, address(step, known), views, unseen))
    held = {result.check.name for result in results if result.outcome is Outcome.HOLDS}
    return Progress(incident, _with_implied(steps, held), _ids(results))


def _view(result: Result) -> CheckView:
    return CheckView(
        title=result.check.title,
        holds=result.outcome is Outcome.HOLDS,
        reached=result.outcome is not Outcome.NOT_REACHED,
        # Where to look is for whoever verifies a lab: it may name the flags.
        detail=result.detail.partition(_WHERE_TO_LOOK)[0],
    )


def _with_implied(steps: Sequence[StepView], held: set[str]) -> tuple[StepView, ...]:
    return tuple(
        view if view.checks else replace(view, implied=_is_implied(view.step, steps[number:], held))
        for number, view in enumerate(steps, 1)
    )


def _is_implied(step: Step, later: Sequence[StepView], held: set[str]) -> bool:
    """Whether other telemetry shows that a step was done of which there is none.

    What a visitor sees follows from what checks find: where these are named (`follows`), they decide. Else
    a later step does whose telemetry is there: not the next, which may begin before this one is over.
    """
    causes = {cause for check in step.checks for cause in check.follows}
    if causes:
        return causes <= held
    judged = [view for view in later if view.checks]
    return any(view.state == "arrived" for view in judged[1:] or judged)


def _ids(results: Sequence[Result]) -> Mapping[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for result in results:
        for name, value in result.kept.items():
            found.setdefault(name, set()).add(str(value))
    return {name: frozenset(values) for name, values in found.items()}


def address(step: Step, known: Mapping[str, Any]) -> str | None:
    """The address of a step, or None while an id in it is not known."""
    template = step.screen
    try:
        if template.startswith(IN_SHOP):
            shop = known.get("shop")
            return f"{shop}{filled_path(template.removeprefix(IN_SHOP), known)}" if shop else None
        return filled_path(template, known)
    except Unfilled:
        return None
