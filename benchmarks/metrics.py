"""Points per second through OTLP, bytes per point kept, and the time of a chart over 6 h.

`python -m benchmarks.metrics`; `--small` for a quick look. One process's CPU time is measured for all of
decoding, committing and settling, so that the rate is that of one core.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric

import store
from benchmarks.result_line import ResultLine
from collector.intake import Encoding, Intake, Signal
from collector.server import freeze_gc
from store.api import MetricAggregation, MetricQuery, Reader, Window
from store.sqlite.write.writer import SqliteWriter

INTERVAL_NS = 10 * 10**9
SERVICES = 12
HOURS = 6
POINTS = 2_000_000
BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
REPEATED = 60
EXPORTED = 77
"""Points of one export."""
CHARTS: tuple[tuple[str, MetricAggregation, tuple[str, ...], dict[str, str]], ...] = (
    ("shop.orders", "rate", ("outcome",), {"service.name": "service-1", "half": "1"}),
    ("http.server.request.duration", "rate", ("http.route",), {"service.name": "service-1"}),
    ("http.server.request.duration", "p95", ("http.route",), {"service.name": "service-1"}),
    ("process.gauge.1", "avg", ("service.name",), {}),
)
"""Each of some 20 series."""
_CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
_ROUTES = 20


class _Histogram:
    """A cumulative histogram of one series, as a server's."""

    def __init__(self) -> None:
        self.count, self.sum, self.low, self.high = 0, 0.0, 9e9, 0.0
        self.buckets = [0] * (len(BOUNDS) + 1)

    def observe(self, value: float) -> None:
        """Count one observation."""
        self.count += 1
        self.sum += value
        self.low, self.high = min(self.low, value), max(self.high, value)
        self.buckets[sum(value > bound for bound in BOUNDS)] += 1


class _Process:
    """One service's SDK: histograms of requests, counters, and gauges of the runtime, 77 points an export."""

    def __init__(self, number: int, rng: random.Random, begin: int) -> None:
        self._rng = rng
        self._name = f"service-{number}"
        self._begin = begin + number * 123_456_789
        self._routes = [_Histogram() for _ in range(_ROUTES)]
        self._counts = [0] * 40
        self._gauges = [100_000_000 + rng.randrange(10**7) for _ in range(15)]

    def export(self, number: int) -> bytes:
        """The request of one collection."""
        rng = self._rng
        at = self._begin + number * INTERVAL_NS + rng.randrange(5_000_000)
        request = ExportMetricsServiceRequest()
        resource = request.resource_metrics.add()
        for key, value in (
            ("service.name", self._name),
            ("service.version", "1.4.2"),
            ("service.instance.id", f"{self._name}-1"),
            ("deployment.environment.name", "benchmark"),
        ):
            resource.resource.attributes.add(key=key).value.string_value = value
        scope = resource.scope_metrics.add()
        scope.scope.name = "benchmark"
        self._add_histograms(scope.metrics.add(name="http.server.request.duration", unit="s"), at)
        self._add_counters(scope.metrics.add(name="shop.orders", unit="{order}"), at)
        for place, gauge in enumerate(self._gauges):
            # Of the runtime's gauges some stand still, some wander.
            if place % 2:
                self._gauges[place] = max(gauge + rng.randrange(-65536, 65537, 4096), 0)
            metric = scope.metrics.add(name=f"process.gauge.{place}", unit="By")
            metric.gauge.data_points.add(time_unix_nano=at, as_int=self._gauges[place])
        cpu = scope.metrics.add(name="process.cpu.time", unit="s").sum
        cpu.aggregation_temporality, cpu.is_monotonic = _CUMULATIVE, True
        for place, state in enumerate(("user", "system")):
            point = cpu.data_points.add(start_time_unix_nano=self._begin, time_unix_nano=at)
            point.as_double = number * (0.31 + place) + rng.random() / 100
            point.attributes.add(key="cpu.mode").value.string_value = state
        return request.SerializeToString()

    def _add_histograms(self, metric: Metric, at: int) -> None:
        rng = self._rng
        metric.histogram.aggregation_temporality = _CUMULATIVE
        for route, histogram in enumerate(self._routes):
            for _ in range(rng.choice((0, 0, 1, 3, 12)) if route > 4 else rng.randrange(5, 40)):
                histogram.observe(rng.lognormvariate(-3.5, 0.8))
            point = metric.histogram.data_points.add(
                start_time_unix_nano=self._begin,
                time_unix_nano=at,
                count=histogram.count,
                sum=histogram.sum,
                min=histogram.low,
                max=histogram.high,
                bucket_counts=histogram.buckets,
                explicit_bounds=BOUNDS,
            )
            point.attributes.add(key="http.route").value.string_value = f"/route/{route}"
            point.attributes.add(key="http.request.method").value.string_value = "GET"
            point.attributes.add(key="http.response.status_code").value.int_value = 200

    def _add_counters(self, metric: Metric, at: int) -> None:
        rng = self._rng
        metric.sum.aggregation_temporality, metric.sum.is_monotonic = _CUMULATIVE, True
        for place in range(len(self._counts)):
            self._counts[place] += rng.choice((0, 0, 0, 1, 2, 5))
            point = metric.sum.data_points.add(
                start_time_unix_nano=self._begin, time_unix_nano=at, as_int=self._counts[place]
            )
            point.attributes.add(key="outcome").value.string_value = f"outcome-{place}"
            point.attributes.add(key="version").value.string_value = "v350.10"
            point.attributes.add(key="half").value.string_value = str(place % 2)


def exports(points: int, begin: int) -> Iterator[bytes]:
    """Requests in order of time, of so many points in all."""
    rng = random.Random(7)
    processes = [_Process(number, rng, begin) for number in range(SERVICES)]
    for number in range(points // (SERVICES * EXPORTED)):
        for process in processes:
            yield process.export(number)


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """Fill a store, and measure it."""
    freeze_gc()
    with tempfile.TemporaryDirectory() as folder:
        return _measured(POINTS // 10 if quick else POINTS, Path(folder) / "store.db", write_line)


def _measured(points: int, path: Path, write_line: Callable[[str], object]) -> list[ResultLine]:
    # Times that end now, whatever the number of points: SDKs export every 10 s.
    rounds = points // (SERVICES * EXPORTED)
    begin = time.time_ns() - rounds * INTERVAL_NS
    filled = _filled(points, begin, path)
    write_line(filled.text())
    lines = [
        ResultLine(
            "metric points a CPU second", f"{filled.rate:,.0f}", f"{filled.rate / 50_000:.2f} of the aim"
        ),
        ResultLine(
            "bytes kept a point", f"{filled.used:.2f}", f"{filled.used / filled.sent:.3f} of those sent"
        ),
    ]
    reader = store.open_reader(path)
    end = begin + rounds * INTERVAL_NS
    window = Window(end - HOURS * 3600 * 10**9, end)
    for name, agg, by, where in CHARTS:
        query = MetricQuery(window, name, agg, by, where)
        took = sorted(_timed(reader, query) for _ in range(REPEATED))
        p95 = took[int(len(took) * 0.95)]
        write_line(f"{agg} of {name}, {HOURS} h: {took[len(took) // 2]:.1f} ms, p95 {p95:.1f} ms")
        lines.append(ResultLine(f"{agg} of {name}, p95", f"{p95:.0f} ms", f"{p95 / 60:.2f} of the aim"))
    reader.close()
    return lines


@dataclass(frozen=True, slots=True)
class Filled:
    """What filling took: points, points a CPU second, bytes sent and kept a point."""

    points: int
    rate: float
    sent: float
    used: float
    parts: Sequence[float]

    def text(self) -> str:
        """One line."""
        values, times, blocks = self.parts
        return (
            f"{self.points:,} points, {self.rate:,.0f} a CPU second; {self.sent:.0f} bytes sent and "
            f"{self.used:.2f} kept a point ({values:.2f} values, {times:.2f} times, {blocks:,.0f} blocks)"
        )


def _filled(points: int, begin: int, path: Path) -> Filled:
    writer = SqliteWriter(path, max_bytes=1 << 33, max_age_s=1e9)
    intake = Intake(writer, max_in_flight_bytes=1 << 26)
    cpu_s, kept, sent = 0.0, 0, 0
    for part in _in_parts(exports(points, begin), 600):
        started = time.process_time()
        for request in part:
            kept += intake.take(Signal.METRICS, Encoding.PROTOBUF, request).accepted
        cpu_s += time.process_time() - started
        sent += sum(len(request) for request in part)
    started = time.process_time()
    opened = writer._store
    assert opened is not None
    opened.ingest.metrics.waiting_since = 1
    while opened.ingest.metrics.waiting or opened.settling.is_due():
        time.sleep(0.05)
    cpu_s += time.process_time() - started
    values, times, blocks = opened.connection.execute(
        "SELECT (SELECT total(length(body)) FROM metric_blocks), (SELECT total(length(body)) FROM "
        "metric_chunks), (SELECT count(*) FROM metric_blocks)"
    ).fetchone()
    used = opened.retention.used_bytes()
    writer.close()
    return Filled(kept, kept / cpu_s, sent / kept, used / kept, (values / kept, times / kept, blocks))


def _in_parts(found: Iterator[bytes], size: int) -> Iterator[Sequence[bytes]]:
    part: list[bytes] = []
    for each in found:
        part.append(each)
        if len(part) == size:
            yield part
            part = []
    yield part


def _timed(reader: Reader, query: MetricQuery) -> float:
    began = time.perf_counter()
    chart = reader.metric_chart(query)
    assert chart.groups
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--small", action="store_true", help="a tenth of the points")
    run(parser.parse_args().small, print)


if __name__ == "__main__":
    main()
