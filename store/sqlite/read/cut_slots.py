"""Requests and calls of the slots that a window cuts, each by its start, kept until their slot changes.

A window of a page that is live begins within a slot of ten seconds, and the window before it ends there. For
ten seconds all pages cut the same slots, at other places: each is read once, and parts of it are counted.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, compress
from typing import Final

import orjson

from signals.attributes import environment_of
from store.histogram import bucket_of
from store.queries import Window
from store.sqlite.packed_calls import unpack_calls
from store.sqlite.packed_requests import OUTCOME_CODE, START_CODE, outcome_of
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_columns import RequestColumns
from store.sqlite.read.request_rows import newest_parts
from store.sqlite.read.request_slots import (
    SlotKey,
    begun_parts,
    largest_of_slot,
    long_traces,
    slots_within,
)
from store.sqlite.read.series_filter import Series, SeriesFilter
from store.sqlite.read.shared import BoundedCache
from store.sqlite.read.tag_set_search import read_sets
from store.sqlite.table_layout import (
    CALL_SERIES,
    FINE_S,
    LONG_TRACE_NS,
    NO_ERROR,
    REQUEST_SLOT_NS,
    SECOND_NS,
)

_SLOT_NS: Final = FINE_S * SECOND_NS
_KEPT_BYTES: Final = 1024**2
_MOST_KEPT: Final = 6_000
"""Traces of one slot that are kept; of a fuller one the part that is asked for is read each time."""
_MAX_EDGE: Final = 50_000
"""Traces of such a part whose requests are read."""

_TRACES: Final = (
    "SELECT start, tags, calls FROM traces WHERE start >= ? AND start < ? AND start + duration >= ? LIMIT ?"
)
_LAST_END: Final = "max(start + duration) FROM traces"

_Found = dict[Series, list[tuple[int, int]]]
"""(start, outcome) of requests or calls by series."""


class _Events:
    """Requests or calls by series, in order of start. Shared: not to be changed."""

    __slots__ = ("bounds", "outcomes", "starts")

    def __init__(self, found: Mapping[Series, list[tuple[int, int]]]) -> None:
        self.starts, self.outcomes = array(START_CODE), array(OUTCOME_CODE)
        self.bounds: dict[Series, tuple[int, int]] = {}
        for series, events in found.items():
            first = len(self.starts)
            starts, outcomes = zip(*sorted(events), strict=True)
            self.starts.extend(starts)
            self.outcomes.extend(outcomes)
            self.bounds[series] = first, len(self.starts)

    @property
    def bytes(self) -> int:
        """About what they take in memory."""
        return 1_000 + 10 * len(self.starts) + 400 * len(self.bounds)

    def within(self, selected: SeriesFilter, begin: int, end: int) -> Iterator[tuple[Series, slice]]:
        """Where those of the selected series stand that begin in this time."""
        for series, (first, behind) in self.bounds.items():
            if selected.matches(series):
                low = bisect_left(self.starts, begin, first, behind)
                high = bisect_left(self.starts, end, low, behind)
                if low < high:
                    yield series, slice(low, high)


class _Kept(BoundedCache[tuple[bool, int], tuple[bytes, "_Events | None"]]):
    """By whether they are calls, and slot: the versions of the minutes, and all of them; None of a slot that
    is not kept."""

    def __init__(self) -> None:
        super().__init__(_KEPT_BYTES, lambda kept: 600 + (kept[1].bytes if kept[1] is not None else 0))


def cut_outcomes(
    db: ReadSession, selected: SeriesFilter, begin: int, end: int
) -> Iterator[tuple[Series, Mapping[int, int]]]:
    """How often each outcome is among the requests or calls that begin in a part of a slot, by series."""
    for events in _events(db, selected, begin, end):
        for series, where in events.within(selected, begin, end):
            yield series, Counter(events.outcomes[where])


def cut_requests(db: ReadSession, selected: SeriesFilter, begin: int, end: int) -> Iterator[tuple[int, int]]:
    """(start, outcome) of the single requests of a part of a slot."""
    for events in _events(db, selected, begin, end):
        for _, where in events.within(selected, begin, end):
            yield from zip(events.starts[where], events.outcomes[where], strict=True)


def _events(db: ReadSession, selected: SeriesFilter, begin: int, end: int) -> list[_Events]:
    """All that are needed for a part of a slot, or of two slots next to each other."""
    are_calls = selected.kind == CALL_SERIES
    found: list[_Events] = []
    for slot in range(begin // _SLOT_NS, -(-end // _SLOT_NS)):
        low, high = slot * _SLOT_NS, (slot + 1) * _SLOT_NS
        kept = _of_slot(db, slot, are_calls=are_calls)
        if kept is None:
            return [_of_part(db, selected, begin, end)]
        found.append(kept)
        # The minutes of these say nothing of the slot: they are not kept with it.
        long = None if are_calls else long_traces(db, Window(low, high))
        if long is not None:
            found.append(_Events(_requests(db, [long], low, high)))
    return found


def _of_part(db: ReadSession, selected: SeriesFilter, begin: int, end: int) -> _Events:
    """Only what begins in this time, read anew."""
    if selected.kind == CALL_SERIES:
        return _Events(_calls(db.each(_TRACES, (begin - LONG_TRACE_NS, end, begin, -1)), begin, end))
    columns: list[RequestColumns] = []
    left = _MAX_EDGE
    for part in newest_parts(db, Window(begin, end), selected.subject):
        columns.append(part.columns.first(left))
        left -= len(columns[-1])
        if left <= 0:
            break
    return _Events(_requests(db, columns, begin, end))


def _of_slot(db: ReadSession, slot: int, *, are_calls: bool) -> _Events | None:
    """All of a slot, but for the requests of long traces; None if it is not kept."""
    low, high = slot * _SLOT_NS, (slot + 1) * _SLOT_NS
    minutes = slots_within(db, Window(max(0, low - LONG_TRACE_NS), high))
    if minutes is None:
        return None
    versions = array(START_CODE, chain.from_iterable(minutes)).tobytes()
    kept = db.shared.of(_Kept)
    known = kept.get((are_calls, slot))
    if known is None or known[0] != versions:
        read = _calls_of_slot if are_calls else _requests_of_slot
        known = versions, read(db, minutes, low, high)
        kept.keep((are_calls, slot), known)
    return known[1]


def _requests_of_slot(db: ReadSession, _: Sequence[SlotKey], low: int, high: int) -> _Events | None:
    columns: list[RequestColumns] = []
    left = _MOST_KEPT
    for part in begun_parts(db, Window(low, high), None):
        columns.append(part.columns)
        left -= len(part.columns)
        if left < 0:
            return None
    return _Events(_requests(db, columns, low, high))


def _requests(db: ReadSession, parts: Iterable[RequestColumns], begin: int, end: int) -> _Found:
    found: _Found = {}
    for columns in parts:
        starts = list(columns.times())
        flags = [begin <= start < end for start in starts]
        numbers = list(compress(columns.sets, flags))
        of_set: dict[int, list[tuple[int, int]]] = {}
        sets = read_sets(db, set(numbers))
        for number in set(numbers):
            tags = sets.get(number)
            series = Series(tags.environment, tags.of.service, "", "") if tags else Series("", "", "", "")
            of_set[number] = found.setdefault(series, [])
        events = zip(compress(starts, flags), compress(columns.outcomes, flags), strict=True)
        for number, event in zip(numbers, events, strict=True):
            of_set[number].append(event)
    return found


def _calls_of_slot(db: ReadSession, minutes: Sequence[SlotKey], low: int, high: int) -> _Events | None:
    try:
        return _Events(_calls(_traces_of_slot(db, minutes, low, high), low, high, LONG_TRACE_NS))
    except _NotKeptError:
        return None


class _NotKeptError(Exception):
    """A slot has too many traces, or a call so late in its trace that only some parts count it."""


def _traces_of_slot(
    db: ReadSession, minutes: Sequence[SlotKey], low: int, high: int
) -> Iterator[tuple[int, str, bytes | str]]:
    """(start, tags, calls) of the traces that may have a call in a slot, one by one."""
    left = _MOST_KEPT
    for key in minutes:
        # A call is found by its trace: hardly one of those that began minutes before lasts until here.
        first, behind = key[0] * REQUEST_SLOT_NS, (key[0] + 1) * REQUEST_SLOT_NS
        if behind > low or largest_of_slot(db, key, _LAST_END) >= low:
            bounds = max(first, low - LONG_TRACE_NS), min(behind, high)
            for start, tags, calls in db.each(_TRACES, (*bounds, low, left + 1)):
                left -= 1
                if left < 0:
                    raise _NotKeptError
                yield start, tags, calls


def _calls(
    rows: Iterable[tuple[int, str, bytes | str]], begin: int, end: int, most_ns: int | None = None
) -> _Found:
    """Raises _NotKeptError for a call that begins more than `most_ns` after its trace."""
    found: _Found = {}
    for trace_start, tags, calls in rows:
        environment = environment_of(orjson.loads(tags))
        for source, target, start, duration_ns, error, flag in unpack_calls(calls, trace_start):
            if begin <= start < end:
                if most_ns is not None and start - trace_start > most_ns:
                    raise _NotKeptError
                event = start, outcome_of(bucket_of(duration_ns), error, NO_ERROR)
                found.setdefault(Series(environment, source, target, flag), []).append(event)
    return found
