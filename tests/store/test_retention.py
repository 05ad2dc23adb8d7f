"""After retention, every derived table is what the remaining rows alone would give."""

from __future__ import annotations

import sqlite3
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import store
from signals.model import SessionId, SpanKind, TraceId
from store.api import Batch, Presence, Window
from store.sqlite.settled_file import settled_path
from store.sqlite.write import log_tables, retention, settled_retention
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import SECOND, T0, log_row, row, span
from tests.store.contract.test_browsers import event
from tests.store.parts import logs_in, spans_in

HOUR = 3600 * SECOND
Rows = list[tuple[Any, ...]]

# Ids are replaced by what they stand for, as a fresh aggregation hands out its own.
_QUERIES = {
    "traces": "SELECT trace_id, start, duration, service, operation, spans, errors, origins, complete, "
    "session_id, services, tags, calls FROM traces ORDER BY trace_id",
    "requests": "SELECT t.trace_id, r.start, r.last, r.lows, r.starts, r.unbounded FROM requests r "
    "LEFT JOIN traces t ON t.id = r.trace ORDER BY 1, 2",
    "trace_pairs": "SELECT p.tag, p.value, x.start, t.trace_id FROM trace_pairs x "
    "LEFT JOIN pairs p ON p.id = x.pair LEFT JOIN traces t ON t.id = x.trace ORDER BY 1, 2, 3, 4",
    "log_cells": "SELECT * FROM log_cells ORDER BY 1, 2, 3, 4",
    "sessions": "SELECT session_id, events FROM sessions ORDER BY 1",
    "session_pairs": "SELECT p.tag, p.value, e.session_id FROM session_pairs x "
    "LEFT JOIN pairs p ON p.id = x.pair LEFT JOIN sessions e ON e.id = x.session ORDER BY 1, 2, 3",
    "tagsets": "SELECT body FROM tagsets ORDER BY 1",
    "set_slots": "SELECT s.body, x.slot FROM set_slots x "
    "LEFT JOIN tagsets s ON s.id = x.tagset ORDER BY 1, 2",
}


def derived(path: Path) -> dict[str, Rows]:
    """The derived tables of a store, comparable with those of another."""
    connection = opened(path)
    found = {name: connection.execute(sql).fetchall() for name, sql in _QUERIES.items()}
    connection.close()
    return found


def opened(path: Path) -> sqlite3.Connection:
    """A connection to a store and to what is settled of it."""
    connection = sqlite3.connect(path)
    connection.execute("ATTACH ? AS settled", (str(settled_path(path)),))
    return connection


def _recompute(path: Path) -> None:
    """Delete everything derived, so that the next writer aggregates it anew."""
    settled_path(path).unlink()
    connection = sqlite3.connect(path)
    connection.execute("DELETE FROM log_cells")
    cells = Counter((log.time // (10 * SECOND), log.service, log.severity, "") for log in logs_in(connection))
    connection.executemany(
        "INSERT INTO log_cells VALUES (?, ?, ?, ?, ?)", [(*cell, n) for cell, n in cells.items()]
    )
    connection.commit()
    connection.close()


def _trace(hour: int, number: int) -> TraceId:
    return TraceId(f"{hour + 1:016x}{number:016x}")


def _write(writer: SqliteWriter, hour: int, count: int = 20) -> None:
    """Traces of two services, a session for every four, and logs, an hour after another."""
    at_ms = hour * 3_600_000
    spans = []
    for number in range(count):
        trace_id = _trace(hour, number)
        spans += [
            row(
                span(
                    1,
                    kind=SpanKind.SERVER,
                    start_ms=at_ms + number,
                    error=number % 3 == 0,
                    trace_id=trace_id,
                    attributes={
                        "order.id": f"o{hour}-{number}",
                        "version": f"v{hour}",
                        "enduser.id": f"u{hour}",
                    },
                )
            ),
            row(span(2, 1, "bank", kind=SpanKind.SERVER, start_ms=at_ms + number, trace_id=trace_id)),
            row(event(hour * 1000 + number + 500, "click", f"s{hour}-{number // 4}", at_ms=at_ms + number)),
        ]
    logs = [
        log_row(
            f"line {hour} {number}",
            ms=at_ms + number,
            service=f"s{hour}",
            event_name="" if number else "deployment",
        )
        for number in range(count)
    ]
    writer.write(Batch(spans, logs))


@pytest.fixture(name="pruned", params=[1_000, 8])
def a_pruned_store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of five hours, of which the first three were pruned by age; its logs are rows, or packed."""
    monkeypatch.setattr(log_tables, "ROUND", request.param)
    monkeypatch.setattr(retention, "_DERIVED_EVERY_S", 0.0)
    monkeypatch.setattr(settled_retention, "_EVERY_S", 0.0)
    path = tmp_path / "store.db"
    for hour in range(5):
        # A writer's first batch notes when it arrived: retention by age goes by that.
        writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e6, clock=partial(int, T0 + hour * HOUR))
        _write(writer, hour)
        writer.close()
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=2.5 * 3600, clock=lambda: T0 + 5 * HOUR)
    reader = store.open_reader(path)
    eventually(lambda: reader.status().pruned_spans == 3 * 60, "three hours are pruned")
    eventually(lambda: not reader.services(_hour(1)), "the rollups of two of them")
    eventually(lambda: _sets(path) == 3, "and their tag sets")
    writer.close()
    reader.close()
    return path


def _hour(hour: int) -> Window:
    return Window(T0 + hour * HOUR, T0 + (hour + 1) * HOUR)


def _sets(path: Path) -> int:
    connection = opened(path)
    count: int = connection.execute("SELECT count(*) FROM tagsets").fetchone()[0]
    connection.close()
    return count


def test_derived_tables_equal_a_recomputation(pruned: Path, tmp_path: Path) -> None:
    """Nothing of a pruned trace, session or log is left in any of them, and nothing is missing."""
    kept = derived(pruned)
    assert len(kept["traces"]) == 40
    assert len(kept["sessions"]) == 10
    _recompute(pruned)
    SqliteWriter(pruned, max_bytes=1 << 30, max_age_s=1e6, clock=lambda: T0 + 5 * HOUR).close()
    assert derived(pruned) == kept


def test_what_ends_by_time_or_disuse_has_ended(pruned: Path) -> None:
    """Rollups and samples of the pruned hours, and their pairs; resources that are used stay."""
    connection = opened(pruned)

    def one(sql: str) -> object:
        return connection.execute(sql).fetchone()[0]

    before = one("SELECT value FROM facts WHERE name = 'pruned_before'")
    assert before == one("SELECT min(unix_nano) FROM arrivals")
    assert one(f"SELECT count(*) FROM samples WHERE start < {before}") == 0
    assert one(f"SELECT count(*) FROM cells WHERE (slot + 1) * width * {SECOND} <= {before}") == 0
    assert one("SELECT count(*) FROM pairs WHERE tag = 'order.id'") == 40
    origins = {number for (number,) in connection.execute("SELECT id FROM origins")}
    assert {number for span in spans_in(connection) for number in (span.resource, span.scope)} <= origins
    assert one("SELECT count(*) FROM deployments") == 2
    connection.close()


def test_what_is_left_is_counted_and_what_went_is_remembered(pruned: Path) -> None:
    """Measures of the kept hours are whole; a pruned trace and session are known as pruned."""
    reader = store.open_reader(pruned)
    # Hour 2 ended after the last arrival that was pruned: its rollups outlive its traces.
    for hour in (2, 3, 4):
        assert {name: one.requests for name, one in reader.services(_hour(hour)).items()} == {
            "bank": 20,
            "shop": 20,
        }
    assert reader.locate(_trace(1, 0)) is Presence.PRUNED
    assert reader.locate(_trace(4, 0)) is Presence.PRESENT
    assert reader.locate_session(SessionId("s1-0")) is Presence.PRUNED
    assert reader.locate_session(SessionId("s3-0")) is Presence.PRESENT
    assert [one.body for one in reader.deployments(Window.ALL).items] == ["line 4 0", "line 3 0"]
    status = reader.status()
    assert (status.spans, status.logs, status.pruned_logs) == (120, 40, 60)
    reader.close()
