"""Connections that only read: a few for all threads, reopened when a file is replaced, with a time limit.

A store that was there and is gone is an error and not an empty answer. Each connection has caches of its own
in SQLite, so that threads take one for a session and give it back, the one that was used last first.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from operator import lt
from pathlib import Path
from typing import Any, Final

from store.api import StoreUnavailable, TooSlow
from store.sqlite.read.shared import Shared
from store.sqlite.settled_file import settled_path
from store.sqlite.store_file import (
    SUFFIXES,
    connect_reader,
    empty_store,
    one_of_two_is_damaged,
    report_damage,
    unavailable,
)

TIME_LIMIT_S: Final = 10.0
_OTHERS_END_S: Final = 2.0
"""How long a session waits for those that still read files which were replaced."""
_CHECK_EVERY: Final = 20_000
"""Virtual machine steps between two looks at the clock: less than a millisecond of work."""
_MOST_IDLE: Final = 4
"""Connections that are kept for the next sessions: one takes up to 5 MB with its pages and statements."""

Row = tuple[Any, ...]
FileIdentity = tuple[tuple[int, int] | None, ...]
"""(device, inode) of the file, its log and the log's index, then of what is settled; None for each that is
not there."""


class ReadSession:
    """One read transaction: every statement sees the same snapshot, until a common deadline."""

    __slots__ = ("_connection", "_is_late", "noted", "shared")

    def __init__(
        self, connection: sqlite3.Connection, shared: Shared, is_late: Callable[[], bool] = lambda: False
    ) -> None:
        self._connection = connection
        self._is_late = is_late
        self.shared = shared
        """What all sessions of this file share."""
        self.noted = Shared()
        """What the questions of this snapshot share."""

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

    def add_function(
        self, name: str, arguments: int, function: Callable[..., str | bytes | bool | None]
    ) -> None:
        """Make a Python function of so many arguments callable in SQL."""
        self._connection.create_function(name, arguments, function, deterministic=True)

    def check_time(self) -> None:
        """Raise what a statement raises that runs beyond the deadline, for work that is no statement."""
        if self._is_late():
            raise _TooLateError("the deadline is over")

    def counter(self, name: str) -> int | None:
        """A value of the table `facts`, None if it is not there."""
        row = self.one("SELECT value FROM facts WHERE name = ?", (name,))
        return row[0] if row else None


class _TooLateError(sqlite3.OperationalError):
    sqlite_errorname = "SQLITE_INTERRUPT"


_REPORT_EVERY_S: Final = 30.0
"""The writer's look at a whole file may take a second."""


class _OfThread(threading.local):
    """What each thread has of its own."""

    held: ReadSession | None = None
    """The session of a snapshot that its caller holds."""
    connection: _Connection | None = None
    """That of its session, whose deadline its questions put off."""


class _Connection:
    """A connection, and until when its session may read."""

    __slots__ = ("deadline_s", "generation", "is_real", "shared", "sqlite")

    def __init__(self, sqlite: sqlite3.Connection, generation: int, shared: Shared, *, is_real: bool) -> None:
        self.sqlite = sqlite
        self.generation = generation
        self.shared = shared
        self.is_real = is_real
        """Whether it reads a file, and not the empty store that stands for none."""
        self.deadline_s = 0.0
        sqlite.set_progress_handler(self.is_late, _CHECK_EVERY)

    def is_late(self) -> bool:
        """Whether its session has read for longer than it may."""
        return time.monotonic() > self.deadline_s


class ReadConnections:
    """Opens read sessions; safe to use from many threads.

    All connections are of one generation: SQLite shares the index of the log among the connections of a
    process, so that one to the former files would make a new one read them, too.
    """

    def __init__(self, path: Path, time_limit_s: float = TIME_LIMIT_S, *, frugal: bool = False) -> None:
        self._path = path
        self._names = [f"{each}{suffix}" for each in (path, settled_path(path)) for suffix in SUFFIXES]
        self._frugal = frugal
        self._time_limit_s = time_limit_s
        self._thread = _OfThread()
        self._idle: list[_Connection] = []
        """Those of this generation that wait for a session, the last used last."""
        self._busy: set[_Connection] = set()
        self._shared = Shared()
        self._changed = threading.Condition()
        self._generation = 1
        self._identity: FileIdentity = ()
        self._sizes_bytes = (0, 0)
        self._closed = False
        self._report_at_s = 0.0
        """When the writer may be told of damage again."""
        self.seen = False
        """Whether there was a store at the path once."""

    @contextmanager
    def session(self) -> Iterator[ReadSession]:
        """A snapshot to read from; raise TooSlow after the time limit, StoreUnavailable if the file fails.

        Before there is a store at the path, everything is empty; when it is gone, StoreUnavailable.
        """
        thread = self._thread
        deadline_s = time.monotonic() + self._time_limit_s
        try:
            if thread.held is not None and thread.connection is not None:
                thread.connection.deadline_s = deadline_s
                yield thread.held
                return
            taken = self._take()
            outer, thread.connection = thread.connection, taken
            taken.deadline_s = deadline_s
            connection, whole = taken.sqlite, False
            try:
                connection.execute("BEGIN")
                yield ReadSession(connection, taken.shared, taken.is_late)
                connection.execute("COMMIT")
                whole = True
            finally:
                thread.connection = outer
                self._give_back(taken, whole=whole)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                raise TooSlow(
                    f"The answer would take more than {self._time_limit_s:g} s: choose a shorter time range."
                ) from error
            raise self._reported(unavailable(self._path, error)) from error

    def _reported(self, found: StoreUnavailable) -> StoreUnavailable:
        """The error to raise for this one, after the writers were told of damage, if it is that."""
        if found.reason != "damaged":
            return found
        derived = settled_path(self._path)
        if time.monotonic() >= self._report_at_s:
            self._report_at_s = time.monotonic() + _REPORT_EVERY_S
            # Which of the two files it is, their writers find out.
            report_damage(self._path)
            report_damage(derived)
        return one_of_two_is_damaged(self._path, derived) if derived.exists() else found

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

    def _take(self) -> _Connection:
        """A connection to the files that are at the path now."""
        with self._changed:
            if self._closed:
                raise StoreUnavailable(f"The reader of {self._path} is closed: open another one.")
            self._notice()
            taken = self._idle.pop() if self._idle else None
            # An empty file counts as none: its writer is about to make the tables.
            if taken is not None and not taken.is_real and self._identity[0]:
                taken.sqlite.close()
                taken = None
            taken = taken or self._open()
            self._busy.add(taken)
            return taken

    def _give_back(self, given: _Connection, *, whole: bool) -> None:
        """Keep it for the next session; not after an error, which may hold a statement half read."""
        with self._changed:
            self._busy.discard(given)
            current = whole and not self._closed and given.generation == self._generation
            if not current or len(self._idle) >= _MOST_IDLE:
                given.sqlite.close()
            else:
                self._idle.append(given)
            self._changed.notify_all()

    def _notice(self) -> None:
        """Begin a new generation if the files are not those of the last session."""
        sizes_bytes, identity = self._look()
        # A file that became shorter may have been cut off: what is mapped of it must not be read.
        if identity != self._identity or any(map(lt, sizes_bytes, self._sizes_bytes)):
            self._generation += 1
            self._shared = Shared()
            self._close_idle()
        self._sizes_bytes, self._identity = sizes_bytes, identity

    def _close_idle(self) -> None:
        for each in self._idle:
            each.sqlite.close()
        self._idle.clear()

    def _open(self) -> _Connection:
        """A connection to the files, or to an empty store before there ever were any."""
        if not self._changed.wait_for(self._is_of_one_generation, timeout=_OTHERS_END_S):
            raise StoreUnavailable(
                f"The files of {self._path} changed, and older questions still read the former ones: "
                "ask again in a moment.",
                "changed",
            )
        try:
            found = connect_reader(self._path, frugal=self._frugal) if self._identity[0] else None
        except StoreUnavailable as error:
            raise self._reported(error) from error
        if found is None and self.seen:
            raise StoreUnavailable(
                f"{self._path} is gone or was emptied: the collector begins a new store within a second, "
                "if it runs; if the file was moved, stop the lab and move it back.",
                "gone",
            )
        if found is not None:
            self.seen = True
            # To open it may have made its log and the log's index. A file that came meanwhile may have been
            # missed: it counts as new with the next session.
            before = self._identity
            self._sizes_bytes, after = self._look()
            self._identity = tuple(
                before[place] if place % len(SUFFIXES) == 0 else each for place, each in enumerate(after)
            )
        connection = found if found is not None else empty_store()
        return _Connection(connection, self._generation, self._shared, is_real=found is not None)

    def _is_of_one_generation(self) -> bool:
        return all(each.generation == self._generation for each in self._busy)

    def _look(self) -> tuple[tuple[int, int], FileIdentity]:
        """The sizes of both files and the identities of all. Raises StoreUnavailable if that is forbidden."""
        sizes: list[int] = []
        found: list[tuple[int, int] | None] = []
        for name in self._names:
            try:
                stat = os.stat(name)  # noqa: PTH116 - with each question; Path takes twice as long
            except (FileNotFoundError, NotADirectoryError):
                found.append(None)
                sizes.append(0)
            except OSError as error:
                raise unavailable(self._path, error) from error
            else:
                found.append((stat.st_dev, stat.st_ino))
                sizes.append(stat.st_size)
        return (sizes[0], sizes[len(SUFFIXES)]), tuple(found)

    def close(self) -> None:
        """Close every connection; those in use when their session ends."""
        with self._changed:
            self._closed = True
            self._close_idle()


class SqlitePart:
    """What the readers of all families share: the connections that they read from."""

    def __init__(self, connections: ReadConnections) -> None:
        self._connections = connections
