"""When tag sets were first and last seen: the slot from `set_slots`, the moment from the slot's requests."""

# ruff: noqa: S608 - what is put into SQL text are numbers and words of our own

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Final, TypeVar

import orjson

from store.change_results import Seen
from store.sqlite.packed_requests import SET_CODE, START_CODE, unpack
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.table_layout import TAG_SET_SLOT_NS

K = TypeVar("K", bound=Hashable)

_MAX_ROWS: Final = 60_000
"""Traces that are looked at for the moments of one question: about 40 ms."""
_MAX_SLOTS: Final = 4
"""Slots that are searched for one moment: a set may be noted in a slot and gone from it, when a trace
that was half here was aggregated again."""
_AT_END: Final = 100
"""Traces at either end of all that are looked at first: about 0.2 ms."""


def first_slots(db: ReadSession, groups: Mapping[K, Collection[int]]) -> dict[K, int]:
    """The first slot in which a set of each group is noted; those that never were are left out."""
    found = {group: at // TAG_SET_SLOT_NS for group, at in _at_end(db, groups, last=False).items()}
    missing = {group: ids for group, ids in groups.items() if group not in found}
    return {**found, **_slots_of(db, missing, last=False)}


def first_moments(
    db: ReadSession, groups: Mapping[K, Collection[int]], slots: Mapping[K, int]
) -> dict[K, tuple[int, bool]]:
    """(start of the first request, whether it is that) by group of tag sets; `slots` are their first."""
    found = {group: (at, True) for group, at in _at_end(db, groups, last=False).items()}
    missing = {group: ids for group, ids in groups.items() if group not in found}
    return {**found, **_moments(db, missing, slots, last=False)}


def sightings(db: ReadSession, groups: Mapping[K, Collection[int]]) -> dict[K, Seen]:
    """When each group of tag sets was first and last seen; those that never were are left out."""
    ends: list[dict[K, tuple[int, bool]]] = []
    for last in (False, True):
        found = {group: (at, True) for group, at in _at_end(db, groups, last=last).items()}
        missing = {group: ids for group, ids in groups.items() if group not in found}
        slots = _slots_of(db, missing, last=last)
        ends.append({**found, **_moments(db, missing, slots, last=last)})
    first, latest = ends
    return {
        group: Seen(begun, max(begun, latest[group][0]), exact)
        for group, (begun, exact) in first.items()
        if group in latest
    }


def _slots_of(db: ReadSession, groups: Mapping[K, Collection[int]], *, last: bool) -> dict[K, int]:
    """The first or the last slot in which a set of each group is noted. A look-up for each set."""
    pick = "max" if last else "min"
    found: dict[K, int] = {}
    for group, ids in groups.items():
        row = db.one(
            f"SELECT {pick}((SELECT {pick}(slot) FROM set_slots WHERE tagset = j.value)) FROM json_each(?) j",
            (orjson.dumps(sorted(ids)).decode(),),
        )
        if row is not None and row[0] is not None:
            found[group] = row[0]
    return found


def _at_end(db: ReadSession, groups: Mapping[K, Collection[int]], *, last: bool) -> dict[K, int]:
    """The moments of the groups that are among the first traces of all, or the last.

    Most of what runs was there from the beginning, and is there now: it is found without its slots.
    """
    if not groups:
        return {}
    rows = db.each(
        f"SELECT start, sets, starts FROM requests ORDER BY start {'DESC' if last else 'ASC'} LIMIT ?",
        (_AT_END,),
    )
    return _first_in(rows, groups, last=last)[1]


def _moments(
    db: ReadSession, groups: Mapping[K, Collection[int]], slots: Mapping[K, int], *, last: bool
) -> dict[K, tuple[int, bool]]:
    pending: dict[int, list[K]] = {}
    found: dict[K, tuple[int, bool]] = {}
    for group in groups:
        if group in slots:
            pending.setdefault(slots[group], []).append(group)
    left = _MAX_ROWS
    tried: dict[K, int] = {}
    while pending:
        slot = min(pending)
        waiting = pending.pop(slot)
        looked, moments, complete = _search(db, slot, {group: groups[group] for group in waiting}, left, last)
        left -= looked
        found.update({group: (moment, True) for group, moment in moments.items()})
        for group in waiting:
            if group in moments:
                continue
            tried[group] = tried.get(group, 0) + 1
            other = _next_slot(db, groups[group], slot, last) if complete else None
            if other is None or tried[group] >= _MAX_SLOTS or left <= 0:
                found[group] = (_end_of(slot, last=last), False)
            else:
                pending.setdefault(other, []).append(group)
    return found


def _end_of(slot: int, *, last: bool) -> int:
    """The end of a slot at which a moment surely lies before, or for the last one behind."""
    return slot * TAG_SET_SLOT_NS if last else (slot + 1) * TAG_SET_SLOT_NS - 1


def _search(
    db: ReadSession, slot: int, groups: Mapping[K, Collection[int]], limit: int, last: bool
) -> tuple[int, dict[K, int], bool]:
    """(rows looked at, moment by group, whether the whole slot was searched) of one slot."""
    rows = db.each(
        "SELECT start, sets, starts FROM requests WHERE start >= ? AND start < ? "
        f"ORDER BY start {'DESC' if last else 'ASC'} LIMIT ?",
        (slot * TAG_SET_SLOT_NS, (slot + 1) * TAG_SET_SLOT_NS, max(0, limit)),
    )
    looked, moments = _first_in(rows, groups, last=last)
    return looked, moments, len(moments) == len(groups) or looked < limit


def _first_in(
    rows: Iterable[Row], groups: Mapping[K, Collection[int]], *, last: bool
) -> tuple[int, dict[K, int]]:
    """(rows looked at, moment by group) of (start, sets, starts) in order of time."""
    owners: dict[int, list[K]] = {}
    for group, ids in groups.items():
        for number in ids:
            owners.setdefault(number, []).append(group)
    missing, sought = set(groups), frozenset(owners)
    moments: dict[K, int] = {}
    looked = 0
    for begun, sets, starts in rows:
        looked += 1
        # A view and not a copy: most rows have nothing that is looked for.
        numbers = memoryview(sets).cast(SET_CODE)
        if sought.isdisjoint(numbers):
            continue
        places = unpack(START_CODE, starts)
        ordered: Iterable[tuple[int, int]] = zip(numbers, places, strict=True)
        for number, after in sorted(ordered, key=lambda one: -one[1] if last else one[1]):
            for group in owners.get(number, ()):
                if group in missing:
                    missing.discard(group)
                    moments[group] = begun + after
        if not missing:
            break
        sought = frozenset(number for number, own in owners.items() if not missing.isdisjoint(own))
    return looked, moments


def _next_slot(db: ReadSession, ids: Collection[int], slot: int, last: bool) -> int | None:
    """The next slot in which one of these sets is noted, earlier ones for `last`."""
    pick, compare = ("max", "<") if last else ("min", ">")
    row = db.one(
        f"SELECT {pick}((SELECT {pick}(slot) FROM set_slots WHERE tagset = j.value AND slot {compare} ?)) "
        "FROM json_each(?) j",
        (slot, orjson.dumps(sorted(ids)).decode()),
    )
    return row[0] if row else None
