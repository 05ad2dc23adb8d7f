"""OpenTelemetry for one process of the shop: traces, logs, propagation, the way out.

`start` is called in `main()`, never at import, and hands back everything as one
value; services pass it on, so several can live in one process (as tests do).
Endpoints, headers, time-outs, sampling and resource follow the `OTEL_*`
variables. Knows no service and not who receives.
"""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TextIO

from opentelemetry import propagate, trace
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.re import parse_env_headers

from services.common.telemetry import logs
from services.common.telemetry.export import Counts, Endpoint, Exporter, QueueLogs, QueueSpans
from services.common.telemetry.otlp_http import tls_context
from services.common.telemetry.propagation import RememberingBaggage
from services.common.telemetry.seat_sampler import SeatSampler

VERSION = "0.1.0"
SCOPE = "hipster-lab"
_DEFAULT_ENDPOINT = "http://127.0.0.1:4318"
_DEFAULT_QUEUE = 8192
_PROTOCOL = "http/protobuf"
_SEMANTIC_CONVENTIONS = "http,database"

_started: dict[str, Telemetry] = {}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a process is on all its telemetry."""

    service: str
    environment: str = "hipster-lab"
    version: str = VERSION


@dataclass(frozen=True, slots=True)
class Telemetry:
    """One process's telemetry, ready to be used."""

    identity: Identity
    tracer_provider: trace.TracerProvider
    tracer: trace.Tracer
    log: logs.ShopLogger
    exporter: Exporter | None
    enabled: bool

    def counts(self) -> Mapping[str, Counts]:
        """What was sent, dropped and waits, per signal; empty when nothing is exported."""
        return self.exporter.counts() if self.exporter else {}

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until everything so far was sent; whether it was in time."""
        return self.exporter.flush(timeout_s) if self.exporter else True

    def stop(self, timeout_s: float = 1.2) -> None:
        """Send what is left, for at most `timeout_s`, and end."""
        if self.exporter is not None:
            self.exporter.stop(timeout_s)
        _started.pop(self.identity.service, None)


def _resource(identity: Identity) -> Resource:
    return Resource.create(
        {
            "service.name": identity.service,
            "service.version": identity.version,
            "service.instance.id": str(uuid.uuid4()),
            "deployment.environment": identity.environment,
            "deployment.environment.name": identity.environment,
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
        }
    )


def _use_shop_propagation() -> None:
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", _SEMANTIC_CONVENTIONS)
    propagate.set_global_textmap(CompositePropagator([TraceContextTextMapPropagator(), RememberingBaggage()]))


def build(
    identity: Identity,
    *,
    span_processors: Sequence[SpanProcessor] = (),
    log_processors: Sequence[LogRecordProcessor] = (),
    exporter: Exporter | None = None,
    stream: TextIO | None = None,
) -> Telemetry:
    """Telemetry that ends in the given processors; `start` is this with OTLP."""
    _use_shop_propagation()
    line_identity = {
        "service.name": identity.service,
        "version": identity.version,
        "environment": identity.environment,
    }
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
    return Telemetry(
        identity=identity,
        tracer_provider=tracers,
        tracer=tracers.get_tracer(SCOPE),
        log=logs.make_logger(line_identity, otlp, stream),
        exporter=exporter,
        enabled=True,
    )


def _disabled(identity: Identity, stream: TextIO | None) -> Telemetry:
    _use_shop_propagation()
    tracers = trace.NoOpTracerProvider()
    line_identity = {
        "service.name": identity.service,
        "version": identity.version,
        "environment": identity.environment,
    }
    logger = logs.make_logger(line_identity, None, stream)
    return Telemetry(identity, tracers, tracers.get_tracer(SCOPE), logger, None, enabled=False)


def start(identity: Identity, environ: Mapping[str, str] | None = None) -> Telemetry:
    """Telemetry over OTLP/HTTP as the `OTEL_*` variables say; a second call answers the same one.

    `OTEL_SDK_DISABLED=true` leaves only the log lines on standard output;
    `OTEL_TRACES_EXPORTER` or `OTEL_LOGS_EXPORTER` of `none` leaves that signal out.
    """
    known = _started.get(identity.service)
    if known is not None:
        return known
    source = os.environ if environ is None else environ
    if source.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        telemetry = _disabled(identity, None)
    else:
        telemetry = _exporting(identity, source)
    if not _started:
        if telemetry.enabled:
            trace.set_tracer_provider(telemetry.tracer_provider)
        logs.redirect_standard_logging(telemetry.log)
    _started[identity.service] = telemetry
    return telemetry


def _exporting(identity: Identity, environ: Mapping[str, str]) -> Telemetry:
    holder: list[Telemetry] = []

    def report(message: str, fields: Mapping[str, object]) -> None:
        if holder:
            holder[0].log.warning(message, **fields)

    exporter = Exporter(_endpoint("TRACES", environ), _endpoint("LOGS", environ), _capacity(environ), report)
    telemetry = build(
        identity,
        span_processors=[QueueSpans(exporter, exporter.spans)] if exporter.spans else [],
        log_processors=[QueueLogs(exporter, exporter.logs)] if exporter.logs else [],
        exporter=exporter,
    )
    holder.append(telemetry)
    protocol = environ.get("OTEL_EXPORTER_OTLP_PROTOCOL", _PROTOCOL).strip().lower()
    if protocol != _PROTOCOL:
        telemetry.log.warning("OTEL_EXPORTER_OTLP_PROTOCOL: http/protobuf is used instead", value=protocol)
    return telemetry


def _endpoint(signal: str, environ: Mapping[str, str]) -> Endpoint | None:
    """Where `signal` goes, after the OTLP exporter's specification; None when it is switched off."""
    if environ.get(f"OTEL_{signal}_EXPORTER", "otlp").strip().lower() == "none":
        return None

    def option(name: str, default: str) -> str:
        return (
            environ.get(f"OTEL_EXPORTER_OTLP_{signal}_{name}")
            or environ.get(f"OTEL_EXPORTER_OTLP_{name}")
            or default
        )

    base = environ.get("OTEL_EXPORTER_OTLP_ENDPOINT") or _DEFAULT_ENDPOINT
    url = environ.get(f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT") or f"{base.rstrip('/')}/v1/{signal.lower()}"
    packed = option("COMPRESSION", "none").strip().lower() == "gzip"
    headers = dict(parse_env_headers(option("HEADERS", ""), liberal=True))
    headers["content-type"] = "application/x-protobuf"
    if packed:
        headers["content-encoding"] = "gzip"
    timeout_s = _number(option("TIMEOUT", "10"), 10.0)
    tls = tls_context(option("CERTIFICATE", ""), option("CLIENT_CERTIFICATE", ""), option("CLIENT_KEY", ""))
    return Endpoint(url, headers, timeout_s, packed, tls)


def _capacity(environ: Mapping[str, str]) -> int:
    return max(64, int(_number(environ.get("OTEL_BSP_MAX_QUEUE_SIZE", ""), _DEFAULT_QUEUE)))


def _number(raw: str, default: float) -> float:
    try:
        return float(raw)
    except ValueError:
        return default
