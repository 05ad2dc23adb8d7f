"""Who of a class needs help: the rules, one by one."""

from __future__ import annotations

from typing import Any

import pytest

from observer.lookup.seat_states import Judgement, Pace, judge

MIN = 60 * 10**9
NOW = 10**18


def pace(**changes: Any) -> Pace:
    """A seat that came twenty minutes ago and reached its third step a minute ago."""
    given: dict[str, Any] = {
        "began_unix_nano": NOW - 30 * MIN,
        "joined_unix_nano": NOW - 20 * MIN,
        "seen_unix_nano": NOW - MIN,
        "step_number": 3,
        "step_since_unix_nano": NOW - MIN,
        "wrong_answers": 0,
        "answered": False,
        "orders_failed": 1,
    }
    return Pace(**{**given, **changes})


def among_others(seat: Pace) -> Judgement:
    """The judgement of a seat whose class goes on."""
    return judge([seat, pace()], NOW)[0]


@pytest.mark.parametrize(
    ("changes", "state", "reason"),
    [
        ({}, "working", ""),
        ({"joined_unix_nano": None, "seen_unix_nano": None, "step_number": 0}, "no-show", ""),
        ({"answered": True, "wrong_answers": 9}, "done", ""),
        ({"wrong_answers": 2}, "working", ""),
        ({"wrong_answers": 3}, "stuck", "3 wrong answers"),
        ({"orders_failed": 5, "step_number": 1}, "stuck", "keeps ordering: 5 failed, still in the shop"),
        ({"orders_failed": 5, "step_number": 2}, "working", ""),
        ({"step_since_unix_nano": NOW - 6 * MIN}, "working", ""),
        ({"step_since_unix_nano": NOW - 7 * MIN}, "stuck", "no new step for 7 min"),
        ({"step_number": 0, "step_since_unix_nano": None}, "stuck", "no step yet after 20 min"),
        (
            {"step_number": 0, "step_since_unix_nano": None, "joined_unix_nano": NOW - 3 * MIN},
            "working",
            "",
        ),
        (
            {"step_number": 0, "step_since_unix_nano": None, "began_unix_nano": NOW - 3 * MIN},
            "working",
            "",
        ),
        ({"seen_unix_nano": NOW - 11 * MIN}, "stuck", "not seen for 11 min"),
        ({"step_number": 0, "step_since_unix_nano": None, "led_unix_nano": NOW - 5 * MIN}, "working", ""),
        (
            {"step_number": 0, "step_since_unix_nano": None, "led_unix_nano": NOW - 7 * MIN},
            "stuck",
            "no new step for 7 min",
        ),
        ({"step_since_unix_nano": NOW - 9 * MIN, "led_unix_nano": NOW - MIN}, "working", ""),
    ],
)
def test_a_seat_is_judged_among_others_who_go_on(changes: dict[str, Any], state: str, reason: str) -> None:
    """The state and, for people, the reason."""
    found = among_others(pace(**changes))

    assert (found.state, found.reason) == (state, reason)


@pytest.mark.parametrize(
    "changes",
    [
        {"step_since_unix_nano": NOW - 9 * MIN},
        {"step_number": 0, "step_since_unix_nano": None},
        {"seen_unix_nano": NOW - 15 * MIN, "step_since_unix_nano": NOW - 16 * MIN},
    ],
)
def test_nobody_is_stuck_while_the_whole_class_listens(changes: dict[str, Any]) -> None:
    """The rules about time need somebody else who went on."""
    resting = pace(step_since_unix_nano=NOW - 8 * MIN)

    assert among_others(pace(**changes)).state == "stuck"
    assert [found.state for found in judge([pace(**changes), resting], NOW)] == ["working", "working"]


def test_a_seat_alone_is_not_measured_against_itself() -> None:
    """One's own step is not the progress of others."""
    assert judge([pace(step_since_unix_nano=NOW - 7 * MIN)], NOW)[0].state == "working"


def test_many_wrong_answers_count_without_anybody_else() -> None:
    assert judge([pace(wrong_answers=3)], NOW)[0].state == "stuck"


def test_who_needs_help_comes_first_and_of_those_who_waits_longest() -> None:
    """Stuck, working, not here, done."""
    paces = {
        "done": pace(answered=True),
        "away": pace(joined_unix_nano=None, seen_unix_nano=None, step_number=0, step_since_unix_nano=None),
        "fresh": pace(),
        "slow": pace(step_since_unix_nano=NOW - 5 * MIN),
        "stuck": pace(step_since_unix_nano=NOW - 8 * MIN),
        "lost": pace(step_since_unix_nano=NOW - 15 * MIN),
    }
    judged = zip(paces, judge(list(paces.values()), NOW), strict=True)

    order = [name for name, _ in sorted(judged, key=lambda pair: pair[1].rank)]
    assert order == ["lost", "stuck", "slow", "fresh", "away", "done"]
