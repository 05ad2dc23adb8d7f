"""The file: making it, refusing a foreign one, connecting, and saying in words what failed."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import time
from pathlib import Path

from store.api import StoreError, StoreMismatch, StoreUnavailable

SCHEMA_VERSION = 6
APPLICATION_ID = 0x48_4C_41_42
"""`HLAB`: tells our files from any other SQLite file."""

_SCHEMA = Path(__file__).with_name("schema.sql")
_BUSY_TIMEOUT_S = 2.0


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; makes the file and its tables where there are none.

    Raises StoreMismatch or StoreUnavailable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(
            path,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
    except (OSError, sqlite3.Error) as error:
        raise unavailable(path, error) from error
    try:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -8192")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("BEGIN IMMEDIATE")
        if _is_empty(connection):
            create_schema(connection)
        connection.execute("COMMIT")
        check_version(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise unavailable(path, error) from error
    except StoreError:
        connection.close()
        raise
    return connection


def connect_reader(path: Path) -> sqlite3.Connection | None:
    """A connection that cannot write; None while there is no store at this path yet."""
    if not path.exists():
        return None
    try:
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
        connection.execute("PRAGMA query_only = 1")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute("PRAGMA mmap_size = 268435456")
        connection.execute("PRAGMA temp_store = MEMORY")
        if _is_empty(connection):
            connection.close()
            return None
        check_version(connection, path)
    except sqlite3.Error as error:
        raise unavailable(path, error) from error
    return connection


def empty_store() -> sqlite3.Connection:
    """A store in memory without anything in it: what a reader asks while there is no file."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    create_schema(connection)
    return connection


def create_schema(connection: sqlite3.Connection) -> None:
    """Make the tables inside the transaction that is open, if one is."""
    statement = ""
    for line in _SCHEMA.read_text(encoding="utf-8").splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            connection.execute(statement)
            statement = ""
    if has_trigrams(connection):
        connection.execute(
            "CREATE VIRTUAL TABLE logs_text USING fts5"
            "(body, content='logs', content_rowid='seq', tokenize='trigram', detail='none')"
        )
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def has_trigrams(connection: sqlite3.Connection) -> bool:
    """Whether this SQLite can index substrings; without it text search reads the logs."""
    try:
        connection.execute("CREATE VIRTUAL TABLE temp.probe USING fts5(body, tokenize='trigram')")
        connection.execute("DROP TABLE temp.probe")
    except sqlite3.OperationalError:
        return False
    return True


def check_version(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StoreMismatch, naming the path, for a file that is not ours or of another schema."""
    application: int = connection.execute("PRAGMA application_id").fetchone()[0]
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if application != APPLICATION_ID:
        raise StoreMismatch(f"{path} is a SQLite file of another program: name another path for the store.")
    if version != SCHEMA_VERSION:
        raise StoreMismatch(
            f"{path} was written with schema {version}, and this program reads schema {SCHEMA_VERSION}: "
            "move the file away (its data cannot be carried over) or name another path."
        )


def _is_empty(connection: sqlite3.Connection) -> bool:
    row = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(row[0] == 0)


def unavailable(path: Path, error: Exception) -> StoreUnavailable:
    """What a failure of the medium means, in one sentence with its remedy."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name.startswith("SQLITE_FULL") or getattr(error, "errno", None) == 28:
        said = f"The disk that holds {path} is full: free some space; what was acknowledged is safe."
    elif name.startswith("SQLITE_READONLY") or isinstance(error, PermissionError):
        said = f"{path} cannot be written: make the file and its folder writable for this user."
    elif name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        said = f"{path} is locked by another program: close what else has it open for writing."
    elif name.startswith("SQLITE_CANTOPEN") or isinstance(error, OSError):
        said = f"{path} cannot be opened: make its folder exist and be writable for this user."
    elif name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        said = f"{path} is damaged or no store: move it away and start with a new one."
    elif name.startswith("SQLITE_IOERR"):
        said = f"Reading or writing {path} failed: see that its disk is present and has space."
    else:
        said = f"The store at {path} failed ({name or type(error).__name__}: {error}): restart its writer."
    return StoreUnavailable(said)


class WriterLock:
    """Sees to one writer per store, across processes; the system gives it back when a process dies."""

    def __init__(self, path: Path) -> None:
        """Raise StoreUnavailable if another writer holds the store."""
        self._path = path.with_name(path.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise unavailable(path, error) from error
        deadline = time.monotonic() + _BUSY_TIMEOUT_S
        while not self._try():
            if time.monotonic() > deadline:
                holder = os.pread(self._file, 32, 0).decode(errors="replace").strip()
                os.close(self._file)
                raise StoreUnavailable(
                    f"{path} already has a writer (process {holder or 'unknown'}): "
                    "stop that one, or name another path."
                )
            time.sleep(0.05)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def release(self) -> None:
        """Let the next writer in."""
        os.close(self._file)
