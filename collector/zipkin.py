"""Converts Zipkin v2 JSON, the format of browser agents' beacons, to OTLP spans.

Owns the mapping: microseconds to nanoseconds, tags to text attributes, annotations
to events, endpoints to `service.name` and `peer.service`. The spans are then
processed like all others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from collector import otlp_json
from collector.rows import Group, Malformed, Refusals, Undecodable
from signals.attributes import text_of

_KINDS = {
    "CLIENT": trace_pb2.Span.SPAN_KIND_CLIENT,
    "SERVER": trace_pb2.Span.SPAN_KIND_SERVER,
    "PRODUCER": trace_pb2.Span.SPAN_KIND_PRODUCER,
    "CONSUMER": trace_pb2.Span.SPAN_KIND_CONSUMER,
}
_STATUS_TAGS = ("otel.status_code", "otel.status_description")
_MAX_MICROSECONDS = 2**63 // 1000


def groups(body: bytes, refused: Refusals) -> list[Group]:
    """The spans of a beacon, one group for each service. Raises Undecodable."""
    document = otlp_json.loads(body)
    if isinstance(document, dict) and "resourceSpans" in document:
        raise Undecodable("this is OTLP: send it to /v1/rumotlp or /v1/traces")
    if not isinstance(document, list):
        raise Undecodable("the body is not a list of Zipkin spans")
    by_service: dict[str, list[bytes]] = {}
    for item in document:
        try:
            service, span = _span(item)
        except Malformed as problem:
            refused.add(str(problem))
        else:
            by_service.setdefault(service, []).append(span)
    return [Group(_resource(service), b"", spans) for service, spans in by_service.items()]


def _resource(service: str) -> bytes:
    resource = resource_pb2.Resource()
    if service:
        resource.attributes.add(key="service.name").value.string_value = service
    return resource.SerializeToString()


def _span(item: object) -> tuple[str, bytes]:
    if not isinstance(item, dict):
        raise Malformed("a span is not a JSON object")
    start_us = _microseconds(item.get("timestamp"), "timestamp")
    span = trace_pb2.Span(
        trace_id=_id(item, "traceId", (16, 32)).rjust(16, b"\0"),
        span_id=_id(item, "id", (16,)),
        parent_span_id=_id(item, "parentId", (0, 16)),
        name=text_of(item.get("name")),
        kind=_KINDS.get(str(item.get("kind") or "").upper(), trace_pb2.Span.SPAN_KIND_INTERNAL),
        start_time_unix_nano=start_us * 1000,
        end_time_unix_nano=(start_us + _microseconds(item.get("duration"), "duration")) * 1000,
    )
    tags = item.get("tags") or {}
    if not isinstance(tags, dict):
        raise Malformed("a span's tags are not a JSON object")
    for key, value in tags.items():
        if key not in _STATUS_TAGS:
            span.attributes.add(key=key).value.string_value = text_of(value)
    _set_status(span, tags)
    remote = _service_of(item.get("remoteEndpoint"))
    if remote and "peer.service" not in tags:
        span.attributes.add(key="peer.service").value.string_value = remote
    annotations = item.get("annotations") or []
    if not isinstance(annotations, list):
        raise Malformed("a span's annotations are not a list")
    for each in annotations:
        if not isinstance(each, dict):
            raise Malformed("an annotation is not a JSON object")
        span.events.add(
            time_unix_nano=_microseconds(each.get("timestamp"), "annotation's timestamp") * 1000,
            name=text_of(each.get("value")),
        )
    return _service_of(item.get("localEndpoint")), span.SerializeToString()


def _set_status(span: trace_pb2.Span, tags: Mapping[str, Any]) -> None:
    code = tags.get("otel.status_code")
    if code == "ERROR":
        span.status.code = trace_pb2.Status.STATUS_CODE_ERROR
        span.status.message = text_of(tags.get("otel.status_description"))
    elif code == "OK":
        span.status.code = trace_pb2.Status.STATUS_CODE_OK


def _service_of(endpoint: object) -> str:
    return text_of(endpoint.get("serviceName")) if isinstance(endpoint, dict) else ""


def _id(item: Mapping[str, Any], name: str, lengths: tuple[int, ...]) -> bytes:
    text = item.get(name) or ""
    if not isinstance(text, str) or len(text) not in lengths:
        raise Malformed(f"a span's {name} does not have {lengths[-1]} hexadecimal digits")
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Malformed(f"a span's {name} is not hexadecimal") from error


def _microseconds(value: object, what: str) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"a {what} is not a number of microseconds")
    if not 0 <= value < _MAX_MICROSECONDS:
        raise Malformed(f"a {what} is out of range")
    return int(value)
