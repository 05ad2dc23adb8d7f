"""Posts spans and log lines continuously, records what was acknowledged, and looks for it at the end."""

from __future__ import annotations

import secrets
import threading
import time

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.measure import get_json, is_missing, post

SERVICE = "witness"
_PERIOD_S = 0.03
_PROTOBUF = "application/x-protobuf"
_TIMEOUT_S = 3.0


def span_request(trace_id: bytes, end_unix_nano: int) -> bytes:
    """An export request with one server span of a millisecond."""
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add()
    resource.resource.attributes.add(key="service.name").value.string_value = SERVICE
    span = resource.scope_spans.add().spans.add()
    span.trace_id, span.span_id = trace_id, trace_id[:8]
    span.name, span.kind = "GET /", 2  # type: ignore[assignment]  # the number of SPAN_KIND_SERVER
    span.start_time_unix_nano, span.end_time_unix_nano = end_unix_nano - 1_000_000, end_unix_nano
    return request.SerializeToString()


def log_request(trace_id: bytes, time_unix_nano: int, body: str = "seen") -> bytes:
    """An export request with one line of that span."""
    request = ExportLogsServiceRequest()
    resource = request.resource_logs.add()
    resource.resource.attributes.add(key="service.name").value.string_value = SERVICE
    record = resource.scope_logs.add().log_records.add()
    record.time_unix_nano, record.severity_number = time_unix_nano, 9  # type: ignore[assignment]  # INFO
    record.body.string_value = body
    record.trace_id, record.span_id = trace_id, trace_id[:8]
    return request.SerializeToString()


class Witness(threading.Thread):
    """Posts one trace with its log line after the other until stopped; failed ones are not repeated."""

    def __init__(self, collector_url: str) -> None:
        super().__init__(name=SERVICE, daemon=True)
        self._url = collector_url
        self._over = threading.Event()
        self.acknowledged: list[str] = []
        """Ids of the traces whose span and log line were both answered with success."""
        self.refused: dict[int, int] = {}
        """Status of the answer -> count; 0 means that there was no answer."""

    def run(self) -> None:
        """Post until stopped."""
        while not self._over.wait(_PERIOD_S):
            self.post_one()

    def post_one(self) -> bool:
        """Post one trace and its log line; returns whether both were acknowledged."""
        trace_id, now = secrets.token_bytes(16), time.time_ns()
        parts = (("traces", span_request(trace_id, now)), ("logs", log_request(trace_id, now)))
        for signal, body in parts:
            try:
                status = post(f"{self._url}/v1/{signal}", body, _PROTOBUF, _TIMEOUT_S)
            except OSError:
                status = 0
            if status != 200:
                self.refused[status] = self.refused.get(status, 0) + 1
                return False
        self.acknowledged.append(trace_id.hex())
        return True

    def stop(self) -> None:
        """Finish the current request and stop."""
        self._over.set()
        self.join(3 * _TIMEOUT_S)

    def missing(self, observer_url: str) -> list[str]:
        """The acknowledged traces for which the API does not return the span and the log line."""
        return [trace_id for trace_id in self.acknowledged if not _is_there(observer_url, trace_id)]


def _is_there(observer_url: str, trace_id: str) -> bool:
    api = f"{observer_url}/api/v1"
    try:
        spans = get_json(f"{api}/apm/traces/{trace_id}")["spans"]
    except OSError as error:
        if is_missing(error):
            return False
        raise
    logs = get_json(f"{api}/logs?trace_id={trace_id}&since=3h")["logs"]
    return len(spans) == 1 and len(logs) == 1
