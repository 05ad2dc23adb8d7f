"""OpenTelemetry for one process of the shop: traces, logs, metrics, propagation and export.

`start` is called in `main()`, never at import, and returns everything as one value;
services pass it on, so several can live in one process (as tests do).
Endpoints, headers, time-outs, sampling and resource follow the `OTEL_*`
variables. Knows no service and not who receives.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TextIO

from opentelemetry import metrics as metrics_api, propagate, trace
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.environment_variables import OTEL_EXPERIMENTAL_RESOURCE_DETECTORS
from opentelemetry.sdk.metrics import MeterProvider, SimpleFixedSizeExemplarReservoir
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.metrics.view import DropAggregation, ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import (
    _DEFAULT_RESOURCE,
    OTELResourceDetector,
    Resource,
    ServiceInstanceIdResourceDetector,
)
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from runtime import VERSION
from services.common.telemetry import logs
from services.common.telemetry.metrics import DATABASE_BOUNDS_S
from services.common.telemetry.pipeline import (
    BATCH_SIZE,
    DEFAULT_CAPACITY,
    METRICS_PERIOD_MS,
    PERIOD_MS,
    BatchLimits,
    Pipeline,
)
from services.common.telemetry.propagation import CachedBaggagePropagator
from services.common.telemetry.runtime_metrics import observe_process
from services.common.telemetry.seat_sampler import SeatSampler
from services.common.telemetry.signal_queue import Counts

SCOPE = "hipster-lab"
_PROTOCOL = "http/protobuf"
_SEMANTIC_CONVENTIONS = "http,database"
_EXEMPLAR_FILTERS = ("trace_based", "always_on", "always_off")
# Of the counters of the business, of which a student looks for one failed order among many: as many as a busy
# class fails in one interval, so that each of them is kept.
_EXEMPLARS = 32

_started: dict[str, Telemetry] = {}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is on all its telemetry."""

    service: str
    environment: str = "hipster-lab"
    version: str = VERSION

    def line_fields(self) -> dict[str, str]:
        """Returns what is on every log line of standard output."""
        return {"service.name": self.service, "version": self.version, "environment": self.environment}


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One process's telemetry, ready to be used."""

    identity: Identity
    tracer_provider: trace.TracerProvider
    tracer: trace.Tracer
    meter_provider: metrics_api.MeterProvider
    meter: metrics_api.Meter
    log: logs.ShopLogger
    pipeline: Pipeline | None
    enabled: bool

    def counts(self) -> Mapping[str, Counts]:
        """Returns what was sent, dropped and waits, per signal; nothing when nothing is exported."""
        return self.pipeline.counts() if self.pipeline else {}

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Returns whether everything so far was sent or given up, within `timeout_s`."""
        return self.pipeline.flush(timeout_s) if self.pipeline else True

    def stop(self, timeout_s: float = 1.2) -> None:
        """Send what is left, for at most `timeout_s`, and end."""
        if self.pipeline is not None:
            self.pipeline.stop(timeout_s)
        _started.pop(self.identity.service, None)


class _ProcessResource(Resource):
    """The process's resource, compared by identity: the SDK's encoder hashes it for every span and log.

    The hash of the SDK's class writes all attributes as JSON, a fifth of what encoding a span costs.
    """

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)


def _resource(identity: Identity) -> Resource:
    attributes: Mapping[str, AttributeValue] = {
        "service.name": identity.service,
        "service.version": identity.version,
        "service.instance.id": str(uuid.uuid4()),
        "deployment.environment": identity.environment,
        "deployment.environment.name": identity.environment,
        "host.name": socket.gethostname(),
        "process.pid": os.getpid(),
    }
    created = _as_detected(attributes) or Resource.create(attributes)
    return _ProcessResource(created.attributes, created.schema_url)


def _as_detected(attributes: Mapping[str, AttributeValue]) -> Resource | None:
    """What `Resource.create` returns where no other detectors are wanted; it starts a thread for each of two.

    That made half a megabyte private in each process.
    """
    if os.environ.get(OTEL_EXPERIMENTAL_RESOURCE_DETECTORS, "").strip(", "):
        return None
    resource = _DEFAULT_RESOURCE
    for detector in (ServiceInstanceIdResourceDetector(), OTELResourceDetector()):
        resource = resource.merge(detector.detect())
    return resource.merge(Resource(attributes))


def _use_shop_propagation() -> None:
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", _SEMANTIC_CONVENTIONS)
    propagate.set_global_textmap(
        CompositePropagator([TraceContextTextMapPropagator(), CachedBaggagePropagator()])
    )


def _business_exemplars(_aggregation: object) -> Callable[..., SimpleFixedSizeExemplarReservoir]:
    return partial(_reservoir, _EXEMPLARS)


def _reservoir(size: int, **_of_the_aggregation: object) -> SimpleFixedSizeExemplarReservoir:
    return SimpleFixedSizeExemplarReservoir(size)


def _views() -> list[View]:
    """Returns what the libraries' instruments do not say themselves, and more exemplars of few counters."""
    return [
        View(
            instrument_name="db.client.operation.duration",
            aggregation=ExplicitBucketHistogramAggregation(DATABASE_BOUNDS_S),
        ),
        View(instrument_name="db.client.response.returned_rows", aggregation=DropAggregation()),
        *(
            View(instrument_name=name, exemplar_reservoir_factory=_business_exemplars)
            for name in ("hipstershop.orders", "hipstershop.charges", "hipstershop.revenue.refused")
        ),
    ]


def _meters(resource: Resource, readers: Sequence[MetricReader]) -> metrics_api.MeterProvider:
    if not readers:
        return metrics_api.NoOpMeterProvider()
    return MeterProvider(readers, resource, shutdown_on_exit=False, views=_views())


def build(
    identity: Identity,
    *,
    span_processors: Sequence[SpanProcessor] = (),
    log_processors: Sequence[LogRecordProcessor] = (),
    metric_readers: Sequence[MetricReader] = (),
    pipeline: Pipeline | None = None,
    stream: TextIO | None = None,
) -> Telemetry:
    """Returns telemetry that ends in the given processors and readers; `start` is this with OTLP."""
    _use_shop_propagation()
    resource = _resource(identity)
    tracers = TracerProvider(resource=resource, shutdown_on_exit=False)
    tracers.sampler = SeatSampler(tracers.sampler)
    for span_processor in span_processors:
        tracers.add_span_processor(span_processor)
    otlp = None
    if log_processors:
        loggers = LoggerProvider(resource=resource, shutdown_on_exit=False)
        for log_processor in log_processors:
            loggers.add_log_record_processor(log_processor)
        otlp = loggers.get_logger(SCOPE)
    meters = _meters(resource, metric_readers)
    meter = meters.get_meter(SCOPE)
    observe_process(meter)
    return Telemetry(
        identity=identity,
        tracer_provider=tracers,
        tracer=tracers.get_tracer(SCOPE),
        meter_provider=meters,
        meter=meter,
        log=logs.make_logger(identity.line_fields(), otlp, stream),
        pipeline=pipeline,
        enabled=True,
    )


def _disabled(identity: Identity, stream: TextIO | None) -> Telemetry:
    _use_shop_propagation()
    tracers = trace.NoOpTracerProvider()
    logger = logs.make_logger(identity.line_fields(), None, stream)
    meters = metrics_api.NoOpMeterProvider()
    return Telemetry(
        identity,
        tracers,
        tracers.get_tracer(SCOPE),
        meters,
        meters.get_meter(SCOPE),
        logger,
        None,
        enabled=False,
    )


def start(identity: Identity) -> Telemetry:
    """Returns telemetry over OTLP/HTTP as the `OTEL_*` variables say; a second call returns the same one.

    `OTEL_SDK_DISABLED=true` leaves only the log lines on standard output;
    `OTEL_TRACES_EXPORTER`, `OTEL_LOGS_EXPORTER` or `OTEL_METRICS_EXPORTER` of `none` leaves that signal out.
    """
    known = _started.get(identity.service)
    if known is not None:
        return known
    if _variable("OTEL_SDK_DISABLED") == "true":
        telemetry = _disabled(identity, None)
    else:
        telemetry = _exporting(identity)
    if not _started:
        if telemetry.enabled:
            trace.set_tracer_provider(telemetry.tracer_provider)
        logs.redirect_standard_logging(telemetry.log)
    _started[identity.service] = telemetry
    return telemetry


def _exporting(identity: Identity) -> Telemetry:
    started: list[Telemetry] = []

    def report(message: str, fields: Mapping[str, object]) -> None:
        if started:
            started[0].log.warning(message, **fields)

    unknown = _without_unknown_exemplar_filter()
    pipeline = Pipeline(
        limits("TRACES", "BSP"), limits("LOGS", "BLRP"), report, metrics_period_ms=metrics_period_ms()
    )
    telemetry = build(
        identity,
        span_processors=[pipeline.span_processor] if pipeline.span_processor else [],
        log_processors=[pipeline.log_processor] if pipeline.log_processor else [],
        metric_readers=[pipeline.metric_reader] if pipeline.metric_reader else [],
        pipeline=pipeline,
    )
    started.append(telemetry)
    if pipeline.metric_reader:
        pipeline.observe(telemetry.meter)
    if unknown:
        telemetry.log.warning("OTEL_METRICS_EXEMPLAR_FILTER: trace_based is used instead", value=unknown)
    protocol = _variable("OTEL_EXPORTER_OTLP_PROTOCOL", _PROTOCOL)
    if protocol != _PROTOCOL:
        telemetry.log.warning("OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf is used instead", value=protocol)
    return telemetry


def limits(signal: str, processor: str) -> BatchLimits | None:
    """Returns how `signal` is batched, None when it is switched off; logs default to the spans' limits."""
    if _variable(f"OTEL_{signal}_EXPORTER", "otlp") == "none":
        return None

    def option(name: str, default: int) -> int:
        raw = _variable(f"OTEL_{processor}_{name}") or _variable(f"OTEL_BSP_{name}")
        return max(1, int(raw)) if raw.isdecimal() else default

    return BatchLimits(
        option("MAX_QUEUE_SIZE", DEFAULT_CAPACITY),
        option("SCHEDULE_DELAY", PERIOD_MS),
        option("MAX_EXPORT_BATCH_SIZE", BATCH_SIZE),
    )


def metrics_period_ms() -> float | None:
    """Returns the milliseconds between exports of metrics, None when they are switched off."""
    if _variable("OTEL_METRICS_EXPORTER", "otlp") == "none":
        return None
    raw = _variable("OTEL_METRIC_EXPORT_INTERVAL")
    return max(1, int(raw)) if raw.isdecimal() else METRICS_PERIOD_MS


def _without_unknown_exemplar_filter() -> str:
    """Returns a value of the variable at which the SDK would end the process, and takes it away."""
    name = "OTEL_METRICS_EXEMPLAR_FILTER"
    value = os.environ.get(name, "")
    if value in _EXEMPLAR_FILTERS or name not in os.environ:
        return ""
    del os.environ[name]
    return "" if value.strip().lower() in ("", "trace_based") else value


def _variable(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip().lower() or default
