"""Rows of packed requests that may fall into a window, newest first."""

# ruff: noqa: S608 - what is put into SQL text are column names and numbers of our own

from __future__ import annotations

from collections.abc import Iterator

from store.queries import Window
from store.sqlite.packed_requests import PackedRequests
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.table_layout import LONG_TRACE_NS

_COLUMNS = "r.start, r.trace, r.last, r.sets, r.lows, r.starts, r.unbounded"
_SERVICE_PAIR = "(SELECT id FROM pairs WHERE tag = ':service' AND value = ?)"


def newest(db: ReadSession, window: Window, service: str | None, limit: int) -> Iterator[PackedRequests]:
    """Rows that may hold requests of the window, newest first, no more than `limit`.

    Of a service, those of traces in which it owns a span. A row is found by the start of
    its trace: one that began up to LONG_TRACE_NS before the window is looked at too, and
    those that are spread wider than that come last, by an index of their own.
    """
    begin, end = window.from_unix_nano, window.to_unix_nano
    rows: Iterator[Row]
    if service is None:
        source, pair, values = "requests r WHERE", "", []
    else:
        source = "trace_pairs p CROSS JOIN requests r ON r.start = p.start AND r.trace = p.trace WHERE"
        pair, values = f"p.pair = {_SERVICE_PAIR} AND ", [service]
    start = "r.start" if service is None else "p.start"
    rows = db.each(
        f"SELECT {_COLUMNS} FROM {source} {pair}{start} >= ? AND {start} < ? AND r.last >= ? "
        f"ORDER BY {start} DESC LIMIT ?",
        (*values, begin - LONG_TRACE_NS, end, begin, limit),
    )
    yield from map(PackedRequests._make, rows)
    rows = db.each(
        f"SELECT {_COLUMNS} FROM requests r INDEXED BY requests_long "
        f"WHERE r.last - r.start > {LONG_TRACE_NS} AND r.last >= ? AND r.start < ? LIMIT ?",
        (begin, begin - LONG_TRACE_NS, limit),
    )
    yield from map(PackedRequests._make, rows)
