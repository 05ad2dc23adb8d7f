"""A trace as OTLP JSON, as OpenTelemetry backends accept it at /v1/traces."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

from observer.request.responses import json_bytes
from observer.serializers import Plain
from signals.model import Attribute, Attributes, Span


def otlp_json(spans: Sequence[Span]) -> bytes:
    """An ExportTraceServiceRequest: spans grouped by resource and scope, ids in hexadecimal."""
    groups: dict[bytes, tuple[Attributes, dict[tuple[str, str], list[Plain]]]] = {}
    for span in spans:
        key = json_bytes(_attributes(span.resource))
        _, scopes = groups.setdefault(key, (span.resource, {}))
        scopes.setdefault((span.scope, span.scope_version), []).append(_span(span))
    return json_bytes(
        {
            "resourceSpans": [
                {
                    "resource": {"attributes": _attributes(resource)},
                    "scopeSpans": [
                        {"scope": {"name": name, "version": version}, "spans": members}
                        for (name, version), members in scopes.items()
                    ],
                }
                for resource, scopes in groups.values()
            ]
        }
    )


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
            }
            for event in span.events
        ],
        "links": [
            {
                "traceId": link.trace_id,
                "spanId": link.span_id,
                "attributes": _attributes(link.attributes),
            }
            for link in span.links
        ],
        "status": {"code": int(span.status), "message": span.status_message},
    }


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
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "Infinity" if value > 0 else "-Infinity"
    return value
