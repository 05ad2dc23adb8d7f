"""Whether a SQLite file can be written, asked before it is opened.

SQLite opens a file that may not be written for reading, says nothing, and gives the log and the index
that it makes beside it the same mode: once the file may be written again, they still may not.
"""

from __future__ import annotations

import errno
import fcntl
import os
import sqlite3
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

_BESIDE = ("-wal", "-shm")
_DAMAGE = ("SQLITE_CORRUPT", "SQLITE_NOTADB")


def see_that_it_can_be_written(path: Path) -> None:
    """Raise PermissionError, naming the file, where the file at this path may not be written.

    Its log and its index are given the mode of the file, where they are this user's.
    """
    if not path.exists():
        return
    _ask(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    for suffix in _BESIDE:
        beside = path.with_name(path.name + suffix)
        if beside.exists() and not os.access(beside, os.W_OK):
            with suppress(OSError):
                beside.chmod(mode)
            _ask(beside)


def is_damage(error: BaseException) -> bool:
    """Whether an error says that a file is damaged, or no file of SQLite."""
    return (getattr(error, "sqlite_errorname", "") or "").startswith(_DAMAGE)


def set_aside_if(path: Path, word: str, is_unusable: Callable[[], bool]) -> Path | None:
    """Rename the file at `path`, with its log and index, if it is unusable; returns the new, dated name.

    None if it was not, as another process may have renamed it and begun a new one: one asks after the
    other. Raises OSError.
    """
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_unusable():
            return None
        name = target = f"{path}.{word}-{time.strftime('%Y%m%d-%H%M%S')}"
        number = 1
        while os.path.exists(target):  # noqa: PTH110 - a name, not a path to work with
            number += 1
            target = f"{name}-{number}"
        for suffix in ("", *_BESIDE):
            with suppress(FileNotFoundError):
                Path(f"{path}{suffix}").rename(f"{target}{suffix}")
        return Path(target)
    finally:
        os.close(lock)


def begins_like(path: Path, application: int) -> bool:
    """Whether a file begins like one of SQLite, or has this application's mark in its place.

    Must not be asked while this process has the file open in SQLite, which would lose its locks.
    """
    with path.open("rb") as file:
        header = file.read(72)
    return header.startswith(b"SQLite format 3\0") or header[68:] == application.to_bytes(4, "big")


def marks_of(path: Path) -> tuple[int, int, int] | None:
    """(application's number, version, number of tables) of a SQLite file; None if it is damaged.

    Raises sqlite3.Error where it cannot be opened at all, or is locked.
    """
    connection = sqlite3.connect(path, timeout=2.0, isolation_level=None)
    try:
        application, version = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("application_id", "user_version")
        )
        tables = int(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    except sqlite3.Error as error:
        if is_damage(error):
            return None
        raise
    finally:
        connection.close()
    return application, version, tables


def _ask(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
