"""Connections that only read: one per thread, reopened when the file is replaced, with a time limit."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from store.api import StoreUnavailable, TooSlow
from store.sqlite.store_file import connect_reader, empty_store, unavailable
from store.sqlite.tag_sets import TagSet

TIME_LIMIT_S: Final = 10.0
_CHECK_EVERY: Final = 20_000
"""Virtual machine steps between two looks at the clock: less than a millisecond of work."""


Row = tuple[Any, ...]
TagSetCache = dict[int, TagSet]
FileIdentity = tuple[int, int] | None
"""(device, inode), or None while there is no file."""


class ReadSession:
    """One read transaction: every statement sees the same snapshot, until a common deadline."""

    __slots__ = ("_connection", "tag_sets")

    def __init__(self, connection: sqlite3.Connection, tag_sets: TagSetCache) -> None:
        self._connection = connection
        self.tag_sets = tag_sets
        """Cache of tag sets by id, shared by all sessions of a connection: ids are never reused."""

    def all(self, sql: str, values: Sequence[object] | Mapping[str, object] = ()) -> list[Row]:
        """All rows of a statement."""
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        """The first row of a statement, None if it has none."""
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def each(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        """The rows of a statement as they are found."""
        return iter(self._connection.execute(sql, values))

    def add_function(self, name: str, arguments: int, function: Callable[..., str | bool]) -> None:
        """Make a Python function of so many arguments callable in SQL."""
        self._connection.create_function(name, arguments, function, deterministic=True)

    def counter(self, name: str) -> int | None:
        """A value of the table `facts`, None if it is not there."""
        row = self.one("SELECT value FROM facts WHERE name = ?", (name,))
        return row[0] if row else None


class _OfThread(threading.local):
    """What each thread has of its own."""

    connection: sqlite3.Connection | None = None
    identity: FileIdentity = None
    deadline_s: float = 0.0
    tag_sets: TagSetCache


class ReadConnections:
    """Opens read sessions; safe to use from many threads."""

    def __init__(self, path: Path, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._path = path
        self._time_limit_s = time_limit_s
        self._thread = _OfThread()
        self._all: set[sqlite3.Connection] = set()
        self._guard = threading.Lock()
        self._closed = False

    @contextmanager
    def session(self) -> Iterator[ReadSession]:
        """A snapshot to read from; raise TooSlow after the time limit, StoreUnavailable if the file fails.

        Before there is a store at the path, everything is empty.
        """
        thread = self._thread
        thread.deadline_s = time.monotonic() + self._time_limit_s
        try:
            connection = self._connect()
            connection.execute("BEGIN")
            try:
                yield ReadSession(connection, thread.tag_sets)
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                raise TooSlow(
                    f"The answer would take more than {self._time_limit_s:g} s: choose a shorter time range."
                ) from error
            raise unavailable(self._path, error) from error

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreUnavailable(f"The reader of {self._path} is closed: open another one.")
        thread = self._thread
        identity = self._identity()
        if thread.connection is not None and identity == thread.identity and identity is not None:
            return thread.connection
        if thread.connection is not None:
            self._drop(thread.connection)
        found = connect_reader(self._path) if identity else None
        # An empty file counts as none: its writer is about to make the tables.
        thread.identity = identity if found is not None else None
        thread.tag_sets = {}
        thread.connection = found if found is not None else empty_store()
        thread.connection.set_progress_handler(lambda: time.monotonic() > thread.deadline_s, _CHECK_EVERY)
        with self._guard:
            self._all.add(thread.connection)
        return thread.connection

    def _identity(self) -> FileIdentity:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_dev, stat.st_ino

    def _drop(self, connection: sqlite3.Connection) -> None:
        with self._guard:
            self._all.discard(connection)
        connection.close()

    def close(self) -> None:
        """Close every thread's connection."""
        with self._guard:
            self._closed = True
            for connection in self._all:
                connection.close()
            self._all.clear()


class SqlitePart:
    """What the readers of all families share: the connections that they read from."""

    def __init__(self, connections: ReadConnections) -> None:
        self._connections = connections
