"""What the writer takes for a loss of its files, and what it must not."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from store.sqlite.write.store_guard import Loss, StoreGuard

PAGE_BYTES = 4096


@pytest.fixture(name="file")
def _file(tmp_path: Path) -> Path:
    return tmp_path / "store.sqlite3"


def _connected(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def _filled(path: Path) -> sqlite3.Connection:
    """A connection to a file with one row in pages of its own, all of it checkpointed."""
    connection = _connected(path)
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
    connection.execute("INSERT INTO t VALUES (1, zeroblob(40000))")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return connection


def test_a_checkpoint_beside_a_reader_is_no_damage(file: Path) -> None:
    """It writes the new number of pages, and leaves out the last page: a newer one of it is in the log."""
    with closing(_filled(file)) as writer, closing(_connected(file)) as reader:
        guard = StoreGuard(file)
        writer.execute("INSERT INTO t VALUES (2, zeroblob(400000))")
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").fetchone() == (2,)
        writer.execute("UPDATE t SET body = randomblob(400000) WHERE id = 2")
        writer.execute("PRAGMA wal_checkpoint(PASSIVE)")

        header = file.read_bytes()[:100]
        assert file.stat().st_size < PAGE_BYTES * int.from_bytes(header[28:32], "big"), "nothing is tried"
        assert guard.look(own_change=True) is None
        reader.execute("COMMIT")
        writer.execute("PRAGMA wal_checkpoint(PASSIVE)")
        assert guard.look(own_change=True) is None
        guard.close()


def test_a_file_that_is_made_smaller_is_no_damage(file: Path) -> None:
    with closing(_filled(file)) as writer:
        writer.execute("INSERT INTO t VALUES (2, zeroblob(400000))")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        guard = StoreGuard(file)
        before = file.stat().st_size
        writer.execute("DELETE FROM t WHERE id = 2")
        writer.execute("VACUUM")
        writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert file.stat().st_size < before
        assert guard.look(own_change=True) is None
        guard.close()


def test_a_file_that_is_cut_is_damaged(file: Path) -> None:
    with closing(_filled(file)):
        guard = StoreGuard(file)
        os.truncate(file, file.stat().st_size // PAGE_BYTES // 2 * PAGE_BYTES)
        assert guard.look(own_change=True) is Loss.DAMAGED
        guard.close()
