"""The page of a lesson as a guide: steps to find the cause, the question, steps to mend it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup

from classroom import Score
from incidents.model import Incident
from observer.components.number_format import plural
from observer.screens.workshop.answering import explanation_is_open, is_answered
from observer.screens.workshop.lesson_markup import inline
from observer.screens.workshop.progress import Progress
from observer.screens.workshop.question_panel import LABELS, QuestionPanel, question_panel
from observer.screens.workshop.seat_lesson import Hider, SeatLesson
from observer.screens.workshop.step_panels import StepPanel, panels
from observer.screens.workshop.step_status import LessonStatus, status_of

_STATE_DIGITS = 16
_HIDDEN_PAGES = {
    Hider.EXAM: (
        "The exam",
        "Something is wrong with the shop. Find out what it is, by any screen, and say how you know. "
        "You may answer more than once: an early right answer counts most, and each try counts.",
    ),
    Hider.GAME_DAY: (
        "Game day",
        "Things may break at any time, and nobody says when. Watch the screens; when you know what is wrong, "
        "say it, and how you know.",
    ),
}
"""Title and summary of the page of a seat whose lesson is hidden."""


@dataclass(frozen=True, slots=True)
class OtherLesson:
    """A lesson to choose from."""

    name: str
    title: str
    current: bool


@dataclass(frozen=True, slots=True)
class ExamResult:
    """An exam that is over, for a seat that sat it."""

    title: str
    points: int
    took: str
    """How long its best answer took, and how many tries there were, in a sentence."""
    parts: tuple[tuple[str, bool], ...]
    """Each part of the best answer, and whether it was right."""


def exam_result(score: Score, title: str) -> ExamResult:
    """What a seat is told of its score; `title` is that of the mystery."""
    parts = (score.service, score.tag, score.kind, score.evidence)
    tries = plural(score.answers, "answer")
    took = (
        "You gave no answer."
        if score.seconds is None
        else f"{tries}; the best after {_minutes(score.seconds)}."
    )
    return ExamResult(title, score.points, took, tuple(zip(LABELS.values(), parts, strict=True)))


def _minutes(seconds: int) -> str:
    return f"{seconds // 60}:{seconds % 60:02}"


@dataclass(frozen=True, slots=True)
class LessonPage:
    """The page of a lesson."""

    name: str
    title: str
    summary: Markup
    duration: str
    seat: str
    find: tuple[StepPanel, ...]
    """The steps that lead to the cause."""
    question: QuestionPanel
    mend: tuple[StepPanel, ...]
    """The steps from the first repair on."""
    confirmed: str
    """How many steps are done, such as `3 of 8`."""
    arrived: str
    """Of how many steps the data is there, such as `5`."""
    next_step: StepPanel | None
    """The step to go on with; None without a seat, and at the end."""
    question_next: bool
    """Whether the question is what comes next: the cause could be known, and the seat has not told it."""
    finished: bool
    """Whether no step is left."""
    kept: bool
    hidden: bool
    """Whether the lesson is hidden: then the page has the question alone."""
    running: bool | None
    """Whether the shop runs this incident for the seat; None where that is not known."""
    lessons: tuple[OtherLesson, ...]
    since_unix_nano: int | None = None
    """Since when orders, marks and answers count; None where that is not kept."""
    exam: ExamResult | None = None
    """How the seat did in the exam that is over; None where it sat none."""

    @property
    def state(self) -> str:
        """A digest of everything that the page shows of the lesson: it changes when the page does."""
        return hashlib.sha256(repr(self).encode("utf-8", "replace")).hexdigest()[:_STATE_DIGITS]


def build(
    lesson: SeatLesson,
    found: Progress,
    shop_link: str,
    lessons: Mapping[str, Incident],
    problems: tuple[str, ...] = (),
    *,
    class_mode: bool,
    watched: bool = False,
    exam: ExamResult | None = None,
) -> LessonPage:
    """The page of a seat's lesson; `exam` is how it did in an exam that is over.

    `shop_link` is the address by which the shop takes the seat, `lessons` are all incidents by name,
    `problems` is what was said to the newest answer. `watched` is whether the desk looks at the page.
    """
    incident, status = lesson.incident, status_of(lesson, found)
    knows = is_answered(lesson) or explanation_is_open(lesson)
    steps = panels(lesson, status, shop_link, answered=knows)
    first_repair = next((index for index, step in enumerate(steps) if step.repair), len(steps))
    question = question_panel(lesson, problems, class_mode=class_mode, watched=watched)
    if lesson.hidden_by:
        return _hidden_page(lesson, lesson.hidden_by, question)
    found_all = status.current is None or status.current >= first_repair
    asked = found_all and not knows and not question.closed and _goes_on(lesson)
    return LessonPage(
        name=incident.name,
        title=incident.title,
        summary=inline(incident.summary),
        duration=f"About {incident.minutes} minutes.",
        seat=lesson.seat,
        find=steps[:first_repair],
        question=question,
        mend=steps[first_repair:],
        confirmed=f"{status.done} of {len(status.steps)}",
        arrived=str(status.arrived),
        next_step=_next(lesson, status, steps),
        question_next=asked,
        finished=lesson.kept and status.current is None,
        kept=lesson.kept,
        hidden=False,
        running=None if lesson.running is None else lesson.is_running,
        lessons=tuple(
            OtherLesson(name, other.title, name == incident.name)
            # In a class the desk gives out the lessons, and the names of others say what there is to find.
            for name, other in ({} if class_mode else lessons).items()
        ),
        since_unix_nano=lesson.began_unix_nano if lesson.kept and lesson.began_unix_nano else None,
        exam=exam,
    )


def _goes_on(lesson: SeatLesson) -> bool:
    """Whether it is known how far the seat is, and the seat can go on."""
    return bool(lesson.seat) and lesson.kept


def _next(lesson: SeatLesson, status: LessonStatus, steps: tuple[StepPanel, ...]) -> StepPanel | None:
    return steps[status.current] if _goes_on(lesson) and status.current is not None else None


def _hidden_page(lesson: SeatLesson, hidden_by: Hider, question: QuestionPanel) -> LessonPage:
    title, summary = _HIDDEN_PAGES[hidden_by]
    return LessonPage(
        name="",
        title=title,
        summary=inline(summary),
        duration="",
        seat=lesson.seat,
        find=(),
        question=question,
        mend=(),
        confirmed="",
        arrived="",
        next_step=None,
        question_next=False,
        finished=False,
        kept=lesson.kept,
        hidden=True,
        running=True,
        lessons=(),
    )
