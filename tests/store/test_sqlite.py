"""The embedded engine's own promises: durability, one writer, bounds, clear refusals."""

from __future__ import annotations

import os
import random
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import store
from signals.model import SpanKind, TraceId
from store.api import (
    Batch,
    LogQuery,
    Presence,
    SessionQuery,
    StoreBusy,
    StoreMismatch,
    StoreUnavailable,
    TraceQuery,
)
from store.sqlite import store_file
from store.sqlite.read.read_connection import ReadConnections
from store.sqlite.write.ingest import StoreClock
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import REPO, eventually
from tests.store.build import SECOND, T0, TRACE, failing_checkout, log_row, row, span
from tests.store.house import WINDOW, held

_CHILD = """
import sys
import store
from store.api import Batch
from tests.store.build import failing_checkout, log_row, row
writer = store.open_writer(sys.argv[1])
writer.write(Batch([row(one) for one in failing_checkout()], [log_row("kept")]))
sys.stdout.write("written\\n")
sys.stdout.flush()
sys.stdin.read()
"""


def test_what_write_returned_for_survives_kill_9_and_is_settled_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, str(path)], cwd=REPO, stdout=subprocess.PIPE, stdin=subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stdout.readline() == b"written\n"
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    reader = store.open_reader(path)
    assert len(reader.spans_of_trace(TRACE)) == 10
    assert reader.count_logs(LogQuery(WINDOW)) == 1
    writer = store.open_writer(path)
    eventually(lambda: reader.service_map(WINDOW).nodes, "the map after a restart")
    assert reader.services(WINDOW)["frontend"].requests == 1
    writer.close()
    reader.close()


def test_aggregating_again_after_a_restart_counts_nothing_twice(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    for _ in range(3):
        writer = store.open_writer(path)
        writer.write(Batch([row(one) for one in failing_checkout()]))
        writer.close()
    reader = store.open_reader(path)
    assert {name: one.requests for name, one in reader.services(WINDOW).items()} == {
        "frontend": 1,
        "checkoutservice": 1,
        "paymentservice": 2,
    }
    assert reader.status().spans == 10
    reader.close()


def test_a_second_writer_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "BUSY_TIMEOUT_S", 0.1)
    path = tmp_path / "store.db"
    writer = store.open_writer(path)
    with pytest.raises(StoreUnavailable, match=f"{re.escape(str(path))} already has a writer.*{os.getpid()}"):
        store.open_writer(path)
    writer.close()
    store.open_writer(path).close()


def test_another_programs_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(StoreMismatch, match="another program"):
        store.open_writer(path)
    path.write_bytes(b"not a database at all, but long enough to be read as one" * 40)
    with pytest.raises(StoreUnavailable, match="damaged or not a store"):
        store.open_writer(path)


def _connection(writer: SqliteWriter) -> sqlite3.Connection:
    assert writer._store is not None
    return writer._store.connection


def test_a_full_disk_refuses_the_batch_and_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    writer = SqliteWriter(tmp_path / "store.db", max_bytes=1 << 30, max_age_s=1e6)
    writer.write(Batch([row(span(1))]))
    pages = _connection(writer).execute("PRAGMA page_count").fetchone()[0]
    _connection(writer).execute(f"PRAGMA max_page_count = {pages + 4}")
    big = [
        row(span(number))._replace(raw=random.Random(number).randbytes(100_000)) for number in range(2, 20)
    ]
    with pytest.raises(StoreUnavailable, match=r"disk .* is full"):
        writer.write(Batch(big))
    reader = store.open_reader(tmp_path / "store.db")
    assert [one.span_id for one in reader.spans_of_trace(TRACE)] == [span(1).span_id]
    _connection(writer).execute("PRAGMA max_page_count = 1000000")
    writer.write(Batch([row(span(3))]))
    eventually(lambda: reader.services(WINDOW), "settled after the disk had space again")
    assert reader.status().spans == 2
    writer.close()
    reader.close()


def test_a_locked_file_is_reported_in_one_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_file, "BUSY_TIMEOUT_S", 0.1)
    path = tmp_path / "store.db"
    writer = store.open_writer(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreUnavailable, match="locked by another program"):
        writer.write(Batch([row(span(1))]))
    other.execute("ROLLBACK")
    other.close()
    writer.write(Batch([row(span(1))]))
    writer.close()


def test_a_full_queue_is_busy_and_takes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e6, max_pending=2)
    with held(path):
        first = threading.Thread(target=_refused, args=(writer, Batch([row(span(1)), row(span(2))])))
        first.start()
        eventually(lambda: len(writer._queue), "the first batch waits", within_s=0.8)
        with pytest.raises(StoreBusy, match="again later"):
            writer.write(Batch([row(span(3))]))
        first.join()
    writer.close()


def _refused(writer: SqliteWriter, batch: Batch) -> None:
    with pytest.raises(StoreUnavailable, match="locked"):
        writer.write(batch)


def test_a_closed_writer_says_so(tmp_path: Path) -> None:
    writer = store.open_writer(tmp_path / "store.db")
    writer.close()
    writer.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        writer.write(Batch([row(span(1))]))


def test_a_reader_may_come_first_and_sees_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "later" / "store.db"
    reader = store.open_reader(path)
    assert reader.status().spans == 0
    assert reader.status().bytes == 0
    assert reader.find_sessions(SessionQuery(WINDOW)).items == []
    writer = store.open_writer(path)
    writer.write(Batch([row(span(1))]))
    assert reader.status().spans == 1
    writer.close()
    for left in path.parent.iterdir():
        left.unlink()
    with pytest.raises(StoreUnavailable, match="is gone"):
        reader.status()
    writer = store.open_writer(path)
    writer.write(Batch([row(span(1)), row(span(2))]))
    assert reader.status().spans == 2
    writer.close()
    reader.close()


def test_a_query_that_takes_too_long_ends(tmp_path: Path) -> None:
    from store.api import TooSlow

    connections = ReadConnections(tmp_path / "none.db", time_limit_s=0.0)
    endless = "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
    with pytest.raises(TooSlow, match="shorter time range"), connections.session() as db:
        db.one(endless)
    connections.close()


def _fill(writer: SqliteWriter, first: int, count: int) -> None:
    spans = [
        row(
            span(
                1,
                service="shop",
                kind=SpanKind.SERVER,
                start_ms=number,
                trace_id=TraceId(f"{number:032x}"),
                attributes={"orderId": f"o{number}", "filler": "x" * 500},
            )
        )
        for number in range(first, first + count)
    ]
    writer.write(
        Batch(spans, [log_row(f"line {number}", ms=number) for number in range(first, first + count)])
    )


def test_the_oldest_goes_first_when_the_store_is_full_and_it_is_counted(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    writer = SqliteWriter(path, max_bytes=2_000_000, max_age_s=1e6)
    reader = store.open_reader(path)
    for first in range(1, 6001, 1000):
        _fill(writer, first, 1000)
    eventually(
        lambda: reader.status().bytes <= 2_000_000 and reader.status().pruned_spans, "pruned", within_s=20
    )
    writer.close()
    status = reader.status()
    assert status.spans + status.pruned_spans == 6000
    assert status.logs + status.pruned_logs == 6000
    assert status.pruned_before_unix_nano is not None
    assert reader.locate(TraceId(f"{1:032x}")) is Presence.PRUNED
    assert reader.locate(TraceId(f"{6000:032x}")) is Presence.PRESENT
    found = reader.find_traces(TraceQuery(WINDOW, attributes={"orderId": "o6000"})).items
    assert [summary.trace_id for summary in found] == [TraceId(f"{6000:032x}")]
    assert not reader.find_traces(TraceQuery(WINDOW, attributes={"orderId": "o1"})).items
    assert reader.count_logs(LogQuery(WINDOW)) == status.logs
    assert reader.count_logs(LogQuery(WINDOW, text="line 6000")) == 1
    assert reader.count_logs(LogQuery(WINDOW, text='"line 1 "')) == 0
    reader.close()


def test_the_oldest_goes_when_it_is_too_old_by_the_stores_clock(tmp_path: Path) -> None:
    path = tmp_path / "store.db"
    SqliteWriter(path, max_bytes=1 << 30, max_age_s=3600, clock=lambda: T0).close()
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=3600, clock=lambda: T0)
    _fill(writer, 1, 10)
    writer.close()
    later = SqliteWriter(path, max_bytes=1 << 30, max_age_s=3600, clock=lambda: T0 + 2 * 3600 * SECOND)
    reader = store.open_reader(path)
    eventually(lambda: reader.status().pruned_spans == 10, "pruned by age")
    assert reader.status().spans == 0
    later.close()
    reader.close()


def test_the_stores_clock_never_goes_back() -> None:
    clock = StoreClock(lambda: T0 - 10 * SECOND, at_least=T0)
    assert T0 <= clock.now() < T0 + 10 * SECOND


def test_no_table_refers_to_another() -> None:
    schema = Path(store_file.__file__).with_name("schema.sql").read_text(encoding="utf-8")
    assert "REFERENCES" not in schema.upper()
    assert "FOREIGN KEY" not in schema.upper()
