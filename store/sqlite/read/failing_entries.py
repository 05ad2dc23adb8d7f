"""Which operations fail, by the entries of the newest traces with an error.

What a slot's traces say is kept until the slot changes: every page that names the key operation asks.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from store.change_results import Operation
from store.queries import Window
from store.sqlite.packed_requests import OUTCOME_CODE, SET_CODE, unpack
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_slots import SlotKey, slots_within
from store.sqlite.read.shared import BoundedCache
from store.sqlite.read.tag_set_search import read_sets
from store.sqlite.table_layout import REQUEST_SLOT_NS
from store.tag_sets import ERROR

MAX_FAILING: Final = 600
"""The newest traces with an error whose entry is looked at."""
_KEPT_BYTES: Final = 1024**2


class _Entry(NamedTuple):
    """The request with which a trace began, if it failed; else its operation is None."""

    of: Operation | None
    environment: str
    synthetic: bool


_NONE: Final = _Entry(None, "", False)


class _Kept(BoundedCache[int, tuple[int, tuple[_Entry, ...]]]):
    """(version, entries) by slot."""

    def __init__(self) -> None:
        super().__init__(_KEPT_BYTES, lambda kept: 250 + 90 * len(kept[1]))


def count_failing(
    db: ReadSession, window: Window, environment: str | None
) -> tuple[Counter[Operation], Counter[Operation]]:
    """How often the entry of a trace failed, by its operation: of real traffic, and of synthetic."""
    sides = Counter[Operation](), Counter[Operation]()
    for entry, n in Counter(_newest(db, window)).items():
        if entry.of is not None and environment in (None, entry.environment):
            sides[entry.synthetic][entry.of] += n
    return sides


def _newest(db: ReadSession, window: Window) -> list[_Entry]:
    slots = slots_within(db, window)
    if slots is None:
        return _read(db, window, MAX_FAILING)
    found: list[_Entry] = []
    for slot in slots:
        found += _of_slot(db, slot, window, MAX_FAILING - len(found))
        if len(found) >= MAX_FAILING:
            break
    return found[:MAX_FAILING]


def _of_slot(db: ReadSession, key: SlotKey, window: Window, most: int) -> list[_Entry] | tuple[_Entry, ...]:
    """Those of one slot, newest first; perhaps more than `most`, if they are kept."""
    slot, version = key
    begin, end = slot * REQUEST_SLOT_NS, (slot + 1) * REQUEST_SLOT_NS
    if begin < window.from_unix_nano or end > window.to_unix_nano:
        part = Window(max(begin, window.from_unix_nano), min(end, window.to_unix_nano))
        return _read(db, part, most)
    known = db.shared.of(_Kept)
    kept = known.get(slot)
    if kept is not None and kept[0] == version:
        return kept[1]
    found = _read(db, Window(begin, end), MAX_FAILING)
    known.update({slot: (version, tuple(found))})
    return found


def _read(db: ReadSession, window: Window, most: int) -> list[_Entry]:
    rows = db.all(
        "SELECT t.service, t.operation, r.sets, r.lows FROM trace_pairs p "
        "CROSS JOIN traces t ON t.id = p.trace "
        "CROSS JOIN requests r ON r.start = p.start AND r.trace = p.trace "
        "WHERE p.pair = (SELECT id FROM pairs WHERE tag = ? AND value = '') "
        "AND p.start >= ? AND p.start < ? ORDER BY p.start DESC LIMIT ?",
        (ERROR, window.from_unix_nano, window.to_unix_nano, most),
    )
    sets = read_sets(db, set(unpack(SET_CODE, b"".join([row[2] for row in rows]))))
    synthetic = frozenset([number for number, tags in sets.items() if tags.synthetic])
    found: list[_Entry] = []
    for service, operation, numbers_body, outcomes_body in rows:
        numbers = unpack(SET_CODE, numbers_body)
        entry, of = _NONE, Operation(service, operation)
        for number, outcome in zip(numbers, unpack(OUTCOME_CODE, outcomes_body), strict=True):
            tags = sets.get(number)
            if tags is None or tags.of != of:
                continue
            if outcome & 1:
                entry = _Entry(of, tags.environment, not synthetic.isdisjoint(numbers))
            break
        found.append(entry)
    return found
