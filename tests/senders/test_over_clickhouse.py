"""The lesson over ClickHouse that a real Collector fills, and what its retries leave there.

`deploy/otelcol/clickhouse.yaml` runs as it stands. The server is the real engine behind the tests' HTTP
server; the native protocol, lz4 of its blocks and access rights are not tried by it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

import store
from signals.model import TraceId
from store.api import LogQuery, Window
from store.clickhouse.address import read_address
from store.clickhouse.connection import Connections
from tests.helpers import REPO, eventually
from tests.senders.collectors import collector
from tests.senders.conftest import Lab, over_store
from tests.senders.shop import failed_order, send_all, start_shop
from tests.senders.tools import BUILD_S
from tests.store import clickhouse_house

# The first test of a machine builds.
pytestmark = pytest.mark.timeout(BUILD_S + 300)
THEIRS, OURS = "tables of the exporter", "tables of our collector"


@dataclass(frozen=True)
class Story:
    """A shop that sends to the Collector, and an order that failed, as its visitor saw it."""

    lab: Lab
    shop: str
    tables: Connections
    order: dict[str, Any]

    @property
    def trace_id(self) -> str:
        """The backend's trace of the order."""
        return str(self.order["checkout"]["trace_id"])

    def count(self, table: str, condition: str = "1") -> int:
        """Rows of one table."""
        return _count(self.tables, table, condition)


def _count(tables: Connections, table: str, condition: str = "1") -> int:
    database = tables.address.database
    return int(tables.rows(f"SELECT count() FROM {database}.{table} WHERE {condition}")[0][0])


def _variables(url: str) -> dict[str, str]:
    """What tells the configuration of this database."""
    address = read_address(url)
    return {
        "CLICKHOUSE_ENDPOINT": f"http://{address.host}:{address.port}",
        "CLICKHOUSE_DATABASE": address.database,
        # lz4 is of blocks of the native protocol, which chDB does not speak.
        "CLICKHOUSE_COMPRESS": "none",
    }


@pytest.fixture(name="story", scope="module", params=[THEIRS, OURS])
def _story(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Whoever starts first makes the tables; the other takes them as they are."""
    clickhouse_house.require_engine()
    folder = tmp_path_factory.mktemp("over-clickhouse")
    url = clickhouse_house.new_url(over_http=True)
    fleet, ours = (
        collector(folder, "clickhouse.yaml", **_variables(url)),
        over_store(folder, url),
    )
    with ExitStack() as stack:
        if request.param == THEIRS:
            running = stack.enter_context(fleet)
            lab = stack.enter_context(ours)
        else:
            lab = stack.enter_context(ours)
            running = stack.enter_context(fleet)
        shop = start_shop(stack, folder, running.http, lab.otlp)
        tables = Connections(read_address(url))
        stack.callback(tables.close)
        yield Story(lab, shop, tables, failed_order(shop))


def _whole(story: Story) -> dict[str, Any]:
    """The trace of the order in the screens, once it has its root and every parent that a span names."""

    def complete() -> dict[str, Any]:
        trace = story.lab.get(f"/apm/traces/{story.trace_id}")
        has_root = story.order["checkout"]["span_id"] in {span["span_id"] for span in trace["spans"]}
        return trace if has_root and trace["complete"] else {}

    return eventually(complete, "the whole trace of the order", within_s=60)


def test_the_trace_is_whole_and_names_the_origin(story: Story) -> None:
    """Spans of six processes came through the Collector, and none of them through ours."""
    trace = _whole(story)
    services = {span["service"] for span in trace["spans"]}
    assert {"frontend", "checkoutservice", "paymentservice", "cartservice", "currencyservice"} <= services
    assert any(span["error"] and span["service"] == "paymentservice" for span in trace["spans"])
    kept = story.count("otel_traces", f"TraceId = '{story.trace_id}' AND ServiceName = 'paymentservice'")
    assert kept == sum(span["service"] == "paymentservice" for span in trace["spans"])
    assert story.count("otel_traces_trace_id_ts", f"TraceId = '{story.trace_id}'") > 0


def test_logs_and_the_session_lead_to_the_same_trace(story: Story) -> None:
    """Log lines came through the Collector, beacons through ours, into one database."""
    _whole(story)
    logs = eventually(
        lambda: story.lab.get("/logs", trace_id=story.trace_id)["logs"], "its log lines", within_s=30
    )
    session = f"/rum/sessions/{story.order['session_id']}"
    events = eventually(lambda: story.lab.get(session)["events"], "the session", within_s=30)

    assert any(log["service"] == "paymentservice" for log in logs)
    assert story.trace_id in {event["apm"]["trace_id"] for event in events if event.get("apm")}


def test_metrics_come_through_the_exporters_own_tables(story: Story) -> None:
    """The orders that failed are counted in a sum of the exporter's, and charted."""
    found = eventually(
        lambda: story.lab.get("/metrics", q="hipstershop.orders")["metrics"], "orders", within_s=60
    )
    assert found[0]["kind"] == "sum"
    assert story.count("otel_metrics_sum", "MetricName = 'hipstershop.orders'") > 0


def test_the_lesson_holds(story: Story) -> None:
    """`lab verify` finds every link between browser, trace, log and metric."""
    screens = story.lab.api.removesuffix("/api/v1")
    command = [sys.executable, "-m", "lab", "verify", "--incident", "invalid-token", "--driver", "script"]
    verified = subprocess.run(
        [*command, "--shop", story.shop, "--observer", screens, "--within", "40"],
        cwd=REPO, env=dict(os.environ), capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert "invalid-token: every link holds" in verified.stdout


@dataclass
class Lossy:
    """Loses the answer of the first insert into each of these tables of one database, and counts inserts."""

    database: str
    tables: Sequence[str]
    inserts: Counter[str] = field(default_factory=Counter)

    def __call__(self, statement: str) -> bool:
        for table in self.tables:
            if table in statement and self.database in statement:
                self.inserts[table] += 1
                return self.inserts[table] == 1
        return False

    @property
    def all_came_again(self) -> bool:
        """Whether each of the tables had a second insert."""
        return all(self.inserts[table] > 1 for table in self.tables)


@pytest.mark.parametrize("knows_repetitions", [True, False], ids=["with a window", "without"])
def test_what_is_sent_again_after_a_lost_answer(
    knows_repetitions: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table with a window for repetitions keeps it once, any other twice; of spans the screens show one."""
    clickhouse_house.require_engine()
    url = clickhouse_house.new_url(over_http=True)
    tables = Connections(address := read_address(url))
    lossy = Lossy(address.database, ("otel_traces", "otel_logs", "otel_metrics_gauge"))
    with ExitStack() as stack:
        stack.callback(tables.close)
        running = stack.enter_context(collector(tmp_path, "clickhouse.yaml", **_variables(url)))
        for table in (*lossy.tables, "otel_traces_trace_id_ts") if knows_repetitions else ():
            tables.run(
                f"ALTER TABLE {address.database}.{table} "
                "MODIFY SETTING non_replicated_deduplication_window = 1000"
            )
        monkeypatch.setattr(clickhouse_house.server(), "loses_answer", lossy)
        trace_id = send_all(running.http)
        eventually(lambda: lossy.all_came_again, "second inserts", within_s=30)

    kept = {name: _count(tables, name) for name in (*lossy.tables, "otel_traces_trace_id_ts")}
    reader = store.open_reader(url)
    window = Window(0, time.time_ns())
    assert set(kept.values()) == {1 if knows_repetitions else 2}
    assert len(reader.spans_of_trace(TraceId(trace_id))) == 1
    # Two lines of the same moment and text may well be two.
    assert len(reader.find_logs(LogQuery(window)).items) == kept["otel_logs"]
    assert sum(each.requests for each in reader.services(window).values()) == 1
    reader.close()
