"""Our OTLP bytes say the same as the SDK's encoder."""

from __future__ import annotations

from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    StatusCode,
    TraceFlags,
    TraceState,
)

from services.common.telemetry.otlp_encoding import Encoder

ATTRIBUTES: dict[str, Any] = {
    "text": "Zoë 💺",
    "empty": "",
    "long": "x" * 300,
    "yes": True,
    "one": 1,
    "one.as.float": 1.0,
    "minus": -1,
    "large": 2**63 - 1,
    "least": -(2**63),
    "many": ["a", "b"],
    "numbers": (1, 2, 300),
    "raw": b"\x00\xff",
}
RESOURCE = Resource.create({"service.name": "x", "process.pid": 12})


def some_spans() -> Any:
    memory = InMemorySpanExporter()
    limits = SpanLimits(max_attributes=14, max_events=2)
    provider = TracerProvider(resource=RESOURCE, span_limits=limits, shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    remote = SpanContext(
        2**127 + 5, 77, is_remote=True, trace_flags=TraceFlags(1), trace_state=TraceState([("a", "b")])
    )
    parent = trace.set_span_in_context(NonRecordingSpan(remote))
    for kind in SpanKind:
        tracer = provider.get_tracer("scope", "1.2")
        span = tracer.start_span("GET /x", parent, kind, ATTRIBUTES, [Link(remote, {"l": 1})])
        span.add_event("happened", {"a": 1, "b": "two"})
        span.record_exception(ValueError("no"))
        span.add_event("and again")
        span.set_attributes({f"more.{n}": n for n in range(4)})
        span.set_status(StatusCode.ERROR, "it failed")
        span.end()
    provider.get_tracer("other").start_span("plain").end()
    fine = provider.get_tracer("other").start_span("fine")
    fine.set_status(StatusCode.OK)
    fine.end()
    return memory.get_finished_spans()


def some_logs() -> Any:
    memory = InMemoryLogRecordExporter()
    provider = LoggerProvider(resource=RESOURCE, shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(memory))
    logger = provider.get_logger("scope")
    span = SpanContext(2**127 + 9, 5, is_remote=False, trace_flags=TraceFlags(1))
    within = trace.set_span_in_context(NonRecordingSpan(span))
    logger.emit(
        LogRecord(
            timestamp=1_700_000_000_000_000_001,
            observed_timestamp=1_700_000_000_000_000_002,
            context=within,
            severity_number=SeverityNumber.ERROR,
            severity_text="error",
            body="it failed",
            attributes=ATTRIBUTES,
        )
    )
    logger.emit(LogRecord(timestamp=5, observed_timestamp=6, body={"a": [1, None]}, event_name="e"))
    logger.emit(LogRecord(timestamp=5, observed_timestamp=6, body=None))
    return memory.get_finished_logs()


def test_spans() -> None:
    spans, encoder = some_spans(), Encoder()
    for _ in range(2):
        ours = ExportTraceServiceRequest.FromString(encoder.spans(spans))
        assert MessageToDict(ours) == MessageToDict(encode_spans(spans))


def test_logs() -> None:
    records, encoder = some_logs(), Encoder()
    for _ in range(2):
        ours = ExportLogsServiceRequest.FromString(encoder.logs(records))
        assert MessageToDict(ours) == MessageToDict(encode_logs(records))
