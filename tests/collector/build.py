"""Requests, spans and a store of lists: what the collector's tests are made of."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from store.api import Batch, LogRow, SpanRow, WriterHealth

T0 = 1_795_343_000 * 10**9
PAYLOADS = Path(__file__).parent.parent / "data" / "rum-payloads"
PROTOBUF = {"Content-Type": "application/x-protobuf"}
JSON = {"Content-Type": "application/json"}


@dataclass
class ListWriter:
    """A `Writer` that keeps batches in a list, and refuses when told to."""

    batches: list[Batch] = field(default_factory=list)
    refusal: Exception | None = None
    closed: bool = False
    trouble: WriterHealth = field(default_factory=WriterHealth)
    behind: Exception | None = None
    """What `check_pace` raises."""

    def write(self, batch: Batch) -> None:
        if self.refusal:
            raise self.refusal
        self.batches.append(batch)

    def check_pace(self) -> None:
        if self.behind:
            raise self.behind

    def health(self) -> WriterHealth:
        return self.trouble

    def close(self) -> None:
        self.closed = True

    @property
    def spans(self) -> list[SpanRow]:
        return [row for batch in self.batches for row in batch.spans]

    @property
    def logs(self) -> list[LogRow]:
        return [row for batch in self.batches for row in batch.logs]

    @property
    def rejected(self) -> int:
        return sum(batch.rejected for batch in self.batches)


def pair(key: str, value: object) -> KeyValue:
    if isinstance(value, bool):
        return KeyValue(key=key, value=AnyValue(bool_value=value))
    if isinstance(value, int):
        return KeyValue(key=key, value=AnyValue(int_value=value))
    return KeyValue(key=key, value=AnyValue(string_value=str(value)))


def span(number: int = 1, **fields: Any) -> Span:
    """A valid span that differs by its number; `attributes` as a dictionary."""
    attributes = [pair(key, value) for key, value in fields.pop("attributes", {}).items()]
    defaults: dict[str, Any] = {
        "trace_id": number.to_bytes(16, "big"),
        "span_id": number.to_bytes(8, "big"),
        "name": f"work {number}",
        "kind": Span.SPAN_KIND_SERVER,
        "start_time_unix_nano": T0 + number,
        "end_time_unix_nano": T0 + number + 1_000_000,
    }
    return Span(attributes=attributes, **{**defaults, **fields})


def traces(spans: Iterable[Span], service: str = "shop") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    if service:
        resource_spans.resource.attributes.append(pair("service.name", service))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name = "tests"
    scope_spans.spans.extend(spans)
    return request


def logs(records: Iterable[LogRecord], service: str = "shop") -> ExportLogsServiceRequest:
    request = ExportLogsServiceRequest()
    resource_logs = request.resource_logs.add()
    if service:
        resource_logs.resource.attributes.append(pair("service.name", service))
    resource_logs.scope_logs.add().log_records.extend(records)
    return request


def metrics(points: int) -> ExportMetricsServiceRequest:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    gauge = scope.metrics.add(name="gauge").gauge
    histogram = scope.metrics.add(name="histogram").histogram
    histogram.aggregation_temporality = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
    for number in range(points):
        if number % 2:
            gauge.data_points.add(time_unix_nano=T0 + number, as_int=number)
        else:
            histogram.data_points.add(time_unix_nano=T0 + number, count=number, sum=number)
    return request


def recorded(kind: str) -> list[dict[str, Any]]:
    """The recorded beacons of one kind: zipkin or otlp."""
    return [json.loads(path.read_text()) for path in sorted(PAYLOADS.glob(f"{kind}-*.json"))]
