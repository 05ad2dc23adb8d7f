"""Sends groups of items to a collector by OTLP/HTTP in protobuf, in requests of bounded size."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from google.rpc import status_pb2  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from collector import wire
from collector.items import Group

_REQUEST_BYTES: Final = 512 * 1024
"""A single item may be larger, and is sent alone."""
_PATIENCE_S: Final = 60.0
"""How long a collector may be busy before the import gives up."""
_TIMEOUT_S: Final = 60.0
_BUSY: Final = (429, 503)
_PROTOBUF: Final = "application/x-protobuf"
_RESPONSES: Final[dict[str, tuple[Any, str]]] = {
    "traces": (ExportTraceServiceResponse, "rejected_spans"),
    "logs": (ExportLogsServiceResponse, "rejected_log_records"),
    "metrics": (ExportMetricsServiceResponse, "rejected_data_points"),
}
_pause = threading.Event()


class NotTaken(Exception):
    """The collector does not take what is sent; the message is the reason."""


@dataclass(slots=True)
class Sent:
    """What the collector answered to all requests."""

    rejected: int = 0
    message: str = ""
    """Why, of the first request of which something was rejected or changed."""


def send(url: str, signal: str, groups: Iterable[Group]) -> Sent:
    """Send all items of a signal to a collector. Raises NotTaken."""
    sent = Sent()
    response_class, rejected = _RESPONSES[signal]
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
    try:
        for body in requests(groups):
            answer = response_class.FromString(_post(connection, f"/v1/{signal}", body))
            sent.rejected += getattr(answer.partial_success, rejected)
            sent.message = sent.message or answer.partial_success.error_message
    except (OSError, http.client.HTTPException) as error:
        raise NotTaken(f"the collector at {url} does not answer: {error}") from error
    except DecodeError as error:
        raise NotTaken(f"what answers at {url} is no collector") from error
    finally:
        connection.close()
    return sent


def requests(groups: Iterable[Group]) -> Iterator[bytes]:
    """The bodies of export requests that hold these items, in their order."""
    request, size = wire.Request(), 0
    for group in groups:
        scoped = None
        for item in group.items:
            if size and size + len(item) > _REQUEST_BYTES:
                yield request.SerializeToString()
                request, size, scoped = wire.Request(), 0, None
            if scoped is None:
                scoped = request.resourced.add(resource=group.resource).scoped.add(scope=group.scope)
                size += len(group.resource) + len(group.scope)
            scoped.items.append(item)
            size += len(item)
    if size:
        yield request.SerializeToString()


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> bytes:
    deadline_s = time.monotonic() + _PATIENCE_S
    while True:
        connection.request("POST", path, body, {"Content-Type": _PROTOBUF})
        response = connection.getresponse()
        answer = response.read()
        if response.status == http.HTTPStatus.OK:
            return answer
        if response.status not in _BUSY or time.monotonic() > deadline_s:
            raise NotTaken(f"the collector answered {response.status}: {_reason(answer)}")
        _pause.wait(_seconds(response.headers.get("Retry-After")))


def _reason(answer: bytes) -> str:
    try:
        message: str = status_pb2.Status.FromString(answer).message
    except DecodeError:
        return answer[:200].decode(errors="replace")
    return message


def _seconds(text: str | None) -> float:
    return float(text) if text and text.isdigit() and len(text) < 3 else 1.0
