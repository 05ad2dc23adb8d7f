"""When the file had a writer is recorded, and explains gaps in the data."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

import pytest

import store
from signals.model import SpanKind, TraceId
from store.api import Window
from store.sqlite.store_file import create_schema
from store.sqlite.write import writer_runs
from tests.store.build import SECOND, T0, span
from tests.store.house import House


def _at(seconds: int) -> int:
    return T0 + seconds * SECOND


def _set(path: Path, runs: list[tuple[int, int | None]], arrivals: list[int]) -> None:
    """Give a store these runs of a writer and times of arrival, in seconds after T0."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM writer_runs")
        connection.executemany(
            "INSERT INTO writer_runs VALUES (?, ?)",
            [(_at(began), None if ended is None else _at(ended)) for began, ended in runs],
        )
        connection.execute("DELETE FROM arrivals")
        connection.executemany("INSERT INTO arrivals VALUES (?, ?)", enumerate(map(_at, arrivals), 1))


def _with_requests(path: Path, starts_s: list[int]) -> None:
    writer = store.open_writer(path)
    house = House(writer, store.open_reader(path))
    ids = [TraceId(f"{number:032x}") for number in range(1, len(starts_s) + 1)]
    for trace_id, start in zip(ids, starts_s, strict=True):
        house.write([span(1, kind=SpanKind.SERVER, start_ms=start * 1000, trace_id=trace_id)])
    house.all_settled(ids)
    writer.close()
    house.reader.close()


def _gaps(path: Path, begin: int, end: int) -> list[tuple[str, bool, int | None, int | None]]:
    with contextlib.closing(store.open_reader(path)) as reader:
        found = reader.coverage(Window(_at(begin), _at(end))).gaps
    return [
        (gap.collector, gap.other_telemetry, gap.down_since_unix_nano, gap.up_again_unix_nano)
        for gap in found
    ]


def test_a_gap_knows_whether_the_collector_ran(tmp_path: Path) -> None:
    """Its own record of starts and stops, and what else arrived."""
    path = tmp_path / "store.db"
    _with_requests(path, [5, 605, 1_805])
    _set(path, [(0, 60), (600, 660), (1_800, None)], [5, 605, 1_805, 2_500])
    assert _gaps(path, -600, 3_000) == [
        ("down", False, None, _at(0)),
        ("down", False, _at(60), _at(600)),
        ("down", False, _at(660), _at(1_800)),
        ("ran", True, None, None),
    ]
    _set(path, [(-9_000, 2_000)], [])
    assert _gaps(path, -600, 3_000) == [
        ("ran", False, None, None),
        ("ran", False, None, None),
        ("ran", False, None, None),
        ("down", False, _at(2_000), None),
    ]


def test_a_killed_writer_was_last_heard_of_when_something_arrived(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    _with_requests(path, [5])
    _set(path, [(0, None), (700, None)], [5, 30, 705])
    assert _gaps(path, 0, 800) == [("down", True, _at(30), _at(700))]
    _set(path, [(0, None), (700, None)], [5, 12])
    assert _gaps(path, 0, 800) == [("down", False, _at(12), _at(700))]


def test_a_writer_notes_when_it_begins_and_ends(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for _ in range(2):
        store.open_writer(path).close()
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (first, second) = connection.execute("SELECT began, ended FROM writer_runs ORDER BY began").fetchall()
    assert first[0] <= first[1] <= second[0] <= second[1]


def test_an_older_file_says_that_it_does_not_know(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    store.open_writer(path).close()
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DROP TABLE writer_runs")
    assert _gaps(path, 0, 900) == [("unknown", False, None, None)]


def test_only_so_many_runs_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_runs, "_KEPT", 3)
    connection = sqlite3.connect(":memory:")
    create_schema(connection)
    for _ in range(6):
        writer_runs.end(connection, writer_runs.begin(connection, T0), T0 + 1)
    assert connection.execute("SELECT began FROM writer_runs").fetchall() == [(T0 + 3,), (T0 + 4,), (T0 + 5,)]
    connection.close()
