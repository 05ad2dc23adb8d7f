"""Some traces, and the requests of a window, are cut out of columns as they are out of rows."""

from __future__ import annotations

import random
from array import array

import pytest

from store.queries import Window
from store.sqlite.packed_requests import OUTCOME_CODE, SET_CODE, START_CODE, PackedRequests, each, pack
from store.sqlite.read.request_columns import RequestColumns


def _rows(seed: int) -> list[PackedRequests]:
    """Traces of up to four requests, newest first; some have none, some tags too varied for a set."""
    draw = random.Random(seed)
    rows = []
    for number in range(draw.choice([0, 1, 30])):
        starts = [draw.randrange(50) for _ in range(draw.randrange(5))]
        begun = 1_000 - 3 * number
        rows.append(
            PackedRequests(
                begun,
                number,
                begun + max(starts, default=0),
                array(SET_CODE, [draw.randrange(9) for _ in starts]).tobytes(),
                array(OUTCOME_CODE, [draw.randrange(9) for _ in starts]).tobytes(),
                array(START_CODE, starts).tobytes(),
                f"[[0, {{}}, {number}]]" if draw.random() < 0.3 else None,
            )
        )
    return rows


def _within(row: PackedRequests, window: Window) -> PackedRequests:
    """A row with those of its requests that begin in the window, one by one."""
    found = list(each(row, window))
    return row._replace(
        sets=pack(SET_CODE, [tagset for _, tagset, _ in found]),
        outcomes=pack(OUTCOME_CODE, [outcome for _, _, outcome in found]),
        starts=pack(START_CODE, [start - row.start for start, _, _ in found]),
    )


@pytest.mark.parametrize("seed", range(30))
def test_columns_are_cut_as_rows_are(seed: int) -> None:
    """The rows that come out are the ones that rows would have given."""
    rows = _rows(seed)
    draw = random.Random(-seed)
    columns = RequestColumns(rows)
    assert list(columns.rows()) == rows
    flags = [draw.random() < 0.5 for _ in rows]
    kept = [row for row, flag in zip(rows, flags, strict=True) if flag]
    some = columns.some(flags)
    assert list(some.rows()) == kept
    assert some.latest == max([row.last for row in kept], default=0)
    window = Window(begin := draw.randrange(900, 1_050), begin + draw.randrange(1, 90))
    assert list(columns.within(window).rows()) == [_within(row, window) for row in rows]
    assert list(some.within(window).rows()) == [_within(row, window) for row in kept]
    assert len(columns.within(window)) == len(rows)
