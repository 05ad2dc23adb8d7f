"""The exporters that real applications use."""

from __future__ import annotations

import logging

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode

from tests.collector.conftest import Running

RESOURCE = Resource.create({"service.name": "foreign", "deployment.environment.name": "elsewhere"})


@pytest.mark.parametrize("compression", [Compression.NoCompression, Compression.Gzip])
def test_spans_over_http(running: Running, compression: Compression) -> None:
    provider = TracerProvider(resource=RESOURCE)
    exporter = OTLPSpanExporter(running.url + "/v1/traces", compression=compression)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "1.0")
    with (
        tracer.start_as_current_span("GET /", kind=SpanKind.SERVER),
        tracer.start_as_current_span("query", kind=SpanKind.CLIENT) as inner,
    ):
        inner.set_attributes({"server.address": "db.example", "server.port": 5432})
        inner.set_attribute("list", ["a", "b"])
        inner.add_event("cache miss", {"key": "k"})
        inner.set_status(StatusCode.ERROR, "timed out")
    provider.shutdown()
    query, entry = running.writer.spans
    assert (entry.service, entry.kind, entry.error, entry.parent_span_id) == ("foreign", 2, False, b"")
    assert (query.error, query.peer, query.parent_span_id) == (True, "db.example:5432", entry.span_id)
    assert query.tags["deployment.environment.name"] == "elsewhere"


def test_logs_over_http(running: Running) -> None:
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(OTLPLogExporter(running.url + "/v1/logs")))
    tracer = TracerProvider(resource=RESOURCE).get_tracer("tests")
    handler = _handler(provider)
    logger = logging.getLogger("tests.collector.foreign")
    logger.addHandler(handler)
    logger.propagate = False
    try:
        with tracer.start_as_current_span("work") as span:
            logger.error("it broke")
            context = span.get_span_context()
    finally:
        logger.removeHandler(handler)
        provider.shutdown()
    (row,) = running.writer.logs
    assert (row.body, row.service, row.severity_number) == ("it broke", "foreign", 17)
    assert row.trace_id == context.trace_id.to_bytes(16, "big")
    assert row.span_id == context.span_id.to_bytes(8, "big")


def _handler(provider: LoggerProvider) -> logging.Handler:
    """A handler of the standard library's logging that emits through the SDK."""
    from opentelemetry._logs import LogRecord, SeverityNumber

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            provider.get_logger("tests").emit(
                LogRecord(
                    timestamp=int(record.created * 1e9),
                    severity_number=SeverityNumber.ERROR,
                    severity_text=record.levelname,
                    body=record.getMessage(),
                )
            )

    return Handler()


def test_metrics_over_http(running: Running) -> None:
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(running.url + "/v1/metrics"), export_interval_millis=3_600_000
    )
    provider = MeterProvider([reader], resource=RESOURCE)
    meter = provider.get_meter("tests")
    meter.create_counter("orders").add(1, {"tenant": "gold"})
    meter.create_histogram("seconds").record(0.5)
    provider.shutdown()
    assert sum(len(batch.metrics) for batch in running.writer.batches) >= 2
