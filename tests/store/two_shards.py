"""Plans every statement of a ClickHouse reader for two shards that nobody reaches; prints what was refused.

`python -m tests.store.two_shards FOLDER`. A process of its own: an engine reads its clusters at its start.
A plain join or IN over a distributed table is refused while it is planned; what is planned right ends at most
with "no connection". Answers come from the local table, so that a method goes on to its next statement.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import clickhouse_connect

from signals.model import TraceId
from store.api import Batch, Reader
from store.clickhouse import connection, own_tables
from store.clickhouse.address import Address, read_address
from store.clickhouse.connection import Connections, Values
from store.clickhouse.lease import Lease
from store.clickhouse.preparing import execute, plan
from store.clickhouse.reader import ClickHouseReader
from store.clickhouse.settler import Settler
from store.clickhouse.writer import ClickHouseWriter
from tests.store.build import TRACE, failing_checkout, log_row, row, span
from tests.store.house import WINDOW
from tests.store.questions import questions

NO_CONNECTION: Final = 279
CONTROL: Final = "SELECT 1 FROM d.otel_traces WHERE TraceId IN (SELECT TraceId FROM d.otel_logs)"
"""A statement that must be refused."""
_OWN: Final = tuple(sorted(name for name in vars(own_tables).values() if str(name).startswith("lab_")))
_TABLES: Final = ("otel_traces", "otel_logs", "lab_facts", "lab_metric_points", *_OWN)
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
    for question in questions(reader, WINDOW).values():
        question()
    with reader.snapshot():
        reader.services(WINDOW)


def _prepare(address: Address) -> None:
    local = Connections(address)
    execute(local, plan(local), lambda _: None)
    settler = Settler(local, Lease(local, settle_s=0), behind_s=0)
    while settler.step():
        pass


def _plan_settling(settler: Settler, planned: Planned) -> None:
    """Let a settler over the cluster read; what it writes goes to one server, without a plan."""
    planned.run = lambda *_: None  # type: ignore[method-assign]  # nothing is written
    planned.insert = lambda *_: None  # type: ignore[method-assign]  # as above
    settler._lease.hold = lambda: True  # type: ignore[method-assign]  # as above
    settler.step()
    settler._sum_blocks(settler._version)
    settler._forget(settler._version)


def main(folder: Path) -> None:
    """Print {"statements": how many, "without": how many of them without our own tables,
    "refused": [code and statement of each], "control": code of CONTROL}."""
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
    _prepare(read_address(f"chdb://{folder}/data/t"))
    # Something late, so that traces are read from their spans beside what is settled.
    writer.write(Batch([row(span(11, 1, "frontend", "late", start_ms=20))]))
    writer._connections.run("CREATE DATABASE d")
    for table in _TABLES:
        # `cluster()` would ask a shard for the columns first: a table of its own is planned without any.
        writer._connections.run(f"CREATE TABLE d.{table} AS t.{table} ENGINE = Distributed(two, t, {table})")
    planned = Planned(read_address(f"chdb://{folder}/data/d"))
    plain = ClickHouseReader(planned)
    # It never looks for tables of our own.
    plain._asked_s = math.inf
    ask_everything(plain)
    without = len(planned.codes)
    reader = ClickHouseReader(planned)
    ask_everything(reader)
    settler = Settler(planned, Lease(planned, settle_s=0), behind_s=0)
    _plan_settling(settler, planned)
    refused = [f"{code}: {sql}" for sql, code in planned.codes.items() if code not in (0, NO_CONNECTION)]
    asked = len(planned.codes)
    own = sum("d.lab_traces" in sql or "d.lab_requests" in sql for sql in planned.codes)
    planned.rows(CONTROL)
    json.dump(
        {
            "statements": asked,
            "without": without,
            "of our own tables": own,
            "refused": refused,
            "control": planned.codes[CONTROL],
        },
        sys.stdout,
    )
    sys.stdout.flush()
    reader.close()
    writer.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
