"""Six hours of a shop's telemetry, and the queries that used to be slow: p95 against a bound for each.

    python -m benchmarks.queries             1,000,000 spans (set B of `benchmarks.ingest`), 250,000 logs
    python -m benchmarks.queries --small     a twentieth of that
    python -m benchmarks.queries --keep DIR  keep the store in DIR, or use the one in it

Queries are put to the store in this process, in turns, so that none profits from its own last answer
only. Each is asked of another user, tag or word than the last time where people would do that, too.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

import store
from benchmarks import ingest_data
from benchmarks.fill import SECOND
from benchmarks.measure import machine, quantile, table
from benchmarks.result_line import ResultLine
from benchmarks.store import settle
from collector.framing import protobuf_groups
from collector.items import Refusals
from collector.rows import Decoder
from store.api import LogQuery, LogRow, Reader, SpanRow, TraceQuery, Window

_SPANS = 1_000_000
_ROUNDS = 30
_WORDS = ("order", "cart", "quote", "charge", "placed", "sent", "emptied", "converted", "found", "listed")


@dataclass(frozen=True, slots=True)
class Answered:
    """A query's p95 and its bound, and whether an answer was cut."""

    name: str
    bound_ms: float
    late_ms: float
    is_cut: bool

    @property
    def share(self) -> float:
        """The p95 as a part of the bound."""
        return self.late_ms / self.bound_ms


@dataclass(frozen=True, slots=True)
class Query:
    """A query, how it is put, and the bound of its p95."""

    name: str
    bound_ms: float
    ask: Callable[[], object]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print the table; 1 if a query took longer than its bound or was not answered whole."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="a twentieth of the data")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help=f"times each is put (default {_ROUNDS})")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the store in DIR, or reuse it")
    arguments = parser.parse_args(argv)
    spans = _SPANS // 20 if arguments.small else _SPANS
    with tempfile.TemporaryDirectory(prefix="queries-bench-") as scratch:
        path = (arguments.keep or Path(scratch)) / "store.db"
        if path.exists():
            settle(path)
        else:
            fill(path, spans)
        return 1 if any(each.share > 1 or each.is_cut for each in measure(path, arguments.rounds)) else 0


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The line of the table of all benchmarks: the query that came nearest to its bound, or passed it."""
    with tempfile.TemporaryDirectory(prefix="queries-bench-") as scratch:
        path = Path(scratch) / "store.db"
        spans = _SPANS // 20 if quick else _SPANS
        write_line(f"filling a store with {spans:,} spans ...")
        fill(path, spans)
        worst = max(measure(path, 10 if quick else _ROUNDS), key=lambda line: line.share)
        what = f"p95 of a query over {spans:,} spans, the nearest to its bound: {worst.name}"
        return [ResultLine(what, f"{worst.late_ms:.0f} ms", f"{worst.share:.2f} of {worst.bound_ms:.0f} ms")]


def fill(path: Path, spans: int) -> None:
    """A store with so many spans of six hours (of less, if they are few), and a log for every fourth."""
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = store.open_writer(path, max_bytes=64 * 1024**3, max_age_s=30 * 86400)
    decoder = Decoder()
    rng = random.Random(1)
    for body in ingest_data.shop_requests(-(-spans // ingest_data.SHOP_SPANS), rng):
        refused = Refusals()
        batch = decoder.traces(protobuf_groups(body, refused), refused).batch
        batch.logs = [_log_of(span, rng) for span in batch.spans[::4]]
        writer.write(batch)
    writer.close()


def _log_of(span: SpanRow, rng: random.Random) -> LogRow:
    """A log of six common words and a number that no other has."""
    body = f"{span.name}: {' '.join(rng.choices(_WORDS, k=6))}, receipt {span.span_id.hex()}"
    severity = 17 if span.error else 9
    time_unix_nano = span.start_unix_nano + span.duration_ns
    record = LogRecord(
        time_unix_nano=time_unix_nano,
        severity_number=severity,  # type: ignore[arg-type]  # the stubs want the enum's own type
        body=AnyValue(string_value=body),
        trace_id=span.trace_id,
        span_id=span.span_id,
    )
    return LogRow(
        time_unix_nano,
        severity,
        body,
        span.service,
        span.trace_id,
        span.span_id,
        "",
        span.resource,
        span.scope,
        record.SerializeToString(),
    )


def measure(path: Path, rounds: int) -> list[Answered]:
    """Put every query `rounds` times and print the times."""
    reader = store.open_reader(path)
    status = reader.status()
    queries = _queries(reader, random.Random(2))
    walls: list[list[float]] = [[] for _ in queries]
    works: list[list[float]] = [[] for _ in queries]
    cut: set[str] = set()
    for _ in range(rounds):
        for query, wall, work in zip(queries, walls, works, strict=True):
            began_s, worked_s = time.perf_counter(), time.thread_time()
            answer = query.ask()
            wall.append((time.perf_counter() - began_s) * 1e3)
            work.append((time.thread_time() - worked_s) * 1e3)
            if getattr(answer, "truncated", False):
                cut.add(query.name)
    reader.close()
    found = [
        Answered(query.name, query.bound_ms, quantile(wall, 0.95), is_cut=query.name in cut)
        for query, wall in zip(queries, walls, strict=True)
    ]
    rows = [
        (
            each.name,
            f"{quantile(wall, 0.5):.1f}",
            f"{each.late_ms:.1f}",
            f"{quantile(work, 0.5):.1f}",
            f"{each.bound_ms:.0f}",
            f"{each.share:.2f}",
            "gave up" if each.is_cut else "whole",
        )
        for each, wall, work in zip(found, walls, works, strict=True)
    ]
    print(f"{status.spans:,} spans, {status.logs:,} logs; {machine()}")
    print(table(("query over six hours", "p50 ms", "p95 ms", "CPU ms", "bound", "p95 of it", "answer"), rows))
    return found


def _queries(reader: Reader, rng: random.Random) -> list[Query]:
    newest = reader.status().newest_unix_nano or 0
    window = Window(newest - 6 * 3600 * SECOND, newest + SECOND)
    services = list(ingest_data.SERVICES)
    operations = {service: list(reader.operations(service, window)) for service in services}
    logs = reader.find_logs(LogQuery(window, limit=1000)).items
    number = count()

    def of_operation() -> object:
        service = rng.choice(services)
        return reader.find_traces(TraceQuery(window, service, operation=rng.choice(operations[service])))

    def with_tag(name: str, value: str) -> object:
        return reader.find_traces(TraceQuery(window, attributes={name: value}))

    return [
        Query("service map", 100, lambda: reader.service_map(window)),
        Query("traces of a service's operation", 20, of_operation),
        Query("traces of a user", 20, lambda: with_tag("enduser.id", f"user-{rng.randrange(100)}")),
        Query("traces with a tag that nobody has", 60, lambda: with_tag(f"nobody.{next(number)}", "x")),
        Query(
            "one log by a word of its own",
            15,
            lambda: reader.find_logs(LogQuery(window, text=rng.choice(logs).body[-16:])),
        ),
        Query("breakdown by tenant", 100, lambda: reader.breakdowns(None, ("tenant.level",), window)),
        Query("breakdown by user", 100, lambda: reader.breakdowns(None, ("enduser.id",), window)),
    ]


if __name__ == "__main__":
    raise SystemExit(main())
