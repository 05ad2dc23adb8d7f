"""A step of the lesson as a panel: its texts, folds, marks, and the repair that it offers. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from markupsafe import Markup

from classroom import MarkKind
from incidents.model import Incident, Step
from observer.components.number_format import plural
from observer.components.session_path import AFTER
from observer.components.time_format import iso
from observer.screens.workshop.lesson_markup import inline
from observer.screens.workshop.progress import CheckView
from observer.screens.workshop.seat_lesson import SeatLesson
from observer.screens.workshop.step_status import LessonStatus, StepStatus

_SESSION = "/rum/sessions/{session_id}"
_OF_A_SEAT = "attr=enduser.id:"
"""Begins the query of a list of what a seat did: the list goes on while incidents change."""
_AT_DOOR = "{shop}/?seat"
"""A step with this address begins at the shop's door: by the seat's own link, which may be signed."""
_DATA = {
    "arrived": ("yes", "✓", "The data is there"),
    "partly": ("partly", "◐", "Part of the data is there"),
    "waiting": ("no", "○", "No data yet"),
    "unseen": ("no", "○", "No data yet"),
}
"""For each state of a step's telemetry the class, the sign and the words of its mark."""
_FOLDS = (
    (MarkKind.EXPECTED, "What you should see"),
    (MarkKind.HINT, "A hint"),
    (MarkKind.MEANING, "What it means"),
)


@dataclass(frozen=True, slots=True)
class MarkItem:
    """One mark of a step; the sign is for the eye, the words say the same."""

    css: str
    sign: str
    words: str


@dataclass(frozen=True, slots=True)
class CheckItem:
    """One check of a step."""

    sign: str
    spoken: str
    """The sign, for screen readers."""
    title: str
    detail: str
    """What is missing; empty where the check holds or was not reached."""


@dataclass(frozen=True, slots=True)
class Fold:
    """A text that the reader unfolds."""

    kind: str
    label: str
    text: Markup
    checks: tuple[CheckItem, ...] = ()
    unseen: str = ""
    """How much of the step only the student can check, in a sentence."""


@dataclass(frozen=True, slots=True)
class RepairPanel:
    """A repair that a step offers. Its texts name the fault."""

    name: str
    title: str
    effect: str
    in_force: bool
    reached: bool
    """Whether the seat knows the cause, was led here or made it, so that its texts give nothing away."""


@dataclass(frozen=True, slots=True)
class StepPanel:
    """One step of the lesson."""

    name: str
    number: int
    title: str
    href: str | None
    in_shop: bool
    done: bool
    current: bool
    marks: tuple[MarkItem, ...]
    """Empty without a seat."""
    click: Markup
    look: Markup
    folds: tuple[Fold, ...]
    no_link: str
    """Why the step has no link; empty where it has one."""
    repair: RepairPanel | None


def panels(
    lesson: SeatLesson, status: LessonStatus, shop_link: str, *, answered: bool
) -> tuple[StepPanel, ...]:
    """The steps of a seat's lesson. `shop_link` is the address by which the shop takes the seat.

    `answered` is whether the seat knows the cause: then no repair gives it away.
    """
    return tuple(
        _panel(
            lesson,
            step,
            shop_link,
            current=index == status.current,
            # Steps that are done are no answer: the question stands between them and the repair.
            reached=answered or (step.view.step.name, MarkKind.JUMPED) in lesson.marks,
        )
        for index, step in enumerate(status.steps)
    )


def _panel(
    lesson: SeatLesson, status: StepStatus, shop_link: str, *, current: bool, reached: bool
) -> StepPanel:
    view, step = status.view, status.view.step
    at_door = step.screen.startswith(_AT_DOOR) and bool(shop_link)
    href = _since(view.href, step, lesson) if _may_lead(status, current=current) else None
    return StepPanel(
        name=step.name,
        number=view.number,
        title=step.title,
        href=shop_link if href and at_door else href,
        in_shop=view.in_shop,
        done=status.done,
        current=current and bool(lesson.seat),
        marks=_marks(status, kept=lesson.kept) if lesson.seat else (),
        click=inline(step.click),
        look=inline(step.look),
        folds=_folds(step, view.checks, view.unseen if lesson.seat else 0),
        no_link="" if href else _no_link(lesson),
        repair=_repair(lesson.incident, step, lesson.repaired, reached=reached),
    )


def _since(href: str | None, step: Step, lesson: SeatLesson) -> str | None:
    """The address with the time since which the lesson counts, where its page would begin with older rows."""
    if not href or not lesson.kept or not lesson.began_unix_nano:
        return href
    path, _, query = step.screen.partition("?")
    if path == _SESSION:
        return f"{href}{'&' if query else '?'}{AFTER}={lesson.began_unix_nano}"
    if query.startswith(_OF_A_SEAT):
        return f"{href}&from={quote(iso(lesson.began_unix_nano), safe='')}"
    return href


def _may_lead(status: StepStatus, *, current: bool) -> bool:
    """Whether the link of a step gives nothing away: one may name a service, perhaps the guilty one."""
    screen = status.view.step.screen
    names_nothing = "service=" not in screen
    return names_nothing or status.arrived or status.skipped or current


def _no_link(lesson: SeatLesson) -> str:
    if not lesson.seat:
        return "Take a seat to get the link."
    return "The link appears when the data of the steps before is there."


def _marks(status: StepStatus, *, kept: bool) -> tuple[MarkItem, ...]:
    state = "arrived" if status.arrived else status.view.state
    found = [MarkItem(*_DATA[state])]
    if not status.view.in_shop and kept:
        words = ("yes", "✓", "You opened it") if status.opened else ("no", "○", "Not opened yet")
        found.append(MarkItem(*words))
    if status.skipped:
        found.append(MarkItem("no", "→", "Your instructor led you past it"))
    return tuple(found)


def _folds(step: Step, checks: tuple[CheckView, ...], unseen: int) -> tuple[Fold, ...]:
    texts = {MarkKind.EXPECTED: step.expected, MarkKind.HINT: step.hint, MarkKind.MEANING: step.meaning}
    found = []
    for kind, label in _FOLDS:
        # The titles of checks name what is seen.
        items = tuple(_check(check) for check in checks) if kind is MarkKind.EXPECTED else ()
        only_you = f"{plural(unseen, 'thing')} of this step only you can see." if unseen else ""
        found.append(
            Fold(kind.value, label, inline(texts[kind]), items, only_you if kind is MarkKind.EXPECTED else "")
        )
    return tuple(found)


def _check(check: CheckView) -> CheckItem:
    if check.holds:
        return CheckItem("✓", "Arrived:", check.title, "")
    if not check.reached:
        return CheckItem("·", "Not yet:", check.title, "")
    return CheckItem("○", "Not yet:", check.title, check.detail)


def _repair(
    incident: Incident, step: Step, repaired: Mapping[str, int], *, reached: bool
) -> RepairPanel | None:
    repair = incident.repair(step.repair) if step.repair else None
    if repair is None:
        return None
    in_force = repair.name in repaired
    return RepairPanel(repair.name, repair.title, repair.effect, in_force, reached or in_force)
