"""Takes leave of a store's files that are lost or damaged: nothing is deleted, all gets a dated name."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from store.sqlite.store_file import APPLICATION_ID, LOG_SUFFIX, SUFFIXES
from store.sqlite.write.store_guard import StoreGuard

CHECK_S: Final = 1.0
"""How long the check of a file that another program wrote into may take."""
_CHECK_STEPS: Final = 20_000
_MARK: Final = slice(68, 72)
"""Where the header of a SQLite file has its application's number."""


def set_aside(path: Path, word: str, suffixes: Sequence[str] = SUFFIXES) -> Path | None:
    """Rename the store's files at `path` together; returns the new name, None if there was none.

    Raises OSError.
    """
    target = _free_name(path, f"{path.name}.{word}-{time.strftime('%Y%m%d-%H%M%S')}")
    moved = None
    for suffix in suffixes:
        with contextlib.suppress(FileNotFoundError):
            Path(f"{path}{suffix}").rename(f"{target}{suffix}")
            moved = target
    return moved


def _free_name(path: Path, name: str) -> Path:
    target, number = path.with_name(name), 1
    while any(Path(f"{target}{suffix}").exists() for suffix in SUFFIXES):
        number += 1
        target = path.with_name(f"{name}-{number}")
    return target


def let_go(connection: sqlite3.Connection, guard: StoreGuard) -> bool:
    """Bring what the log holds into the file, wherever that is now, and close; returns whether all is in it.

    SQLite deletes log and index by name when it closes: files there that are not its own are put
    out of its way.
    """
    with contextlib.suppress(sqlite3.Error):
        if connection.in_transaction:
            connection.execute("ROLLBACK")
    try:
        busy, in_log, moved = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        whole = not busy and in_log == moved
    except sqlite3.Error:
        whole = False
    with _out_of_the_way(guard.beside(own=False)):
        with contextlib.suppress(sqlite3.Error):
            connection.close()
        guard.close()
    return whole


@contextlib.contextmanager
def _out_of_the_way(paths: list[Path]) -> Iterator[None]:
    held = []
    for path in paths:
        other = path.with_name(path.name + ".held")
        with contextlib.suppress(OSError):
            path.rename(other)
            held.append((other, path))
    try:
        yield
    finally:
        for other, path in held:
            with contextlib.suppress(OSError):
                other.rename(path)


def begins_like_ours(path: Path) -> bool:
    """Whether the file has the mark of our files in its place, whatever else it holds."""
    return _header(path)[_MARK] == APPLICATION_ID.to_bytes(4, "big")


def is_cut_off(path: Path) -> bool:
    """Whether a file of SQLite is shorter than the pages that it claims, and no log holds the rest."""
    header = _header(path)
    if not header.startswith(b"SQLite format 3"):
        return False
    with contextlib.suppress(OSError):
        if Path(f"{path}{LOG_SUFFIX}").stat().st_size:
            # A checkpoint may have been killed before it wrote the last pages: the log has them still.
            return False
    page_bytes = int.from_bytes(header[16:18], "big")
    page_bytes = 65_536 if page_bytes == 1 else page_bytes
    with contextlib.suppress(OSError):
        return path.stat().st_size < page_bytes * int.from_bytes(header[28:32], "big")
    return False


def _header(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(100)
    except OSError:
        return b""


def is_damaged(path: Path) -> bool:
    """Whether SQLite finds the file damaged, as far as it comes in CHECK_S; False where it cannot look."""
    deadline_s = time.monotonic() + CHECK_S
    try:
        other = sqlite3.connect(path, timeout=0.0, isolation_level=None)
    except sqlite3.Error:
        return False
    try:
        other.set_progress_handler(lambda: time.monotonic() > deadline_s, _CHECK_STEPS)
        found = other.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))
    finally:
        other.close()
    return bool(found) and found[0] != "ok"
