"""Converts Zipkin v2 JSON, the format of browser agents' beacons, to OTLP spans.

Owns the mapping: microseconds to nanoseconds, tags to text attributes, annotations
to events, endpoints to `service.name`, `peer.service` and the attributes of addresses.
The spans are then processed like all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from collector.items import Group, Malformed, Refusals, Undecodable, named
from collector.values import MAX_DEPTH
from runtime.lenient_json import NotJson, loads, repaired
from signals.attributes import text_of

_KINDS = {
    "CLIENT": trace_pb2.Span.SPAN_KIND_CLIENT,
    "SERVER": trace_pb2.Span.SPAN_KIND_SERVER,
    "PRODUCER": trace_pb2.Span.SPAN_KIND_PRODUCER,
    "CONSUMER": trace_pb2.Span.SPAN_KIND_CONSUMER,
}
_STATUS_TAGS = ("otel.status_code", "otel.status_description")
_HEX: Final = re.compile(r"[0-9a-fA-F]*")
_MAX_MICROSECONDS = 2**63 // 1000


def groups(body: bytes, refused: Refusals) -> list[Group]:
    """The spans of a beacon, one group for each service. Raises Undecodable."""
    try:
        document, odd = loads(body)
    except NotJson as error:
        raise Undecodable(f"the body is not JSON: {error}") from error
    if isinstance(document, dict) and ("resourceSpans" in document or "resource_spans" in document):
        raise Undecodable("this is OTLP: send it to /v1/rumotlp or /v1/traces")
    if not isinstance(document, list):
        raise Undecodable("the body is not a list of Zipkin spans")
    by_service: dict[str, tuple[list[bytes], list[int]]] = {}
    for number, item in enumerate(document):

        def place(number: int = number, item: object = item) -> str:
            return named(f"spans[{number}]", item.get("name") if isinstance(item, dict) else None)

        whole, found = repaired(item) if odd else (item, False)
        try:
            service, span = _span(whole)
        except Malformed as problem:
            refused.add(str(problem), 1, place)
            continue
        if found:
            refused.warn("text that is not Unicode got U+FFFD where it is not", place)
        spans, numbers = by_service.setdefault(service, ([], []))
        spans.append(span)
        numbers.append(number)
    return [
        Group(_resource(service), b"", spans, (), numbers) for service, (spans, numbers) in by_service.items()
    ]


def _resource(service: str) -> bytes:
    resource = resource_pb2.Resource()
    if service:
        resource.attributes.add(key="service.name").value.string_value = service
    return resource.SerializeToString()


def _span(item: object) -> tuple[str, bytes]:
    if not isinstance(item, dict):
        raise Malformed("a span is not a JSON object")
    if item.get("binaryAnnotations"):
        raise Malformed("a span has binaryAnnotations, which are of Zipkin's version 1: send version 2")
    start_ns = _nanoseconds(item.get("timestamp"), "timestamp")
    span = trace_pb2.Span(
        trace_id=_id(item, "traceId", (16, 32)).rjust(16, b"\0"),
        span_id=_id(item, "id", (16,)),
        parent_span_id=_id(item, "parentId", (0, 16)),
        name=_text(item.get("name"), "name"),
        kind=_kind(item.get("kind")),
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + _nanoseconds(item.get("duration"), "duration"),
    )
    tags = item.get("tags") or {}
    if not isinstance(tags, dict):
        raise Malformed("a span's tags are not a JSON object")
    for key, value in tags.items():
        if key not in _STATUS_TAGS:
            span.attributes.add(key=key).value.string_value = _text(value, f"tag {key[:60]!r}")
    _set_status(span, tags)
    for key, value in _endpoint_attributes(item):
        if key not in tags:
            span.attributes.add(key=key).value.string_value = value
    annotations = item.get("annotations") or []
    if not isinstance(annotations, list):
        raise Malformed("a span's annotations are not a list")
    for each in annotations:
        if not isinstance(each, dict):
            raise Malformed("an annotation is not a JSON object")
        span.events.add(
            time_unix_nano=_nanoseconds(each.get("timestamp"), "annotation's timestamp"),
            name=_text(each.get("value"), "annotation"),
        )
    return _service_of(item, "localEndpoint"), span.SerializeToString()


def _kind(value: object) -> trace_pb2.Span.SpanKind.ValueType:
    if value is None or value == "":
        return trace_pb2.Span.SPAN_KIND_INTERNAL
    kind = _KINDS.get(value.upper()) if isinstance(value, str) else None
    if kind is None:
        raise Malformed("a span's kind is none of CLIENT, SERVER, PRODUCER and CONSUMER")
    return kind


def _text(value: object, what: str) -> str:
    """The text form of any JSON value that does not nest deeper than attributes may."""
    level = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for each in level
            if isinstance(each, list | dict)
            for inner in (each.values() if isinstance(each, dict) else each)
        ]
        if not level:
            return text_of(value)  # type: ignore[arg-type]  # what JSON holds are attributes
    raise Malformed(f"a span's {what} nests deeper than {MAX_DEPTH}")


def _endpoint_attributes(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the endpoints say beside the name of the own service."""
    remote = _service_of(item, "remoteEndpoint")
    if remote:
        yield "peer.service", remote
    for side, prefix in (("remoteEndpoint", "network.peer"), ("localEndpoint", "network.local")):
        endpoint = _endpoint(item, side)
        for names, attribute in ((("ipv4", "ipv6"), "address"), (("port",), "port")):
            text = next((_text(endpoint[name], side) for name in names if endpoint.get(name)), "")
            if text:
                yield f"{prefix}.{attribute}", text


def _set_status(span: trace_pb2.Span, tags: Mapping[str, Any]) -> None:
    code = tags.get("otel.status_code")
    if code == "ERROR":
        span.status.code = trace_pb2.Status.STATUS_CODE_ERROR
        span.status.message = text_of(tags.get("otel.status_description"))
    elif code == "OK":
        span.status.code = trace_pb2.Status.STATUS_CODE_OK


def _service_of(item: Mapping[str, Any], side: str) -> str:
    return _text(_endpoint(item, side).get("serviceName"), side)


def _endpoint(item: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    endpoint = item.get(side)
    if endpoint is None:
        return {}
    if not isinstance(endpoint, dict):
        raise Malformed(f"a span's {side} is not a JSON object")
    return endpoint


def _id(item: Mapping[str, Any], name: str, lengths: tuple[int, ...]) -> bytes:
    text = item.get(name) or ""
    if not isinstance(text, str) or len(text) not in lengths:
        raise Malformed(f"a span's {name} does not have {lengths[-1]} hexadecimal digits")
    if not _HEX.fullmatch(text):
        raise Malformed(f"a span's {name} is not hexadecimal")
    return bytes.fromhex(text)


def _nanoseconds(value: object, what: str) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Malformed(f"a {what} is not a number of microseconds")
    if not 0 <= value < _MAX_MICROSECONDS:
        raise Malformed(f"a {what} is out of range")
    whole = int(value)
    return whole * 1000 + int((value - whole) * 1000)
