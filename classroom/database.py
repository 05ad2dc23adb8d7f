"""The SQLite file of a class: opening, its schema, and transactions from several processes."""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runtime.installation import COMMAND
from runtime.sqlite_files import begins_like, marks_of, set_aside_if

_LOG = logging.getLogger(__name__)
SCHEMA_VERSION = 1
APPLICATION_ID = 0x48_4C_43_4C
"""`HLCL` in ASCII: marks our files among SQLite files."""
BUSY_TIMEOUT_S = 2.0
_SCHEMA = Path(__file__).with_name("schema.sql")
_ADDITIONS = Path(__file__).with_name("additions.sql")


class ClassError(Exception):
    """The class's file cannot be used; `str()` is one sentence, `remedy` says what to do."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class Database:
    """One connection to the file, for all threads of a process. Make it after any fork."""

    def __init__(self, path: Path) -> None:
        """Open the file, created with its tables where it is missing. Raises ClassError."""
        self._path = path
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _see_to_file(path)
            self._connection = sqlite3.connect(
                path, timeout=BUSY_TIMEOUT_S, isolation_level=None, check_same_thread=False
            )
            # The passcode and the codes of the seats are in it.
            path.chmod(0o600)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._prepare()
        except (OSError, sqlite3.Error) as error:
            raise self._unusable(error) from error

    def _prepare(self) -> None:
        with self.transaction() as connection:
            application, version = (
                connection.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("application_id", "user_version")
            )
            tables = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
            if not tables:
                _run(connection, _SCHEMA)
                connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif (application, version) != (APPLICATION_ID, SCHEMA_VERSION):
                raise ClassError(
                    f"{self._path} is not a class file of this version.",
                    f"Move it away, or wipe the class with: {COMMAND} reset",
                )
            _run(connection, _ADDITIONS)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """All or nothing; other processes and threads wait. Raises ClassError."""
        with self._lock:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    yield self._connection
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self._connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def rows(self, question: str, *values: object) -> list[tuple[object, ...]]:
        """The rows of one question. Raises ClassError."""
        with self._lock:
            try:
                return self._connection.execute(question, values).fetchall()
            except sqlite3.Error as error:
                raise self._unusable(error) from error

    def close(self) -> None:
        """Close the connection."""
        with self._lock:
            self._connection.close()

    def _unusable(self, error: Exception) -> ClassError:
        return ClassError(
            f"The class's file {self._path} cannot be used: {error}.",
            f"Free its disk or its permissions, or wipe the class with: {COMMAND} reset",
        )


def _see_to_file(path: Path) -> None:
    """Set a file aside that is damaged or of another version, so that the lab starts with a new one."""
    if not _is_unusable(path):
        return
    kept = set_aside_if(path, "unusable", lambda: _is_unusable(path))
    if kept is not None:
        _LOG.error(
            "The class's file %s is damaged or of another version: it is kept as %s, a new class was begun.",
            path,
            kept,
        )


def _is_unusable(path: Path) -> bool:
    if not path.exists():
        return False
    marks = marks_of(path)
    # That of another program is left alone: the path may be mistyped.
    if marks is None:
        return begins_like(path, APPLICATION_ID)
    return marks[0] == APPLICATION_ID and marks[1] != SCHEMA_VERSION


def _run(connection: sqlite3.Connection, script: Path) -> None:
    # Not executescript, which would commit first: two processes may be here at once.
    for statement in script.read_text("utf-8").split(";"):
        connection.execute(statement)
