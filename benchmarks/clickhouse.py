"""Spans written to ClickHouse by our own writer, and the questions of pages over them: p50 and p95.

    python -m benchmarks.clickhouse                      1,000,000 spans of set B of `benchmarks.ingest`
    python -m benchmarks.clickhouse --spans 10000000     ten times as many: ten days of the same shop
    python -m benchmarks.clickhouse --store URL          into a server
    python -m benchmarks.clickhouse --keep DIR           keep the data in DIR, or use what is there
    python -m benchmarks.clickhouse --without            ask without tables of our own, where there are any
    python -m benchmarks.clickhouse --one-core           let this process use one core only

chDB is ClickHouse's engine in this process: `requirements/chdb.txt`. Beside `benchmarks.queries`, which asks
SQLite over the same spans. A question that is refused as too slow counts as that, not as quick.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

import store
from benchmarks import ingest_data
from benchmarks.fill import SECOND
from benchmarks.measure import machine, quantile, table
from collector.framing import protobuf_groups
from collector.items import Refusals
from collector.rows import Decoder
from store.api import (
    LogQuery,
    Reader,
    SessionQuery,
    StoreBusy,
    StoreUnavailable,
    TooSlow,
    TraceQuery,
    Window,
    Writer,
)
from store.clickhouse.part import Part

_SPANS: Final = 1_000_000
_ROUNDS: Final = 10
_SENDERS: Final = 32
"""Requests in work at once, so that inserts have thousands of rows."""
_Question = tuple[str, Callable[[], object]]


def main(argv: Sequence[str] | None = None) -> int:
    """Fill and ask; prints two tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=_SPANS, help=f"spans to write (default {_SPANS:,})")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help=f"times each is put (default {_ROUNDS})")
    parser.add_argument("--store", metavar="URL", help="clickhouse://host:8123/database; default: chDB")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="folder of chDB's data; default: a new one")
    parser.add_argument("--without", action="store_true", help="ask without tables of our own")
    parser.add_argument("--one-core", action="store_true", help="let this process use one core only")
    arguments = parser.parse_args(argv)
    if arguments.one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    with tempfile.TemporaryDirectory(prefix="clickhouse-bench-") as scratch:
        place = arguments.store or f"chdb://{(arguments.keep or Path(scratch)).absolute()}/bench"
        reader = store.open_reader(place)
        if arguments.without and isinstance(reader, Part):
            # It never looks for them.
            reader._asked_s = math.inf
        if not reader.status().spans:
            writer = store.open_writer(place)
            print(f"{fill(writer, arguments.spans):,.0f} spans a second written; {machine()}")
            writer.close()
        measure(reader, arguments.rounds)
        reader.close()
    return 0


def fill(writer: Writer, spans: int) -> float:
    """Write so many spans by many senders at once; returns spans a second, decoding included."""
    decoder = Decoder()
    began_s = time.perf_counter()

    def send(body: bytes) -> None:
        refused = Refusals()
        batch = decoder.traces(protobuf_groups(body, refused), refused).batch
        while True:
            try:
                return writer.write(batch)
            except (StoreBusy, StoreUnavailable):
                # As a sender does; nothing is kept twice.
                time.sleep(0.5)

    requests = ingest_data.shop_requests(-(-spans // ingest_data.SHOP_SPANS), random.Random(1))
    with ThreadPoolExecutor(_SENDERS) as pool:
        waiting = []
        for body in requests:
            waiting.append(pool.submit(send, body))
            if len(waiting) >= 4 * _SENDERS:
                waiting.pop(0).result()
        for each in waiting:
            each.result()
    return spans / (time.perf_counter() - began_s)


def measure(reader: Reader, rounds: int) -> None:
    """Put every question `rounds` times, in turns, and print the times; the first answers are the coldest."""
    status = reader.status()
    newest = (status.newest_unix_nano or 0) + SECOND
    rows = []
    for name, minutes in (("15 min", 15), ("6 h", 360), ("24 h", 1440)):
        window = Window(newest - minutes * 60 * SECOND, newest)
        for what, ask in _questions(reader, window):
            walls, works, slow = [], [], 0
            for _ in range(rounds):
                began_s, worked_s = time.perf_counter(), time.process_time()
                try:
                    ask()
                except TooSlow:
                    slow += 1
                walls.append((time.perf_counter() - began_s) * 1e3)
                works.append((time.process_time() - worked_s) * 1e3)
            refused = f"{slow} of {rounds} too slow" if slow else "answered"
            figures = (
                f"{walls[0]:.0f}",
                *(f"{quantile(each, share):.0f}" for each in (walls, works) for share in (0.5, 0.95)),
            )
            rows.append((f"{what}, {name}", *figures, refused))
    print(f"{status.spans:,} spans, {status.bytes / max(status.spans, 1):.0f} bytes each; {machine()}")
    print(table(("question", "first ms", "p50 ms", "p95 ms", "CPU p50", "CPU p95", ""), rows))


def _questions(reader: Reader, window: Window) -> list[_Question]:
    rng = random.Random(2)
    ids = [one.trace_id for one in reader.find_traces(TraceQuery(window, limit=200)).items]

    service = next(iter(reader.find_traces(TraceQuery(window, limit=1)).items)).service

    def by_user() -> object:
        return reader.find_traces(TraceQuery(window, attributes={"enduser.id": f"user-{rng.randrange(100)}"}))

    return [
        ("one trace", lambda: reader.spans_of_trace(rng.choice(ids))),
        ("newest traces", lambda: reader.find_traces(TraceQuery(window))),
        ("newest traces with an error", lambda: reader.find_traces(TraceQuery(window, error="origin"))),
        ("traces of a user", by_user),
        ("services", lambda: reader.services(window)),
        ("operations of a service", lambda: reader.operations(service, window)),
        ("series of a service", lambda: reader.series(service, window)),
        ("service map", lambda: reader.service_map(window)),
        ("breakdown by tenant", lambda: reader.breakdowns(None, ("tenant.level",), window)),
        ("sessions", lambda: reader.find_sessions(SessionQuery(window))),
        ("newest logs", lambda: reader.find_logs(LogQuery(window))),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
