"""How far settling has come: integers of the settled file (`mark_names`), written with what they tell of."""

from __future__ import annotations

import sqlite3


class Marks:
    """The settler's copy of the table `marks`, and the reason why senders wait."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._committed: dict[str, int] = {}
        self._values: dict[str, int] = {}
        self._lag = self._stored_lag = ""
        self.reload()

    def reload(self) -> None:
        """Read the tables anew: the transaction was rolled back."""
        self._committed = dict(self._connection.execute("SELECT name, value FROM marks"))
        self._values = dict(self._committed)
        row = self._connection.execute("SELECT lag FROM pace").fetchone()
        self._lag = self._stored_lag = str(row[0]) if row else ""

    def get(self, name: str) -> int:
        """The value, changes of the open transaction included; 0 of a name that was never set."""
        return self._values.get(name, 0)

    def set(self, name: str, value: int) -> None:
        """Give a name this value."""
        self._values[name] = value

    def set_lag(self, lag: str) -> None:
        """Say why senders wait; empty while they need not."""
        self._lag = lag

    @property
    def changed(self) -> bool:
        """Whether there is something to write."""
        return self._values != self._committed or self._lag != self._stored_lag

    def flush(self) -> None:
        """Write what changed, inside the open transaction."""
        changed = {name: value for name, value in self._values.items() if self._committed.get(name) != value}
        self._connection.executemany(
            "INSERT INTO marks (name, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
            list(changed.items()),
        )
        if self._lag != self._stored_lag:
            self._connection.execute("DELETE FROM pace")
            if self._lag:
                self._connection.execute("INSERT INTO pace VALUES (1, ?)", (self._lag,))

    def on_commit(self) -> None:
        """Take the changes as stored."""
        self._committed = dict(self._values)
        self._stored_lag = self._lag
