"""The registry of every metric that the shop emits; instruments are made from it and in no other way.

Names, kinds and units follow the OpenTelemetry conventions (`opentelemetry-semantic-conventions`);
what they have no name for is under `hipstershop.`. A test holds everything emitted
against this table, and the attributes against `attributes.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation

Kind = Literal["histogram", "counter", "up_down_counter", "gauge"]
Observe = Callable[[], Iterable[tuple[float, Mapping[str, str | int]]]]

_EVERYBODY = "every service"

# The conventions' buckets begin at 5 ms, which is longer than most calls in one machine take.
_UP_TO_75_MS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075)
DURATION_BOUNDS_S = (*_UP_TO_75_MS, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0)
DATABASE_BOUNDS_S = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its kind and unit, the keys that its attributes may have, what it says, who emits it."""

    name: str
    kind: Kind
    unit: str
    attributes: frozenset[str]
    brief: str
    emitter: str


def _of(
    name: str, kind: Kind, unit: str, attributes: Sequence[str], brief: str, emitter: str = _EVERYBODY
) -> tuple[str, Metric]:
    return name, Metric(name, kind, unit, frozenset(attributes), brief, emitter)


_QUEUE = ("otel.component.type", "otel.component.name")
_GENERATION = ("cpython.gc.generation",)
_POOL = ("db.client.connection.pool.name",)

METRICS: Mapping[str, Metric] = dict(
    (
        _of(
            "http.server.request.duration",
            "histogram",
            "s",
            ("http.request.method", "http.response.status_code", "http.route", "url.scheme", "error.type"),
            "Duration of HTTP server requests.",
            "frontend",
        ),
        _of(
            "rpc.server.call.duration",
            "histogram",
            "s",
            ("rpc.system.name", "rpc.method", "rpc.response.status_code", "error.type"),
            "Duration of incoming gRPC calls.",
        ),
        _of(
            "http.client.request.duration",
            "histogram",
            "s",
            (
                "http.request.method",
                "http.response.status_code",
                "server.address",
                "server.port",
                "error.type",
            ),
            "Duration of HTTP client requests.",
            "paymentservice",
        ),
        _of(
            "db.client.operation.duration",
            "histogram",
            "s",
            (
                "db.system.name",
                "db.namespace",
                "db.operation.name",
                "server.address",
                "server.port",
                "error.type",
            ),
            "Duration of database client operations.",
            "cartservice",
        ),
        _of(
            "db.client.connection.count",
            "up_down_counter",
            "{connection}",
            (*_POOL, "db.client.connection.state"),
            "Connections to the database that are open, used or idle.",
            "cartservice",
        ),
        _of(
            "db.client.connection.max",
            "up_down_counter",
            "{connection}",
            _POOL,
            "Most that may be open.",
            "cartservice",
        ),
        _of(
            "db.client.connection.pending_requests",
            "up_down_counter",
            "{request}",
            _POOL,
            "Requests that wait for a connection.",
            "cartservice",
        ),
        _of(
            "db.client.connection.timeouts",
            "counter",
            "{timeout}",
            _POOL,
            "Waits for a connection that were given up.",
            "cartservice",
        ),
        _of(
            "db.client.connection.wait_time",
            "histogram",
            "s",
            _POOL,
            "Time until a connection was had.",
            "cartservice",
        ),
        _of("process.cpu.time", "counter", "s", ("cpu.mode",), "CPU seconds by mode."),
        _of("process.memory.usage", "up_down_counter", "By", (), "Physical memory in use."),
        _of("process.memory.virtual", "up_down_counter", "By", (), "Committed virtual memory."),
        _of("process.thread.count", "up_down_counter", "{thread}", (), "Threads, gRPC's own included."),
        _of("process.unix.file_descriptor.count", "up_down_counter", "{file_descriptor}", (), "Open files."),
        _of("process.uptime", "gauge", "s", (), "Time since the telemetry was started."),
        _of("cpython.gc.collections", "counter", "{collection}", _GENERATION, "Garbage collections."),
        _of("cpython.gc.collected_objects", "counter", "{object}", _GENERATION, "Objects collected."),
        _of(
            "cpython.gc.uncollectable_objects",
            "counter",
            "{object}",
            _GENERATION,
            "Objects that could not be collected.",
        ),
        _of("otel.sdk.processor.span.queue.size", "up_down_counter", "{span}", _QUEUE, "Spans that wait."),
        _of(
            "otel.sdk.processor.span.queue.capacity",
            "up_down_counter",
            "{span}",
            _QUEUE,
            "Most may wait.",
        ),
        _of(
            "otel.sdk.processor.log.queue.size",
            "up_down_counter",
            "{log_record}",
            _QUEUE,
            "Log records that wait.",
        ),
        _of(
            "otel.sdk.processor.log.queue.capacity",
            "up_down_counter",
            "{log_record}",
            _QUEUE,
            "Most may wait.",
        ),
        _of(
            "hipstershop.pool.threads",
            "up_down_counter",
            "{thread}",
            ("hipstershop.pool.name", "hipstershop.pool.state"),
            "Threads that serve calls (grpc) or pages (waitress), used or idle.",
        ),
        _of(
            "hipstershop.pool.pending",
            "up_down_counter",
            "{request}",
            ("hipstershop.pool.name",),
            "Calls or requests that wait for a thread.",
        ),
        _of(
            "hipstershop.orders",
            "counter",
            "{order}",
            ("hipstershop.outcome",),
            "Orders: placed; refused, because of what the shopper sent; failed, because of us.",
            "checkoutservice",
        ),
        _of(
            "hipstershop.charges",
            "counter",
            "{charge}",
            ("version", "hipstershop.outcome"),
            "Charges: accepted; refused, because of our token; invalid, the card; failed, no answer.",
            "paymentservice",
        ),
        _of(
            "hipstershop.revenue.refused",
            "counter",
            "{currency_unit}",
            ("amount.currency_code",),
            "What orders would have brought whose charge did not go through.",
            "checkoutservice",
        ),
    )
)


def histogram(meter: Meter, name: str) -> Histogram:
    """Returns the histogram of seconds `name` of the registry."""
    metric = METRICS[name]
    return meter.create_histogram(
        name, metric.unit, metric.brief, explicit_bucket_boundaries_advisory=DURATION_BOUNDS_S
    )


def counter(meter: Meter, name: str) -> Counter:
    """Returns the counter `name` of the registry."""
    metric = METRICS[name]
    return meter.create_counter(name, metric.unit, metric.brief)


def observe(meter: Meter, name: str, read: Observe) -> None:
    """Make `read` be asked for the values of metric `name`, with their attributes, before each export."""

    def callback(_options: CallbackOptions) -> list[Observation]:
        return [Observation(value, attributes) for value, attributes in read()]

    metric = METRICS[name]
    create: Mapping[Kind, Callable[..., Any]] = {
        "counter": meter.create_observable_counter,
        "up_down_counter": meter.create_observable_up_down_counter,
        "gauge": meter.create_observable_gauge,
    }
    create[metric.kind](name, [callback], metric.unit, metric.brief)
