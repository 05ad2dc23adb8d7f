"""Connections that only read: one per thread, reopened when the file is replaced, with a time limit."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from store.api import StoreUnavailable, TooSlow
from store.sqlite.store_file import connect_reader, empty_store, unavailable

TIME_LIMIT_S: Final = 10.0
_CHECK_EVERY: Final = 20_000
"""Virtual machine steps between two looks at the clock."""

Row = tuple[Any, ...]
Identity = tuple[int, int] | None


class Question:
    """One question's view of the store: a snapshot, and a deadline."""

    __slots__ = ("_connection", "remembered")

    def __init__(self, connection: sqlite3.Connection, remembered: dict[int, Any] | None = None) -> None:
        self._connection = connection
        self.remembered: dict[int, Any] = {} if remembered is None else remembered
        """What numbers that are never given twice stand for in this file; for whoever asks next, too."""

    def all(self, sql: str, values: Sequence[object] = ()) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[object] = ()) -> Row | None:
        row: Row | None = self._connection.execute(sql, values).fetchone()
        return row

    def each(self, sql: str, values: Sequence[object] = ()) -> Iterator[Row]:
        return iter(self._connection.execute(sql, values))

    def add_function(self, name: str, arguments: int, function: Callable[..., str | bool]) -> None:
        """Let SQL call a function of so many arguments."""
        self._connection.create_function(name, arguments, function, deterministic=True)

    def fact(self, name: str) -> int | None:
        row = self.one("SELECT value FROM facts WHERE name = ?", (name,))
        return row[0] if row else None


class _Mine(threading.local):
    connection: sqlite3.Connection | None = None
    identity: Identity = None
    deadline_s: float = 0.0
    remembered: dict[int, Any]


class Asking:
    """Gives questions; safe to use from many threads."""

    def __init__(self, path: Path, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._path = path
        self._time_limit_s = time_limit_s
        self._mine = _Mine()
        self._all: set[sqlite3.Connection] = set()
        self._guard = threading.Lock()
        self._closed = False

    @contextmanager
    def question(self) -> Iterator[Question]:
        """A snapshot to ask; raise TooSlow after the time limit, StoreUnavailable if the file fails.

        Before there is a store at the path, everything is empty.
        """
        mine = self._mine
        mine.deadline_s = time.monotonic() + self._time_limit_s
        try:
            connection = self._connect()
            connection.execute("BEGIN")
            try:
                yield Question(connection, mine.remembered)
            finally:
                if connection.in_transaction:
                    connection.execute("COMMIT")
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT":
                raise TooSlow(
                    f"The answer would take more than {self._time_limit_s:g} s: ask for a shorter time range."
                ) from error
            raise unavailable(self._path, error) from error

    def _connect(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreUnavailable(f"The reader of {self._path} is closed: open another one.")
        mine = self._mine
        identity = self._identity()
        if mine.connection is not None and identity == mine.identity and identity is not None:
            return mine.connection
        if mine.connection is not None:
            self._drop(mine.connection)
        found = connect_reader(self._path) if identity else None
        mine.identity = identity if found is not None else None
        mine.remembered = {}
        mine.connection = found if found is not None else empty_store()
        mine.connection.set_progress_handler(lambda: time.monotonic() > mine.deadline_s, _CHECK_EVERY)
        with self._guard:
            self._all.add(mine.connection)
        return mine.connection

    def _identity(self) -> Identity:
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
