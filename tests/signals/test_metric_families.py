"""What a metric is about, read from its name alone."""

from __future__ import annotations

import pytest

from signals.metric_families import Family, family_of, is_server_duration, runtime_order
from signals.metrics import MetricInfo, MetricKind


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("process.cpu.time", "runtime"),
        ("process.runtime.jvm.memory.usage", "runtime"),
        ("jvm.gc.duration", "runtime"),
        ("go.goroutine.count", "runtime"),
        ("nodejs.eventloop.delay.mean", "runtime"),
        ("v8js.memory.heap.used", "runtime"),
        ("system.cpu.utilization", "runtime"),
        ("go_goroutines", "runtime"),
        ("process_resident_memory_bytes", "runtime"),
        ("python_gc_objects_collected_total", "runtime"),
        ("db.client.connection.count", "runtime"),
        ("hikaricp_connections_active", "runtime"),
        ("kestrel.queued_connections", "runtime"),
        ("bookings.pool.threads", "runtime"),
        ("otel.sdk.processor.span.queue.size", "runtime"),
        ("http.server.request.duration", "requests"),
        ("rpc.client.duration", "requests"),
        ("http_server_duration_milliseconds", "requests"),
        ("orders.placed", "own"),
        ("Bookings", "own"),
        ("goals.scored", "own"),
        ("processes", "own"),
        ("", "own"),
        ("...", "own"),
        ("/gc/heap//allocs:by tes?&#%2F<b>", "runtime"),
    ],
)
def test_family(name: str, family: Family) -> None:
    assert family_of(name) == family


def test_a_runtime_begins_with_processor_memory_and_threads() -> None:
    names = [
        "process.uptime",
        "queue.size",
        "db.pool.used",
        "jvm.gc.count",
        "jvm.thread.count",
        "process.memory.virtual",
        "process.memory.usage",
        "process.cpu.time",
    ]
    assert sorted(names, key=runtime_order) == [
        "process.cpu.time",
        "process.memory.usage",
        "jvm.thread.count",
        "jvm.gc.count",
        "db.pool.used",
        "queue.size",
        "process.memory.virtual",
        "process.uptime",
    ]


@pytest.mark.parametrize(
    ("name", "unit", "kind", "expected"),
    [
        ("http.server.request.duration", "s", MetricKind.HISTOGRAM, True),
        ("http.server.duration", "ms", MetricKind.HISTOGRAM, True),
        ("rpc.server.call.duration", "s", MetricKind.EXPONENTIAL_HISTOGRAM, True),
        ("messaging.process.duration", "s", MetricKind.HISTOGRAM, True),
        ("http_server_request_duration_seconds", "s", MetricKind.HISTOGRAM, True),
        ("http.client.request.duration", "s", MetricKind.HISTOGRAM, False),
        ("http.server.request.body.size", "By", MetricKind.HISTOGRAM, False),
        ("http.server.request.duration", "", MetricKind.HISTOGRAM, False),
        ("http.server.request.duration", "s", MetricKind.GAUGE, False),
        ("", "s", MetricKind.HISTOGRAM, False),
    ],
)
def test_durations_of_received_requests(name: str, unit: str, kind: MetricKind, *, expected: bool) -> None:
    assert is_server_duration(MetricInfo(name, unit, kind)) is expected
