"""Named integers of the store: counters, marks, bounds. Kept in memory, written with each commit."""

from __future__ import annotations

import sqlite3


class Facts:
    """The writer's copy of the table `facts`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._kept: dict[str, int] = {}
        self._values: dict[str, int] = {}
        self._changed: set[str] = set()
        self.reload()

    def reload(self) -> None:
        """Read the table anew."""
        self._kept = dict(self._connection.execute("SELECT name, value FROM facts"))
        self.forget()

    def get(self, name: str, default: int = 0) -> int:
        return self._values.get(name, default)

    def set(self, name: str, value: int) -> None:
        if self._values.get(name) != value:
            self._values[name] = value
            self._changed.add(name)

    def add(self, name: str, amount: int) -> None:
        if amount:
            self.set(name, self._values.get(name, 0) + amount)

    def at_least(self, name: str, value: int) -> None:
        self.set(name, max(value, self._values.get(name, value)))

    def at_most(self, name: str, value: int) -> None:
        self.set(name, min(value, self._values.get(name, value)))

    def flush(self) -> None:
        """Write what changed, inside the open transaction."""
        self._connection.executemany(
            "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            [(name, self._values[name]) for name in self._changed],
        )

    def keep(self) -> None:
        """The transaction was committed."""
        for name in self._changed:
            self._kept[name] = self._values[name]
        self._changed.clear()

    def forget(self) -> None:
        """The transaction was undone."""
        self._values = dict(self._kept)
        self._changed.clear()
