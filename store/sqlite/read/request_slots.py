"""Requests by the slot in which their traces begin, column by column, kept until the slot changes.

The version of a slot changes with every change of its requests (`request_slots` in additions.sql), so that
of a long window only the slots that changed since the last question are read from the file.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and numbers of our own

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import Final, NamedTuple

from store.queries import Window
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_columns import RequestColumns
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import LONG_TRACE_NS, REQUEST_SLOT_NS, TAG_SET_SLOT_NS

_COLUMNS: Final = "r.start, r.trace, r.last, r.sets, r.lows, r.starts, r.unbounded"
_SERVICE_PAIR: Final = "(SELECT id FROM pairs WHERE tag = ':service' AND value = ?)"
_KEPT_BYTES: Final = 8 * 1024**2
_MOST_ROWS: Final = 6_000
"""Traces of one slot that are kept, as many as most questions count: of a fuller one as many are read as are
asked for."""
_LARGEST_BYTES: Final = 256 * 1024
_LAST_REQUEST: Final = "max(last) FROM requests"
_FIRST_PART: Final = 100
_NEXT_PART: Final = 1_500
_MOST_LONG: Final = 50_000
_SLOTS_AT_ONCE: Final = 400

SlotKey = tuple[int, int]
"""A slot and its version: as long as that is the same, so is all that was settled of its traces."""


class SlotPart(NamedTuple):
    """Traces of one slot that may have requests in a window."""

    columns: RequestColumns
    whole: bool
    """Whether all of their requests are in the window."""
    key: SlotKey | None
    """The slot, if these are all its traces of the service that was asked for."""


class _Kept(BoundedCache[tuple[int, str | None], tuple[int, RequestColumns | None]]):
    """(version, requests) by slot and service; None of a slot with more than _MOST_ROWS traces."""

    def __init__(self) -> None:
        super().__init__(_KEPT_BYTES, lambda kept: 300 + (kept[1].bytes if kept[1] is not None else 0))


def slot_parts(db: ReadSession, window: Window, service: str | None) -> Iterator[SlotPart]:
    """The traces that may have requests in the window, newest first.

    Of a service, those in which it owns a span. A trace is found by its start: one that began up to
    LONG_TRACE_NS before the window is looked at too, and those that are spread wider than that come
    last, by an index of their own. No statement stays open between two questions.
    """
    yield from begun_parts(db, window, service)
    long = long_traces(db, window)
    if long is not None:
        yield SlotPart(long, False, None)


def begun_parts(db: ReadSession, window: Window, service: str | None) -> Iterator[SlotPart]:
    """Those of the traces that began in the window, or up to LONG_TRACE_NS before it."""
    begin, end = window.from_unix_nano, window.to_unix_nano
    oldest = begin - LONG_TRACE_NS
    if _has_versions(db):
        reaching: list[int] = []
        for key in _versions(db, oldest // REQUEST_SLOT_NS, (end - 1) // REQUEST_SLOT_NS):
            if (key[0] + 1) * REQUEST_SLOT_NS > begin:
                yield from _parts_of(db, window, service, key)
            elif largest_of_slot(db, key, _LAST_REQUEST) >= begin:
                reaching.append(key[0])
        if reaching:
            # Of the minutes before the window few traces reach into it: not worth to be kept.
            first, behind = reaching[-1] * REQUEST_SLOT_NS, (reaching[0] + 1) * REQUEST_SLOT_NS
            yield from _by_parts(db, window, service, (max(first, oldest), behind))
    else:
        yield from _by_parts(db, window, service, (oldest, end))


def long_traces(db: ReadSession, window: Window) -> RequestColumns | None:
    """Those of the traces that began earlier, in no order; None if there are none."""
    begin = window.from_unix_nano
    rows = db.all(
        f"SELECT {_COLUMNS} FROM requests r INDEXED BY requests_long "
        f"WHERE r.last - r.start > {LONG_TRACE_NS} AND r.last >= ? AND r.start < ? LIMIT ?",
        (begin, begin - LONG_TRACE_NS, _MOST_LONG),
    )
    return RequestColumns(rows) if rows else None


def _parts_of(db: ReadSession, window: Window, service: str | None, key: SlotKey) -> Iterator[SlotPart]:
    """The traces of one slot, given with its version, in one part unless they are many."""
    begin, end = window.from_unix_nano, window.to_unix_nano
    low, high = key[0] * REQUEST_SLOT_NS, (key[0] + 1) * REQUEST_SLOT_NS
    columns = _slot(db, key, service)
    if columns is None:
        yield from _by_parts(db, window, service, (max(low, begin - LONG_TRACE_NS), min(high, end)))
    elif len(columns) and columns.begun[-1] >= begin and columns.latest < end:
        yield SlotPart(columns, True, key)
    else:
        oldest = begin - LONG_TRACE_NS
        flags = [
            oldest <= start < end and last >= begin
            for start, last in zip(columns.begun, columns.lasts, strict=True)
        ]
        if any(flags):
            yield SlotPart(columns.some(flags), False, None)


def cut_to(part: SlotPart, window: Window) -> RequestColumns:
    """The requests of a part that begin in the window; traces without any are kept."""
    return part.columns if part.whole else part.columns.within(window)


def _versions(db: ReadSession, first: int, last: int) -> Iterator[tuple[int, int]]:
    """(slot, version) of the slots that have requests, newest first."""
    behind = last + 1
    while True:
        rows = db.all(
            "SELECT slot, version FROM request_slots WHERE slot >= ? AND slot < ? ORDER BY slot DESC LIMIT ?",
            (first, behind, _SLOTS_AT_ONCE),
        )
        yield from rows
        if len(rows) < _SLOTS_AT_ONCE:
            return
        behind = rows[-1][0]


def _has_versions(db: ReadSession) -> bool:
    """Whether slots have versions: not in a file that no writer of today opened yet."""
    try:
        db.one("SELECT 1 FROM request_slots LIMIT 1")
    except sqlite3.OperationalError as error:
        if "no such table" in str(error):
            return False
        raise
    return True


class _Largest(BoundedCache[tuple[str, int], tuple[int, int]]):
    """(version, what was found) by question and slot."""

    def __init__(self) -> None:
        super().__init__(_LARGEST_BYTES, lambda _: 200)


def largest_of_slot(db: ReadSession, key: SlotKey, of: str) -> int:
    """The largest value among what begins in a slot, of whatever service; `of` names column and table in SQL.

    Each window asks it of the ten minutes before: in a large store these have thousands of traces.
    """
    slot, version = key
    known = db.shared.of(_Largest)
    kept = known.get((of, slot))
    if kept is None or kept[0] != version:
        row = db.one(
            f"SELECT {of} WHERE start >= ? AND start < ?",
            (slot * REQUEST_SLOT_NS, (slot + 1) * REQUEST_SLOT_NS),
        )
        kept = version, row[0] if row and row[0] is not None else 0
        known.keep((of, slot), kept)
    return kept[1]


def _slot(db: ReadSession, key: SlotKey, service: str | None) -> RequestColumns | None:
    """The requests of a slot's traces, or of those of a service; None if they are too many to keep."""
    slot, version = key
    kept = db.shared.of(_Kept)
    known = kept.get((slot, service))
    if known is not None and known[0] == version:
        return known[1]
    bounds = slot * REQUEST_SLOT_NS, (slot + 1) * REQUEST_SLOT_NS
    source, values, of = _source_of(service)
    rows = db.all(
        f"SELECT {_COLUMNS} FROM {source} {of}.start >= ? AND {of}.start < ? "
        f"ORDER BY {of}.start DESC, {of}.trace DESC LIMIT ?",
        (*values, *bounds, _MOST_ROWS + 1),
    )
    found = RequestColumns(rows) if len(rows) <= _MOST_ROWS else None
    kept.update({(slot, service): (version, found)})
    return found


def _source_of(service: str | None) -> tuple[str, list[object], str]:
    """Where traces are read from, up to the last word before conditions; its values; the table of the key."""
    if service is None:
        return "requests r WHERE", [], "r"
    joined_tables = "trace_pairs p CROSS JOIN requests r ON r.start = p.start AND r.trace = p.trace"
    return f"{joined_tables} WHERE p.pair = {_SERVICE_PAIR} AND", [service], "p"


def _by_parts(
    db: ReadSession, window: Window, service: str | None, bounds: tuple[int, int]
) -> Iterator[SlotPart]:
    """Traces that begin between two times and are not kept, few at first, each part read whole."""
    source, values, of = _source_of(service)
    after: tuple[int, int] = (bounds[1], 0)
    size = _FIRST_PART
    while True:
        rows = db.all(
            f"SELECT {_COLUMNS} FROM {source} {of}.start >= ? AND ({of}.start, {of}.trace) < (?, ?) "
            f"AND r.last >= ? ORDER BY {of}.start DESC, {of}.trace DESC LIMIT ?",
            (*values, bounds[0], *after, window.from_unix_nano, size),
        )
        if rows:
            yield SlotPart(RequestColumns(rows), False, None)
        if len(rows) < size:
            return
        after, size = rows[-1][:2], _NEXT_PART


def slots_within(db: ReadSession, window: Window) -> list[SlotKey] | None:
    """The slots in which traces of the window begin, newest first; None where that is not known."""
    if not _has_versions(db):
        return None
    first, last = window.from_unix_nano // REQUEST_SLOT_NS, (window.to_unix_nano - 1) // REQUEST_SLOT_NS
    return list(_versions(db, first, last))


def tag_set_slots(db: ReadSession, window: Window) -> frozenset[int] | None:
    """The slots of TAG_SET_SLOT_NS in which traces of the window begin; None where that is not known."""
    if not _has_versions(db):
        return None
    rows = db.each(
        "SELECT DISTINCT slot / ? FROM request_slots WHERE slot >= ? AND slot <= ?",
        (
            TAG_SET_SLOT_NS // REQUEST_SLOT_NS,
            window.from_unix_nano // REQUEST_SLOT_NS,
            window.to_unix_nano // REQUEST_SLOT_NS,
        ),
    )
    return frozenset([slot for (slot,) in rows])
