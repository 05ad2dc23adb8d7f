"""The traces of a window that have requests of given tag sets, slot by slot.

What was found in a slot is kept until the slot changes (`request_slots` in settled.sql), for each question:
a page asks for traces, their number and who is affected in turn, and again when it is shown the next time.
"""

# ruff: noqa: S608 - what is put into SQL text are directions of our own

from __future__ import annotations

from array import array
from collections.abc import Collection, Hashable, Iterator, Mapping, Sequence
from itertools import compress, islice
from typing import Final, NamedTuple

from store.queries import Window
from store.sqlite.packed_requests import SET_CODE
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.request_slots import slots_within
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import REQUEST_SLOT_NS

AT_ONCE: Final = 500
"""Traces that are read, and looked at, at once."""
_FOUND_BYTES: Final = 4 * 1024**2


class Carried(NamedTuple):
    """What a trace must have."""

    groups: Mapping[Hashable, frozenset[int]]
    """The numbers of the tag sets of which it needs one, by what the sets were found by."""
    pair: tuple[int, Hashable] | None = None
    """The number of a pair, and its text: a number may be given again."""


class _Found(NamedTuple):
    """What was found in a slot of this version, newest first."""

    version: int
    traces_in_slot: int
    places: array[int]
    """Of the traces that were found, among those in the slot."""
    traces: array[int]


class _Known(BoundedCache[tuple[int, Hashable], _Found]):
    """By slot and question."""

    def __init__(self) -> None:
        super().__init__(_FOUND_BYTES, lambda known: 600 + 16 * len(known.traces))


class CarryingTraces:
    """Looks at traces in order of time, no more than a number of them."""

    def __init__(self, db: ReadSession, carried: Carried, most: int, *, newest_first: bool) -> None:
        self._db = db
        # The smallest first: most traces are dismissed by it.
        self._groups = sorted(carried.groups.values(), key=len)
        self._pair = carried.pair[0] if carried.pair else None
        self._question = frozenset(carried.groups), carried.pair[1] if carried.pair else None
        self._newest_first = newest_first
        self._order = "DESC" if newest_first else "ASC"
        self._left = most
        self._known = db.shared.of(_Known)

    @property
    def is_full(self) -> bool:
        """Whether as many traces were looked at as may be."""
        return self._left <= 0

    def within(self, window: Window) -> list[int]:
        """The traces that begin in the window and carry a set of each group."""
        slots = slots_within(self._db, window)
        if slots is None:
            return self._read(window)[0]
        found: list[int] = []
        for slot, version in slots if self._newest_first else reversed(slots):
            if self.is_full:
                break
            found += self._of_slot(slot, version, window)
        return found

    def _of_slot(self, slot: int, version: int, window: Window) -> Sequence[int]:
        begin, end = slot * REQUEST_SLOT_NS, (slot + 1) * REQUEST_SLOT_NS
        if begin < window.from_unix_nano or end > window.to_unix_nano:
            part = Window(max(begin, window.from_unix_nano), min(end, window.to_unix_nano))
            return self._read(part)[0]
        key = slot, self._question
        known = self._known.get(key)
        if known is not None and known.version == version:
            return self._first_of(known)
        may_look = self._left
        traces, places, looked = self._read(Window(begin, end))
        if looked < may_look:
            if not self._newest_first:
                places = [looked - 1 - place for place in reversed(places)]
            in_order = traces if self._newest_first else traces[::-1]
            self._known.update({key: _Found(version, looked, array("q", places), array("q", in_order))})
        return traces

    def _first_of(self, known: _Found) -> Sequence[int]:
        """Those that are found as far as may be looked, in the order of the question."""
        looked = min(self._left, known.traces_in_slot)
        self._left -= looked
        if self._newest_first:
            return [at for at, place in zip(known.traces, known.places, strict=True) if place < looked]
        first = known.traces_in_slot - looked
        found = [at for at, place in zip(known.traces, known.places, strict=True) if place >= first]
        return found[::-1]

    def _read(self, part: Window) -> tuple[list[int], list[int], int]:
        """(traces found, their places among those looked at, how many were looked at), in order."""
        traces: list[int] = []
        places: list[int] = []
        looked = 0
        rows = self._packed(part)
        while chunk := list(islice(rows, AT_ONCE)):
            for place in _with_all([sets for _, sets in chunk], self._groups):
                places.append(looked + place)
                traces.append(chunk[place][0])
            looked += len(chunk)
        self._left -= looked
        return traces, places, looked

    def _packed(self, part: Window) -> Iterator[Row]:
        """(trace, packed sets) in order of time; with a pair, of traces that have it."""
        times = part.from_unix_nano, part.to_unix_nano
        if self._pair is None:
            return self._db.each(
                "SELECT trace, sets FROM requests WHERE start >= ? AND start < ? "
                f"ORDER BY start {self._order}, trace {self._order} LIMIT ?",
                (*times, self._left),
            )
        return self._db.each(
            "SELECT p.trace, r.sets FROM trace_pairs p "
            "CROSS JOIN requests r ON r.start = p.start AND r.trace = p.trace "
            "WHERE p.pair = ? AND p.start >= ? AND p.start < ? "
            f"ORDER BY p.start {self._order}, p.trace {self._order} LIMIT ?",
            (self._pair, *times, self._left),
        )


def _with_all(packed: Sequence[bytes], groups: Collection[frozenset[int]]) -> Sequence[int]:
    """The places of those of these packed sets that hold one of each group."""
    places: Sequence[int] = range(len(packed))
    # Views and not copies; `map` and `compress`, as this is done for every trace of a long time range.
    carried = [memoryview(sets).cast(SET_CODE) for sets in packed]
    for group in groups:
        has = [not lacks for lacks in map(group.isdisjoint, carried)]
        places, carried = list(compress(places, has)), list(compress(carried, has))
    return places
