"""Pasted evidence, how often a seat may answer, and when the explanation is shown. Pure."""

from __future__ import annotations

from dataclasses import replace

import pytest

import incidents
from classroom import EXPLANATION, Answer, MarkKind
from observer.lookup.answer_judgement import MOST_A_MINUTE, evidence_id, wait_s
from observer.screens.workshop.answering import explanation_is_open
from observer.screens.workshop.seat_lesson import SeatLesson

TRACE = "a11ce0000000000000000000c0ffee01"
S = 10**9
INCIDENT = incidents.load("invalid-token")
LESSON = SeatLesson("anna", INCIDENT, INCIDENT.name, 0, {}, {}, (), locked=False, kept=True)
LAST = INCIDENT.steps[-1].name


def answer(at_s: int = 0, *, complete: bool = False) -> Answer:
    """An answer given at this second."""
    return Answer("anna", INCIDENT.name, at_s * S, "x", "", "", "", frozenset(), complete=complete)


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        (TRACE, TRACE),
        (f"  '{TRACE}', ", TRACE),
        (f"http://127.0.0.1:8090/apm/traces/{TRACE}?span=1&since=1h", TRACE),
        (f"/apm/traces/{TRACE}#waterfall", TRACE),
        (f"https://lab.example/logs?trace_id={TRACE}", TRACE),
        (f"http://h/logs?trace_id={TRACE}&log=4711", "4711"),
        ("http://h/logs?log=4711", "4711"),
        ("http://h/api/v1/logs/4711", "4711"),
        (f"00-{TRACE.upper()}-c4a26e0000000001-01", TRACE),
        ("4711", "4711"),
        ("", ""),
        ("http://[broken/apm/traces/1", "http://[broken/apm/traces/1"),
        ("http://h/rum/sessions/1", "http://h/rum/sessions/1"),
    ],
)
def test_an_id_is_found_in_what_somebody_pastes(pasted: str, expected: str) -> None:
    assert evidence_id(pasted) == expected


def test_a_huge_paste_is_cut_and_not_searched_for_long() -> None:
    assert len(evidence_id("a=" + "&" * 100_000)) <= 2_000
    assert len(evidence_id("x" * 1_000_000)) <= 2_000


def test_a_few_answers_a_minute_are_read() -> None:
    """Then the seat waits until the first of them is a minute old."""
    earlier = tuple(answer(at_s) for at_s in range(MOST_A_MINUTE))

    assert wait_s(earlier[:-1], 10 * S) == 0
    assert wait_s(earlier, 10 * S) == 50
    assert wait_s(earlier, 60 * S) == 0
    assert wait_s((*earlier, answer(61)), 62 * S) == 0


@pytest.mark.parametrize(
    ("lesson", "expected"),
    [
        (LESSON, False),
        (replace(LESSON, answers=(answer(),)), False),
        (replace(LESSON, answers=(answer(complete=True), answer())), True),
        (replace(LESSON, marks={(LAST, MarkKind.JUMPED): 1}), True),
        (replace(LESSON, marks={(INCIDENT.steps[0].name, MarkKind.JUMPED): 1}), False),
        (replace(LESSON, marks={(LAST, MarkKind.MEANING): 1}), False),
        (replace(LESSON, marks={(EXPLANATION, MarkKind.MEANING): 1}), True),
        (replace(LESSON, marks={(EXPLANATION, MarkKind.SHOWN): 1}), True),
        (replace(LESSON, answers=(answer(complete=True),), locked=True), False),
        (replace(LESSON, marks={(LAST, MarkKind.JUMPED): 1}, locked=True), False),
    ],
)
def test_the_explanation_opens_by_a_complete_answer_or_the_instructor(
    lesson: SeatLesson, *, expected: bool
) -> None:
    """And while the instructor keeps explanations locked it opens for nobody."""
    assert explanation_is_open(lesson) is expected
