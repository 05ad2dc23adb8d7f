"""Many spans in ClickHouse, quickly: some written by our own writer, and copies of them made by the server.

    python -m benchmarks.clickhouse_fill --store chdb:///folder/bench --spans 10000000

A copy has ids of its own and lies some seconds beside the first, so that all together are spread over the
same 24 hours. What its messages say of ids within attributes stays as it was.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import store
from benchmarks.fill import SECOND, Filler
from benchmarks.measure import machine
from store.api import Batch, StoreBusy, StoreUnavailable, Writer
from store.clickhouse.address import read_address
from store.clickhouse.connection import Connections

_SPREAD_S: Final = 24 * 3600
WRITTEN: Final = 500_000
"""Spans that are written, not copied."""
SHIFT_MS: Final = 3_617
"""A copy lies so far from the one before it."""
_SENDERS: Final = 32
_TABLES: Final = ("otel_traces", "otel_logs")


def main(argv: Sequence[str] | None = None) -> int:
    """Fill, and print what it took."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--store", metavar="URL", required=True)
    parser.add_argument("--spans", type=int, default=10_000_000)
    arguments = parser.parse_args(argv)
    writer = store.open_writer(arguments.store, max_age_s=0)
    written = min(arguments.spans, WRITTEN)
    began_s, cpu_s = time.perf_counter(), time.process_time()
    now = time.time_ns() // (60 * SECOND) * 60 * SECOND
    batches = Filler().batches(
        written, written * 3 // 10, from_unix_nano=now - _SPREAD_S * SECOND, to_unix_nano=now
    )
    with ThreadPoolExecutor(_SENDERS) as pool:
        for _ in pool.map(lambda batch: _send(writer, batch), batches):
            pass
    writer.close()
    print(_took(written, began_s, cpu_s), "by our writer")
    began_s, cpu_s = time.perf_counter(), time.process_time()
    copies = arguments.spans // written - 1
    connections = Connections(read_address(arguments.store))
    for number in range(1, copies + 1):
        for table in _TABLES:
            _copy(connections, table, number)
    connections.close()
    if copies:
        print(_took(written * copies, began_s, cpu_s), "as copies")
    print(machine())
    return 0


def _send(writer: Writer, batch: Batch) -> None:
    while True:
        try:
            return writer.write(batch)
        except (StoreBusy, StoreUnavailable):
            time.sleep(0.5)


def _took(spans: int, began_s: float, cpu_s: float) -> str:
    wall, cpu = time.perf_counter() - began_s, time.process_time() - cpu_s
    return f"{spans:,} spans in {wall:.0f} s, {cpu / spans * 1e6:.1f} us of CPU each"


def _copy(connections: Connections, table: str, number: int) -> None:
    """One copy of the rows that were written; they alone have an id that begins with no copy's number."""
    database = connections.address.database
    own = f"{number:03x}"
    other = f"if(TraceId = '', '', concat('{own}', substring(TraceId, 4)))"
    moved = f"Timestamp + toIntervalMillisecond({number * SHIFT_MS})"
    replaced = [
        f"{moved} AS Timestamp",
        f"{other} AS TraceId",
        f"if(LabSession = '', '', concat(LabSession, '-{own}')) AS LabSession",
        "generateSnowflakeID() AS LabArrival",
    ]
    if table == "otel_traces":
        replaced.append(
            "if(SpanAttributes['link.traceId'] = '', SpanAttributes, mapUpdate(SpanAttributes, "
            f"map('link.traceId', concat('{own}', substring(SpanAttributes['link.traceId'], 4))))) "
            "AS SpanAttributes"
        )
    connections.run(
        f"INSERT INTO {database}.{table} SELECT * REPLACE({', '.join(replaced)}) "  # names of ours
        f"FROM (SELECT * FROM {database}.{table} WHERE LabArrival < {_last_written(connections, table)}) "
        "SETTINGS max_partitions_per_insert_block = 0, deduplicate_insert_select = 'disable', "
        "max_insert_threads = 1"
    )


_LAST: dict[str, int] = {}


def _last_written(connections: Connections, table: str) -> int:
    """The number of arrival after the rows of our writer."""
    if table not in _LAST:
        rows = connections.rows(
            f"SELECT max(LabArrival) + 1 FROM {connections.address.database}.{table}"  # names of ours
        )
        _LAST[table] = int(rows[0][0])
    return _LAST[table]


if __name__ == "__main__":
    raise SystemExit(main())
