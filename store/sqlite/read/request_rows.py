"""Requests of a window, newest first: read when they are asked for, and once for all questions of a page."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from store.queries import Window
from store.sqlite.packed_requests import PackedRequests
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_columns import RequestColumns, joined
from store.sqlite.read.request_slots import SlotPart, cut_to, slot_parts

_MOST_KEPT: Final = 4
"""Windows and services of one snapshot whose parts are kept: a page asks several questions of the same."""


class _Parts:
    """Parts that are read when they are asked for, and once for all that ask."""

    def __init__(self, db: ReadSession, window: Window, service: str | None) -> None:
        self._coming = slot_parts(db, window, service)
        self._read: list[SlotPart] = []

    def __iter__(self) -> Iterator[SlotPart]:
        place = 0
        while True:
            if place == len(self._read):
                more = next(self._coming, None)
                if more is None:
                    return
                self._read.append(more)
            yield self._read[place]
            place += 1


class _Asked(dict[tuple[Window, str | None], _Parts]):
    """Parts by window and service, of one snapshot."""


def newest_parts(db: ReadSession, window: Window, service: str | None) -> Iterator[SlotPart]:
    """Traces that may have requests in the window, of a service those in which it owns a span."""
    asked = db.noted.of(_Asked)
    parts = asked.get((window, service))
    if parts is None:
        while len(asked) >= _MOST_KEPT:
            del asked[next(iter(asked))]
        parts = asked[window, service] = _Parts(db, window, service)
    return iter(parts)


def newest(db: ReadSession, window: Window, service: str | None, limit: int) -> Iterator[PackedRequests]:
    """The same trace by trace, no more than `limit`."""
    found = (row for part in newest_parts(db, window, service) for row in part.columns.rows())
    return islice(found, limit)


def newest_within(
    db: ReadSession, window: Window, service: str | None, most_requests: int, most_rows: int
) -> tuple[RequestColumns, bool]:
    """The newest traces with their requests in the window, up to these bounds; True if older are left out."""
    parts, cut = parts_within(db, window, service, most_requests, most_rows)
    return joined([part.columns for part in parts]), cut


def parts_within(
    db: ReadSession, window: Window, service: str | None, most_requests: int, most_rows: int
) -> tuple[list[SlotPart], bool]:
    """The same part by part. The trace with which a bound is reached is whole."""
    found: list[SlotPart] = []
    rows = counted = 0
    cut = False
    for part in newest_parts(db, window, service):
        columns = cut_to(part, window)
        fitting = min(columns.until(most_requests - counted), most_rows - rows)
        cut = fitting < len(columns)
        if fitting:
            columns = columns.first(fitting)
            found.append(SlotPart(columns, True, None if cut else part.key))
            rows += fitting
            counted += len(columns.outcomes)
        if cut:
            break
    return found, cut
