"""What a request carries, as one thing: its service, operation and tags, kept once for all requests alike.

Requests by the thousand share a few hundred tag sets, so that grouping by any
combination of promoted tags means grouping by one number. Tags with about as many
values as requests stay outside (`signals.semantics.UNBOUNDED`).
"""

# ruff: noqa: S608 - what is put into SQL text are numbers and question marks of our own

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from signals.attributes import ENVIRONMENT_NAMES
from store.sqlite.read_connection import Question

OPERATION: Final = ":operation"
"""The tag under which a set holds its request's operation."""
SERVICE: Final = ":service"
"""And the one for its service."""
SEARCH_SLOT_NS: Final = 600 * 1_000_000_000
"""Width of the slots in which sets are noted to occur."""
Tags = dict[str, str | list[str]]
"""A tag's value, or its values if the spans of a request carry several."""
_MEMORY: Final = 20_000
_REMEMBERED: Final = 30_000
_MAX_VALUES: Final = 64
"""Values of one tag that one request is found by."""


class Described(NamedTuple):
    """What the writer knows of a set."""

    number: int
    environment: str
    service: str


class TagSets:
    """The writer's side: numbers for sets, and where they occur."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._by_bags: dict[Hashable, Described] = {}
        self._by_number: dict[int, Described] = {}
        self._placed: set[tuple[int, int]] = set()
        self._new_places: list[tuple[int, int]] = []

    def of(self, service: str, operation: str, bags: Sequence[Mapping[str, str]]) -> Described:
        """The set of a request whose spans carry these tags, kept now if it is new."""
        key = (service, operation, *((tuple(bag), tuple(bag.values())) for bag in bags))
        found = self._by_bags.get(key)
        if found is None:
            tags = union(bags)
            tags[SERVICE] = service
            tags[OPERATION] = operation
            if len(self._by_bags) >= _MEMORY:
                self._by_bags.clear()
            found = self._by_bags[key] = self._keep(tags)
        return found

    def numbered(self, number: int) -> Described:
        """The set of a number that was stored."""
        found = self._by_number.get(number)
        if found is None:
            if len(self._by_number) >= _MEMORY:
                self._by_number.clear()
            row = self._connection.execute("SELECT body FROM tagsets WHERE id = ?", (number,)).fetchone()
            tags: Tags = orjson.loads(row[0]) if row else {}
            found = self._by_number[number] = _described(number, tags)
        return found

    def place(self, number: int, slot: int) -> None:
        """Note that traces of this slot carry the set."""
        place = (number, slot)
        if place not in self._placed:
            if len(self._placed) >= _MEMORY:
                self._placed.clear()
            self._placed.add(place)
            self._new_places.append(place)

    def flush(self) -> None:
        """Write the new places, inside the caller's transaction."""
        if self._new_places:
            self._connection.executemany(
                "INSERT OR IGNORE INTO set_slots (tagset, slot) VALUES (?, ?)", sorted(self._new_places)
            )
            self._new_places.clear()

    def _keep(self, tags: Tags) -> Described:
        body = orjson.dumps(tags, option=orjson.OPT_SORT_KEYS)
        key = hashlib.blake2b(body, digest_size=16).digest()
        row = self._connection.execute("SELECT id FROM tagsets WHERE key = ?", (key,)).fetchone()
        if row is not None:
            return _described(int(row[0]), tags)
        cursor = self._connection.execute(
            "INSERT INTO tagsets (key, body) VALUES (?, ?)", (key, body.decode())
        )
        return _described(int(cursor.lastrowid or 0), tags)

    def forget(self) -> None:
        """Trust nothing remembered."""
        self._by_bags.clear()
        self._by_number.clear()
        self._placed.clear()
        self._new_places.clear()


def _described(number: int, tags: Tags) -> Described:
    return Described(number, environment_in(tags), service_in(tags))


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


def service_in(tags: Mapping[str, str | list[str]]) -> str:
    """The service whose requests carry a set."""
    found = tags.get(SERVICE, "")
    return found if isinstance(found, str) else found[0]


def environment_in(tags: Mapping[str, str | list[str]]) -> str:
    """The deployment environment of a set."""
    for name in ENVIRONMENT_NAMES:
        found = tags.get(name)
        if found:
            return found if isinstance(found, str) else found[0]
    return ""


def values_in(tags: Mapping[str, str | list[str]], tag: str) -> list[str]:
    """The values of a tag, none if it is absent."""
    found = tags.get(tag)
    if found is None:
        return []
    return [found] if isinstance(found, str) else found


def read_sets(ask: Question, ids: Iterable[int]) -> dict[int, Mapping[str, str | list[str]]]:
    """The sets of these ids. Shared: not to be changed."""
    known: dict[int, Mapping[str, str | list[str]]] = ask.remembered
    found = {}
    missing = []
    for number in ids:
        tags = known.get(number)
        if tags is None:
            missing.append(number)
        else:
            found[number] = tags
    for begin in range(0, len(missing), 5_000):
        part = ", ".join(map(str, missing[begin : begin + 5_000]))
        for number, body in ask.each(f"SELECT id, body FROM tagsets WHERE id IN ({part})"):
            found[number] = orjson.loads(body)
    if missing:
        if len(known) + len(missing) > _REMEMBERED:
            known.clear()
        known.update(found)
    return found


def sets_with(ask: Question, tag: str, value: str, service: str | None = None) -> frozenset[int]:
    """The ids of the sets that carry this value of a tag, those of one service if it is given."""
    return frozenset(
        number
        for number, tags in _sets_naming(ask, value).items()
        if value in values_in(tags, tag) and (service is None or service_in(tags) == service)
    )


def sets_containing(ask: Question, tag: str, text: str, service: str | None = None) -> frozenset[int]:
    """The ids of the sets in which a value of a tag contains a text, upper or lower case alike."""
    wanted = text.casefold()
    # SQLite lowers ASCII alone: other text is left to Python, and so is what JSON spells otherwise.
    simple = text.isascii() and orjson.dumps(text)[1:-1] == text.encode()
    needle = text.lower() if simple else ""
    ids = [number for (number,) in ask.each("SELECT id FROM tagsets WHERE instr(lower(body), ?)", (needle,))]
    return frozenset(
        number
        for number, tags in read_sets(ask, ids).items()
        if (service is None or service_in(tags) == service)
        and any(wanted in value.casefold() for value in values_in(tags, tag))
    )


def sets_of_environment(ask: Question, environment: str) -> frozenset[int]:
    """The ids of the sets of one deployment environment, whatever attribute says so."""
    found = _sets_naming(ask, environment)
    return frozenset(number for number, tags in found.items() if environment_in(tags) == environment)


def _sets_naming(ask: Question, value: str) -> dict[int, Mapping[str, str | list[str]]]:
    """The sets in which this text occurs as a value."""
    needle = orjson.dumps(value).decode()
    ids = [number for (number,) in ask.each("SELECT id FROM tagsets WHERE instr(body, ?)", (needle,))]
    return read_sets(ask, ids)
