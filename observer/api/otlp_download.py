"""Traces and logs as OTLP JSON, as OpenTelemetry backends accept them at /v1/traces and /v1/logs."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from observer.request.responses import json_bytes
from observer.serializers import Plain
from signals.model import Attribute, Attributes, Link, Log, Span

T = TypeVar("T", Span, Log)


def otlp_json(spans: Sequence[Span]) -> bytes:
    """An ExportTraceServiceRequest: spans grouped by resource and scope, ids in hexadecimal."""
    return json_bytes({"resourceSpans": _grouped(spans, "scopeSpans", "spans", _span)})


def otlp_logs_json(logs: Sequence[Log]) -> bytes:
    """An ExportLogsServiceRequest, in the same way."""
    return json_bytes({"resourceLogs": _grouped(logs, "scopeLogs", "logRecords", _log_record)})


def _grouped(items: Sequence[T], scoped: str, name: str, plain: Callable[[T], Plain]) -> list[Plain]:
    groups: dict[bytes, tuple[Plain, dict[bytes, tuple[Plain, list[Plain]]]]] = {}
    for item in items:
        resource, scope = _resource(item), _scope(item)
        _, scopes = groups.setdefault(json_bytes(resource), (resource, {}))
        _, members = scopes.setdefault(json_bytes(scope), (scope, []))
        members.append(plain(item))
    return [
        {**resource, scoped: [{**scope, name: members} for scope, members in scopes.values()]}
        for resource, scopes in groups.values()
    ]


def _resource(of: Span | Log) -> Plain:
    extras = of.resource_extras
    return _filled(
        resource=_filled(
            attributes=_attributes(of.resource), droppedAttributesCount=extras.dropped_attributes
        ),
        schemaUrl=extras.schema_url,
    )


def _scope(of: Span | Log) -> Plain:
    extras = of.scope_extras
    scope = _filled(
        attributes=_attributes(extras.attributes), droppedAttributesCount=extras.dropped_attributes
    )
    return _filled(
        scope={"name": of.scope, "version": of.scope_version, **scope}, schemaUrl=extras.schema_url
    )


def _filled(**fields: object) -> Plain:
    """The fields without empty ones, which OTLP's JSON leaves out; `resource` always stays."""
    return {name: value for name, value in fields.items() if value or name == "resource"}


def _span(span: Span) -> Plain:
    return {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_span_id or "",
        "name": span.name,
        "kind": int(span.kind),
        "startTimeUnixNano": str(span.start_unix_nano),
        "endTimeUnixNano": str(span.end_unix_nano),
        "attributes": _attributes(span.attributes),
        "events": [
            {
                "timeUnixNano": str(event.time_unix_nano),
                "name": event.name,
                "attributes": _attributes(event.attributes),
                **_filled(droppedAttributesCount=event.dropped_attributes),
            }
            for event in span.events
        ],
        "links": [_link(link) for link in span.links],
        "status": {"code": int(span.status), "message": span.status_message},
        **_filled(
            traceState=span.trace_state,
            flags=span.flags,
            droppedAttributesCount=span.dropped.attributes,
            droppedEventsCount=span.dropped.events,
            droppedLinksCount=span.dropped.links,
        ),
    }


def _link(link: Link) -> Plain:
    return {
        "traceId": link.trace_id,
        "spanId": link.span_id,
        "attributes": _attributes(link.attributes),
        **_filled(
            traceState=link.trace_state, flags=link.flags, droppedAttributesCount=link.dropped_attributes
        ),
    }


def _log_record(log: Log) -> Plain:
    return _filled(
        timeUnixNano=str(log.time_unix_nano),
        observedTimeUnixNano=str(log.observed_unix_nano) if log.observed_unix_nano else "",
        severityNumber=log.severity_number,
        severityText=log.severity_text,
        body=_value(log.value),
        attributes=_attributes(log.attributes),
        traceId=log.trace_id,
        spanId=log.span_id,
        eventName=log.event_name,
        flags=log.flags,
        droppedAttributesCount=log.dropped_attributes,
    )


def _attributes(attributes: Attributes) -> list[Plain]:
    return [{"key": key, "value": _value(value)} for key, value in attributes.items()]


def _value(value: Attribute) -> Plain:
    if value is None:
        return {}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": _double(value)}
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bytes):
        return {"bytesValue": base64.b64encode(value).decode()}
    if isinstance(value, Mapping):
        return {"kvlistValue": {"values": _attributes(value)}}
    return {"arrayValue": {"values": [_value(item) for item in value]}}


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
