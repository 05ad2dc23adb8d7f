"""Requests by the slot in which their traces begin, column by column, kept until the slot changes.

The version of a slot changes with every change of its requests (`request_slots` in additions.sql), so that
of a long window only the slots that changed since the last question are read from the file.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and numbers of our own

from __future__ import annotations

import sqlite3
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import accumulate, chain, compress, repeat
from operator import add, sub
from typing import Any, Final, NamedTuple

from store.queries import Window
from store.sqlite.packed_requests import (
    OUTCOME_CODE,
    SET_CODE,
    START_CODE,
    PackedRequests,
    unpack,
)
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import LONG_TRACE_NS, REQUEST_SLOT_NS, TAG_SET_SLOT_NS

_COLUMNS: Final = "r.start, r.trace, r.last, r.sets, r.lows, r.starts, r.unbounded"
_SERVICE_PAIR: Final = "(SELECT id FROM pairs WHERE tag = ':service' AND value = ?)"
_KEPT_BYTES: Final = 8 * 1024**2
_MOST_ROWS: Final = 6_000
"""Traces of one slot that are kept, as many as most questions count: of a fuller one as many are read as are
asked for."""
_LATEST_BYTES: Final = 128 * 1024
_FIRST_PART: Final = 100
_NEXT_PART: Final = 1_500
_MOST_LONG: Final = 50_000
_SLOTS_AT_ONCE: Final = 400
# In C: `_make` is a function of Python, and took a tenth of the time of a page.
packed_row = partial(tuple.__new__, PackedRequests)


class RequestColumns:
    """The requests of some traces, newest first, one array for each column. Shared: not to be changed."""

    __slots__ = ("begun", "ends", "lasts", "latest", "outcomes", "sets", "starts", "traces", "unbounded")

    def __init__(self, rows: Sequence[tuple[Any, ...]] = ()) -> None:
        """`rows` have the columns of `PackedRequests`."""
        begun, traces, lasts, sets, outcomes, starts, unbounded = (
            zip(*rows, strict=True) if rows else [()] * 7
        )
        self.begun = array("q", begun)
        """Start of each trace, Unix ns."""
        self.traces = array("q", traces)
        self.lasts = array("q", lasts)
        self.latest: int = max(lasts, default=0)
        # Outcomes take two bytes each.
        self.ends = array("i", accumulate([size // 2 for size in map(len, outcomes)]))
        """Behind which request each trace ends."""
        self.sets = unpack(SET_CODE, b"".join(sets))
        self.outcomes = unpack(OUTCOME_CODE, b"".join(outcomes))
        self.starts = unpack(START_CODE, b"".join(starts))
        self.unbounded: dict[int, str] = {
            place: text for place, text in enumerate(unbounded) if text is not None
        }
        """By the place of the trace."""

    def __len__(self) -> int:
        return len(self.begun)

    @property
    def bytes(self) -> int:
        """About what it takes in memory."""
        texts = sum([200 + len(text) for text in self.unbounded.values()])
        return 1_000 + 28 * len(self.begun) + 14 * len(self.outcomes) + texts

    def rows(self, places: Sequence[int] | None = None) -> Iterator[PackedRequests]:
        """Trace by trace; `places` names some of them, in order."""
        sets, outcomes, starts = memoryview(self.sets), memoryview(self.outcomes), memoryview(self.starts)
        ends, unbounded = self.ends, self.unbounded
        for place in range(len(self.begun)) if places is None else places:
            low, high = (ends[place - 1] if place else 0), ends[place]
            yield packed_row(
                (
                    self.begun[place],
                    self.traces[place],
                    self.lasts[place],
                    sets[low:high].tobytes(),
                    outcomes[low:high].tobytes(),
                    starts[low:high].tobytes(),
                    unbounded.get(place) if unbounded else None,
                )
            )

    def first(self, many: int) -> RequestColumns:
        """The first so many traces."""
        if many >= len(self):
            return self
        found, behind = RequestColumns(), self.ends[many - 1] if many else 0
        found.begun, found.traces, found.lasts = self.begun[:many], self.traces[:many], self.lasts[:many]
        found.ends = self.ends[:many]
        found.sets, found.outcomes = self.sets[:behind], self.outcomes[:behind]
        found.starts = self.starts[:behind]
        found.unbounded = {place: text for place, text in self.unbounded.items() if place < many}
        return found

    def sizes(self) -> Iterator[int]:
        """How many requests each trace has."""
        return map(sub, self.ends, chain((0,), self.ends))

    def times(self) -> Iterator[int]:
        """Start of each request, Unix ns."""
        return map(add, chain.from_iterable(map(repeat, self.begun, self.sizes())), self.starts)

    def some(self, flags: Sequence[bool]) -> RequestColumns:
        """The traces whose flag is set."""
        sizes = list(self.sizes())
        each = list(chain.from_iterable(map(repeat, flags, sizes)))
        found = self._of_requests(each)
        found.begun = array("q", compress(self.begun, flags))
        found.traces = array("q", compress(self.traces, flags))
        found.lasts = array("q", compress(self.lasts, flags))
        found.latest = max(found.lasts, default=0)
        found.ends = array("i", accumulate(compress(sizes, flags)))
        if self.unbounded:
            places = list(accumulate(flags))
            found.unbounded = {places[at] - 1: text for at, text in self.unbounded.items() if flags[at]}
        return found

    def within(self, window: Window) -> RequestColumns:
        """All traces, each with those of its requests that begin in the window."""
        begin, end = window.from_unix_nano, window.to_unix_nano
        flags = [begin <= start < end for start in self.times()]
        found, before = self._of_requests(flags), [0, *accumulate(flags)]
        found.begun, found.traces, found.lasts = self.begun, self.traces, self.lasts
        found.latest, found.unbounded = self.latest, self.unbounded
        found.ends = array("i", map(before.__getitem__, self.ends))
        return found

    def _of_requests(self, flags: Sequence[bool]) -> RequestColumns:
        """The columns of the requests whose flag is set."""
        found = RequestColumns()
        found.sets = array(SET_CODE, compress(self.sets, flags))
        found.outcomes = array(OUTCOME_CODE, compress(self.outcomes, flags))
        found.starts = array(START_CODE, compress(self.starts, flags))
        return found

    def until(self, requests: int) -> int:
        """How many traces there are up to the one with which so many requests are reached."""
        return 0 if requests <= 0 else min(len(self), bisect_left(self.ends, requests) + 1)


def joined(parts: Sequence[RequestColumns]) -> RequestColumns:
    """All of them, one behind the other."""
    if len(parts) == 1:
        return parts[0]
    found = RequestColumns()
    for part in parts:
        above, place = len(found.outcomes), len(found)
        found.begun += part.begun
        found.traces += part.traces
        found.lasts += part.lasts
        found.ends.extend([above + end for end in part.ends])
        found.sets += part.sets
        found.outcomes += part.outcomes
        found.starts += part.starts
        found.unbounded.update([(place + at, text) for at, text in part.unbounded.items()])
    return found


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
            elif _latest(db, key) >= begin:
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


class _Latest(BoundedCache[int, tuple[int, int]]):
    """(version, start of the last request) by slot."""

    def __init__(self) -> None:
        super().__init__(_LATEST_BYTES, lambda _: 200)


def _latest(db: ReadSession, key: SlotKey) -> int:
    """When the last request of the traces of a slot begins, of whatever service.

    Each window asks it of the ten minutes before: in a large store these have thousands of traces.
    """
    slot, version = key
    known = db.shared.of(_Latest)
    kept = known.get(slot)
    if kept is None or kept[0] != version:
        row = db.one(
            "SELECT max(last) FROM requests WHERE start >= ? AND start < ?",
            (slot * REQUEST_SLOT_NS, (slot + 1) * REQUEST_SLOT_NS),
        )
        kept = version, row[0] if row and row[0] is not None else 0
        known.update({slot: kept})
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
