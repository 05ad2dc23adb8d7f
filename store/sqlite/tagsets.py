"""What a request carries, as one thing: its operation and tags, kept once for all requests alike.

Requests by the thousand share a few hundred tag sets, so that grouping by any
combination of promoted tags means grouping by one number. Tags with about as many
values as requests stay outside (`store.semantics.UNBOUNDED`).
"""

# ruff: noqa: S608 - what is put into SQL text are numbers and question marks of our own

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import orjson

from store.sqlite.asking import Question
from store.values import ENVIRONMENT_NAMES

OPERATION: Final = ":operation"
"""The tag under which a set holds its request's operation."""
Tags = dict[str, str | list[str]]
"""A tag's value, or its values if the spans of a request carry several."""
_MEMORY: Final = 20_000


class TagSets:
    """The writer's side: ids for sets."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[bytes, int] = {}

    def id_of(self, tags: Tags) -> int:
        """The id of a set, kept now if it is new. Lists in it must be sorted."""
        body = orjson.dumps(tags, option=orjson.OPT_SORT_KEYS)
        found = self._ids.get(body)
        if found is None:
            if len(self._ids) >= _MEMORY:
                self._ids.clear()
            found = self._ids[body] = self._keep(body)
        return found

    def _keep(self, body: bytes) -> int:
        key = hashlib.blake2b(body, digest_size=16).digest()
        row = self._connection.execute("SELECT id FROM tagsets WHERE key = ?", (key,)).fetchone()
        if row is not None:
            return int(row[0])
        cursor = self._connection.execute(
            "INSERT INTO tagsets (key, body) VALUES (?, ?)", (key, body.decode())
        )
        return int(cursor.lastrowid or 0)

    def forget(self) -> None:
        """Trust nothing remembered."""
        self._ids.clear()


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


@lru_cache(maxsize=_MEMORY)
def parse(body: str) -> Mapping[str, str | list[str]]:
    """A stored set. Shared: not to be changed."""
    tags: Tags = orjson.loads(body)
    return tags


def read_sets(ask: Question, ids: Iterable[int]) -> dict[int, Mapping[str, str | list[str]]]:
    """The sets of these ids."""
    wanted = sorted(ids)
    found: dict[int, Mapping[str, str | list[str]]] = {}
    for begin in range(0, len(wanted), 5_000):
        part = ", ".join(map(str, wanted[begin : begin + 5_000]))
        found.update(
            (key, parse(body)) for key, body in ask.each(f"SELECT id, body FROM tagsets WHERE id IN ({part})")
        )
    return found


def sets_with(ask: Question, tag: str, value: str) -> list[int]:
    """The ids of the sets that carry this value of a tag."""
    needle = orjson.dumps(value).decode()
    rows = ask.each("SELECT id, body FROM tagsets WHERE instr(body, ?)", (needle,))
    return [key for key, body in rows if value in values_in(parse(body), tag)]
