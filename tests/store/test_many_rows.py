"""Rows are inserted by the hundred as they would be one by one."""

from __future__ import annotations

import sqlite3

import pytest

from store.sqlite.write.many_rows import ManyRows


@pytest.mark.parametrize("count", [0, 1, 99, 100, 101, 250, 300])
def test_all_rows_are_inserted_in_their_order(count: int) -> None:
    """Whole hundreds and what is left of them."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE place (id INTEGER PRIMARY KEY, number INTEGER, body BLOB)")
    rows = [(number, bytearray(b"%d" % number)) for number in range(count)]
    ManyRows(connection, "INSERT INTO place (number, body)", 2).insert(rows)
    found = connection.execute("SELECT id, number, body FROM place ORDER BY id").fetchall()
    assert found == [(number + 1, number, bytes(body)) for number, body in rows]


def test_what_is_there_is_ignored_among_new_rows_and_counted_as_not_changed() -> None:
    """`total_changes` tells how many were new, and numbers go on behind the last that was given."""
    connection = sqlite3.connect(":memory:")
    connection.execute("CREATE TABLE sets (id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT UNIQUE)")
    connection.execute("INSERT INTO sets VALUES (1, 'key 7'), (2, 'key 120')")
    before = connection.total_changes
    rows = [(number + 3, f"key {number}") for number in range(150)]
    ManyRows(connection, "INSERT OR IGNORE INTO sets (id, key)", 2).insert(rows)
    assert connection.total_changes - before == 148
    kept = connection.execute("SELECT id FROM sets WHERE key IN ('key 7', 'key 120') ORDER BY id")
    assert kept.fetchall() == [(1,), (2,)]
    assert connection.execute("SELECT seq FROM sqlite_sequence").fetchall() == [(152,)]
