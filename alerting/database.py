"""The SQLite file of alerts: opening it, setting a damaged one aside, transactions of several processes."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from alerting.errors import AlertError

SCHEMA_VERSION: Final = 1
APPLICATION_ID: Final = 0x48_4C_41_4C
"""`HLAL` in ASCII: marks our files among SQLite files."""
BUSY_TIMEOUT_S: Final = 2.0
_SCHEMA: Final = Path(__file__).with_name("schema.sql")
_SUFFIXES: Final = ("", "-wal", "-shm")
_MOST_NOTES: Final = 50

Identity = tuple[int, int] | None


class _Unreadable(Exception):
    """The file is no file of alerts, or a damaged one; the message says which."""


class Database:
    """One connection for all threads of a process, opened when it is used, and again for another file.

    The process that evaluates (`owner`) sets a damaged file aside; others raise AlertError until it has.
    """

    def __init__(self, path: Path, *, owner: bool = False) -> None:
        self._path = path
        self._owner = owner
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._identity: Identity = None

    @property
    def path(self) -> Path:
        """Where the file is."""
        return self._path

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; other processes and threads wait. Raises AlertError."""
        with self._lock, self._errors():
            connection = self._open()
            if connection.in_transaction:
                # Part of one that this thread has begun.
                yield connection
                return
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """A connection to read from, all from one moment. Raises AlertError."""
        with self._lock, self._errors():
            connection = self._open()
            if connection.in_transaction:
                yield connection
                return
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("COMMIT")

    def close(self) -> None:
        """Close the connection; the next use opens another one."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _open(self) -> sqlite3.Connection:
        found = _identity_of(self._path)
        if self._connection is not None and found == self._identity:
            return self._connection
        self.close()
        try:
            self._connection = self._connected()
        except (_Unreadable, sqlite3.DatabaseError) as error:
            if not self._owner or not _is_damage(error):
                raise
            self._set_aside(error)
            self._connection = self._connected()
        self._identity = _identity_of(self._path)
        return self._connection

    def _connected(self) -> sqlite3.Connection:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            self._path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            # A few pages are in use; the default keeps up to 2 MB of them.
            connection.execute("PRAGMA cache_size = -256")
            _prepare(connection, self._path)
        except BaseException:
            connection.close()
            raise
        return connection

    def _set_aside(self, error: Exception) -> None:
        kept = self._path.with_name(f"{self._path.name}.damaged-{time.time_ns() // 10**9}")
        for suffix in _SUFFIXES:
            with contextlib.suppress(FileNotFoundError):
                Path(f"{self._path}{suffix}").replace(f"{kept}{suffix}")
        connection = self._connected()
        try:
            note(
                connection,
                f"The file of alerts {_trouble_of(error)}. It is kept as {kept.name}, and a new one was "
                "begun: earlier alerts are not shown.",
                time.time_ns(),
            )
        finally:
            connection.close()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error, _Unreadable) as error:
            if isinstance(error, sqlite3.DatabaseError) and _is_damage(error):
                # The next use looks at the file anew.
                self.close()
                self._identity = None
            raise AlertError(
                f"The file of alerts {self._path} cannot be used: {error}.",
                "Free its disk or its permissions; if it is damaged, restart the lab, which sets it aside.",
            ) from error


def note(connection: sqlite3.Connection, text: str, at_unix_nano: int) -> None:
    """Keep what happened to the file, for people; the newest notes stay."""
    connection.execute("INSERT INTO notes (at, text) VALUES (?, ?)", (at_unix_nano, text))
    connection.execute(
        "DELETE FROM notes WHERE id <= (SELECT max(id) FROM notes) - ?",
        (_MOST_NOTES,),
    )


def rows(
    connection: sqlite3.Connection, question: str, values: Sequence[object] = ()
) -> list[tuple[Any, ...]]:
    """All rows of a question."""
    return connection.execute(question, values).fetchall()


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        application, version = (
            rows(connection, f"PRAGMA {name}")[0][0] for name in ("application_id", "user_version")
        )
        tables = rows(connection, "SELECT count(*) FROM sqlite_schema")[0][0]
        if tables and (application, version) != (APPLICATION_ID, SCHEMA_VERSION):
            raise _Unreadable(f"{path.name} is not a file of alerts of this version")
        # Not executescript, which would commit first: two processes may be here at once.
        for statement in _SCHEMA.read_text("utf-8").split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except BaseException:
        with contextlib.suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")


def _trouble_of(error: Exception) -> str:
    return f"could not be used: {error}" if isinstance(error, _Unreadable) else f"was damaged ({error})"


def _is_damage(error: Exception) -> bool:
    name = getattr(error, "sqlite_errorname", "")
    return isinstance(error, _Unreadable) or name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def _identity_of(path: Path) -> Identity:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
