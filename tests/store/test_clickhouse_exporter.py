"""ClickHouse tables that a real exporter made: columns of ours are missing, everything is text."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest

from signals.model import SessionId, SpanError, SpanKind, TraceId
from store.api import (
    BadQuery,
    Batch,
    Limitation,
    LogQuery,
    StoreMismatch,
    StoreUnavailable,
    TooSlow,
    TraceQuery,
)
from store.clickhouse import writer as clickhouse_writer
from store.clickhouse.address import read_address
from store.clickhouse.connection import Connections
from store.clickhouse.preparing import execute, plan
from store.clickhouse.reader import ClickHouseReader
from store.clickhouse.schema import statements
from store.clickhouse.writer import ClickHouseWriter
from tests.helpers import eventually
from tests.store.build import MS, T0, TRACE, failing_checkout, log_row, row, span
from tests.store.clickhouse_house import new_url, require_engine
from tests.store.house import WINDOW
from tests.store.prepared import SUMMED, hostile
from tests.store.questions import questions

OURS = "LabRaw LabResource LabScope LabArrival LabShift LabSession"


@pytest.fixture(name="tables")
def _tables() -> Iterator[Connections]:
    """The exporter's tables without a column of ours, in a database of their own."""
    require_engine()
    found = Connections(read_address(new_url()))
    database = found.address.database
    for statement in statements(found.address):
        found.run(statement)
    found.run(f"DROP TABLE {database}.lab_facts")
    found.run(f"ALTER TABLE {database}.otel_traces DROP INDEX idx_session")
    for table, names in (
        (
            "otel_traces",
            "LabFlags LabPeer LabTags LabRaw LabResource LabScope LabArrival LabShift LabSession",
        ),
        ("otel_logs", "LabRaw LabResource LabScope LabArrival LabShift LabSession EventName"),
    ):
        for name in names.split():
            found.run(f"ALTER TABLE {database}.{table} DROP COLUMN {name}")
    yield found
    found.close()


@pytest.fixture(name="reader")
def _reader(tables: Connections) -> Iterator[ClickHouseReader]:
    reader = ClickHouseReader(Connections(tables.address))
    yield reader
    reader.close()


def export(tables: Connections, *, batch: Batch) -> None:
    """Write as the exporter does: into its own columns alone."""
    writer = ClickHouseWriter(Connections(tables.address), linger_s=0)
    writer.write(batch)
    writer.close()


def test_a_trace_of_the_exporter_is_found_with_its_origins(
    tables: Connections, reader: ClickHouseReader
) -> None:
    export(tables, batch=Batch([row(one) for one in failing_checkout()]))
    (found,) = reader.find_traces(TraceQuery(WINDOW)).items
    assert (found.service, found.operation, found.spans) == ("frontend", "POST /cart/checkout", 10)
    assert {one.name: one.error for one in found.services}["paymentservice"] is SpanError.ORIGIN
    assert reader.services(WINDOW)["paymentservice"].requests == 2
    edges = {(edge.source, edge.target) for edge in reader.service_map(WINDOW).edges}
    assert ("frontend", "checkoutservice") in edges


def test_attributes_are_text_and_nothing_is_guessed(tables: Connections, reader: ClickHouseReader) -> None:
    sent = span(1, kind=SpanKind.SERVER, attributes={"n": 500, "yes": True, "part": 0.5, "http.route": "/x"})
    export(tables, batch=Batch([row(sent)]))
    (found,) = reader.spans_of_trace(TRACE)
    assert found.attributes == {"n": "500", "yes": "true", "part": "0.5", "http.route": "/x"}
    assert (found.kind, found.start_unix_nano, found.duration_ns) == (SpanKind.SERVER, T0, 10 * MS)
    assert found.as_text
    assert {Limitation.TYPES, Limitation.ARRIVAL} <= set(reader.status().limitations)


def test_a_store_of_our_own_lacks_less() -> None:
    """Its rows have types and an order; what nothing records is said all the same."""
    require_engine()
    writer = ClickHouseWriter(connections := Connections(read_address(new_url())), linger_s=0)
    writer.write(Batch([row(span(1, attributes={"n": 500}))]))
    reader = ClickHouseReader(Connections(connections.address))
    (found,) = reader.spans_of_trace(TRACE)
    assert (found.attributes, found.as_text) == ({"n": 500}, False)
    limitations = set(reader.status().limitations)
    assert not {Limitation.TYPES, Limitation.ARRIVAL} & limitations
    assert Limitation.DELETED in limitations
    reader.close()
    writer.close()


def test_logs_have_ids_but_no_order_of_arrival(tables: Connections, reader: ClickHouseReader) -> None:
    export(tables, batch=Batch(logs=[log_row("one", ms=1, trace_id=TRACE), log_row("two", ms=2)]))
    newest, first = reader.find_logs(LogQuery(WINDOW)).items
    assert (newest.body, first.body, first.trace_id) == ("two", "one", TRACE)
    assert reader.log(first.log_id) == first
    with pytest.raises(BadQuery, match="arrived"):
        reader.find_logs(LogQuery(WINDOW, after=first.log_id))


def test_logs_of_a_session_are_found_whoever_wrote_them() -> None:
    """The exporter writes into tables of ours, too, and knows no column of ours."""
    require_engine()
    writer = ClickHouseWriter(connections := Connections(read_address(new_url())), linger_s=0)
    table = f"{connections.address.database}.otel_logs"
    for number, name in enumerate(("session.id", "splunk.rumSessionId", "other")):
        connections.run(
            f"INSERT INTO {table} (Timestamp, Body, LogAttributes) "
            f"VALUES (fromUnixTimestamp64Nano({T0 + number}), '{name}', map('{name}', 'mine'))"
        )
    reader = ClickHouseReader(Connections(connections.address))
    found = reader.find_logs(LogQuery(WINDOW, session_id=SessionId("mine"), oldest_first=True)).items
    assert [one.body for one in found] == ["session.id", "splunk.rumSessionId"]
    assert {one.session_id for one in found} == {"mine"}
    reader.close()
    writer.close()


def test_hostile_text_is_a_value_and_never_a_part_of_a_statement(
    tables: Connections, reader: ClickHouseReader
) -> None:
    nasty = "a' OR 1=1 -- \\ {p0:String} %s \n\t\0 é"
    export(tables, batch=Batch([row(span(1, service=nasty, attributes={nasty: nasty}))]))
    found = reader.find_traces(TraceQuery(WINDOW, service=nasty, attributes={nasty: nasty})).items
    assert [one.service for one in found] == [nasty]
    assert reader.find_traces(TraceQuery(WINDOW, service="' OR 1=1 --")).items == []


def test_an_answer_that_was_lost_doubles_nothing(tables: Connections) -> None:
    """The insert arrived, its answer did not: the writer sends it again under the same token."""
    writer = ClickHouseWriter(connections := Connections(read_address(new_url())), linger_s=0)
    insert, lost = connections.insert, [True]

    def lossy(*args: object) -> None:
        insert(*args)  # type: ignore[arg-type]  # handed on
        if lost and lost.pop():
            raise StoreUnavailable("the answer was lost")

    connections.insert = lossy  # type: ignore[method-assign, assignment]  # a fault of the network
    writer.write(Batch([row(span(n, trace_id=TraceId("a" * 32))) for n in range(1, 6)]))
    reader = ClickHouseReader(Connections(connections.address))
    assert reader.status().spans == 5
    reader.close()
    writer.close()


def test_a_page_asks_for_the_traces_of_its_window_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Services, operations and map of one moment are made of one answer; the next page asks anew."""
    require_engine()
    writer = ClickHouseWriter(written := Connections(read_address(new_url())), linger_s=0)
    writer.write(Batch([row(one) for one in failing_checkout()]))
    reader = ClickHouseReader(connections := Connections(written.address))
    rows, asked = connections.rows, list[str]()

    def counting(sql: str, *args: object, **named: object) -> object:
        asked.extend([sql] if "GROUP BY TraceId" in sql else [])
        return rows(sql, *args, **named)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(connections, "rows", counting)
    for pages in (1, 2):
        with reader.snapshot():
            requests = sum(one.requests for one in reader.services(WINDOW).values())
            assert requests == sum(one.requests for one in reader.operations(None, WINDOW).values())
            assert len(reader.service_map(WINDOW).nodes) > 3
        assert len(asked) == pages
    reader.close()
    writer.close()


def test_a_full_queue_is_inserted_in_parts(tables: Connections, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first batch does not wait for the last: no insert is much larger than its bound."""
    monkeypatch.setattr(clickhouse_writer, "MOST_ROWS", 4)
    writer = ClickHouseWriter(connections := Connections(read_address(new_url())), linger_s=0)
    insert, sizes, first = connections.insert, list[int](), threading.Event()

    def slow(table: str, columns: Mapping[str, Sequence[object]], token: str) -> None:
        assert first.wait(20)
        sizes.append(len(columns["TraceId"]))
        insert(table, columns, token)

    monkeypatch.setattr(connections, "insert", slow)
    with ThreadPoolExecutor(10) as pool:
        for number in range(10):
            spans = [row(span(10 * number + each)) for each in range(1, 4)]
            pool.submit(writer.write, Batch(spans))
        eventually(lambda: writer._queued >= 20, "batches that wait")
        first.set()
    assert sum(sizes) == 30
    assert max(sizes) <= 6
    writer.close()


def test_errors_of_the_server_are_those_of_the_contract(tables: Connections) -> None:
    with pytest.raises(StoreMismatch, match="no_such"):
        tables.rows("SELECT * FROM no_such_table")
    slow = Connections(tables.address, time_limit_s=1)
    with pytest.raises(TooSlow):
        slow.rows("SELECT sleep(3)")
    slow.close()


@pytest.mark.parametrize(
    "url", ["http://x/y", "clickhouse://h:x/db", "clickhouse://h/a-b", "clickhouse://h/db?cluster=a'b",
            "clickhouse://h/db?odd=1"],
)  # fmt: skip
def test_an_address_that_means_nothing_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(StoreMismatch) as refused:
        read_address(url.replace("://", "://me:secret@"))
    assert "secret" not in str(refused.value)


def _with_json(tables: Connections) -> Connections:
    """The same rows in another database, with JSON columns as the exporter's `json: true` makes them."""
    found = Connections(read_address(new_url()))
    found.run(f"CREATE DATABASE {found.address.database}")
    for name in ("otel_traces", "otel_logs"):
        described = tables.rows(
            "SELECT name, type FROM system.columns "
            f"WHERE database = '{tables.address.database}' AND table = '{name}' ORDER BY position"
        )
        kinds = {str(column): str(kind) for column, kind in described}
        json = {column for column, kind in kinds.items() if "Map(" in kind}
        columns, values = [], []
        for column, kind in kinds.items():
            of_json = "Array(JSON)" if kind.startswith("Array") else "JSON"
            columns.append(f"`{column}` {of_json if column in json else kind}")
            values.append(f"CAST(`{column}`, '{of_json}')" if column in json else f"`{column}`")
        made = f"{found.address.database}.{name}"
        found.run(f"CREATE TABLE {made} ({', '.join(columns)}) ENGINE = MergeTree ORDER BY Timestamp")
        source = f"{tables.address.database}.{name}"
        found.run(f"INSERT INTO {made} SELECT {', '.join(values)} FROM {source}")
    return found


def test_tables_with_json_columns_answer_as_those_with_maps(
    tables: Connections, reader: ClickHouseReader
) -> None:
    """With tables of our own, too: their copy of the spans has maps."""
    spans = [*hostile(7, 40, 1), span(77, attributes={"n": 500, "yes": True, "a.b": "c", "odd": "q'\"t\\"})]
    export(tables, batch=Batch([row(one) for one in spans], [log_row("one", ms=1, trace_id=TRACE)]))
    found = _with_json(tables)
    for prepare in (False, True):
        if prepare:
            execute(found, plan(found), lambda _: None)
        other = ClickHouseReader(Connections(found.address))
        assert other.is_prepared() is prepare
        expected, answers = questions(reader, WINDOW), questions(other, WINDOW)
        for name in (
            *SUMMED,
            "find_traces by an attribute",
            "affected of all",
            "environments",
            "rum_measures",
        ):
            assert answers[name]() == expected[name](), name
        assert [one.body for one in other.find_logs(LogQuery(WINDOW)).items] == ["one"]
        other.close()
    found.close()
