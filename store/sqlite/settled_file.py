"""The file of what is settled, beside the store's: made, opened by the settler, attached by readers.

All in it can be computed from the store, so that one that is missing, damaged or of another version is
replaced. It appears at its path with all its tables.
"""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Final

from store.sqlite.file_parts import MAPPED_BYTES, SUFFIXES, run_script

SETTLED_SUFFIX: Final = ".settled"
SETTLED_VERSION: Final = 6
SETTLED_ID: Final = 0x48_4C_41_53
"""`HLAS` in ASCII."""
_SCHEMA: Final = Path(__file__).with_name("settled.sql")
_NEW: Final = ".new"
_BUSY_S: Final = 5.0
_NAME: Final = re.compile(r"(CREATE (?:TABLE|INDEX)) (\w+)")


def settled_path(store: Path) -> Path:
    """The path of what is settled of the store at a path."""
    return store.with_name(store.name + SETTLED_SUFFIX)


def create_settled(connection: sqlite3.Connection, schema: str = "main") -> None:
    """Create the tables, inside the open transaction if there is one."""
    run_script(connection, _SCHEMA, lambda text: _NAME.sub(rf"\1 {schema}.\2", text))
    connection.execute(f"PRAGMA {schema}.application_id = {SETTLED_ID}")
    connection.execute(f"PRAGMA {schema}.user_version = {SETTLED_VERSION}")


def connect_settler(path: Path) -> sqlite3.Connection:
    """The one connection that writes the file at `path`, which is made anew unless it is ours and whole.

    Raises sqlite3.Error or OSError.
    """
    if not _is_current(path):
        _make(path)
    connection = sqlite3.connect(path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # All of it can be computed again: what the death of a process leaves is whole.
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute("PRAGMA temp_store = MEMORY")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def attach_settled(connection: sqlite3.Connection, store: Path, *, frugal: bool) -> None:
    """Attach what is settled as `settled`, or tables without rows while there is none.

    Raises sqlite3.Error. Must come before `query_only`.
    """
    path = settled_path(store)
    if path.exists():
        connection.execute("ATTACH ? AS settled", (f"{path.absolute().as_uri()}?mode=rw",))
        if _marks_of(connection, "settled") == (SETTLED_ID, SETTLED_VERSION):
            connection.execute(f"PRAGMA settled.cache_size = {-1_024 if frugal else -2_048}")
            connection.execute(f"PRAGMA settled.mmap_size = {0 if frugal else MAPPED_BYTES}")
            return
        connection.execute("DETACH settled")
    connection.execute("ATTACH ':memory:' AS settled")
    create_settled(connection, "settled")


def discard_settled(path: Path) -> None:
    """Delete the file at `path` with its log: it is computed anew. Raises OSError."""
    for suffix in SUFFIXES:
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _make(path: Path) -> None:
    new = path.with_name(path.name + _NEW)
    discard_settled(new)
    connection = sqlite3.connect(new, isolation_level=None, timeout=_BUSY_S)
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("BEGIN IMMEDIATE")
        create_settled(connection)
        connection.execute("COMMIT")
    finally:
        connection.close()
    discard_settled(path)
    new.rename(path)


def _is_current(path: Path) -> bool:
    if not path.exists():
        return False
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_S)
    except sqlite3.Error:
        return False
    try:
        return _marks_of(connection, "main") == (SETTLED_ID, SETTLED_VERSION)
    except sqlite3.Error:
        return False
    finally:
        connection.close()


def _marks_of(connection: sqlite3.Connection, schema: str) -> tuple[int, ...]:
    return tuple(
        int(connection.execute(f"PRAGMA {schema}.{name}").fetchone()[0])
        for name in ("application_id", "user_version")
    )
