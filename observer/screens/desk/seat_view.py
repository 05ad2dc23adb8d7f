"""The page of one seat at the desk: its steps with their marks, its answers, its repairs. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from classroom import Answer, Mark, MarkKind, SeatFault
from incidents.model import Incident
from observer.lookup.class_seats import wrong_turn

_SHOWN_ANSWERS = 20
_HELP = {MarkKind.HINT: "hint", MarkKind.EXPECTED: "what to see", MarkKind.MEANING: "meaning"}


@dataclass(frozen=True, slots=True)
class StepRow:
    """One step of the lesson; times are None where it has not happened."""

    name: str
    title: str
    arrived_unix_nano: int | None
    opened_unix_nano: int | None
    unfolded: str
    """Which of its texts were unfolded."""
    jumped: bool


@dataclass(frozen=True, slots=True)
class AnswerRow:
    """One answer, oldest first."""

    at_unix_nano: int
    given: str
    right: bool
    wrong: str
    """The parts that were wrong; empty for a right answer."""
    incident: str = ""
    """The title of the incident, where it is one of before."""
    name: str = ""


@dataclass(frozen=True, slots=True)
class RepairRow:
    """One repair of the incident."""

    name: str
    title: str
    since_unix_nano: int | None


@dataclass(frozen=True, slots=True)
class SeatPage:
    """What is known of one seat, beside its row of the table."""

    steps: tuple[StepRow, ...]
    answers: tuple[AnswerRow, ...]
    earlier: tuple[AnswerRow, ...]
    """Answers to incidents that the seat had before, such as events of a game day."""
    shown_unix_nano: int | None
    """When the instructor opened the explanation for it."""
    repairs: tuple[RepairRow, ...]


def build(
    lesson: Incident | None,
    fault: SeatFault,
    marks: Sequence[Mark],
    answers: Sequence[Answer],
    titles: Mapping[str, str],
) -> SeatPage:
    """The page of a seat with this incident; `marks` and `answers` are all that are kept of it.

    `titles` are those of all incidents, by name.
    """
    began = fault.began_unix_nano
    own = [mark for mark in marks if mark.incident == fault.incident and mark.at_unix_nano >= began]
    given = [each for each in answers if each.incident == fault.incident and each.at_unix_nano >= began]
    return SeatPage(
        steps=tuple(
            _step(step.name, step.title, [mark for mark in own if mark.step == step.name])
            for step in (lesson.steps if lesson else ())
        ),
        answers=tuple(_answer(answer) for answer in given[-_SHOWN_ANSWERS:]),
        earlier=tuple(
            _answer(answer, titles.get(answer.incident, answer.incident))
            for answer in [each for each in answers if each not in given][-_SHOWN_ANSWERS:]
        ),
        shown_unix_nano=next((m.at_unix_nano for m in own if m.kind is MarkKind.SHOWN), None),
        repairs=tuple(
            RepairRow(repair.name, repair.title, fault.repaired.get(repair.name))
            for repair in (lesson.repairs if lesson else ())
        ),
    )


def _step(name: str, title: str, marks: Sequence[Mark]) -> StepRow:
    times = {mark.kind: mark.at_unix_nano for mark in marks}
    return StepRow(
        name=name,
        title=title,
        arrived_unix_nano=times.get(MarkKind.ARRIVED),
        opened_unix_nano=times.get(MarkKind.OPENED),
        unfolded=", ".join(label for kind, label in _HELP.items() if kind in times),
        jumped=MarkKind.JUMPED in times,
    )


def _answer(answer: Answer, incident: str = "") -> AnswerRow:
    parts = (answer.service, answer.tag, answer.kind, answer.evidence)
    return AnswerRow(
        at_unix_nano=answer.at_unix_nano,
        given=" · ".join(part for part in parts if part),
        right=answer.complete,
        wrong="" if answer.complete else wrong_turn(answer),
        incident=incident,
        name=answer.incident,
    )
