"""The form of a row of the table `requests`: all requests of a trace, packed into arrays.

A trace has about one request for two spans: a row and its indexes for each would
cost more than the spans themselves. Three arrays stand side by side, one element for
each request: its tag set (32 bits), its outcome (16 bits), and its start in
nanoseconds after the trace's own (64 bits).

An outcome is a latency bucket and two error codes in one number, so that counting
outcomes counts requests, errors and latencies at once. The column is called `lows`.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

from store.queries import Window
from store.sqlite.table_layout import ERROR_ORIGIN

# Codes of the module `array`; numbers are stored in the byte order of the machine.
SET_CODE: Final = "i"
OUTCOME_CODE: Final = "H"
START_CODE: Final = "q"


class PackedRequests(NamedTuple):
    """A row as it is stored."""

    start: int
    """Start of the trace, Unix ns."""
    trace: int
    """`traces.id`."""
    last: int
    """Start of the last request, Unix ns."""
    sets: bytes
    outcomes: bytes
    starts: bytes
    unbounded: str | None
    """JSON: [[place, {tag: [value, …]}], …] of tags too varied for a set."""


def outcome_of(bucket: int, error: int, worst: int) -> int:
    """Latency bucket, error of the entry span (0, 1), worst error of its service under it, as one number.

    Buckets go up to about 1,000 (16 to each doubling of nanoseconds), so that all fits 16 bits.
    """
    return bucket << 3 | worst << 1 | error


def split(outcome: int) -> tuple[int, int, int]:
    """(bucket, 1 if the entry span is in error, 1 if an error began in the request) of an outcome."""
    return outcome >> 3, outcome & 1, int(outcome >> 1 & 3 == ERROR_ORIGIN)


def worst_of(outcome: int) -> int:
    """The code of the worst error of an outcome (`table_layout.ERROR_CODES`)."""
    return outcome >> 1 & 3


def pack(code: str, numbers: list[int]) -> bytes:
    """Numbers as they are stored."""
    return array(code, numbers).tobytes()


def unpack(code: str, body: bytes) -> array[int]:
    """Stored numbers."""
    found: array[int] = array(code)
    found.frombytes(body)
    return found


def columns_of(row: PackedRequests) -> tuple[memoryview[int], memoryview[int], memoryview[int]]:
    """Sets, outcomes and starts of a row, as views: nothing is copied."""
    return (
        memoryview(row.sets).cast(SET_CODE),
        memoryview(row.outcomes).cast(OUTCOME_CODE),
        memoryview(row.starts).cast(START_CODE),
    )


def each(row: PackedRequests, window: Window) -> Iterator[tuple[int, int, int]]:
    """(start, tag set, outcome) of the requests of a row that begin in the window."""
    low, high = window.from_unix_nano, window.to_unix_nano
    starts, sets, outcomes = (
        unpack(START_CODE, row.starts),
        unpack(SET_CODE, row.sets),
        unpack(OUTCOME_CODE, row.outcomes),
    )
    for start, tagset, outcome in zip(starts, sets, outcomes, strict=True):
        if low <= row.start + start < high:
            yield row.start + start, tagset, outcome
