"""Named integers of the store: counters, marks, bounds. Kept in memory, written with each commit.

They are the table `facts`; `store/README.md` lists the names.
"""

from __future__ import annotations

import sqlite3

from store.sqlite.row_checks import COUNTS_CHECK, counts_check


class Counters:
    """The writer's copy of the table `facts`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._committed: dict[str, int] = dict(connection.execute("SELECT name, value FROM facts"))
        self._values = dict(self._committed)
        self._changed: set[str] = set()

    def get(self, name: str, default: int = 0) -> int:
        """The value, changes of the open transaction included."""
        return self._values.get(name, default)

    def set(self, name: str, value: int) -> None:
        """Give a name this value."""
        if self._values.get(name) != value:
            self._values[name] = value
            self._changed.add(name)

    def add(self, name: str, amount: int) -> None:
        """Raise a value (from 0) by an amount."""
        if amount:
            self.set(name, self._values.get(name, 0) + amount)

    def at_least(self, name: str, value: int) -> None:
        """Raise a value to this one if it is lower or missing."""
        self.set(name, max(value, self._values.get(name, value)))

    def at_most(self, name: str, value: int) -> None:
        """Lower a value to this one if it is higher or missing."""
        self.set(name, min(value, self._values.get(name, value)))

    def flush(self) -> None:
        """Write what changed, inside the open transaction."""
        if not self._changed.isdisjoint(("spans", "logs")):
            self.set(COUNTS_CHECK, counts_check(self.get("spans"), self.get("logs")))
        self._connection.executemany(
            "INSERT INTO facts (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            [(name, self._values[name]) for name in self._changed],
        )

    def on_commit(self) -> None:
        """Take the changes as stored."""
        for name in self._changed:
            self._committed[name] = self._values[name]
        self._changed.clear()

    def on_rollback(self) -> None:
        """Return to what was stored."""
        self._values = dict(self._committed)
        self._changed.clear()
