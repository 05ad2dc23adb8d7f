"""Which parts of logs are in a range: those that a statement finds, whatever came and went."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest

from store.sqlite.read.log_part_times import parts_within
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.shared import Shared

_TABLE = (
    "CREATE TABLE log_parts (id INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER, last INTEGER, "
    "oldest INTEGER, newest INTEGER, n INTEGER)"
)


@pytest.fixture(name="connection")
def _connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        connection.execute(_TABLE)
        yield connection


def _add(connection: sqlite3.Connection, draw: random.Random) -> None:
    oldest = draw.randrange(1_000)
    row = (draw.randrange(9), draw.randrange(9), oldest, oldest + draw.randrange(300), draw.randrange(9))
    connection.execute("INSERT INTO log_parts (first, last, oldest, newest, n) VALUES (?, ?, ?, ?, ?)", row)


def _same(connection: sqlite3.Connection, shared: Shared, draw: random.Random) -> None:
    begin = draw.randrange(1_200)
    end = begin + draw.randrange(1, 900)
    found = parts_within(ReadSession(connection, shared), begin, end)
    asked = connection.execute(
        "SELECT id, first, last, oldest, newest, n FROM log_parts WHERE newest >= ? AND oldest < ? "
        "ORDER BY newest, oldest, first",
        (begin, end),
    ).fetchall()
    assert sorted(found) == sorted(asked)
    assert [(row[4], row[3], row[1]) for row in found] == [(row[4], row[3], row[1]) for row in asked]


def test_parts_are_those_of_the_snapshot(connection: sqlite3.Connection) -> None:
    """Whether some came, some went, the newest went, or as many went as came."""
    draw, shared = random.Random(3), Shared()
    _same(connection, shared, draw)
    for _ in range(300):
        for _ in range(draw.choice((0, 1, 1, 3))):
            _add(connection, draw)
        ids = [row[0] for row in connection.execute("SELECT id FROM log_parts ORDER BY id")]
        gone = draw.choice(([], [], ids[-1:], draw.sample(ids, min(len(ids), draw.randrange(3)))))
        connection.executemany("DELETE FROM log_parts WHERE id = ?", [(each,) for each in gone])
        _same(connection, shared, draw)


def test_an_older_snapshot_has_the_parts_of_its_time(connection: sqlite3.Connection) -> None:
    """Two connections of one process may be at different moments."""
    draw, shared = random.Random(5), Shared()
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as older:
        older.execute(_TABLE)
        for _ in range(20):
            _add(connection, draw)
        older.executemany(
            "INSERT INTO log_parts VALUES (?, ?, ?, ?, ?, ?)", connection.execute("SELECT * FROM log_parts")
        )
        connection.execute("DELETE FROM log_parts WHERE id IN (4, 20)")
        _add(connection, draw)
        for _ in range(30):
            _same(connection, shared, draw)
            _same(older, shared, draw)
