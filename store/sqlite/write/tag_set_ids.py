"""Numbers for tag sets, and the slots in which each occurs. Must run inside the settler's transaction."""

from __future__ import annotations

import hashlib
import marshal
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any, Final, cast

import orjson

from signals.attributes import SEAT
from store.sqlite.table_layout import SERVICE_SERIES
from store.sqlite.tag_set_keys import BODY_BYTES, operation_key
from store.sqlite.write.interning import SeriesKey
from store.sqlite.write.many_rows import ManyRows
from store.tag_sets import (
    OF_CALLS,
    OPERATION,
    SERVICE,
    Tags,
    environment_in,
    service_in,
    values_in,
)

_CACHED: Final = 40_000
"""Sets that are known by their digest, of 200 bytes each, as texts take a kilobyte."""
_CACHED_BAGS: Final = 10_000
"""The same by what several spans carry: sets of hostile data, which are all different, gain nothing by it."""
_NUMBERS_CACHED: Final = 20_000
_OPERATIONS_CACHED: Final = 5_000
_PERSONS_CACHED: Final = 5_000
_SERIES_CACHED: Final = 2_000
_MAX_VALUES: Final = 64
"""Values of one tag that one request is found by."""
_ASKED: Final = 500
"""Keys of one question: one alone takes 9 µs, one of so many 3."""
_INSERT: Final = "INSERT OR IGNORE INTO tagsets (id, key, body)"
_INSERT_SLOT: Final = "INSERT OR IGNORE INTO set_slots (tagset, slot)"
_MARSHAL: Final = 2
"""The version of `marshal` whose bytes depend on nothing but the value."""
_DIGESTED: Final = hashlib.blake2b


@dataclass(slots=True, eq=False)
class StoredTagSet:
    """What the writer needs of a set."""

    number: int
    """0 until `TagSetIds.flush`, if the set may be new."""
    series: SeriesKey
    """The series of the rollups in which its requests count: one for all sets of a service."""
    persons: tuple[str, ...]
    """The values of its `enduser.id`."""
    slot: int = -1
    """The last that was noted of it."""

    @property
    def environment(self) -> str:
        return self.series[1]

    @property
    def service(self) -> str:
        return self.series[2]


class TagSetIds:
    """Stores each combination of service, operation and tags once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._by_tags: dict[bytes, StoredTagSet] = {}
        """By a digest of what `of` is asked …"""
        self._by_body: dict[bytes, StoredTagSet] = {}
        """… and by the key of their body. What a cache dropped is asked of the table."""
        self._by_number = lru_cache(_NUMBERS_CACHED)(self._read)
        self._unnumbered: dict[bytes, tuple[StoredTagSet, str]] = {}
        """Whole key to the sets that `flush` must look for or store, and their body."""
        self._operation_key = lru_cache(_OPERATIONS_CACHED)(operation_key)
        self._series_of = lru_cache(_SERIES_CACHED)(_series_of)
        self._alone = lru_cache(_PERSONS_CACHED)(_alone)
        """One copy for the thousands of sets of a person."""
        self._new_slots: list[tuple[StoredTagSet, int]] = []
        self._sets = ManyRows(connection, _INSERT, 3)
        self._slots = ManyRows(connection, _INSERT_SLOT, 2)

    def of(
        self,
        service: str,
        operation: str,
        bags: Sequence[Mapping[str, str]],
        called: Sequence[bool] = (),
    ) -> StoredTagSet:
        """The set of a request whose spans carry these tags; it has its number after `flush`.

        `called` says of each span whether it is a call to others; none of them is, if it is empty.
        """
        if len(bags) == 1:
            return self.of_one(service, operation, bags[0])
        asked = marshal.dumps(cast(Any, (service, operation, called, bags)), _MARSHAL)
        key = _DIGESTED(asked, digest_size=BODY_BYTES).digest()
        found = self._by_tags.get(key)
        if found is None:
            if len(self._by_tags) >= _CACHED_BAGS:
                _make_room(self._by_tags)
            tags = union(bags)
            if called and (of_calls := _only_called(tags, bags, called)):
                tags[OF_CALLS] = of_calls
            found = self._by_tags[key] = self._with(service, operation, tags)
        return found

    def of_one(self, service: str, operation: str, bag: Mapping[str, str]) -> StoredTagSet:
        """The same of a request whose spans all carry these tags."""
        # Most often. Its text takes as long to make as a digest of what is asked.
        return self._with(service, operation, dict(bag))

    def numbered(self, number: int) -> StoredTagSet:
        """The set of a stored number; without service and environment if it was pruned."""
        return self._by_number(number)

    def note_slot(self, tag_set: StoredTagSet, slot: int) -> None:
        """Note that a trace of this slot (`table_layout.TAG_SET_SLOT_NS`) carries the set."""
        if tag_set.slot != slot:
            tag_set.slot = slot
            self._new_slots.append((tag_set, slot))

    def flush(self) -> None:
        """Number the sets, store those that are new, and write the new slots."""
        if self._unnumbered:
            self._number()
        if self._new_slots:
            self._slots.insert(sorted([(tag_set.number, slot) for tag_set, slot in self._new_slots]))
            self._new_slots.clear()

    def invalidate(self) -> None:
        """Empty the caches and drop what was not flushed: the tables have changed, or were rolled back."""
        self._by_tags.clear()
        self._by_body.clear()
        self._by_number.cache_clear()
        self._unnumbered.clear()
        self._new_slots.clear()

    def _with(self, service: str, operation: str, tags: Tags) -> StoredTagSet:
        """The set of these tags, which are changed."""
        tags[SERVICE] = service
        tags[OPERATION] = operation
        body = orjson.dumps(tags, option=orjson.OPT_SORT_KEYS)
        key = _DIGESTED(body, digest_size=BODY_BYTES).digest()
        found = self._by_body.get(key)
        if found is None:
            whole = self._operation_key(service, operation) + key
            if waiting := self._unnumbered.get(whole):
                # The cache dropped it before it had a number.
                return waiting[0]
            if len(self._by_body) >= _CACHED:
                _make_room(self._by_body)
            found = self._by_body[key] = self._stored(0, service, tags)
            self._unnumbered[whole] = found, body.decode()
        return found

    def _stored(self, number: int, service: str, tags: Tags) -> StoredTagSet:
        found = tags.get(SEAT, ())
        persons = self._alone(found) if isinstance(found, str) else tuple(found)
        return StoredTagSet(number, self._series_of(environment_in(tags), service), persons)

    def _number(self) -> None:
        # In the order of the keys, so that neighbours of the table and of its index share a page.
        keys = sorted(self._unnumbered)
        row = self._connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'tagsets'").fetchone()
        number = row[0] if row else 0
        for begin in range(0, len(keys), _ASKED):
            part = keys[begin : begin + _ASKED]
            new: list[tuple[int, bytearray, str]] = []
            for key in part:
                number += 1
                tag_set, body = self._unnumbered[key]
                tag_set.number = number
                new.append((number, bytearray(key), body))
            before = self._connection.total_changes
            self._sets.insert(new)
            if self._connection.total_changes - before < len(part):
                self._find(part)
        self._unnumbered.clear()

    def _find(self, keys: Sequence[bytes]) -> None:
        """Give sets of these keys the numbers that they have: some were stored before."""
        marks = ", ".join("?" * len(keys))
        rows = self._connection.execute(f"SELECT key, id FROM tagsets WHERE key IN ({marks})", keys)  # noqa: S608
        for key, number in rows:
            self._unnumbered[key][0].number = number

    def _read(self, number: int) -> StoredTagSet:
        row = self._connection.execute("SELECT body FROM tagsets WHERE id = ?", (number,)).fetchone()
        tags = orjson.loads(row[0]) if row else {}
        return self._stored(number, service_in(tags), tags)


def _make_room(cache: dict[bytes, StoredTagSet]) -> None:
    for oldest in list(islice(cache, len(cache) // 8)):
        del cache[oldest]


def _series_of(environment: str, service: str) -> SeriesKey:
    return SERVICE_SERIES, environment, service, "", ""


def _alone(person: str) -> tuple[str, ...]:
    return (person,)


def distinct(bags: list[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """The first of them if all are the same, else all."""
    first = bags[0]
    for bag in bags:
        # Spans of a request share what they carry alike: most often it is the same dictionary.
        if bag is not first and bag != first:
            return bags
    return bags[:1]


def _only_called(tags: Tags, bags: Sequence[Mapping[str, str]], called: Sequence[bool]) -> list[str]:
    """The values of `tags` that no span carries but those that are calls, sorted, as `tag=value`."""
    if not any(called):
        return []
    own = [bag for bag, call in zip(bags, called, strict=True) if not call]
    first = own[0] if own else {}
    left = {
        (tag, value)
        for bag, call in zip(bags, called, strict=True)
        if call
        for tag, value in bag.items()
        if first.get(tag) != value
    }
    for other in own[1:]:
        left.difference_update(other.items())
    if not left:
        return []
    return sorted([f"{tag}={value}" for tag, value in left if value in values_in(tags, tag)])


def union(bags: Sequence[Mapping[str, str]]) -> Tags:
    """All values of all tags; lists sorted, so that equal sets are equal."""
    tags: Tags = dict(bags[0])
    if len(bags) == 1:
        return tags
    several = False
    for bag in bags[1:]:
        for tag, value in bag.items():
            known = tags.get(tag)
            if known is None:
                tags[tag] = value
            elif known != value:
                several = True
                if isinstance(known, str):
                    tags[tag] = [known, value]
                elif value not in known and len(known) < _MAX_VALUES:
                    known.append(value)
    if several:
        for values in tags.values():
            if isinstance(values, list):
                values.sort()
    return tags
