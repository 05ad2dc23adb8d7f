"""A store file of any schema that ever was opens: carried over, or set aside under a dated name, and said so.

`old_files/` holds the schemas as they were, without comments: `schema-N.sql`, and for schema 6 the tables
that were added to it, as the file of additions stood from time to time.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import store
from signals.metrics import MetricKind
from signals.model import TraceId
from store.api import Batch, ExemplarRow, LogQuery, MetricQuery, StoreMismatch, Window
from store.sqlite import store_file
from store.sqlite.settled_file import settled_path
from store.sqlite.write import aggregation_schedule, carried_rows, log_tables, older_files
from store.sqlite.write.carried_rows import CarryingOver
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import REPO, eventually
from tests.store.build import SECOND, T0, TRACE, failing_checkout, log_row, row, span
from tests.store.build_metrics import metric_row, point, series
from tests.store.house import WINDOW
from tests.store.parts import make_rows

OLD_FILES = REPO / "tests/store/old_files"
ADDITIONS = sorted(OLD_FILES.glob("schema-6-additions-*.sql"))
_COPIED = {
    "origins": "id, body, last_seq",
    "spans": "seq, trace_id, span_id, parent_span_id, service, name, kind, start, duration, flags, peer, "
    "session_id, resource, scope, raw",
    "logs": "seq, time, severity, service, trace_id, span_id, session_id, body, resource, scope, raw",
    "facts": "name, value",
}


def _batch() -> Batch:
    return Batch(
        [row(one) for one in failing_checkout()], [log_row("refused", ms=1), log_row("hello grüße", ms=2)]
    )


@pytest.fixture(name="rows", scope="module")
def a_store_of_today(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whose rows are put into the old schemas."""
    path = tmp_path_factory.mktemp("today") / "store.db"
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    writer.write(_batch())
    writer.close()
    make_rows(path)
    return path


def _old_file(path: Path, version: int, rows: Path, *scripts: Path) -> None:
    """A file as a program of that schema left it when it was killed: nothing was derived."""
    path.parent.mkdir(exist_ok=True)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    connection.execute("PRAGMA journal_mode = WAL")
    for script in (OLD_FILES / f"schema-{min(version, 8)}.sql", *scripts):
        connection.executescript(script.read_text("utf-8"))
    connection.execute(
        "CREATE VIRTUAL TABLE logs_text USING fts5"
        "(body, content='logs', content_rowid='seq', tokenize='trigram', detail='none')"
    )
    connection.execute(f"PRAGMA application_id = {store_file.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {version}")
    connection.execute("ATTACH ? AS today", (str(rows),))
    counted = {"log_cells": "slot, service, severity, environment, n"} if version >= 6 else {}
    for table, columns in {**_COPIED, **counted}.items():
        condition = "WHERE name IN ('spans', 'logs', 'seq', 'oldest', 'newest')" if table == "facts" else ""
        connection.execute(
            f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM today.{table} {condition}"
        )
    connection.execute("INSERT INTO logs_text (rowid, body) SELECT seq, body FROM logs")
    connection.commit()
    connection.close()


def _aside(path: Path, word: str) -> list[Path]:
    return [
        each for each in path.parent.glob(f"{path.name}.{word}-*") if not each.name.endswith(("wal", "shm"))
    ]


def _holds_the_checkout(path: Path, writer: SqliteWriter) -> None:
    """Every family of questions is answered; what comes again is kept once, what is new is taken."""
    reader = store.open_reader(path)
    eventually(lambda: "frontend" in reader.services(WINDOW), "what is derived is computed")
    assert {name: one.requests for name, one in reader.services(WINDOW).items()} == {
        "frontend": 1,
        "checkoutservice": 1,
        "paymentservice": 2,
    }
    assert [len(reader.spans_of_trace(TRACE)), reader.count_logs(LogQuery(WINDOW))] == [10, 2]
    assert reader.count_logs(LogQuery(WINDOW, text="hello")) == 1
    again = _batch()
    writer.write(Batch(again.spans))
    late = span(77, trace_id=TraceId(f"{77:032x}"))
    writer.write(Batch([row(late)], [log_row("new", ms=3)], [metric_row("load", 1.5)]))
    writer.write(Batch([], [log_row("new", ms=3)]))
    status = reader.status()
    assert (status.spans, status.logs, status.metric_points) == (11, 3, 1)
    reader.close()


@pytest.mark.parametrize("version", range(older_files.OLDEST, 6))
def test_a_file_of_an_older_schema_is_carried_over(tmp_path: Path, rows: Path, version: int) -> None:
    """Its spans and logs are there, what is derived is computed; the old file is kept, and all of it said."""
    path = tmp_path / "store.db"
    _old_file(path, version, rows)
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    (note,) = writer.health().notes
    assert f"had schema {version}: its 10 spans and 2 logs were carried over into schema 9" in note.text
    (kept,) = _aside(path, f"schema-{version}")
    assert str(kept) in note.text
    _holds_the_checkout(path, writer)
    writer.close()
    assert not list(tmp_path.glob("*.carried*"))
    again = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    assert len(again.health().notes) == 1
    again.close()


def _with_metrics(path: Path, other_form: str = "") -> None:
    """Give an old file the tables of metrics of today, with 400 points and an exemplar in them."""
    today = path.with_name("metrics-of-today.db")
    writer = SqliteWriter(today, max_bytes=1 << 30, max_age_s=1e9)
    jobs, load = series("jobs", MetricKind.SUM, {"n": 1}), series("load", attributes={"of": "cpu"})
    mark = ExemplarRow(T0, 7.0, bytes.fromhex(TRACE), b"12345678", {"who": "me"})
    writer.write(Batch(metrics=[point(jobs, n, n, exemplars=(mark,) if n == 9 else ()) for n in range(200)]))
    opened = writer._store
    assert opened is not None
    opened.ingest.metrics.waiting_since = 1
    eventually(lambda: not opened.ingest.metrics.waiting, "the points settled")
    writer.close()
    # The second half waits to be settled when the program is killed.
    writer = SqliteWriter(today, max_bytes=1 << 30, max_age_s=1e9)
    writer.write(Batch(metrics=[point(load, n, n / 7) for n in range(200)]))
    connection = sqlite3.connect(path)
    connection.execute("ATTACH ? AS today", (str(today),))
    tables = connection.execute(
        "SELECT name, sql FROM today.sqlite_master WHERE type = 'table' AND name LIKE 'metric%'"
    ).fetchall()
    assert len(tables) == 7
    for name, made in tables:
        connection.execute(made)
        connection.execute(f"INSERT INTO main.{name} SELECT * FROM today.{name}")  # names of ours
    connection.execute("INSERT INTO main.facts SELECT * FROM today.facts WHERE name = 'metric_points_kept'")
    if other_form:
        connection.execute(other_form)
    connection.commit()
    connection.close()
    writer.close()


def test_metrics_of_an_older_file_are_carried_over(tmp_path: Path, rows: Path) -> None:
    """Points that are settled and those that waited for it, exemplars with them."""
    path = tmp_path / "store.db"
    _old_file(path, 5, rows)
    _with_metrics(path)
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    (note,) = writer.health().notes
    assert "schema 9. So were 400 points of metrics with 1 exemplars. It is kept as" in note.text
    reader = store.open_reader(path)
    window = Window(T0, T0 + 200 * SECOND)
    load = reader.metric_chart(MetricQuery(window, "load", columns=200)).groups[0].points
    assert [value for _, value in load] == [n / 7 for n in range(200)]
    jobs = reader.metric_chart(MetricQuery(window, "jobs", "last", columns=1)).groups[0].points
    assert [value for _, value in jobs] == [199]
    (found,) = reader.metric_exemplars(MetricQuery(window, "jobs"))
    assert (found.exemplar.trace_id, found.exemplar.value) == (TRACE, 7.0)
    assert found.exemplar.attributes == {"who": "me"}
    assert reader.status().metric_points == 400
    reader.close()
    writer.close()


@pytest.mark.parametrize(
    ("other_form", "said"),
    [
        (
            "ALTER TABLE metric_series RENAME COLUMN digest TO key",
            "Of its 400 points of metrics 0 were, too; the other 400 have a form that is not known here",
        ),
        (
            "UPDATE metric_chunks SET body = x'00', checksum = NULL",
            "400 points of metrics 200 were, too; the other 200",
        ),
        ("DROP TABLE metric_blocks", "Of its 400 points of metrics 0 were"),
    ],
)
def test_metrics_of_another_form_are_said_to_be_left_behind(
    tmp_path: Path, rows: Path, other_form: str, said: str
) -> None:
    """Spans and logs are carried over all the same."""
    path = tmp_path / "store.db"
    _old_file(path, 5, rows)
    _with_metrics(path, other_form)
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    (note,) = writer.health().notes
    assert said in note.text
    assert "are in the former file only. It is kept as" in note.text
    reader = store.open_reader(path)
    assert (reader.status().spans, reader.status().logs) == (10, 2)
    reader.close()
    writer.close()


@pytest.mark.parametrize("additions", [None, *ADDITIONS], ids=lambda path: path.stem if path else "none")
def test_a_file_of_this_schema_opens_with_whatever_was_added_to_it(
    tmp_path: Path, rows: Path, additions: Path | None
) -> None:
    """The tables and columns that it lacks are made; nothing is set aside."""
    path = tmp_path / "store.db"
    _old_file(path, 6, rows, *([additions] if additions else []))
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    assert writer.health().notes == ()
    _holds_the_checkout(path, writer)
    writer.close()


@pytest.mark.parametrize("version", [7, 8])
def test_a_file_of_a_schema_before_is_taken_as_it_is(tmp_path: Path, rows: Path, version: int) -> None:
    """Its spans, a row for each, stay rows: readers find them before and after a writer opened the file."""
    path = tmp_path / "store.db"
    _old_file(path, version, rows)
    reader = store.open_reader(path)
    assert len(reader.spans_of_trace(TRACE)) == 10
    assert reader.count_logs(LogQuery(WINDOW, text="hello")) == 1
    assert len(reader.find_logs(LogQuery(WINDOW)).items) == 2
    assert reader.trace_of_span(row(failing_checkout()[3]).span_id.hex()) == TRACE
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    assert writer.health().notes == ()
    _holds_the_checkout(path, writer)
    late = span(78)
    writer.write(Batch([row(late)]))
    assert len(reader.spans_of_trace(TRACE)) == 11
    reader.close()
    writer.close()
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (9,)
    assert connection.execute("SELECT sum(n) FROM trace_parts").fetchone() == (2,)
    connection.close()


def test_the_logs_of_a_file_of_before_are_packed_bit_by_bit(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nothing arrives, too; what led to rows is gone at once, and they are found all the time."""
    path = tmp_path / "store.db"
    _old_file(path, 8, rows)
    monkeypatch.setattr(log_tables, "ROUND", 1)
    monkeypatch.setattr(log_tables, "_ROUNDS", 1)
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    reader = store.open_reader(path)
    bodies = ["hello grüße", "refused"]
    assert [log.body for log in reader.find_logs(LogQuery(WINDOW)).items] == bodies
    with closing(sqlite3.connect(path)) as connection:
        eventually(lambda: connection.execute("SELECT count(*) FROM log_parts").fetchone() == (2,), "parts")
        assert connection.execute("SELECT count(*) FROM logs").fetchone() == (0,)
        former = "name LIKE 'logs_text%' OR name LIKE 'logs_folded%' OR name LIKE 'logs_by%'"
        assert connection.execute(f"SELECT count(*) FROM sqlite_master WHERE {former}").fetchone() == (0,)
    assert [log.body for log in reader.find_logs(LogQuery(WINDOW)).items] == bodies
    assert reader.count_logs(LogQuery(WINDOW, text="GRÜSSE")) == 1
    reader.close()
    writer.close()


@pytest.mark.parametrize("version", [0, 10, 99, -3])
def test_a_file_of_an_unknown_schema_is_set_aside(tmp_path: Path, rows: Path, version: int) -> None:
    """A newer program's, say: it is kept as it is, a new store is begun, and it is said."""
    path = tmp_path / "store.db"
    _old_file(path, 6, rows)
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {version}")
    connection.close()
    with pytest.raises(StoreMismatch):
        store.open_reader(path).status()
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    (note,) = writer.health().notes
    (kept,) = _aside(path, f"schema-{version}")
    assert f"has schema {version}" in note.text
    assert f"It was set aside as {kept}, and a new store was begun." in note.text
    connection = sqlite3.connect(kept)
    assert connection.execute("SELECT count(*) FROM spans").fetchone() == (10,)
    connection.close()
    writer.write(_batch())
    reader = store.open_reader(path)
    assert reader.status().spans == 10
    reader.close()
    writer.close()


def test_a_start_that_was_killed_while_it_carried_over_begins_again(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The old file stays in its place until the new one is whole; the progress is logged."""
    path = tmp_path / "store.db"
    _old_file(path, 4, rows)
    monkeypatch.setattr(carried_rows, "_ROUND", 3)
    monkeypatch.setattr(older_files, "_PROGRESS_EVERY_S", 0.0)

    def killed(self: CarryingOver) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(CarryingOver, "finish", killed)
        with pytest.raises(KeyboardInterrupt):
            SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    assert list(tmp_path.glob("*.carried"))
    assert not _aside(path, "schema-4")
    with caplog.at_level(logging.WARNING):
        writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    assert "carried over so far: 9 spans" in caplog.text
    _holds_the_checkout(path, writer)
    writer.close()


def test_an_older_file_that_is_damaged_is_set_aside(tmp_path: Path, rows: Path) -> None:
    """What was read of it until then is not kept: it can be salvaged."""
    path = tmp_path / "store.db"
    _old_file(path, 5, rows)
    body = bytearray(path.read_bytes())
    for at in range(4_096 * 3, len(body), 4_096):
        body[at : at + 8] = b"\xff" * 8
    path.write_bytes(body)
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    (note,) = writer.health().notes
    assert "it could not be read to its end" in note.text
    assert len(_aside(path, "schema-5")) == 1
    writer.write(_batch())
    writer.close()


def test_a_long_backlog_is_aggregated_piece_by_piece(
    tmp_path: Path, rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bounded in memory; a trace that lies in several pieces counts once, and a restart goes on."""
    monkeypatch.setattr(aggregation_schedule, "_BACKLOG", 3)
    path = tmp_path / "store.db"
    _old_file(path, 4, rows)
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    _holds_the_checkout(path, writer)
    writer.close()
    connection = sqlite3.connect(path)
    (seq,) = connection.execute("SELECT value FROM facts WHERE name = 'seq'").fetchone()
    connection.close()
    settled = sqlite3.connect(settled_path(path))
    marks = dict(settled.execute("SELECT name, value FROM marks"))
    settled.close()
    assert marks["backlog"] == marks["events_backlog"] == marks["backlog_upto"] < seq
