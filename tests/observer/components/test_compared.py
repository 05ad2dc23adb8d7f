"""A comparison says which part of the period before has data, in words and in what it compares."""

from __future__ import annotations

from datetime import UTC

import pytest

from observer.components.compared import Compared, compared
from observer.screens.rum.metrics import Delta, count_delta
from store.api import Coverage, Gap, Window

S = 1_000_000_000
QUARTER = 900 * S
WINDOW = Window(4 * QUARTER, 5 * QUARTER)
WHOLE = Coverage(QUARTER)


def gap(begin: int, end: int) -> Gap:
    return Gap(begin * S, end * S, "ran", None, None, False)


def test_a_whole_period_is_named_by_its_length() -> None:
    found = compared(WHOLE, WHOLE, WINDOW, UTC)
    assert found.whole
    assert found.note() == "compared with the 15 min before"
    assert found.note(any_before=False) == "nothing to compare with: no request in the 15 min before"


def test_data_that_began_within_the_period_before_is_said() -> None:
    """A lab of 19 minutes showed `+275 %` against its first four."""
    before = Coverage(240 * S, (gap(2700, 3360),))
    found = compared(WHOLE, before, WINDOW, UTC)
    assert not found.whole
    assert found.note() == "compared with the 4 min of the 15 min before that have data, from 00:56:00 on"


def test_a_hole_within_the_period_before_is_said() -> None:
    found = compared(WHOLE, Coverage(600 * S, (gap(2800, 3100),)), WINDOW, UTC)
    assert found.note() == "compared with the 10 min of the 15 min before that have data"


def test_an_empty_period_is_not_compared_with() -> None:
    found = compared(WHOLE, Coverage(0, (gap(2700, 3600),)), WINDOW, UTC)
    assert found.note("report of a browser") == (
        "nothing to compare with: no report of a browser in the 15 min before"
    )


@pytest.mark.parametrize(
    ("now", "before", "now_s", "before_s", "expected"),
    [
        (12, 10, 900, 900, Delta("+20 % (was 10)", "worse")),
        (150, 40, 900, 240, Delta("no change per minute (was 40 in 4 min)", "")),
        (150, 20, 900, 240, Delta("+100 % per minute (was 20 in 4 min)", "worse")),
        (75, 40, 900, 240, Delta("-50 % per minute (was 40 in 4 min)", "better")),
        (40, 40, 240, 900, Delta("+275 % per minute (was 40 in 15 min)", "worse")),
        (150, 3, 900, 20, Delta("was 3 in 20 s", "")),
        (3, 40, 10, 900, Delta("was 40 in 15 min", "")),
        (3, 0, 900, 240, Delta("none before (was 0 in 4 min)", "worse")),
        (0, 0, 900, 240, Delta("no change", "")),
        (0, 9, 900, 240, Delta("-100 % per minute (was 9 in 4 min)", "better")),
        (3, 0, 900, 0, Delta("no data before", "")),
    ],
)
def test_counts_are_compared_per_time_with_data(
    now: int, before: int, now_s: int, before_s: int, expected: Delta
) -> None:
    assert count_delta(now, before, True, Compared(QUARTER, now_s * S, before_s * S)) == expected
