"""Ids for what repeats: resources and scopes, tag pairs, series of the rollups.

Each table has a bounded memory in front of it. Ids handed out inside a transaction
that is rolled back are forgotten with `forget`.
"""

from __future__ import annotations

import sqlite3
from typing import Final

_MEMORY: Final = 50_000


class Origins:
    """Resource and scope messages by their bytes."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[bytes, int] = {}
        self._used: dict[int, int] = {}

    def id_of(self, body: bytes, seq: int) -> int:
        """The id of these bytes, kept now if they are new; `seq` is who uses them."""
        found = self._ids.get(body)
        if found is None:
            found = self._keep(body, seq)
        self._used[found] = seq
        return found

    def _keep(self, body: bytes, seq: int) -> int:
        if len(self._ids) >= _MEMORY:
            self._ids.clear()
        row = self._connection.execute("SELECT id FROM origins WHERE body = ?", (body,)).fetchone()
        if row is None:
            cursor = self._connection.execute(
                "INSERT INTO origins (body, last_seq) VALUES (?, ?)", (body, seq)
            )
            found = int(cursor.lastrowid or 0)
        else:
            found = int(row[0])
        self._ids[body] = found
        return found

    def prune(self, before_seq: int) -> None:
        """Drop what nothing uses any more that came at or after `before_seq`."""
        self._connection.executemany(
            "UPDATE origins SET last_seq = max(last_seq, ?) WHERE id = ?",
            [(seq, found) for found, seq in self._used.items()],
        )
        self._connection.execute("DELETE FROM origins WHERE last_seq < ?", (before_seq,))
        self.forget()

    def forget(self) -> None:
        """Trust nothing remembered: the transaction that wrote it is gone."""
        self._ids.clear()
        self._used.clear()


class Pairs:
    """Tag and value pairs."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[tuple[str, str], int] = {}

    def id_of(self, pair: tuple[str, str]) -> int:
        found = self._ids.get(pair)
        if found is None:
            if len(self._ids) >= _MEMORY:
                self._ids.clear()
            found = self._ids[pair] = self._keep(pair)
        return found

    def _keep(self, pair: tuple[str, str]) -> int:
        row = self._connection.execute("SELECT id FROM pairs WHERE tag = ? AND value = ?", pair).fetchone()
        if row is not None:
            return int(row[0])
        return int(
            self._connection.execute("INSERT INTO pairs (tag, value) VALUES (?, ?)", pair).lastrowid or 0
        )

    def forget(self) -> None:
        self._ids.clear()


SeriesKey = tuple[int, str, str, str, str]
"""(kind, environment, subject, item, value); the kinds are in `store.sqlite.rollups`."""


class SeriesIds:
    """Series of the rollups, all in memory; hostile numbers of values are folded into one."""

    LIMIT: Final = 1_000
    """Services, callees of one of them, and environments of browsers."""
    OTHER: Final = "(other)"
    _FREE: Final = {1: 2, 2: 3, 3: 1}
    """By kind: the part of a key that senders may vary at will."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._ids: dict[SeriesKey, int] = {}
        self._sizes: dict[SeriesKey, int] = {}
        self.forget()

    def id_of(self, key: SeriesKey) -> int:
        found = self._ids.get(key)
        return self._keep(key) if found is None else found

    def _keep(self, key: SeriesKey) -> int:
        group = self._with_free(key, "")
        size = self._sizes.get(group, 0)
        if size >= self.LIMIT:
            folded = self._with_free(key, self.OTHER)
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

    def forget(self) -> None:
        """Read the table anew."""
        self._ids.clear()
        self._sizes.clear()
        rows = self._connection.execute("SELECT kind, environment, subject, item, value, id FROM series")
        for *key, found in rows:
            whole: SeriesKey = tuple(key)
            self._ids[whole] = found
            group = self._with_free(whole, "")
            self._sizes[group] = self._sizes.get(group, 0) + 1
