"""The requests of a trace in one row: how they are packed, and reading those of a window.

A trace has about one request for two spans: a row and its indexes for each would
cost more than the spans themselves. Three arrays stand side by side: tag sets,
*lows* (latency bucket and errors in 16 bits), and starts after the trace's own.
"""

# ruff: noqa: S608 - what is put into SQL text are column names of our own

from __future__ import annotations

from array import array
from collections.abc import Container, Iterator
from typing import Final, NamedTuple

from store.queries import Window
from store.sqlite.read_connection import Question, Row

LONGEST_NS: Final = 600 * 1_000_000_000
"""Traces whose requests lie further apart than this have an index of their own."""
SET_CODE: Final = "i"
LOW_CODE: Final = "H"
START_CODE: Final = "q"

_COLUMNS = "r.start, r.trace, r.last, r.sets, r.lows, r.starts, r.unbounded"
_SERVICE_PAIR = "(SELECT id FROM pairs WHERE tag = ':service' AND value = ?)"


class Packed(NamedTuple):
    """A row as it is stored."""

    start: int
    trace: int
    last: int
    """Start of the last request."""
    sets: bytes
    lows: bytes
    starts: bytes
    unbounded: str | None
    """JSON: [[place, {tag: [value, …]}], …] of tags too varied for a set."""


def low_of(bucket: int, error: int, worst: int) -> int:
    """Latency bucket, error of the entry span (0, 1) and worst of its service under it (0 to 2)."""
    return bucket << 3 | worst << 1 | error


def split(low: int) -> tuple[int, int, int]:
    """(bucket, error, origin error) of a low."""
    return low >> 3, low & 1, int(low >> 1 & 3 == 2)


def worst_of(low: int) -> int:
    """The worst error of a low: 0 none, 1 received, 2 origin."""
    return low >> 1 & 3


def pack(code: str, numbers: list[int]) -> bytes:
    """Numbers as they are stored."""
    return array(code, numbers).tobytes()


def unpack(code: str, body: bytes) -> array[int]:
    """The numbers again."""
    found: array[int] = array(code)
    found.frombytes(body)
    return found


def newest(ask: Question, window: Window, service: str | None, limit: int) -> Iterator[Packed]:
    """Rows that may hold requests of the window, newest first, no more than `limit`.

    Of a service, those of traces in which it owns a span.
    """
    begin, end = window.from_unix_nano, window.to_unix_nano
    rows: Iterator[Row]
    if service is None:
        source, pair, values = "requests r WHERE", "", []
    else:
        source = "trace_pairs p CROSS JOIN requests r ON r.start = p.start AND r.trace = p.trace WHERE"
        pair, values = f"p.pair = {_SERVICE_PAIR} AND ", [service]
    begun = "r.start" if service is None else "p.start"
    rows = ask.each(
        f"SELECT {_COLUMNS} FROM {source} {pair}{begun} >= ? AND {begun} < ? AND r.last >= ? "
        f"ORDER BY {begun} DESC LIMIT ?",
        (*values, begin - LONGEST_NS, end, begin, limit),
    )
    yield from map(Packed._make, rows)
    rows = ask.each(
        f"SELECT {_COLUMNS} FROM requests r INDEXED BY requests_long "
        "WHERE r.last - r.start > 600000000000 AND r.last >= ? AND r.start < ? LIMIT ?",
        (begin, begin - LONGEST_NS, limit),
    )
    yield from map(Packed._make, rows)


def within(row: Packed, window: Window) -> tuple[bytes, bytes, bytes]:
    """Sets, lows and starts of those requests of a row that begin in the window."""
    if row.start >= window.from_unix_nano and row.last < window.to_unix_nano:
        return row.sets, row.lows, row.starts
    low, high = window.from_unix_nano - row.start, window.to_unix_nano - row.start
    kept = [place for place, start in enumerate(unpack(START_CODE, row.starts)) if low <= start < high]
    return (
        _some(SET_CODE, row.sets, kept),
        _some(LOW_CODE, row.lows, kept),
        _some(START_CODE, row.starts, kept),
    )


def _some(code: str, body: bytes, kept: list[int]) -> bytes:
    numbers = unpack(code, body)
    return pack(code, [numbers[place] for place in kept])


def each(row: Packed, window: Window, taken: Container[int] | None = None) -> Iterator[tuple[int, int, int]]:
    """(start, tag set, low) of the requests of a row that begin in the window."""
    low, high = window.from_unix_nano, window.to_unix_nano
    starts, sets, lows = (
        unpack(START_CODE, row.starts),
        unpack(SET_CODE, row.sets),
        unpack(LOW_CODE, row.lows),
    )
    for start, tagset, number in zip(starts, sets, lows, strict=True):
        if low <= row.start + start < high and (taken is None or tagset in taken):
            yield row.start + start, tagset, number
