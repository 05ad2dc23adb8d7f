"""Rows of packed requests that may fall into a window, newest first."""

# ruff: noqa: S608 - what is put into SQL text are column names and numbers of our own

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from typing import Final

from store.queries import Window
from store.sqlite.packed_requests import PackedRequests, within
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.table_layout import LONG_TRACE_NS

_COLUMNS = "r.start, r.trace, r.last, r.sets, r.lows, r.starts, r.unbounded"
_SERVICE_PAIR = "(SELECT id FROM pairs WHERE tag = ':service' AND value = ?)"
_FIRST_PART: Final = 100
_NEXT_PART: Final = 1_500
_MOST_LONG: Final = 50_000
_MOST_KEPT: Final = 4
"""Answers of one snapshot that are kept: a page asks several questions of the same requests."""
# In C: `_make` is a function of Python, and took a tenth of the time of a page.
_packed = partial(tuple.__new__, PackedRequests)


class _Rows:
    """Rows that are read when they are asked for, and once for all that ask."""

    def __init__(self, db: ReadSession, window: Window, service: str | None) -> None:
        self._parts = chain(_regular(db, window, service), _long(db, window))
        self._read: list[PackedRequests] = []

    def __iter__(self) -> Iterator[PackedRequests]:
        place = 0
        while True:
            if place == len(self._read):
                more = next(self._parts, None)
                if more is None:
                    return
                self._read += more
            yield from self._read[place:]
            place = len(self._read)


class _Asked(dict[tuple[Window, str | None], _Rows]):
    """Rows by window and service, of one snapshot."""


def newest(db: ReadSession, window: Window, service: str | None, limit: int) -> Iterator[PackedRequests]:
    """Rows that may hold requests of the window, newest first, no more than `limit`.

    Of a service, those of traces in which it owns a span. A row is found by the start of
    its trace: one that began up to LONG_TRACE_NS before the window is looked at too, and
    those that are spread wider than that come last, by an index of their own.
    """
    asked = db.noted.of(_Asked)
    rows = asked.get((window, service))
    if rows is None:
        while len(asked) >= _MOST_KEPT:
            del asked[next(iter(asked))]
        rows = asked[window, service] = _Rows(db, window, service)
    return islice(rows, limit)


def newest_within(
    db: ReadSession, window: Window, service: str | None, most_requests: int, most_rows: int
) -> tuple[list[PackedRequests], bool]:
    """The newest rows with their requests in the window, up to these bounds; True if older ones are left.

    The row with which a bound is reached is whole.
    """
    rows: list[PackedRequests] = []
    counted = 0
    begin, end = window.from_unix_nano, window.to_unix_nano
    for row in newest(db, window, service, most_rows + 1):
        if counted >= most_requests or len(rows) >= most_rows:
            return rows, True
        # Most rows lie in the window, and a call for each would take longer than the rest.
        kept = row if row[0] >= begin and row[2] < end else within(row, window)
        counted += len(kept[4]) // 2  # outcomes take two bytes each
        rows.append(kept)
    return rows, False


def _regular(db: ReadSession, window: Window, service: str | None) -> Iterator[list[PackedRequests]]:
    """Part by part, each read whole: no statement stays open between two questions."""
    begin, end = window.from_unix_nano, window.to_unix_nano
    if service is None:
        source, pair, values, of = "requests r WHERE", "", [], "r"
    else:
        source = "trace_pairs p CROSS JOIN requests r ON r.start = p.start AND r.trace = p.trace WHERE"
        pair, values, of = f"p.pair = {_SERVICE_PAIR} AND ", [service], "p"
    after: tuple[int, int] = (end, 0)
    size = _FIRST_PART
    while True:
        rows = db.all(
            f"SELECT {_COLUMNS} FROM {source} {pair}{of}.start >= ? AND ({of}.start, {of}.trace) < (?, ?) "
            f"AND r.last >= ? ORDER BY {of}.start DESC, {of}.trace DESC LIMIT ?",
            (*values, begin - LONG_TRACE_NS, *after, begin, size),
        )
        if rows:
            yield list(map(_packed, rows))
        if len(rows) < size:
            return
        after, size = rows[-1][:2], _NEXT_PART


def _long(db: ReadSession, window: Window) -> Iterator[list[PackedRequests]]:
    """Those of traces that are spread wide; there are few."""
    rows = db.all(
        f"SELECT {_COLUMNS} FROM requests r INDEXED BY requests_long "
        f"WHERE r.last - r.start > {LONG_TRACE_NS} AND r.last >= ? AND r.start < ? LIMIT ?",
        (window.from_unix_nano, window.from_unix_nano - LONG_TRACE_NS, _MOST_LONG),
    )
    if rows:
        yield list(map(_packed, rows))
