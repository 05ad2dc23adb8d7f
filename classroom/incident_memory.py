"""Which incidents a class had as lessons so far, inside a transaction: an exam shall draw another one."""

from __future__ import annotations

import sqlite3


def note(connection: sqlite3.Connection, incident: str) -> None:
    """Note that the class, or a seat of it, has this incident."""
    connection.execute("INSERT OR IGNORE INTO had VALUES (?)", (incident,))


def had(connection: sqlite3.Connection) -> frozenset[str]:
    """What was noted; where nothing was, as in a file of before, what runs."""
    rows = connection.execute(
        "SELECT incident FROM had UNION SELECT value FROM settings"
        " WHERE name = 'incident' AND NOT EXISTS (SELECT 1 FROM had)"
    )
    return frozenset(name for (name,) in rows.fetchall())


def forget(connection: sqlite3.Connection) -> None:
    """Begin with another class."""
    connection.execute("DELETE FROM had")
