"""Spans as Jaeger's query service writes them in JSON. Pure; knows no request.

What OTLP keeps beside attributes becomes tags under the names that Jaeger gives them, and times become
whole microseconds.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Mapping, Sequence

from observer.request.responses import json_bytes
from observer.serializers import Plain
from observer.trace_notes import row_notes, span_time_notes, trace_notes
from signals.attributes import plain_of, text_of
from signals.model import Attribute, Event, Span, SpanKind, StatusCode, TraceId
from signals.trace_analysis import TraceAnalysis, analyse

_MOST_EXACT = 2**53 - 1
"""Whole numbers up to it are exact in JavaScript; Jaeger writes greater ones as text."""
_SERVICE_NAME = "service.name"
_STATUS = {StatusCode.OK: "OK", StatusCode.ERROR: "ERROR"}

Pairs = list[tuple[str, Attribute]]


def trace_document(trace_id: TraceId, spans: Sequence[Span], *, raw: bool = False) -> Plain:
    """One trace. With `raw`, at the times that its senders claim, and without warnings."""
    processes: dict[bytes, tuple[str, Plain]] = {}
    analysis = None if raw else analyse(spans)
    warnings = _warnings(spans, analysis) if analysis else {}
    documents = []
    for span in spans:
        process = {"serviceName": span.service, "tags": _fields(process_pairs(span))}
        name, _ = processes.setdefault(json_bytes(process), (f"p{len(processes) + 1}", process))
        documents.append(_span(span, name, warnings.get(id(span), ()), raw=raw))
    return {
        "traceID": trace_id,
        "spans": documents,
        "processes": dict(processes.values()),
        "warnings": (list(trace_notes(analysis)) or None) if analysis else None,
    }


def span_pairs(span: Span) -> Pairs:
    """The tags of a span: its attributes, and what OTLP keeps beside them."""
    pairs: Pairs = list(span.attributes.items())
    if span.kind is not SpanKind.UNSPECIFIED:
        pairs.append(("span.kind", span.kind.word))
    if span.status in _STATUS:
        pairs.append(("otel.status_code", _STATUS[span.status]))
    if span.status_message:
        pairs.append(("otel.status_description", span.status_message))
    # An attribute of this name may say otherwise than the status: then the status holds.
    if span.error or span.status is StatusCode.ERROR:
        pairs = [pair for pair in pairs if pair[0] != "error"]
        pairs.append(("error", True))
    for name, text in (
        ("otel.scope.name", span.scope),
        ("otel.scope.version", span.scope_version),
        ("w3c.tracestate", span.trace_state),
    ):
        if text and name not in span.attributes:
            pairs.append((name, text))
    return pairs


def process_pairs(span: Span) -> Pairs:
    """The tags of a span's process: its resource without the name of the service."""
    return [pair for pair in span.resource.items() if pair[0] != _SERVICE_NAME]


def event_pairs(event: Event) -> Pairs:
    """The fields of a log of a span: the event's name and its attributes."""
    named: Pairs = [("event", event.name)] if event.name and "event" not in event.attributes else []
    return named + list(event.attributes.items())


def has_tags(span: Span, searched: Mapping[str, str]) -> bool:
    """Whether a span carries all of these, as tags, tags of its process or fields of its logs."""
    if not searched:
        return True
    missing = set(searched.items())
    for pairs in (span_pairs(span), process_pairs(span), *map(event_pairs, span.events)):
        missing -= {(name, text_of(value)) for name, value in pairs if name in searched}
        if not missing:
            return True
    return False


def _warnings(spans: Sequence[Span], analysis: TraceAnalysis) -> dict[int, tuple[str, ...]]:
    """The notes of each span, by its identity: ids may come twice."""
    found = {id(span): span_time_notes(span) for span in spans if span.browser}
    return found | {id(row.span): row_notes(row) for row in analysis.rows if not row.inferred}


def _span(span: Span, process: str, warnings: Sequence[str], *, raw: bool) -> Plain:
    shift_ns = span.clock_shift_ns if raw else 0
    references = [_reference("CHILD_OF", span.trace_id, span.parent_span_id)] if span.parent_span_id else []
    references += [_reference("FOLLOWS_FROM", link.trace_id, link.span_id) for link in span.links]
    return {
        "traceID": span.trace_id,
        "spanID": span.span_id,
        "operationName": span.name,
        "references": references,
        "startTime": (span.start_unix_nano - shift_ns) // 1_000,
        "duration": span.duration_ns // 1_000,
        "tags": _fields(span_pairs(span)),
        "logs": [
            {
                "timestamp": (event.time_unix_nano - shift_ns) // 1_000,
                "fields": _fields(event_pairs(event)),
            }
            for event in span.events
        ],
        "processID": process,
        "warnings": list(warnings) or None,
    }


def _reference(kind: str, trace_id: str, span_id: str) -> Plain:
    return {"refType": kind, "traceID": trace_id, "spanID": span_id}


def _fields(pairs: Iterable[tuple[str, Attribute]]) -> list[Plain]:
    return [_field(name, value) for name, value in pairs]


def _field(key: str, value: Attribute) -> Plain:
    """One tag; lists and maps are text in JSON, and so are numbers that JSON does not hold exactly."""
    kind, plain = "string", value
    if isinstance(value, bool):
        kind = "bool"
    elif isinstance(value, int):
        kind = "int64"
        plain = value if abs(value) <= _MOST_EXACT else str(value)
    elif isinstance(value, float):
        kind = "float64"
        plain = value if math.isfinite(value) else plain_of(value)
    elif isinstance(value, bytes):
        kind, plain = "binary", base64.b64encode(value).decode()
    elif not isinstance(value, str):
        plain = text_of(value)
    return {"key": key, "type": kind, "value": plain}
