"""The page of a lesson: its steps beside what has arrived of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from incidents.model import Incident
from observer.components.number_format import plural
from observer.screens.workshop.lesson_markup import inline, paragraphs
from observer.screens.workshop.progress import CheckView, Progress, StepView

_SHOP_STEP = "{shop}/?seat"
"""A step with this address begins at the shop's door: by the seat's own link, which may be signed."""
_BADGES = {
    "arrived": ("arrived", "good"),
    "partly": ("partly", "warn"),
    "waiting": ("not yet", ""),
    "yours": ("yours", ""),
}
"""For each state of a step, the text of its badge and its class."""


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One check of a step."""

    mark: str
    spoken: str
    """The mark, for screen readers."""
    title: str
    detail: str
    """What is missing; empty where the check holds or was not reached."""


@dataclass(frozen=True, slots=True)
class StepPanel:
    """One step of the lesson."""

    name: str
    number: int
    title: str
    href: str | None
    done: bool
    badge: str
    """Empty without a seat, as is `unseen`."""
    badge_css: str
    click: Markup
    look: Markup
    meaning: Markup
    checks: tuple[CheckItem, ...]
    unseen: str
    """How much of the step only the student can check, in a sentence."""
    no_link: str
    """Why the step has no link; empty where it has one."""


@dataclass(frozen=True, slots=True)
class OtherLesson:
    """A lesson to choose from."""

    name: str
    title: str
    current: bool


@dataclass(frozen=True, slots=True)
class LessonPage:
    """The page of a lesson."""

    name: str
    title: str
    summary: Markup
    duration: str
    steps: tuple[StepPanel, ...]
    confirmed: str
    """How many steps the telemetry confirms, such as `3 of 8`."""
    headline: Markup
    answer: tuple[Markup, ...]
    lessons: tuple[OtherLesson, ...]


def build(
    progress: Progress, name: str, seat: str, shop_link: str, lessons: Sequence[tuple[str, Incident]]
) -> LessonPage:
    """The lesson of the incident `name` for a seat; without one, `seat` is empty.

    `shop_link` is the address by which the shop takes the seat, `lessons` are all incidents by name.
    """
    incident = progress.incident
    return LessonPage(
        name=name,
        title=incident.title,
        summary=inline(incident.summary),
        duration=f"About {incident.minutes} minutes.",
        steps=tuple(_step(step, bool(seat), shop_link) for step in progress.steps),
        confirmed=f"{progress.arrived} of {progress.judged}",
        headline=inline(incident.headline),
        answer=paragraphs(incident.answer),
        lessons=tuple(OtherLesson(each, other.title, each == name) for each, other in lessons),
    )


def _step(view: StepView, has_seat: bool, shop_link: str) -> StepPanel:
    step = view.step
    badge, css = _BADGES[view.state]
    at_door = step.screen.startswith(_SHOP_STEP) and bool(shop_link)
    no_link = ""
    if not view.href:
        no_link = (
            "The link appears when telemetry of the step before has arrived."
            if has_seat
            else "Take a seat to get the link."
        )
    return StepPanel(
        name=step.name,
        number=view.number,
        title=step.title,
        href=shop_link if view.href and at_door else view.href,
        done=view.state == "arrived",
        badge=badge if has_seat else "",
        badge_css=css,
        click=inline(step.click),
        look=inline(step.look),
        meaning=inline(step.meaning),
        checks=tuple(_check(check) for check in view.checks),
        unseen=f"{plural(view.unseen, 'thing')} of this step only you can see."
        if view.unseen and has_seat
        else "",
        no_link=no_link,
    )


def _check(check: CheckView) -> CheckItem:
    if check.holds:
        return CheckItem("✓", "Arrived:", check.title, "")
    if not check.reached:
        return CheckItem("·", "Not yet:", check.title, "")
    return CheckItem("○", "Not yet:", check.title, check.detail)
