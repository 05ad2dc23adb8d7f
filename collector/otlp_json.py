"""Converts OTLP's JSON encoding to the same messages in protobuf.

Follows the OTLP specification: ids in hexadecimal, 64-bit integers as text or
numbers, enums as numbers (or names), unknown fields ignored. The messages are then
processed like those that arrived as protobuf.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import orjson
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from collector.rows import MAX_DEPTH, Group, Malformed, Refusals, Undecodable

_Json = Mapping[str, Any]


def loads(body: bytes) -> object:
    """Any JSON document. Raises Undecodable."""
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Undecodable(f"the body is not JSON: {error}") from error


def groups(body: bytes, signal: str, refused: Refusals) -> list[Group]:
    """The groups of an export request in JSON; `signal` is traces, logs or metrics.

    Items that cannot be converted are added to `refused`. Raises Undecodable.
    """
    document = loads(body)
    if not isinstance(document, dict):
        raise Undecodable("the body is not an OTLP export request: it is not a JSON object")
    resourced_key, scoped_key, item_key, convert = _SIGNALS[signal]
    found = []
    try:
        for resourced in _objects(document, resourced_key):
            scopes = list(_objects(resourced, scoped_key))
            try:
                resource = _resource(_get(resourced, "resource"))
            except Malformed as problem:
                count = sum(len(list(_objects(scoped, item_key))) for scoped in scopes)
                refused.add(f"resource: {problem}", count)
                continue
            for scoped in scopes:
                items = _converted(_list(scoped, item_key), convert, refused)
                found.append(Group(resource, _scope(_get(scoped, "scope")), items))
    except Malformed as problem:
        raise Undecodable(f"the body is not an OTLP export request: {problem}") from problem
    return found


def _converted(items: list[Any], convert: Callable[[_Json], bytes], refused: Refusals) -> list[bytes]:
    done = []
    for item in items:
        try:
            done.append(convert(_object(item, "an item")))
        except Malformed as problem:
            refused.add(str(problem))
        except (TypeError, ValueError, OverflowError) as error:
            refused.add(f"an item has a value of the wrong type: {error}")
    return done


def _span(item: _Json) -> bytes:
    span = trace_pb2.Span(
        trace_id=_id(item, "traceId"),
        span_id=_id(item, "spanId"),
        parent_span_id=_id(item, "parentSpanId"),
        trace_state=_text(item, "traceState"),
        name=_text(item, "name"),
        start_time_unix_nano=_integer(item, "startTimeUnixNano"),
        end_time_unix_nano=_integer(item, "endTimeUnixNano"),
        attributes=_pairs(item),
        dropped_attributes_count=_integer(item, "droppedAttributesCount"),
        dropped_events_count=_integer(item, "droppedEventsCount"),
        dropped_links_count=_integer(item, "droppedLinksCount"),
        flags=_integer(item, "flags"),
        events=[_event(each) for each in _objects(item, "events")],
        links=[_link(each) for each in _objects(item, "links")],
    )
    span.kind = _enum(item, "kind", trace_pb2.Span.SpanKind)
    status = _get(item, "status")
    if status is not None:
        status = _object(status, "status")
        span.status.message = _text(status, "message")
        span.status.code = _enum(status, "code", trace_pb2.Status.StatusCode)
    return span.SerializeToString()


def _event(item: _Json) -> trace_pb2.Span.Event:
    return trace_pb2.Span.Event(
        time_unix_nano=_integer(item, "timeUnixNano"),
        name=_text(item, "name"),
        attributes=_pairs(item),
        dropped_attributes_count=_integer(item, "droppedAttributesCount"),
    )


def _link(item: _Json) -> trace_pb2.Span.Link:
    return trace_pb2.Span.Link(
        trace_id=_id(item, "traceId"),
        span_id=_id(item, "spanId"),
        trace_state=_text(item, "traceState"),
        attributes=_pairs(item),
        dropped_attributes_count=_integer(item, "droppedAttributesCount"),
        flags=_integer(item, "flags"),
    )


def _log_record(item: _Json) -> bytes:
    record = logs_pb2.LogRecord(
        time_unix_nano=_integer(item, "timeUnixNano"),
        observed_time_unix_nano=_integer(item, "observedTimeUnixNano"),
        severity_text=_text(item, "severityText"),
        attributes=_pairs(item),
        dropped_attributes_count=_integer(item, "droppedAttributesCount"),
        flags=_integer(item, "flags"),
        trace_id=_id(item, "traceId"),
        span_id=_id(item, "spanId"),
        event_name=_text(item, "eventName"),
    )
    record.severity_number = _enum(item, "severityNumber", logs_pb2.SeverityNumber)
    if _get(item, "body") is not None:
        _fill(record.body, item["body"])
    return record.SerializeToString()


def _metric(item: _Json) -> bytes:
    """As much of a metric as is needed to count its points, which are not stored."""
    metric = metrics_pb2.Metric(name=_text(item, "name"))
    for field_name in ("gauge", "sum", "histogram", "exponentialHistogram", "summary"):
        data = _get(item, field_name)
        if data is not None:
            points = getattr(metric, _snake(field_name)).data_points
            for _ in _objects(_object(data, field_name), "dataPoints"):
                points.add()
    return metric.SerializeToString()


_SIGNALS: dict[str, tuple[str, str, str, Callable[[_Json], bytes]]] = {
    "traces": ("resourceSpans", "scopeSpans", "spans", _span),
    "logs": ("resourceLogs", "scopeLogs", "logRecords", _log_record),
    "metrics": ("resourceMetrics", "scopeMetrics", "metrics", _metric),
}


def _resource(item: object) -> bytes:
    if item is None:
        return b""
    return resource_pb2.Resource(attributes=_pairs(_object(item, "resource"))).SerializeToString()


def _scope(item: object) -> bytes:
    if item is None:
        return b""
    scope = _object(item, "scope")
    return common_pb2.InstrumentationScope(
        name=_text(scope, "name"), version=_text(scope, "version"), attributes=_pairs(scope)
    ).SerializeToString()


def _pairs(item: _Json) -> list[common_pb2.KeyValue]:
    return [_pair(each, 0) for each in _objects(item, "attributes")]


def _pair(item: _Json, depth: int) -> common_pb2.KeyValue:
    pair = common_pb2.KeyValue(key=_text(item, "key"))
    value = _get(item, "value")
    if value is not None:
        _fill(pair.value, value, depth)
    return pair


def _fill(target: common_pb2.AnyValue, item: object, depth: int = 0) -> None:
    value = _object(item, "an attribute's value")
    text = value.get("stringValue")
    if isinstance(text, str):
        target.string_value = text
        return
    for name, held in value.items():
        kind = _KINDS.get(name)
        if kind is None or held is None:
            continue
        if kind in ("array", "kvlist"):
            _fill_nested(target, kind, _object(held, name), depth)
        elif kind == "string" and isinstance(held, str):
            target.string_value = held
        elif kind == "bool" and isinstance(held, bool):
            target.bool_value = held
        elif kind == "int":
            target.int_value = _whole(held, name)
        elif kind == "double" and not isinstance(held, bool):
            target.double_value = float(held)
        elif kind == "bytes" and isinstance(held, str):
            target.bytes_value = _base64(held)
        else:
            raise Malformed(f"an attribute's {name} has a value of another type")


_KINDS = {
    spelling: kind
    for kind in ("string", "bool", "int", "double", "bytes", "array", "kvlist")
    for spelling in (f"{kind}Value", f"{kind}_value")
}


def _fill_nested(target: common_pb2.AnyValue, kind: str, item: _Json, depth: int) -> None:
    if depth >= MAX_DEPTH:
        raise Malformed(f"an attribute's value nests deeper than {MAX_DEPTH}")
    if kind == "array":
        target.array_value.SetInParent()
        for each in _list(item, "values"):
            _fill(target.array_value.values.add(), each, depth + 1)
    else:
        target.kvlist_value.SetInParent()
        target.kvlist_value.values.extend(_pair(each, depth + 1) for each in _objects(item, "values"))


def _base64(text: str) -> bytes:
    plain = text.rstrip("=").replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error as error:
        raise Malformed("an attribute's bytesValue is not base64") from error


def _get(item: _Json, name: str) -> Any:
    """A field by its JSON name or, as the mapping of protobuf to JSON allows, its original one."""
    value = item.get(name)
    return item.get(_snake(name)) if value is None else value


_snake_names: dict[str, str] = {}


def _snake(name: str) -> str:
    known = _snake_names.get(name)
    if known is None:
        known = "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name)
        _snake_names[name] = known
    return known


def _object(value: object, what: str) -> _Json:
    if not isinstance(value, dict):
        raise Malformed(f"{what} is not a JSON object")
    return value


def _list(item: _Json, name: str) -> list[Any]:
    value = _get(item, name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Malformed(f"{name} is not a list")
    return value


def _objects(item: _Json, name: str) -> Iterator[_Json]:
    for each in _list(item, name):
        yield _object(each, f"an entry of {name}")


def _text(item: _Json, name: str) -> str:
    value = _get(item, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{name} is not text")
    return value


def _integer(item: _Json, name: str) -> int:
    value = _get(item, name)
    return 0 if value is None else _whole(value, name)


def _whole(value: object, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str | float):
        raise Malformed(f"{name} is not a whole number")
    try:
        number = int(value)
    except (ValueError, OverflowError) as error:
        raise Malformed(f"{name} is not a whole number") from error
    if isinstance(value, float) and number != value:
        raise Malformed(f"{name} is not a whole number")
    return number


def _id(item: _Json, name: str) -> bytes:
    text = _text(item, name)
    try:
        return bytes.fromhex(text)
    except ValueError as error:
        raise Malformed(f"{name} is not hexadecimal") from error


def _enum(item: _Json, name: str, enum: Any) -> Any:
    value = _get(item, name)
    if value is None:
        return 0
    if isinstance(value, str) and not value.lstrip("-").isdecimal():
        try:
            return enum.Value(value)
        except ValueError as error:
            raise Malformed(f"{name} has an unknown name") from error
    number = _whole(value, name)
    return number if abs(number) < 2**31 else 0
