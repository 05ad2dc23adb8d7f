"""Numbers for tag sets, and the slots in which each occurs. Must run inside the writer's transaction."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Hashable, Mapping, Sequence
from typing import Final, NamedTuple

import orjson
from cachetools import FIFOCache

from store.sqlite.tag_sets import (
    OF_CALLS,
    OPERATION,
    SERVICE,
    Tags,
    TagSet,
    environment_in,
    service_in,
    values_in,
)
from store.sqlite.write.recent_cache import RecentCache

_CACHED: Final = 20_000
_MAX_VALUES: Final = 64
"""Values of one tag that one request is found by."""
_INSERT: Final = "INSERT INTO tagsets (key, body) VALUES (?, ?) ON CONFLICT DO NOTHING RETURNING id"


class TagSetInfo(NamedTuple):
    """What the writer needs of a set."""

    number: int
    environment: str
    service: str


class TagSetIds:
    """Stores each combination of service, operation and tags once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._by_bags: RecentCache[Hashable, TagSetInfo] = RecentCache(_CACHED)
        self._by_number: RecentCache[int, TagSetInfo] = RecentCache(_CACHED)
        self._noted: FIFOCache[tuple[int, int], None] = FIFOCache(_CACHED)
        """(set, slot) that are stored already: time goes on, so that the oldest are the least used."""
        self._new_slots: list[tuple[int, int]] = []

    def of(
        self,
        service: str,
        operation: str,
        bags: Sequence[Mapping[str, str]],
        called: Sequence[bool] = (),
    ) -> TagSetInfo:
        """The set of a request whose spans carry these tags, stored now if it is new.

        `called` says of each span whether it is a call to others; none of them is, if it is empty.
        """
        key = (service, operation, *called, *map(tuple, bags), *[tuple(bag.values()) for bag in bags])
        found = self._by_bags.get(key)
        if found is None:
            tags = union(bags)
            of_calls = _only_called(tags, bags, called)
            if of_calls:
                tags[OF_CALLS] = of_calls
            tags[SERVICE] = service
            tags[OPERATION] = operation
            found = self._by_bags[key] = self._store(tags)
        return found

    def numbered(self, number: int) -> TagSetInfo:
        """The set of a stored number; without service and environment if it was pruned."""
        found = self._by_number.get(number)
        if found is None:
            row = self._connection.execute("SELECT body FROM tagsets WHERE id = ?", (number,)).fetchone()
            tags: Tags = orjson.loads(row[0]) if row else {}
            found = self._by_number[number] = _info(number, tags)
        return found

    def note_slot(self, number: int, slot: int) -> None:
        """Note that a trace of this slot (`table_layout.TAG_SET_SLOT_NS`) carries the set."""
        place = (number, slot)
        if place not in self._noted:
            self._noted[place] = None
            self._new_slots.append(place)

    def flush(self) -> None:
        """Write the new slots."""
        if self._new_slots:
            self._connection.executemany(
                "INSERT OR IGNORE INTO set_slots (tagset, slot) VALUES (?, ?)", sorted(self._new_slots)
            )
            self._new_slots.clear()

    def invalidate(self) -> None:
        """Empty the caches and drop what was not flushed: the tables have changed, or were rolled back."""
        self._by_bags.clear()
        self._by_number.clear()
        self._noted.clear()
        self._new_slots.clear()

    def _store(self, tags: Tags) -> TagSetInfo:
        body = orjson.dumps(tags, option=orjson.OPT_SORT_KEYS)
        key = hashlib.blake2b(body, digest_size=16).digest()
        row = self._connection.execute(_INSERT, (bytearray(key), body.decode())).fetchone()
        if row is None:
            row = self._connection.execute("SELECT id FROM tagsets WHERE key = ?", (key,)).fetchone()
        return _info(int(row[0]), tags)


def _info(number: int, tags: TagSet) -> TagSetInfo:
    return TagSetInfo(number, environment_in(tags), service_in(tags))


def _only_called(tags: TagSet, bags: Sequence[Mapping[str, str]], called: Sequence[bool]) -> list[str]:
    """The values of `tags` that no span carries but those that are calls, sorted, as `tag=value`."""
    if not any(called):
        return []
    own = {pair for bag, call in zip(bags, called, strict=True) if not call for pair in bag.items()}
    return sorted(
        f"{tag}={value}" for tag in tags for value in values_in(tags, tag) if (tag, value) not in own
    )


def union(bags: Sequence[Mapping[str, str]]) -> Tags:
    """All values of all tags; lists sorted, so that equal sets are equal."""
    tags: Tags = dict(bags[0])
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
