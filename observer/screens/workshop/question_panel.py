"""The question at the end of a lesson, what was right of the newest answer, and the explanation. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from classroom import WRONG_ANSWER, Answer
from incidents.model import FaultKind
from observer.components.number_format import plural
from observer.lookup.answer_judgement import exam_verdict, parts_asked
from observer.screens.workshop.answering import explanation_is_open, is_answered
from observer.screens.workshop.lesson_markup import inline, paragraphs
from observer.screens.workshop.seat_lesson import Hider, SeatLesson

_HIDDEN_QUESTION = (
    "What is wrong with the shop? Name the service, the version or tag that tells, the kind of fault, "
    "and a trace or a log line that proves it."
)
_HIDDEN_NOTES = {
    Hider.EXAM: "After each answer it is said how many parts are right; which, when it is over. "
    f"Each try counts in the score: one that is not your best costs {WRONG_ANSWER} points.",
    # A schedule goes on to its next incident, and with that the answers to this one count no more.
    Hider.GAME_DAY: "A game day gives no verdict: tell your team what you found and how you know.",
}
LABELS = {"service": "Service", "tag": "Version or tag", "kind": "Kind of fault", "evidence": "Evidence"}


@dataclass(frozen=True, slots=True)
class PartVerdict:
    """One part of an answer."""

    label: str
    given: str
    right: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was right of an answer."""

    complete: bool
    title: str
    parts: tuple[PartVerdict, ...]
    problems: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The answer explained."""

    headline: Markup
    paragraphs: tuple[Markup, ...]


@dataclass(frozen=True, slots=True)
class QuestionPanel:
    """The question of a lesson."""

    ask: Markup
    asks_tag: bool
    evidence_of: str
    """`trace`, `log` or `trace or log`: what the evidence may be an id of."""
    kinds: tuple[tuple[str, str], ...]
    """(name, title) of every kind of fault."""
    given: Answer | None
    """The newest answer, for the fields."""
    verdict: Verdict | None
    tries: str
    """How often the seat has answered; empty before the first time."""
    closed: str
    """Why nobody can answer here, in a sentence; empty where one can."""
    explanation: Explanation | None
    explanation_note: str
    """Why the explanation is closed; empty where it is shown."""
    may_open: bool
    """Whether the reader may open the explanation without an answer."""


def question_panel(
    lesson: SeatLesson, problems: tuple[str, ...], *, class_mode: bool, watched: bool
) -> QuestionPanel:
    """The question of a seat's lesson. `problems` is what was said to the newest answer.

    `watched` is whether the desk looks at the page of a student.
    """
    question = lesson.incident.question
    newest = lesson.answers[-1] if lesson.answers else None
    if lesson.hidden_by:
        return _hidden_panel(lesson, newest, problems, class_mode=class_mode, watched=watched)
    shown = explanation_is_open(lesson) or (not lesson.kept and not class_mode and not lesson.locked)
    evidence = [word for word, one in (("trace", question.trace), ("log", question.log)) if one]
    return QuestionPanel(
        ask=inline(question.ask),
        asks_tag=bool(question.tags),
        evidence_of=" or ".join(evidence),
        kinds=tuple((kind.value, kind.title) for kind in FaultKind),
        given=newest,
        verdict=_verdict(lesson, newest, problems) if newest else None,
        tries=f"{plural(len(lesson.answers), 'answer')} so far." if lesson.answers else "",
        closed=_closed(lesson, class_mode=class_mode, watched=watched),
        explanation=Explanation(inline(lesson.incident.headline), paragraphs(lesson.incident.answer))
        if shown
        else None,
        explanation_note="" if shown else _note(lesson),
        may_open=not shown and not class_mode and lesson.kept and not lesson.locked,
    )


def _hidden_panel(
    lesson: SeatLesson,
    newest: Answer | None,
    problems: tuple[str, ...],
    *,
    class_mode: bool,
    watched: bool,
) -> QuestionPanel:
    """The question of a hidden lesson: it asks for every part, and says of none whether it was right.

    An exam says how many are, as its API does; a game day nothing.
    """
    judged = newest if lesson.hidden_by is Hider.EXAM else None
    return QuestionPanel(
        ask=inline(_HIDDEN_QUESTION),
        asks_tag=True,
        evidence_of="trace or log",
        kinds=tuple((kind.value, kind.title) for kind in FaultKind),
        given=newest,
        verdict=Verdict(judged.complete, exam_verdict(judged), (), problems) if judged else None,
        tries=f"{plural(len(lesson.answers), 'answer')} kept." if lesson.answers else "",
        closed=_closed(lesson, class_mode=class_mode, watched=watched),
        explanation=None,
        explanation_note=_HIDDEN_NOTES[lesson.hidden_by] if lesson.hidden_by else "",
        may_open=False,
    )


def _verdict(lesson: SeatLesson, answer: Answer, problems: tuple[str, ...]) -> Verdict:
    asked = parts_asked(lesson.incident.question)
    parts = tuple(PartVerdict(LABELS[part], _given(answer, part), part in answer.right) for part in asked)
    right = sum(part.right for part in parts)
    title = "That is it." if answer.complete else f"{right} of {len(parts)} parts are right."
    return Verdict(answer.complete, title, parts, problems)


def _given(answer: Answer, part: str) -> str:
    if part == "kind":
        return next((kind.title for kind in FaultKind if kind.value == answer.kind), answer.kind)
    return str(getattr(answer, part))


def _closed(lesson: SeatLesson, *, class_mode: bool, watched: bool) -> str:
    if watched:
        return "Seen from the desk: here only the student answers."
    if not lesson.seat:
        return "Take a seat to answer." if not class_mode else "Join the class to answer."
    if not lesson.kept:
        return "Answers are not kept here: these screens run without a file of the class (CLASS_DB)."
    if not lesson.is_running:
        return "The shop runs another incident for you now: this question can be answered when it is yours."
    return ""


def _note(lesson: SeatLesson) -> str:
    if lesson.locked:
        answered = "Your answer is complete. " if is_answered(lesson) else ""
        return f"{answered}Your instructor keeps the explanation closed for now."
    return "The explanation opens when every part of your answer is right."
