"""The file: creating it, refusing a foreign one, connecting, and the message for each failure."""

from __future__ import annotations

import contextlib
import errno
import secrets
import sqlite3
from pathlib import Path

from runtime.installation import COMMAND
from runtime.sqlite_files import see_that_it_can_be_written
from store.api import StoreError, StoreMismatch, StoreUnavailable
from store.sqlite.file_parts import (
    INDEX_SUFFIX as INDEX_SUFFIX,
    LOG_SUFFIX as LOG_SUFFIX,
    MAPPED_BYTES,
    SUFFIXES as SUFFIXES,
    run_script,
)
from store.sqlite.packed_cells import pack_one
from store.sqlite.row_checks import add_columns
from store.sqlite.settled_file import attach_settled, create_settled
from store.sqlite.table_layout import REQUEST_SLOT_NS, SAMPLE_SLOT_NS

SCHEMA_VERSION = 9
DERIVED_INSIDE = 6
"""This schema had in the same file what is in one of its own now."""
READ_AS_THEY_ARE = (DERIVED_INSIDE, 7, 8)
"""Schemas before, which a writer changes in place when it opens the file: it lets the backend spans that
those before 8 hold, a row for each, be, and packs the logs, which all are rows, a few thousand a second."""
_FORMER_LOGS = (
    *("DROP TABLE IF EXISTS logs_text", "DROP TABLE IF EXISTS logs_folded"),
    *(f"DROP INDEX IF EXISTS logs_by_{column}" for column in ("time", "trace", "session")),
)
"""What leads to logs that all are rows."""
_FORMER_CELLS = (
    "CREATE TEMP VIEW cells AS SELECT series, width, slot, n, errors, origins, "
    "packed_bucket(bucket, n) AS latencies FROM main.cells"
)
"""In a file of that schema, which no writer has opened since, a cell has a row for each bucket …"""
# Rounded down, which SQLite's division of a negative number is not.
_FORMER_SLOTS = (
    "CREATE TEMP TABLE request_slots AS SELECT slot, random() AS version FROM "
    "(SELECT DISTINCT (start - (start % ?1 + ?1) % ?1) / ?1 AS slot FROM main.requests)"
)
"""… slots of requests may have no versions …"""
_FORMER_SAMPLE_SLOTS = (
    "CREATE TEMP TABLE sample_slots AS SELECT metric, slot, random() AS version FROM "
    "(SELECT DISTINCT metric, (start - (start % ?1 + ?1) % ?1) / ?1 AS slot FROM main.samples)"
)
"""… and those of samples have none."""
_DERIVED = (
    *("traces", "tagsets", "set_slots", "requests", "pairs", "trace_pairs", "session_pairs"),
    *("series", "cells", "sessions", "samples", "links", "request_slots", "sample_slots"),
)
STORE_ID = "store_id"
"""The fact by which what is settled of a store is told from that of another; a new value has all settled
anew."""
APPLICATION_ID = 0x48_4C_41_42
"""`HLAB` in ASCII: marks our files among SQLite files."""

_SCHEMA = Path(__file__).with_name("schema.sql")
_ADDITIONS = Path(__file__).with_name("additions.sql")
BUSY_TIMEOUT_S = 2.0
"""How long another process may hold the file or the lock before that is an error."""
SUSPECT_SUFFIX = ".suspect"
"""What the name of the file ends with by which a reader tells the writer of damage."""


def connect_writer(path: Path) -> sqlite3.Connection:
    """The one connection that writes; creates the file and its tables if they are missing.

    Raises StoreMismatch or StoreUnavailable.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        see_that_it_can_be_written(path)
        connection = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
        )
    except (OSError, sqlite3.Error) as error:
        raise unavailable(path, error) from error
    try:
        if not _is_empty(connection):
            # Before the pragmas: they would turn another program's file into one with a log.
            check_version(connection, path)
        # auto_vacuum only takes effect before the first table, so it comes first of all.
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        # A commit survives the death of the process, not necessarily of power (docs/adr/005).
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -8192")
        # Checkpoints of 16 MB: fewer of them rewrite a hot page less often.
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
        connection.execute("PRAGMA journal_size_limit = 67108864")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("BEGIN IMMEDIATE")
        if _is_empty(connection):
            create_schema(connection)
        connection.execute("COMMIT")
        check_version(connection, path)
        _add_what_came_later(connection)
    except sqlite3.Error as error:
        connection.close()
        raise unavailable(path, error) from error
    except StoreError:
        connection.close()
        raise
    return connection


def connect_reader(path: Path, *, frugal: bool = False) -> sqlite3.Connection | None:
    """A connection that refuses to write; None while there is no store at this path yet.

    A frugal one maps nothing of the file into memory, and keeps 1 MB of pages of its own instead of 2.

    Raises StoreMismatch or StoreUnavailable.
    """
    try:
        if not path.exists():
            return None
        connection = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw",
            uri=True,
            timeout=BUSY_TIMEOUT_S,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=64,
        )
        # mode=rw and not ro: only a connection that may write can recover a log left by a crash.
        # The file is mapped: the system keeps its pages, once for all connections and only while it has
        # the memory. Pages of their own are what is still in the log.
        connection.execute(f"PRAGMA cache_size = {-1_024 if frugal else -2_048}")
        connection.execute(f"PRAGMA mmap_size = {0 if frugal else MAPPED_BYTES}")
        connection.execute("PRAGMA temp_store = MEMORY")
        if _is_empty(connection):
            connection.close()
            return None
        check_version(connection, path)
        attach_settled(connection, path, frugal=frugal)
        if connection.execute("PRAGMA user_version").fetchone()[0] == DERIVED_INSIDE:
            connection.create_function("packed_bucket", 2, pack_one, deterministic=True)
            connection.execute(_FORMER_CELLS)
            connection.execute(_FORMER_SLOTS.replace("?1", str(REQUEST_SLOT_NS)))
            connection.execute(_FORMER_SAMPLE_SLOTS.replace("?1", str(SAMPLE_SLOT_NS)))
        connection.execute("PRAGMA query_only = 1")
    except (OSError, sqlite3.Error) as error:
        raise unavailable(path, error) from error
    return connection


def report_damage(path: Path) -> None:
    """Tell the writer, which may be another process, that reading the file failed: it looks at all of it."""
    with contextlib.suppress(OSError):
        path.with_name(path.name + SUSPECT_SUFFIX).touch()


def empty_store() -> sqlite3.Connection:
    """An empty store in memory with all tables, which readers use while there is no file."""
    connection = sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)
    create_settled(connection)
    create_schema(connection)
    return connection


def create_schema(connection: sqlite3.Connection) -> None:
    """Create the tables, inside the open transaction if there is one."""
    run_script(connection, _SCHEMA)
    run_script(connection, _ADDITIONS)
    add_columns(connection)
    if has_trigrams(connection):
        create_text_index(connection)
    connection.execute("INSERT INTO facts VALUES (?, ?)", (STORE_ID, secrets.randbits(62)))
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _add_what_came_later(connection: sqlite3.Connection) -> None:
    """Make the tables and columns that a file of this schema lacks, as an earlier program wrote it."""
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("PRAGMA user_version").fetchone()[0] == DERIVED_INSIDE:
        for table in _DERIVED:
            connection.execute(f"DROP TABLE IF EXISTS {table}")
    connection.execute("INSERT OR IGNORE INTO facts VALUES (?, ?)", (STORE_ID, secrets.randbits(62)))
    _drop_former_digests(connection)
    run_script(connection, _ADDITIONS)
    add_columns(connection)
    for statement in _FORMER_LOGS:
        connection.execute(statement)
    if has_trigrams(connection) and not connection.execute("SELECT 1 FROM log_parts LIMIT 1").fetchone():
        # Parts that were made without it would not be found by it.
        create_text_index(connection)
    if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA_VERSION:
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _drop_former_digests(connection: sqlite3.Connection) -> None:
    """Drop the digests of log batches of an hour, if they have their first form: `id` came later."""
    names = {row[1] for row in connection.execute("PRAGMA table_info(log_batches)")}
    if names and "id" not in names:
        connection.execute("DROP TABLE log_batches")


def create_text_index(connection: sqlite3.Connection) -> None:
    """Index the texts of parts of logs by trigrams; it keeps no text."""
    connection.execute(
        "CREATE VIRTUAL TABLE IF NOT EXISTS log_text USING fts5"
        "(body, content='', columnsize=0, tokenize='trigram', detail='none')"
    )


def has_trigrams(connection: sqlite3.Connection) -> bool:
    """Whether this SQLite can index substrings; without that, text search reads the logs."""
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
    if version not in (SCHEMA_VERSION, *READ_AS_THEY_ARE):
        raise StoreMismatch(
            f"{path} was written with schema {version}, and this program reads schema {SCHEMA_VERSION}: "
            "move the file away (its data cannot be carried over) or name another path."
        )


def _is_empty(connection: sqlite3.Connection) -> bool:
    row = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    return bool(row[0] == 0)


def unavailable(path: Path, error: Exception) -> StoreUnavailable:
    """The error for a failure of the medium: one sentence with its remedy."""
    name = getattr(error, "sqlite_errorname", "") or ""
    full = name.startswith("SQLITE_FULL") or getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
    if full:
        return StoreUnavailable(
            f"The disk that holds {path} is full: free some space; what was acknowledged is safe.",
            "disk_full",
        )
    if name.startswith("SQLITE_READONLY") or _is_denied(error):
        if isinstance(error, PermissionError) and isinstance(error.filename, str):
            path = Path(error.filename)
        return StoreUnavailable(
            f"{path} cannot be written: make the file and its folder writable for this user.", "read_only"
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return StoreUnavailable(
            f"{path} is locked by another program: close what else has it open for writing.", "locked"
        )
    if name.startswith("SQLITE_CANTOPEN") or isinstance(error, OSError):
        return StoreUnavailable(
            f"{path} cannot be opened: make its folder exist and be writable for this user.", "cannot_open"
        )
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR_SHORT_READ")):
        return StoreUnavailable(
            f"{path} is damaged or not a store: move it away and start with a new one. What can be read "
            f"of it: {COMMAND} store salvage FILE",
            "damaged",
        )
    if name == "DAMAGED_PART":
        return StoreUnavailable(
            f"A part of this trace is damaged in {path} ({error}); all else can be read. What is right of "
            f"the file is saved by: {COMMAND} store salvage FILE",
            "damaged_part",
        )
    if name == "DAMAGED_LOGS":
        return StoreUnavailable(
            f"This log and up to 250 beside it are damaged in {path} ({error}); all else can be read. What "
            f"is right of the file is saved by: {COMMAND} store salvage FILE",
            "damaged_part",
        )
    if name.startswith("SQLITE_IOERR"):
        return StoreUnavailable(
            f"Reading or writing {path} failed: see that its disk is present and has space.", "io"
        )
    return StoreUnavailable(
        f"The store at {path} failed ({name or type(error).__name__}: {error}): restart its writer."
    )


def one_of_two_is_damaged(path: Path, settled: Path) -> StoreUnavailable:
    """The error for damage that a reader of both files meets: SQLite does not say in which."""
    return StoreUnavailable(
        f"{path} is damaged, or {settled.name}, which is computed from it. A running collector finds out "
        "which, and sets it aside, within half a minute. Otherwise save what can be read by: "
        f"{COMMAND} store salvage {path}",
        "damaged",
    )


def _is_denied(error: Exception) -> bool:
    return isinstance(error, PermissionError) or getattr(error, "errno", None) == errno.EROFS
