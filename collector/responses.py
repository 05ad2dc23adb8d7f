"""Response bodies: OTLP's success, partial success and status messages, in protobuf and JSON.

Does not know HTTP or gRPC.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import orjson
from google.protobuf import any_pb2, duration_pb2
from google.rpc import error_details_pb2, status_pb2  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

from collector.intake import Outcome, Signal


class Code(IntEnum):
    """The numbers of `google.rpc.Code` that responses use."""

    INVALID_ARGUMENT = 3
    NOT_FOUND = 5
    RESOURCE_EXHAUSTED = 8
    UNIMPLEMENTED = 12
    UNAVAILABLE = 14


_RESPONSES: dict[Signal, tuple[Any, str, str]] = {
    Signal.TRACES: (trace_service_pb2.ExportTraceServiceResponse, "rejected_spans", "rejectedSpans"),
    Signal.LOGS: (logs_service_pb2.ExportLogsServiceResponse, "rejected_log_records", "rejectedLogRecords"),
    Signal.METRICS: (
        metrics_service_pb2.ExportMetricsServiceResponse,
        "rejected_data_points",
        "rejectedDataPoints",
    ),
}


def success_protobuf(signal: Signal, outcome: Outcome) -> bytes:
    """An export response; empty if everything was accepted as it came."""
    response_class, field_name, _ = _RESPONSES[signal]
    response = response_class()
    if outcome.message:
        setattr(response.partial_success, field_name, outcome.rejected)
        response.partial_success.error_message = outcome.message
    serialized: bytes = response.SerializeToString()
    return serialized


def success_json(signal: Signal, outcome: Outcome) -> bytes:
    """An export response in OTLP's JSON encoding."""
    if not outcome.message:
        return b"{}"
    _, _, name = _RESPONSES[signal]
    partial = {name: str(outcome.rejected), "errorMessage": outcome.message}
    return orjson.dumps({"partialSuccess": partial})


def status_protobuf(code: Code, message: str, retry_after_s: int | None = None) -> bytes:
    """A `google.rpc.Status`, with RetryInfo if the sender should retry."""
    status = status_pb2.Status(code=code, message=message)
    if retry_after_s is not None:
        detail = any_pb2.Any()
        detail.Pack(error_details_pb2.RetryInfo(retry_delay=duration_pb2.Duration(seconds=retry_after_s)))
        status.details.append(detail)
    serialized: bytes = status.SerializeToString()
    return serialized


def status_json(code: Code, message: str) -> bytes:
    """A `google.rpc.Status` in JSON."""
    return orjson.dumps({"code": code, "message": message})
