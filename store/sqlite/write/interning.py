"""Ids for what repeats: resources and scopes, tag pairs, series of the rollups.

Each table has a bounded cache in front of it. After a rollback, and after rows were
deleted, the caches must be invalidated: ids that they hold may not exist.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import Final

from store.sqlite.table_layout import CALL_SERIES, OTHER_ITEM, SAMPLE_SERIES, SERVICE_SERIES

_CACHED: Final = 50_000


class OriginIds:
    """Resource and scope messages (table `origins`) by their bytes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids = lru_cache(_CACHED)(self._store)
        self._used: dict[int, int] = {}
        """Id to the highest number of a row that uses it, as far as `origins.last_seq` is behind. It outlives
        a rollback: what was used by earlier commits is still in use."""
        self._seq = 0

    def id_of(self, body: bytes, seq: int) -> int:
        """The id of these bytes, stored now if they are new; `seq` numbers the last row that uses them."""
        self._seq = seq
        found = self._ids(body)
        self._used[found] = seq
        return found

    def _store(self, body: bytes) -> int:
        row = self._connection.execute("SELECT id FROM origins WHERE body = ?", (body,)).fetchone()
        if row is None:
            return int(
                self._connection.execute(
                    "INSERT INTO origins (body, last_seq) VALUES (?, ?)", (body, self._seq)
                ).lastrowid
                or 0
            )
        return int(row[0])

    def prune(self, before_seq: int) -> None:
        """Delete what is used by no row from number `before_seq` on."""
        self._connection.executemany(
            "UPDATE origins SET last_seq = max(last_seq, ?) WHERE id = ?",
            [(seq, found) for found, seq in self._used.items()],
        )
        self._connection.execute("DELETE FROM origins WHERE last_seq < ?", (before_seq,))
        self._used = {found: seq for found, seq in self._used.items() if seq >= before_seq}
        self.invalidate()

    def invalidate(self) -> None:
        """Empty the cache."""
        self._ids.cache_clear()


class PairIds:
    """Tag and value pairs (table `pairs`)."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids = lru_cache(_CACHED)(self._store)

    def id_of(self, pair: tuple[str, str]) -> int:
        """The id of a (tag, value), stored now if it is new."""
        return self._ids(pair)

    def _store(self, pair: tuple[str, str]) -> int:
        row = self._connection.execute("SELECT id FROM pairs WHERE tag = ? AND value = ?", pair).fetchone()
        if row is not None:
            return int(row[0])
        return int(
            self._connection.execute("INSERT INTO pairs (tag, value) VALUES (?, ?)", pair).lastrowid or 0
        )

    def invalidate(self) -> None:
        """Empty the cache."""
        self._ids.cache_clear()


SeriesKey = tuple[int, str, str, str, str]
"""(kind, environment, subject, item, value); the kinds are in `store.sqlite.table_layout`."""


class SeriesIds:
    """Series of the rollups, all in memory; beyond a limit, new ones are folded into one."""

    LIMIT: Final = 1_000
    """Services, callees of one of them, and environments of browsers: a sender may invent any number."""
    _FREE: Final = {SERVICE_SERIES: 2, CALL_SERIES: 3, SAMPLE_SERIES: 1}
    """By kind: the place in a key of the part that senders may vary at will."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[SeriesKey, int] = {}
        self.known = self._ids.get
        """The id of a known series, else None: the dictionary's own method, asked for each call."""
        self._sizes: dict[SeriesKey, int] = {}
        """Key without its free part to the number of series that differ in it alone."""
        self.reload()

    def id_of(self, key: SeriesKey) -> int:
        """The id of a series, stored now if it is new."""
        found = self._ids.get(key)
        return self._store(key) if found is None else found

    def _store(self, key: SeriesKey) -> int:
        group = self._with_free(key, "")
        size = self._sizes.get(group, 0)
        if size >= self.LIMIT:
            folded = self._with_free(key, OTHER_ITEM)
            if folded in self._ids:
                return self._ids[folded]
            key = folded
        cursor = self._connection.execute(
            "INSERT INTO series (kind, environment, subject, item, value) VALUES (?, ?, ?, ?, ?)", key
        )
        found = self._ids[key] = int(cursor.lastrowid or 0)
        self._sizes[group] = size + 1
        return found

    def _with_free(self, key: SeriesKey, text: str) -> SeriesKey:
        place = self._FREE[key[0]]
        return (*key[:place], text, *key[place + 1 :])  # type: ignore[return-value]  # same length

    def reload(self) -> None:
        """Read the table anew."""
        self._ids.clear()
        self._sizes.clear()
        rows = self._connection.execute("SELECT kind, environment, subject, item, value, id FROM series")
        for *key, found in rows:
            whole: SeriesKey = tuple(key)
            self._ids[whole] = found
            group = self._with_free(whole, "")
            self._sizes[group] = self._sizes.get(group, 0) + 1
