"""The record of when the file had a writer (`writer_runs`): one row for each. Must run in a transaction."""

from __future__ import annotations

import sqlite3
from typing import Final

_KEPT: Final = 1_000
"""Runs that are remembered, the newest."""


def begin(connection: sqlite3.Connection, now_unix_nano: int) -> int:
    """Note that a writer begins; returns the key of its row."""
    (latest,) = connection.execute("SELECT coalesce(max(began), 0) FROM writer_runs").fetchone()
    # A clock that was set back must not let two runs share a row, or change their order.
    began = max(now_unix_nano, latest + 1)
    connection.execute("INSERT INTO writer_runs (began) VALUES (?)", (began,))
    connection.execute(
        "DELETE FROM writer_runs WHERE began <= "
        "(SELECT began FROM writer_runs ORDER BY began DESC LIMIT 1 OFFSET ?)",
        (_KEPT,),
    )
    return int(began)


def end(connection: sqlite3.Connection, began: int, now_unix_nano: int) -> None:
    """Note that the writer of this row has stopped."""
    connection.execute("UPDATE writer_runs SET ended = ? WHERE began = ?", (now_unix_nano, began))
