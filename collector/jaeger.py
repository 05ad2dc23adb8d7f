"""Converts Jaeger's JSON, as its screens download it and its API answers it, to OTLP spans.

Owns the mapping: microseconds to nanoseconds, typed tags to attributes, logs to events, processes to
resources, references to parent and links, and the tags that stand for fields of OTLP. The spans are then
processed like all others.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from collector.items import Group, Malformed, Refusals, named
from runtime.lenient_json import repaired
from signals.attributes import is_truthy, text_of

_KINDS: Final = {
    "internal": trace_pb2.Span.SPAN_KIND_INTERNAL,
    "client": trace_pb2.Span.SPAN_KIND_CLIENT,
    "server": trace_pb2.Span.SPAN_KIND_SERVER,
    "producer": trace_pb2.Span.SPAN_KIND_PRODUCER,
    "consumer": trace_pb2.Span.SPAN_KIND_CONSUMER,
}
_CODES: Final = {
    "OK": trace_pb2.Status.STATUS_CODE_OK,
    "ERROR": trace_pb2.Status.STATUS_CODE_ERROR,
}
_FIELDS: Final = frozenset(
    {
        "span.kind",
        "otel.status_code",
        "otel.status_description",
        "w3c.tracestate",
        "otel.scope.name",
        "otel.scope.version",
        "otel.library.name",
        "otel.library.version",
    }
)
"""Tags that stand for fields of OTLP."""
_HEX: Final = re.compile(r"[0-9a-fA-F]+")
_MAX_MICROSECONDS: Final = 2**63 // 1000
_INT64: Final = 2**63

_Tags = Sequence[tuple[str, str, object]]
"""(key, type, value) of each tag."""


def is_trace(document: object) -> bool:
    """Whether a document is one trace of Jaeger."""
    return isinstance(document, dict) and isinstance(document.get("spans"), list) and "processes" in document


def groups(traces: Sequence[object], refused: Refusals) -> list[Group]:
    """The spans of Jaeger's traces, one group for each process and scope; what is malformed is refused."""
    made: dict[tuple[bytes, bytes], tuple[list[bytes], list[int]]] = {}
    for number, trace in enumerate(traces):
        if not isinstance(trace, dict) or not isinstance(trace.get("spans"), list):
            refused.add("a trace has no list of spans", 1, lambda number=number: f"data[{number}]")  # type: ignore[misc]
            continue
        processes = trace.get("processes")
        known = processes if isinstance(processes, dict) else {}
        for place, item in enumerate(trace["spans"]):
            try:
                resource, scope, span = _converted(item, known)
            except Malformed as problem:
                refused.add(str(problem), 1, _place(number, place, item))
                continue
            spans, numbers = made.setdefault((resource, scope), ([], []))
            spans.append(span)
            numbers.append(place)
    return [
        Group(resource, scope, spans, (), numbers) for (resource, scope), (spans, numbers) in made.items()
    ]


def _place(number: int, place: int, item: object) -> Callable[[], str]:
    name = item.get("operationName") if isinstance(item, dict) else None
    return lambda: named(f"data[{number}].spans[{place}]", name)


def _converted(item: object, processes: Mapping[str, Any]) -> tuple[bytes, bytes, bytes]:
    """(resource, scope, span), serialized. Raises Malformed."""
    whole, _ = repaired(item)
    if not isinstance(whole, dict):
        raise Malformed("a span is not a JSON object")
    process, _ = repaired(whole.get("process") or processes.get(str(whole.get("processID"))))
    if not isinstance(process, dict):
        raise Malformed("a span names a process that is not in its trace")
    resource = resource_pb2.Resource()
    resource.attributes.add(key="service.name").value.string_value = text_of(process.get("serviceName"))
    _put(resource.attributes, _tags(process.get("tags"), "process"))
    tags = _tags(whole.get("tags"), "span")
    fields = {key: text_of(value) for key, _, value in tags if key in _FIELDS}  # type: ignore[arg-type]
    scope = common_pb2.InstrumentationScope(
        name=fields.get("otel.scope.name") or fields.get("otel.library.name", ""),
        version=fields.get("otel.scope.version") or fields.get("otel.library.version", ""),
    )
    span = _span(whole, tags, fields)
    return resource.SerializeToString(), scope.SerializeToString(), span.SerializeToString()


def _span(item: Mapping[str, Any], tags: _Tags, fields: Mapping[str, str]) -> trace_pb2.Span:
    start_ns = _nanoseconds(item.get("startTime"), "startTime")
    span = trace_pb2.Span(
        trace_id=_id(item.get("traceID"), 16, "traceID"),
        span_id=_id(item.get("spanID"), 8, "spanID"),
        name=text_of(item.get("operationName")),
        kind=_KINDS.get(fields.get("span.kind", "").lower(), trace_pb2.Span.SPAN_KIND_UNSPECIFIED),
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + _nanoseconds(item.get("duration"), "duration"),
        trace_state=fields.get("w3c.tracestate", ""),
    )
    _refer(span, item)
    _put(span.attributes, [tag for tag in tags if tag[0] not in _FIELDS])
    _set_status(span, tags, fields)
    for log in _list(item.get("logs"), "logs"):
        if not isinstance(log, dict):
            raise Malformed("a log of a span is not a JSON object")
        pairs = _tags(log.get("fields"), "log")
        event = span.events.add(
            time_unix_nano=_nanoseconds(log.get("timestamp"), "log's timestamp"),
            name=next((text_of(value) for key, _, value in pairs if key == "event"), ""),  # type: ignore[arg-type]
        )
        _put(event.attributes, [pair for pair in pairs if pair[0] != "event"])
    return span


def _refer(span: trace_pb2.Span, item: Mapping[str, Any]) -> None:
    """The parent is the first reference of its kind in this trace; all others are links."""
    old = item.get("parentSpanID")
    if old:
        span.parent_span_id = _id(old, 8, "parentSpanID")
    for reference in _list(item.get("references"), "references"):
        if not isinstance(reference, dict):
            raise Malformed("a reference of a span is not a JSON object")
        trace_id = _id(reference.get("traceID") or item.get("traceID"), 16, "reference's traceID")
        span_id = _id(reference.get("spanID"), 8, "reference's spanID")
        child = reference.get("refType", "CHILD_OF") == "CHILD_OF"
        if child and trace_id == span.trace_id and span.parent_span_id in (b"", span_id):
            span.parent_span_id = span_id
        else:
            span.links.add(trace_id=trace_id, span_id=span_id)


def _set_status(span: trace_pb2.Span, tags: _Tags, fields: Mapping[str, str]) -> None:
    code = _CODES.get(fields.get("otel.status_code", "").upper())
    failed = any(is_truthy(value) for key, _, value in tags if key == "error")  # type: ignore[arg-type]
    if code is None and failed:
        code = trace_pb2.Status.STATUS_CODE_ERROR
    if code is not None:
        span.status.code = code
    if fields.get("otel.status_description"):
        span.status.message = fields["otel.status_description"]


def _tags(value: object, whose: str) -> _Tags:
    found = []
    for tag in _list(value, f"{whose}'s tags"):
        if not isinstance(tag, dict) or not isinstance(tag.get("key"), str):
            raise Malformed(f"a tag of a {whose} has no key")
        found.append((tag["key"], str(tag.get("type") or "").lower(), tag.get("value")))
    return found


def _put(attributes: Any, tags: _Tags) -> None:
    for key, kind, value in tags:
        if value is not None:
            _set(attributes.add(key=key).value, key, kind, value)


def _set(target: common_pb2.AnyValue, key: str, kind: str, value: Any) -> None:
    """One value in its declared type; without one, in the type that it has in JSON."""
    try:
        if kind == "bool" or (not kind and isinstance(value, bool)):
            target.bool_value = is_truthy(value)
        elif kind == "int64" or (not kind and isinstance(value, int) and abs(value) < _INT64):
            target.int_value = int(value)
        elif kind == "float64" or (not kind and isinstance(value, float)):
            target.double_value = float(value)
        elif kind == "binary":
            target.bytes_value = base64.b64decode(value, validate=True)
        else:
            target.string_value = text_of(value)
    except (TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise Malformed(f"the tag {key[:60]!r} is not of its type {kind}") from error


def _list(value: object, what: str) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise Malformed(f"a span's {what} are not a list")
    return value


def _id(value: object, size_bytes: int, what: str) -> bytes:
    """An id, whose leading zeros may be missing. Raises Malformed."""
    text = value if isinstance(value, str) else ""
    if not _HEX.fullmatch(text) or len(text) > 2 * size_bytes:
        raise Malformed(f"a span's {what} does not have up to {2 * size_bytes} hexadecimal digits")
    return bytes.fromhex(text.zfill(2 * size_bytes))


def _nanoseconds(value: object, what: str) -> int:
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < _MAX_MICROSECONDS:
        raise Malformed(f"a span's {what} is not a number of microseconds")
    return int(value) * 1000 + int((value - int(value)) * 1000)
