"""What all files of a store have in common: the names of their parts, and how tables are made."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOG_SUFFIX: Final = "-wal"
INDEX_SUFFIX: Final = "-shm"
SUFFIXES: Final = ("", LOG_SUFFIX, INDEX_SUFFIX)
"""What the names of a store's files end with: the file, its write-ahead log, the log's index."""
MAPPED_BYTES: Final = 0x7FFF_0000
"""SQLite maps no more than this, 2 GiB; what a file has beyond it is read through pages of the connection."""


def run_script(
    connection: sqlite3.Connection, script: Path, changed: Callable[[str], str] = lambda text: text
) -> None:
    """Execute a file statement by statement: `executescript` would commit first."""
    statement = ""
    for line in script.read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(changed(statement))
            statement = ""
