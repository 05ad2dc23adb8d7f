"""Settles a store that `benchmarks.clickhouse_fill` filled; of copies it derives none anew.

    python -m store.prepare chdb:///folder/bench
    python -m benchmarks.clickhouse_settled --store chdb:///folder/bench --spans 10000000

A copy of a trace differs by its id, its times and its session alone, and so does what follows from it. The
settler itself measures the events of browsers, sums, and finds nothing that it would do otherwise.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from typing import Any, Final

import orjson

from benchmarks.clickhouse_fill import SHIFT_MS, WRITTEN
from benchmarks.measure import machine
from store.clickhouse.address import read_address
from store.clickhouse.connection import Connections, Row
from store.clickhouse.derived import Traces
from store.clickhouse.lease import Lease
from store.clickhouse.own_tables import (
    ARRIVALS,
    CALLS,
    HOMES,
    MINUTE_NS,
    MINUTES,
    REQUESTS,
    SPANS,
    TRACE_BODIES,
)
from store.clickhouse.settled_rows import Settled, call_columns, request_columns, trace_columns
from store.clickhouse.settler import Settler
from store.clickhouse.span_rows import SpanRows
from store.clickhouse.tables import find_table

_AT_ONCE: Final = 1_500
_STAGED: Final = "first_"
"""Before the names of tables that hold what follows from the spans that our writer wrote."""
_TIME: Final = "toUnixTimestamp64Nano"


def main(argv: Sequence[str] | None = None) -> int:
    """Settle, and print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", metavar="URL", required=True)
    parser.add_argument("--spans", type=int, default=10_000_000)
    arguments = parser.parse_args(argv)
    connections = Connections(read_address(arguments.store))
    copies = arguments.spans // min(arguments.spans, WRITTEN) - 1
    began_s, cpu_s = time.perf_counter(), time.process_time()
    version = time.time_ns()
    _derive_first(connections, copies, version)
    for number in range(1, copies + 1):
        _copy(connections, number, version)
    _publish(connections, version)
    settler = Settler(connections, Lease(connections, settle_s=0))
    settler._sum(1, version, f"Version = {version}", "Home", version)
    while settler.step():
        pass
    for table in (TRACE_BODIES, REQUESTS, CALLS):
        connections.run(f"DROP TABLE {connections.address.database}.{_STAGED}{table}")
    settler.close()
    wall, cpu = time.perf_counter() - began_s, time.process_time() - cpu_s
    print(f"settled in {wall:.0f} s, {cpu:.0f} s of CPU; {machine()}")
    return 0


def _derive_first(connections: Connections, copies: int, version: int) -> None:
    """What follows from the traces that were written, into tables of their own and into the settler's."""
    database = connections.address.database
    for table in (TRACE_BODIES, REQUESTS, CALLS):
        connections.run(f"DROP TABLE IF EXISTS {database}.{_STAGED}{table}")
        connections.run(f"CREATE TABLE {database}.{_STAGED}{table} AS {database}.{table}")
    own = ", ".join(f"'{number:03x}'" for number in range(1, copies + 1)) or "''"
    # An id that begins as those of a copy is one with it.
    mixed = f"substring(TraceId, 1, 3) IN ({own})"
    last = connections.rows(f"SELECT max(LabArrival) FROM {database}.{SPANS} WHERE NOT {mixed}")[0][0]
    alone = _rows(connections, f"LabArrival <= {last} AND NOT {mixed}")
    ids = f"SELECT TraceId FROM {database}.{SPANS} WHERE LabArrival <= {last} AND {mixed}"
    for rows, staged in ((alone, True), (_rows(connections, f"TraceId IN ({ids})"), False)):
        for part in _derived(connections, rows):
            for table, columns in (
                (TRACE_BODIES, trace_columns(part, version)),
                (REQUESTS, request_columns(part, version)),
                (CALLS, call_columns(part, version)),
            ):
                for name in (table, f"{_STAGED}{table}")[: 1 + staged]:
                    if columns:
                        connections.insert(name, columns, "")
    # Of those that are one with a copy the other copies are traces of their own.
    others = _rows(connections, f"LabArrival <= {last} AND {mixed}")
    for part in _derived(connections, others, f"LabArrival <= {last}"):
        for table, columns in (
            (TRACE_BODIES, trace_columns(part, version)),
            (REQUESTS, request_columns(part, version)),
            (CALLS, call_columns(part, version)),
        ):
            if columns:
                connections.insert(f"{_STAGED}{table}", columns, "")


def _rows(connections: Connections, condition: str) -> Sequence[Row]:
    return connections.rows(
        f"SELECT TraceId, count(), {_TIME}(min(Timestamp)), {_TIME}(max(Timestamp)) "
        f"FROM {connections.source(SPANS)} WHERE {condition} GROUP BY TraceId ORDER BY min(Timestamp)",
        unlimited=True,
    )


def _derived(connections: Connections, rows: Sequence[Row], condition: str = "") -> Iterator[list[Settled]]:
    table = find_table(connections, SPANS)
    assert table is not None
    if condition:
        table = type(table)(table.name, f"(SELECT * FROM {table.whole} WHERE {condition})", table.columns,
                            table.moment)  # fmt: skip
    traces = Traces(connections, SpanRows(connections, table))
    for begin in range(0, len(rows), _AT_ONCE):
        part = rows[begin : begin + _AT_ONCE]
        found = traces.read(part)
        yield [
            Settled(int(row[2]) // MINUTE_NS, row[0], row[1], row[2], row[3], found[row[0]]) for row in part
        ]


def _copy(connections: Connections, number: int, version: int) -> None:
    database, own = connections.address.database, f"{number:03x}"
    shift = number * SHIFT_MS * 1_000_000
    mine = f"substring(TraceId, 1, 3) != '{own}'"
    first = f"{database}.{_STAGED}{TRACE_BODIES}"
    rows = connections.rows(
        f"SELECT TraceId, Spans, First, Last, Body FROM {first} WHERE {mine} ORDER BY First", unlimited=True
    )
    for begin in range(0, len(rows), 50_000):
        part = [_moved(row, own, shift, version) for row in rows[begin : begin + 50_000]]
        names = ("Home", "Version", "TraceId", "Spans", "First", "Last", "Body")
        connections.insert(
            TRACE_BODIES, dict(zip(names, map(list, zip(*part, strict=True)), strict=True)), ""
        )
    for table in (REQUESTS, CALLS):
        connections.run(
            f"INSERT INTO {database}.{table} SELECT each.* REPLACE("
            f"intDiv(of.First + {shift}, {MINUTE_NS}) AS Home, Start + {shift} AS Start, "
            f"concat('{own}', substring(TraceId, 4)) AS TraceId) "
            f"FROM (SELECT * FROM {database}.{_STAGED}{table} WHERE {mine}) AS each ANY LEFT JOIN "
            f"(SELECT TraceId, First FROM {first}) AS of ON each.TraceId = of.TraceId "
            "SETTINGS max_partitions_per_insert_block = 0"
        )


def _moved(row: Row, own: str, shift: int, version: int) -> tuple[Any, ...]:
    """The row of a trace that was copied."""
    trace_id, spans, first, last, body = row
    if body:
        found = orjson.loads(body)
        summary = found["s"]
        summary[0] = own + summary[0][3:]
        summary[3] += shift
        summary[9] = f"{summary[9]}-{own}" if summary[9] else summary[9]
        for each in (*found["r"], *found["c"]):
            each[2] += shift
        body = orjson.dumps(found).decode()
    home = (first + shift) // MINUTE_NS
    return home, version, own + trace_id[3:], spans, first + shift, last + shift, body


def _publish(connections: Connections, version: int) -> None:
    """Every minute is settled, as of this version."""
    database = connections.address.database
    connections.run(
        f"INSERT INTO {database}.{HOMES} SELECT DISTINCT Home, Version FROM {database}.{TRACE_BODIES} "
        f"WHERE Version = {version}"
    )
    connections.run(
        f"INSERT INTO {database}.{MINUTES} SELECT Minute, {version}, sum(Spans) FROM {database}.{ARRIVALS} "
        "GROUP BY Minute"
    )


if __name__ == "__main__":
    raise SystemExit(main())
