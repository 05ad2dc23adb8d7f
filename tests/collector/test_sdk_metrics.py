"""Metrics of a real SDK, from its instruments to the answers of the store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpExporter
from opentelemetry.metrics import CallbackOptions, Observation
from opentelemetry.sdk.metrics import (
    AlwaysOnExemplarFilter,
    Counter,
    Histogram,
    MeterProvider,
    TraceBasedExemplarFilter,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    MetricExporter,
    MetricExportResult,
    MetricsData,
    PeriodicExportingMetricReader,
)
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

import store
from collector.server import Collector, start
from collector.settings import Settings
from signals.metrics import Distribution, ExponentialDistribution, MetricKind
from store.api import MetricQuery, Reader, Window

_EXPORT = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"


@pytest.fixture(name="stored")
def _stored(tmp_path: Path) -> Iterator[tuple[Collector, Reader]]:
    """A collector over a store of its own, and a reader of that."""
    path = tmp_path / "store.db"
    writer = store.open_writer(path)
    collector = start(Settings(otlp_grpc_port=0, otlp_http_port=0), writer)
    reader = store.open_reader(path)
    yield collector, reader
    collector.stop()
    reader.close()
    writer.close()


def _http(collector: Collector, **more: Any) -> HttpExporter:
    return HttpExporter(f"http://127.0.0.1:{collector.http_port}/v1/metrics", **more)


class _GrpcExporter(MetricExporter):
    """OpenTelemetry's own encoding of metrics, over gRPC."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self._channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def export(
        self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        export = self._channel.unary_unary(_EXPORT)
        assert export(encode_metrics(metrics_data).SerializeToString(), timeout=timeout_millis / 1e3) == b""
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        self._channel.close()


def _grpc(collector: Collector) -> MetricExporter:
    return _GrpcExporter(collector.grpc_port)


def _provider(exporter: Any, views: tuple[View, ...] = (), exemplars: Any = None) -> MeterProvider:
    reader = PeriodicExportingMetricReader(exporter, export_interval_millis=3_600_000)
    return MeterProvider(
        [reader],
        resource=Resource({"service.name": "sdk", "service.version": "1"}),
        views=views,
        exemplar_filter=exemplars or TraceBasedExemplarFilter(),
    )


def _latest(reader: Reader, name: str) -> list[Any]:
    return [each.value for each in reader.metric_latest(MetricQuery(Window.ALL, name))[0]]


def _gauge(_: CallbackOptions) -> list[Observation]:
    return [Observation(21.5, {"room": "a"}), Observation(3, {"room": "b"})]


@pytest.mark.parametrize("exporter_of", [_http, _grpc])
def test_every_instrument_is_kept_as_it_was_measured(
    stored: tuple[Collector, Reader], exporter_of: Callable[..., Any]
) -> None:
    """All instruments, over HTTP with protobuf and over gRPC."""
    collector, reader = stored
    provider = _provider(exporter_of(collector))
    meter = provider.get_meter("lib", "2")
    meter.create_counter("orders", "{order}", "Orders placed.").add(3, {"outcome": "ok"})
    meter.create_up_down_counter("queue").add(-2)
    meter.create_histogram("latency", "s", explicit_bucket_boundaries_advisory=[1, 5]).record(3.5)
    meter.create_gauge("now").set(7.25)
    meter.create_observable_gauge("rooms", [_gauge])
    meter.create_observable_counter("cpu", [lambda _: [Observation(12)]])
    meter.create_observable_up_down_counter("used", [lambda _: [Observation(5)]])
    provider.shutdown()
    names = {name.info.name: name.info for name in reader.metric_names(Window.ALL)[0]}
    assert set(names) >= {"orders", "queue", "latency", "now", "rooms", "cpu", "used"}
    orders = names["orders"]
    assert (orders.unit, orders.description, orders.monotonic) == ("{order}", "Orders placed.", True)
    assert (names["queue"].kind, names["queue"].monotonic) == (MetricKind.SUM, False)
    found = {name: _latest(reader, name) for name in ("orders", "queue", "now", "cpu", "used", "rooms")}
    assert found == {
        "orders": [3],
        "queue": [-2],
        "now": [7.25],
        "cpu": [12],
        "used": [5],
        "rooms": [21.5, 3],
    }
    assert _latest(reader, "latency") == [Distribution(1, 3.5, 3.5, 3.5, (1.0, 5.0), (0, 1, 0))]
    (order,) = reader.metric_latest(MetricQuery(Window.ALL, "orders"))[0]
    assert order.attributes["otel.scope.name"] == "lib"
    assert (order.attributes["service.name"], order.attributes["service.version"]) == ("sdk", "1")


def test_exemplars_lead_to_the_trace_they_were_measured_in(stored: tuple[Collector, Reader]) -> None:
    collector, reader = stored
    provider = _provider(_http(collector), exemplars=AlwaysOnExemplarFilter())
    histogram = provider.get_meter("lib").create_histogram("latency", "s")
    tracer = TracerProvider().get_tracer("t")
    with tracer.start_as_current_span("work") as span:
        histogram.record(0.3, {"route": "/a"})
    histogram.record(70, {"route": "/a"})
    provider.shutdown()
    first, second = reader.metric_exemplars(MetricQuery(Window.ALL, "latency"))
    context = span.get_span_context()
    assert first.exemplar.trace_id == format(context.trace_id, "032x")
    assert first.exemplar.span_id == format(context.span_id, "016x")
    assert (first.exemplar.value, first.attributes["route"]) == (0.3, "/a")
    assert (second.exemplar.value, second.exemplar.trace_id) == (70, None)


def test_deltas_and_exponential_histograms(stored: tuple[Collector, Reader]) -> None:
    """Two collections of deltas add up; percentiles are within a bucket of an exponential histogram."""
    collector, reader = stored
    temporality = {Counter: AggregationTemporality.DELTA, Histogram: AggregationTemporality.DELTA}
    views = (View(instrument_name="latency", aggregation=ExponentialBucketHistogramAggregation()),)
    provider = _provider(_http(collector, preferred_temporality=temporality), views)
    meter = provider.get_meter("lib")
    counter, histogram = meter.create_counter("orders"), meter.create_histogram("latency", "s")
    for _ in range(2):
        counter.add(4)
        for value in range(1, 101):
            histogram.record(value / 10)
        assert provider.force_flush()
    provider.shutdown()
    kinds = {name.info.name: name.info.kind for name in reader.metric_names(Window.ALL)[0]}
    assert kinds["latency"] is MetricKind.EXPONENTIAL_HISTOGRAM
    (latest,) = _latest(reader, "latency")
    assert isinstance(latest, ExponentialDistribution)
    assert (latest.count, latest.minimum, latest.maximum) == (100, 0.1, 10.0)
    (newest,) = reader.metric_latest(MetricQuery(Window.ALL, "latency"))[0]
    window = Window(newest.time_unix_nano - 3600 * 10**9, newest.time_unix_nano + 1)

    def charted(name: str, agg: Any) -> float | None:
        return reader.metric_chart(MetricQuery(window, name, agg, columns=1)).groups[0].points[0][1]

    assert charted("orders", "sum") == pytest.approx(8)
    assert charted("latency", "count") == pytest.approx(200)
    assert charted("latency", "p50") == pytest.approx(5, rel=0.05)
    assert charted("latency", "p99") == pytest.approx(9.9, rel=0.05)
    assert charted("latency", "max") == pytest.approx(10)


def test_malformed_points_are_refused_one_by_one(stored: tuple[Collector, Reader]) -> None:
    """The others of the metric are kept, and the answer names reason and place."""
    import requests

    collector, reader = stored
    good = {"timeUnixNano": "1795343000000000000", "asInt": "1"}
    bad: list[object] = [
        {"asInt": "1"},
        {"timeUnixNano": "1795343000000000000"},
        {"timeUnixNano": "1795343000", "asInt": "1"},
        {"timeUnixNano": "1795343000000000000", "asInt": "x"},
        {"timeUnixNano": "1795343000000000000", "asInt": "1", "asDouble": 2},
        7,
    ]
    histogram = {
        "aggregationTemporality": 2,
        "dataPoints": [
            {**good, "count": "1", "bucketCounts": ["1", "0"], "explicitBounds": [1]},
            {**good, "count": "1", "bucketCounts": ["1"], "explicitBounds": [1]},
            {**good, "count": "1", "bucketCounts": ["1", "0", "0"], "explicitBounds": [2, 1]},
        ],
    }
    metrics = [{"name": "m", "gauge": {"dataPoints": [*bad, good]}}, {"name": "h", "histogram": histogram}]
    answer = requests.post(
        f"http://127.0.0.1:{collector.http_port}/v1/metrics",
        json={"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]},
        timeout=10,
    )
    partial = answer.json()["partialSuccess"]
    assert int(partial["rejectedDataPoints"]) == 8
    assert "'h', dataPoints[" in partial["errorMessage"] or "'m', dataPoints[" in partial["errorMessage"]
    assert _latest(reader, "m") == [1]
    assert [value.count for value in _latest(reader, "h")] == [1]
