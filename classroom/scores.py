"""Scores of an exam: correctness, evidence, time and steps. Pure apart from reading the class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from classroom.model import Answer, MarkKind
from classroom.plans import Exam
from classroom.store import ClassStore

PARTS = ("service", "tag", "kind", "evidence")
POINTS = 20
"""For each part that was right in the best answer."""
SPEED_POINTS = 20
"""For a complete answer at once; none after SPEED_S."""
SPEED_S = 40 * 60
WRONG_ANSWER = 2
"""Taken off for each answer but the best one, up to the first complete one; at most SPEED_POINTS in all."""


@dataclass(frozen=True, slots=True)
class Score:
    """How one seat did. `points` is 0 to 100."""

    seat: str
    name: str
    points: int
    service: bool
    tag: bool
    kind: bool
    evidence: bool
    complete: bool
    answers: int
    pages: int
    """Different pages of the screens that the seat opened on its way (steps with a mark)."""
    seconds: int | None
    """From the start of the exam to the best answer; None without an answer."""


def exam_scores(store: ClassStore, exam: Exam) -> tuple[Score, ...]:
    """The scores of every seat that sits the exam, the best first; those without an answer have 0 points."""
    names = {seat.slug: seat.name for seat in store.seats()}
    answers: dict[str, list[Answer]] = {}
    for answer in store.answers():
        if _counts(answer, exam):
            answers.setdefault(answer.seat, []).append(answer)
    pages: dict[str, set[str]] = {}
    for mark in store.marks():
        if mark.kind is MarkKind.OPENED and mark.at_unix_nano >= exam.started_unix_nano:
            pages.setdefault(mark.seat, set()).add(mark.step)
    sitting = dict.fromkeys([*(names if exam.seats is None else exam.seats), *answers])
    scores = [
        _score(seat, names.get(seat, seat), answers.get(seat, ()), len(pages.get(seat, ())), exam)
        for seat in sitting
    ]
    return tuple(sorted(scores, key=lambda score: (-score.points, score.seconds or 0, score.seat)))


def _counts(answer: Answer, exam: Exam) -> bool:
    begun = answer.at_unix_nano >= exam.started_unix_nano
    in_time = exam.ended_unix_nano is None or answer.at_unix_nano <= exam.ended_unix_nano
    return answer.incident == exam.incident and begun and in_time


def _other_tries(best: Answer | None, answers: Sequence[Answer]) -> int:
    """The answers but the best one; what came after a complete one counts for nothing."""
    if best is None or not best.complete:
        return max(0, len(answers) - 1)
    return sum(answer.at_unix_nano < best.at_unix_nano for answer in answers)


def _score(seat: str, name: str, answers: Sequence[Answer], pages: int, exam: Exam) -> Score:
    best = max(
        answers, key=lambda answer: (answer.complete, len(answer.right), -answer.at_unix_nano), default=None
    )
    right = best.right if best else frozenset()
    seconds = None if best is None else (best.at_unix_nano - exam.started_unix_nano) // 10**9
    points = POINTS * len(right.intersection(PARTS))
    if best is not None and best.complete and seconds is not None:
        points += round(SPEED_POINTS * max(0.0, 1 - seconds / SPEED_S))
    # How many parts are right is said after each answer: guessing them one by one must cost.
    points = max(0, points - min(SPEED_POINTS, WRONG_ANSWER * _other_tries(best, answers)))
    return Score(
        seat,
        name,
        points,
        service="service" in right,
        tag="tag" in right,
        kind="kind" in right,
        evidence="evidence" in right,
        complete=bool(best and best.complete),
        answers=len(answers),
        pages=pages,
        seconds=seconds,
    )
