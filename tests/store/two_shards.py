"""Plans every statement of a ClickHouse reader for two shards that nobody reaches; prints what was refused.

`python -m tests.store.two_shards FOLDER`. A process of its own: an engine reads its clusters at its start.
A plain join or IN over a distributed table is refused while it is planned; what is planned right ends at most
with "no connection". Answers come from the local table, so that a method goes on to its next statement.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import clickhouse_connect

from signals.model import SessionId, SpanId, TraceId
from store.api import Batch, LogQuery, MetricQuery, Operation, Reader, SessionQuery, TraceQuery
from store.clickhouse import connection
from store.clickhouse.address import Address, read_address
from store.clickhouse.connection import Connections, Values
from store.clickhouse.reader import ClickHouseReader
from store.clickhouse.writer import ClickHouseWriter
from tests.store.build import TRACE, failing_checkout, log_row, row, span
from tests.store.house import WINDOW

NO_CONNECTION: Final = 279
CONTROL: Final = "SELECT 1 FROM d.otel_traces WHERE TraceId IN (SELECT TraceId FROM d.otel_logs)"
"""A statement that must be refused."""
_TABLES: Final = ("otel_traces", "otel_logs", "lab_facts", "lab_metric_points")
_SHARD: Final = "<shard><replica><host>127.0.0.1</host><port>{port}</port></replica></shard>"
_CONFIG: Final = (
    "<clickhouse><remote_servers><two>" + _SHARD.format(port=1) + _SHARD.format(port=2)
    + "</two></remote_servers></clickhouse>"
)  # fmt: skip


class Planned(Connections):
    """Plans each statement for the cluster, and answers it from the local tables."""

    def __init__(self, address: Address) -> None:
        super().__init__(address)
        self.codes: dict[str, int] = {}

    def rows(
        self, sql: str, values: Values | None = None, raw: Sequence[str] = (), *, unlimited: bool = False
    ) -> Sequence[Sequence[Any]]:
        local = sql
        for table in _TABLES:
            local = local.replace(f"d.{table}", f"t.{table}")
        if local != sql:
            try:
                self._client().query(f"EXPLAIN {sql}", parameters=values.by_name if values else None)
                self.codes[sql] = 0
            except Exception as error:
                self.codes[sql] = getattr(error, "code", None) or -1
        return super().rows(local, values, raw, unlimited=unlimited)


def ask_everything(reader: Reader) -> None:
    """A question of every kind."""
    ids = [TraceId(TRACE)]
    for query in (
        TraceQuery(WINDOW, attributes={"http.route": "/cart/checkout", "odd": "x"}, like={"odd": "ß"}),
        TraceQuery(WINDOW, service="frontend", also="checkoutservice", error="origin", sort="slowest"),
    ):
        reader.find_traces(query)
        reader.count_traces(query)
        reader.affected_by_traces(query)
    logs = LogQuery(WINDOW, trace_ids=ids, session_id=SessionId("s"), text="a", attributes={"k": "v"})
    questions: list[Callable[[], object]] = [
        lambda: reader.spans_of_trace(ids[0]), lambda: reader.trace_ids_ending(TRACE[16:]),
        lambda: reader.locate(ids[0]), lambda: reader.trace_of_span("1".rjust(16, "0")),
        lambda: reader.absent_spans([(ids[0], SpanId("1" * 16))]), lambda: reader.browser_of_trace(ids[0]),
        lambda: reader.trace_summaries(ids), lambda: reader.services(WINDOW, "lab"),
        lambda: reader.service_map(WINDOW), lambda: reader.operations(None, WINDOW),
        lambda: reader.series("frontend", WINDOW),
        lambda: reader.breakdowns(None, ["version", "odd"], WINDOW),
        lambda: reader.affected("frontend", WINDOW, operation="x", amounts=True),
        lambda: reader.coverage(WINDOW), lambda: reader.coverage(WINDOW, "browsers"),
        lambda: reader.tags(WINDOW), lambda: reader.find_sessions(SessionQuery(WINDOW)),
        lambda: reader.count_sessions(SessionQuery(WINDOW, attributes={"odd": "x"})),
        lambda: reader.session(SessionId("s1")), lambda: reader.sessions_ending("1"),
        lambda: reader.spans_of_session(SessionId("s1")), lambda: reader.find_logs(logs),
        lambda: reader.count_logs(logs), lambda: reader.log_histogram(logs), lambda: reader.log("1"),
        lambda: reader.log_fields(logs), reader.newest_log_id, lambda: reader.deployments(WINDOW),
        lambda: reader.rum_apps(WINDOW), lambda: reader.rum_measures(WINDOW),
        lambda: reader.rum_series("page_views", WINDOW), lambda: reader.rum_errors(WINDOW),
        lambda: reader.rum_breakdowns("page_views", ["page"], WINDOW),
        lambda: reader.metric_latest(MetricQuery(WINDOW, "m")), lambda: reader.environments(WINDOW),
        lambda: reader.failing_operations(WINDOW), lambda: reader.operation_measures(WINDOW),
        lambda: reader.versions("frontend", WINDOW, Operation("frontend", "x")),
        lambda: reader.seen("version", ["v1"]), lambda: reader.errors_seen(["x"]),
        lambda: reader.changes(WINDOW), lambda: reader.values_holding("version", "v"),
        lambda: reader.services_holding("f"), lambda: reader.sessions_holding("s"),
        lambda: reader.trace_ids_with("0a"), lambda: reader.span_ids_beginning("0"), reader.status,
    ]  # fmt: skip
    for question in questions:
        question()
    with reader.snapshot():
        reader.services(WINDOW)


def main(folder: Path) -> None:
    """Print {"statements": how many, "refused": [code and statement of each], "control": code of CONTROL}."""
    config = folder / "clusters.xml"
    config.write_text(_CONFIG, "utf-8")

    def connect(address: Address) -> Any:
        return clickhouse_connect.get_client(
            interface="chdb", path=address.path, chdb_options={"config-file": str(config)}
        )

    connection._connect = connect
    writer = ClickHouseWriter(Connections(read_address(f"chdb://{folder}/data/t")), linger_s=0)
    event = span(90, service="shop", name="click", browser=True, session="s1", trace_id=TraceId("b" * 32))
    writer.write(Batch([row(one) for one in (*failing_checkout(), event)], [log_row("a", trace_id=TRACE)]))
    writer._connections.run("CREATE DATABASE d")
    for table in _TABLES:
        # `cluster()` would ask a shard for the columns first: a table of its own is planned without any.
        writer._connections.run(f"CREATE TABLE d.{table} AS t.{table} ENGINE = Distributed(two, t, {table})")
    planned = Planned(read_address(f"chdb://{folder}/data/d"))
    reader = ClickHouseReader(planned)
    ask_everything(reader)
    refused = [f"{code}: {sql}" for sql, code in planned.codes.items() if code not in (0, NO_CONNECTION)]
    asked = len(planned.codes)
    planned.rows(CONTROL)
    json.dump({"statements": asked, "refused": refused, "control": planned.codes[CONTROL]}, sys.stdout)
    sys.stdout.flush()
    reader.close()
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
