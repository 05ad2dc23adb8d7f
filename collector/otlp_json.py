"""Converts OTLP's JSON encoding to the same messages in protobuf.

Follows the OTLP specification: ids in hexadecimal, 64-bit integers as text or
numbers, enums as numbers (or names), unknown fields ignored. The messages are then
processed like those that arrived as protobuf. How the requests of each signal nest,
also under the names of before 2022, is in `collector.otlp_json_groups`.
"""

from __future__ import annotations

from typing import Any

from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from collector.items import Malformed
from collector.json_fields import (
    Json,
    enum_of,
    field_of,
    id_of,
    integer_of,
    object_of,
    objects_of,
    pair_of,
    pairs_of,
    put_value,
    text_field,
)


def span(item: Json) -> bytes:
    """A span. Raises Malformed."""
    made = trace_pb2.Span(
        trace_id=id_of(item, "traceId"),
        span_id=id_of(item, "spanId"),
        parent_span_id=id_of(item, "parentSpanId"),
        trace_state=text_field(item, "traceState"),
        name=text_field(item, "name"),
        start_time_unix_nano=integer_of(item, "startTimeUnixNano", bits=64),
        end_time_unix_nano=integer_of(item, "endTimeUnixNano", bits=64),
        attributes=pairs_of(item),
        dropped_attributes_count=integer_of(item, "droppedAttributesCount"),
        dropped_events_count=integer_of(item, "droppedEventsCount"),
        dropped_links_count=integer_of(item, "droppedLinksCount"),
        flags=integer_of(item, "flags"),
        events=[_event(each) for each in objects_of(item, "events")],
        links=[_link(each) for each in objects_of(item, "links")],
    )
    made.kind = enum_of(item, "kind", trace_pb2.Span.SpanKind)
    status = field_of(item, "status")
    if status is not None:
        status = object_of(status, "status")
        made.status.message = text_field(status, "message")
        made.status.code = enum_of(status, "code", trace_pb2.Status.StatusCode)
    return made.SerializeToString()


def _event(item: Json) -> trace_pb2.Span.Event:
    return trace_pb2.Span.Event(
        time_unix_nano=integer_of(item, "timeUnixNano", bits=64),
        name=text_field(item, "name"),
        attributes=pairs_of(item),
        dropped_attributes_count=integer_of(item, "droppedAttributesCount"),
    )


def _link(item: Json) -> trace_pb2.Span.Link:
    return trace_pb2.Span.Link(
        trace_id=id_of(item, "traceId"),
        span_id=id_of(item, "spanId"),
        trace_state=text_field(item, "traceState"),
        attributes=pairs_of(item),
        dropped_attributes_count=integer_of(item, "droppedAttributesCount"),
        flags=integer_of(item, "flags"),
    )


def log_record(item: Json) -> bytes:
    """A log record; the `name` of before 2022 is an event's name. Raises Malformed."""
    record = logs_pb2.LogRecord(
        time_unix_nano=integer_of(item, "timeUnixNano", bits=64),
        observed_time_unix_nano=integer_of(item, "observedTimeUnixNano", bits=64),
        severity_text=text_field(item, "severityText"),
        attributes=pairs_of(item),
        dropped_attributes_count=integer_of(item, "droppedAttributesCount"),
        flags=integer_of(item, "flags"),
        trace_id=id_of(item, "traceId"),
        span_id=id_of(item, "spanId"),
        event_name=text_field(item, "eventName") or text_field(item, "name"),
    )
    record.severity_number = enum_of(item, "severityNumber", logs_pb2.SeverityNumber)
    body = field_of(item, "body")
    if body is not None:
        try:
            put_value(record.body, body)
        except Malformed as problem:
            raise Malformed(f"body: {problem}") from problem
    return record.SerializeToString()


def resource(item: object, lost: list[str]) -> bytes:
    """A resource; attributes that cannot be read are left out and named in `lost`.

    Raises Malformed if it cannot be read, or the name of its service cannot.
    """
    if item is None:
        return b""
    found = object_of(item, "resource")
    pairs = _readable_pairs(found, lost)
    return resource_pb2.Resource(
        attributes=pairs,
        dropped_attributes_count=_dropped(found, len(lost)),
    ).SerializeToString()


def scope(item: object, lost: list[str]) -> bytes:
    """A scope; what of it cannot be read is left out and named in `lost`."""
    if item is None:
        return b""
    try:
        found = object_of(item, "scope")
    except Malformed as problem:
        lost.append(str(problem))
        return b""
    texts = {}
    for name in ("name", "version"):
        try:
            texts[name] = text_field(found, name)
        except Malformed as problem:
            lost.append(str(problem))
    try:
        pairs = _readable_pairs(found, lost)
    except Malformed as problem:
        pairs = []
        lost.append(str(problem))
    return common_pb2.InstrumentationScope(
        **texts, attributes=pairs, dropped_attributes_count=_dropped(found, len(lost))
    ).SerializeToString()


def _readable_pairs(item: Json, lost: list[str]) -> list[common_pb2.KeyValue]:
    found = []
    for each in list_entries(item):
        try:
            found.append(pair_of(object_of(each, "an attribute")))
        except Malformed as problem:
            if isinstance(each, dict) and each.get("key") == "service.name":
                raise
            lost.append(str(problem))
    return found


def list_entries(item: Json) -> list[Any]:
    """The entries of `attributes`, of any type. Raises Malformed if it is no list."""
    entries = field_of(item, "attributes")
    if entries is None:
        return []
    if not isinstance(entries, list):
        raise Malformed("attributes is not a list")
    return entries


def _dropped(item: Json, lost: int) -> int:
    try:
        return min(integer_of(item, "droppedAttributesCount") + lost, 2**32 - 1)
    except Malformed:
        return lost
