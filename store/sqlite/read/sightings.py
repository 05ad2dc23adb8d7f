"""When tag sets were first and last seen: the slot from `set_slots`, the moment from the slot's requests."""

# ruff: noqa: S608 - what is put into SQL text are numbers and words of our own

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping
from typing import Final, TypeVar

from store.change_results import Seen
from store.sqlite.packed_requests import SET_CODE, START_CODE, unpack
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.table_layout import TAG_SET_SLOT_NS

K = TypeVar("K", bound=Hashable)

_MAX_ROWS: Final = 60_000
"""Traces that are looked at for the moments of one question: about 40 ms."""
_MAX_SLOTS: Final = 4
"""Slots that are searched for one moment: a set may be noted in a slot and gone from it, when a trace
that was half here was aggregated again."""
_AT_ONCE: Final = 5_000


def first_slots(db: ReadSession) -> dict[int, int]:
    """The first slot of every tag set. A look-up for each: to group all slots took four times as long."""
    rows = db.each("SELECT s.id, (SELECT min(slot) FROM set_slots WHERE tagset = s.id) FROM tagsets s")
    return {number: slot for number, slot in rows if slot is not None}


def _slots_of(db: ReadSession, ids: Collection[int]) -> dict[int, tuple[int, int]]:
    """The first and the last slot of each of these tag sets."""
    select = "SELECT tagset, min(slot), max(slot) FROM set_slots"
    found: dict[int, tuple[int, int]] = {}
    ordered = sorted(ids)
    for begin in range(0, len(ordered), _AT_ONCE):
        among = ", ".join(map(str, ordered[begin : begin + _AT_ONCE]))
        rows = db.each(f"{select} WHERE tagset IN ({among}) GROUP BY tagset")
        found.update({number: (low, high) for number, low, high in rows})
    return found


def first_moments(
    db: ReadSession, groups: Mapping[K, Collection[int]], slots: Mapping[int, int]
) -> dict[K, tuple[int, bool]]:
    """(start of the first request, whether it is that) by group of tag sets; `slots` are their first."""
    return _moments(db, groups, {number: (slot, slot) for number, slot in slots.items()}, last=False)


def sightings(db: ReadSession, groups: Mapping[K, Collection[int]]) -> dict[K, Seen]:
    """When each group of tag sets was first and last seen; those that never were are left out."""
    slots = _slots_of(db, {number for ids in groups.values() for number in ids})
    first = _moments(db, groups, slots, last=False)
    last = _moments(db, groups, slots, last=True)
    return {
        group: Seen(begun, max(begun, last[group][0]), exact)
        for group, (begun, exact) in first.items()
        if group in last
    }


def _moments(
    db: ReadSession,
    groups: Mapping[K, Collection[int]],
    slots: Mapping[int, tuple[int, int]],
    *,
    last: bool,
) -> dict[K, tuple[int, bool]]:
    place = 1 if last else 0
    pending: dict[int, list[K]] = {}
    found: dict[K, tuple[int, bool]] = {}
    for group, ids in groups.items():
        own = [slots[number][place] for number in ids if number in slots]
        if own:
            pending.setdefault(max(own) if last else min(own), []).append(group)
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
    owners: dict[int, list[K]] = {}
    for group, ids in groups.items():
        for number in ids:
            owners.setdefault(number, []).append(group)
    missing, sought = set(groups), frozenset(owners)
    moments: dict[K, int] = {}
    order = "DESC" if last else "ASC"
    looked = 0
    rows = db.each(
        "SELECT start, sets, starts FROM requests WHERE start >= ? AND start < ? "
        f"ORDER BY start {order} LIMIT ?",
        (slot * TAG_SET_SLOT_NS, (slot + 1) * TAG_SET_SLOT_NS, max(0, limit)),
    )
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
            return looked, moments, True
        sought = frozenset(number for number, own in owners.items() if not missing.isdisjoint(own))
    return looked, moments, looked < limit


def _next_slot(db: ReadSession, ids: Collection[int], slot: int, last: bool) -> int | None:
    """The next slot in which one of these sets is noted, earlier ones for `last`."""
    pick, compare = ("max", "<") if last else ("min", ">")
    among = ", ".join(map(str, sorted(ids)[:_AT_ONCE]))
    row = db.one(
        f"SELECT {pick}(slot) FROM set_slots WHERE tagset IN ({among}) AND slot {compare} ?", (slot,)
    )
    return row[0] if row else None
