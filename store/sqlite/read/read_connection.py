"""Connections that only read: one per thread, reopened when a file is replaced, with a time limit.

A store that was there and is gone is an error and not an empty answer.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from store.api import StoreUnavailable, TooSlow
from store.sqlite.store_file import SUFFIXES, connect_reader, empty_store, unavailable
from store.sqlite.tag_sets import TagSet

TIME_LIMIT_S: Final = 10.0
_OTHERS_END_S: Final = 2.0
"""How long a session waits for those that still read files which were replaced."""
_CHECK_EVERY: Final = 20_000
"""Virtual machine steps between two looks at the clock: less than a millisecond of work."""


Row = tuple[Any, ...]
TagSetCache = dict[int, TagSet]
FileIdentity = tuple[tuple[int, int] | None, ...]
"""(device, inode) of the file, its log and the log's index, None for each that is not there."""


class ReadSession:
    """One read transaction: every statement sees the same snapshot, until a common deadline."""

    __slots__ = ("_connection", "kept", "tag_sets")

    def __init__(self, connection: sqlite3.Connection, tag_sets: TagSetCache) -> None:
        self._connection = connection
        self.tag_sets = tag_sets
        """Cache of tag sets by id, shared by all sessions of a connection: ids are never reused."""
        self.kept: dict[str, Any] = {}
        """What was computed of this snapshot and is needed by several questions of a page."""

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

    held: ReadSession | None = None
    """The session of a snapshot that its caller holds."""

    connection: sqlite3.Connection | None = None
    is_real: bool = False
    """Whether it reads a file, and not the empty store that stands for none."""
    generation: int = 0
    deadline_s: float = 0.0
    tag_sets: TagSetCache


class ReadConnections:
    """Opens read sessions; safe to use from many threads.

    All connections are of one generation: SQLite shares the index of the log among the connections of a
    process, so that one to the former files would make a new one read them, too.
    """

    def __init__(self, path: Path, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._path = path
        self._time_limit_s = time_limit_s
        self._thread = _OfThread()
        self._idle: set[sqlite3.Connection] = set()
        self._busy: dict[sqlite3.Connection, int] = {}
        """Connections in use, each with its generation."""
        self._changed = threading.Condition()
        self._generation = 1
        self._identity: FileIdentity = ()
        self._size_bytes = 0
        self._closed = False
        self._seen = False
        """Whether there was a store at the path once."""

    @contextmanager
    def session(self) -> Iterator[ReadSession]:
        """A snapshot to read from; raise TooSlow after the time limit, StoreUnavailable if the file fails.

        Before there is a store at the path, everything is empty; when it is gone, StoreUnavailable.
        """
        thread = self._thread
        thread.deadline_s = time.monotonic() + self._time_limit_s
        try:
            if thread.held is not None:
                yield thread.held
                return
            connection = self._take()
            try:
                connection.execute("BEGIN")
                yield ReadSession(connection, thread.tag_sets)
            finally:
                try:
                    if connection.in_transaction:
                        connection.execute("COMMIT")
                finally:
                    self._give_back(connection)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                raise TooSlow(
                    f"The answer would take more than {self._time_limit_s:g} s: choose a shorter time range."
                ) from error
            raise unavailable(self._path, error) from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Within it, every session of this thread sees the same snapshot."""
        thread = self._thread
        with self.session() as held:
            outer, thread.held = thread.held, held
            try:
                yield
            finally:
                thread.held = outer

    def _take(self) -> sqlite3.Connection:
        """This thread's connection to the files that are at the path now."""
        thread = self._thread
        with self._changed:
            if self._closed:
                raise StoreUnavailable(f"The reader of {self._path} is closed: open another one.")
            self._notice()
            # An empty file counts as none: its writer is about to make the tables.
            outdated = thread.generation != self._generation or not (thread.is_real or not self._identity[0])
            if thread.connection is None or outdated:
                thread.connection = None
                thread.connection = self._open()
                thread.generation = self._generation
            self._idle.discard(thread.connection)
            self._busy[thread.connection] = thread.generation
            return thread.connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        with self._changed:
            self._busy.pop(connection, None)
            if self._closed or self._thread.generation != self._generation:
                connection.close()
            else:
                self._idle.add(connection)
            self._changed.notify_all()

    def _notice(self) -> None:
        """Begin a new generation if the files are not those of the last session."""
        size_bytes, identity = self._look()
        # A file that became shorter may have been cut off: what is mapped of it must not be read.
        if identity != self._identity or size_bytes < self._size_bytes:
            self._generation += 1
            for connection in self._idle:
                connection.close()
            self._idle.clear()
        self._size_bytes, self._identity = size_bytes, identity

    def _open(self) -> sqlite3.Connection:
        """A connection to the files, or to an empty store before there ever were any."""
        if not self._changed.wait_for(self._is_of_one_generation, timeout=_OTHERS_END_S):
            raise StoreUnavailable(
                f"The files of {self._path} changed, and older questions still read the former ones: "
                "ask again in a moment.",
                "changed",
            )
        found = connect_reader(self._path) if self._identity[0] else None
        if found is None and self._seen:
            raise StoreUnavailable(
                f"{self._path} is gone or was emptied: the collector begins a new store within a second, "
                "if it runs; if the file was moved, stop the lab and move it back.",
                "gone",
            )
        thread = self._thread
        if found is not None:
            self._seen = True
            # To open it may have made its log and the log's index.
            self._size_bytes, self._identity = self._look()
        thread.tag_sets = {}
        thread.is_real = found is not None
        connection = found if found is not None else empty_store()
        connection.set_progress_handler(lambda: time.monotonic() > thread.deadline_s, _CHECK_EVERY)
        return connection

    def _is_of_one_generation(self) -> bool:
        return all(generation == self._generation for generation in self._busy.values())

    def _look(self) -> tuple[int, FileIdentity]:
        """The size of the file and the identities of all. Raises StoreUnavailable if that is forbidden."""
        size_bytes = 0
        found: list[tuple[int, int] | None] = []
        for suffix in SUFFIXES:
            try:
                stat = Path(f"{self._path}{suffix}").stat()
            except (FileNotFoundError, NotADirectoryError):
                found.append(None)
            except OSError as error:
                raise unavailable(self._path, error) from error
            else:
                size_bytes = size_bytes if suffix else stat.st_size
                found.append((stat.st_dev, stat.st_ino))
        return size_bytes, tuple(found)

    def close(self) -> None:
        """Close every thread's connection; those in use when their session ends."""
        with self._changed:
            self._closed = True
            for connection in self._idle:
                connection.close()
            self._idle.clear()


class SqlitePart:
    """What the readers of all families share: the connections that they read from."""

    def __init__(self, connections: ReadConnections) -> None:
        self._connections = connections
