"""JSON Schemas of the API's answers, in the dialect of OpenAPI 3.1.

Objects are closed: a field that is not declared here is never sent, and a declared one
is always sent (null where it has no value).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Schema = dict[str, Any]


def text(help_text: str = "", *, words: Sequence[str] = (), pattern: str = "", null: bool = False) -> Schema:
    """A string: any, one of some words, or of a pattern."""
    schema: Schema = {"type": ["string", "null"] if null else "string"}
    if words:
        schema["enum"] = [*words, None] if null else list(words)
    if pattern:
        schema["pattern"] = pattern
    return _helped(schema, help_text)


def whole(help_text: str = "", *, null: bool = False) -> Schema:
    """An integer."""
    return _helped({"type": ["integer", "null"] if null else "integer"}, help_text)


def number(help_text: str = "") -> Schema:
    """Any number."""
    return _helped({"type": "number"}, help_text)


def boolean(help_text: str = "") -> Schema:
    """True or false."""
    return _helped({"type": "boolean"}, help_text)


def list_of(item: Schema, help_text: str = "") -> Schema:
    """An array."""
    return _helped({"type": "array", "items": item}, help_text)


def record(fields: dict[str, Schema], *, null: bool = False) -> Schema:
    """An object with exactly these fields."""
    return {
        "type": ["object", "null"] if null else "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def map_of(item: Schema, help_text: str = "") -> Schema:
    """An object whose keys are data."""
    return _helped({"type": "object", "additionalProperties": item}, help_text)


def ref(name: str) -> Schema:
    """A reference to one of COMPONENTS."""
    return {"$ref": f"#/components/schemas/{name}"}


def _helped(schema: Schema, help_text: str) -> Schema:
    if help_text:
        schema["description"] = help_text
    return schema


TRACE_ID = text("32 lower-case hexadecimal digits", pattern="^[0-9a-f]{32}$")
TRACE_ID_OR_NULL = text("32 lower-case hexadecimal digits", pattern="^[0-9a-f]{32}$", null=True)
SPAN_ID = text("16 lower-case hexadecimal digits", pattern="^[0-9a-f]{16}$")
SPAN_ID_OR_NULL = text("16 lower-case hexadecimal digits", pattern="^[0-9a-f]{16}$", null=True)
TIME = whole("nanoseconds since the Unix epoch")
TIME_OR_NULL = whole("nanoseconds since the Unix epoch", null=True)
DURATION = whole("nanoseconds")
ANY_ATTRIBUTES = map_of(
    {},
    "OpenTelemetry attributes, each value of any JSON type: bytes are hexadecimal, `NaN`, `Infinity` and "
    "`-Infinity` text, null an empty value; of a key that was sent twice, the first counts",
)
TEXT_ATTRIBUTES = map_of(text())
NEXT = text("the `cursor` of the next page; null at the end", null=True)
TRUNCATED = boolean("a bounded scan ended before the window did: there may be more")
ERROR_WORD = text(
    "origin: the error began here; received: a child's error reached it", words=("origin", "received", "none")
)
SEVERITY_WORDS = ("trace", "debug", "info", "warn", "error", "fatal")
EVENT_KINDS = (
    "document",
    "document_fetch",
    "resource",
    "fetch",
    "action",
    "error",
    "longtask",
    "vital",
    "route",
    "custom",
    "session",
)

_MEASURE: dict[str, Schema] = {
    "requests": whole(),
    "errors": whole("requests that failed"),
    "origin_errors": whole("requests under which an error began in the service itself"),
}
_LATENCY: dict[str, Schema] = {
    name: whole("nanoseconds; null without a sample", null=True)
    for name in ("p50_ns", "p75_ns", "p90_ns", "p99_ns")
}
MEASURE: dict[str, Schema] = {**_MEASURE, **_LATENCY}
"""The fields of every measure: rate, errors, duration (RED)."""

REACH: dict[str, Schema] = {
    "requests": whole("those that match, failed or not"),
    "failed": whole(),
    "sessions": whole("distinct browser sessions of failed requests"),
    "people": whole("distinct `enduser.id` of failed requests or their sessions, and sessions without one"),
    "unattributed": whole("failed requests that belong to no session and carry no `enduser.id`"),
    "recovered": whole(
        "failed requests after which the same session (without one, the same `enduser.id`) got through with "
        "the same service and operation"
    ),
    "failed_for_good": whole("failed requests after which no later try went through"),
    "people_recovered": whole("those of the people all of whose failures are recovered"),
    "recovered_inside": whole("requests that went through although something under them failed"),
    "refused": list_of(
        record({"currency": text("three capital letters"), "amount": text("a decimal number, exact")}),
        "what those that failed for good asked for",
    ),
    "refused_known": whole("of how many an amount with its currency stands on a span in error"),
    "refused_looked": whole("how many of those that failed for good were looked at, the newest"),
}
"""Requests, and who met the failed ones: of real traffic, or of synthetic."""

_COUNT = whole("how many the sender left out")
_FLAGS = whole("as in OTLP; the lower 8 bits are those of W3C trace context")
_ORIGINS: dict[str, Schema] = {
    "attributes_as_text": boolean("the store keeps no types"),
    "resource": ANY_ATTRIBUTES,
    "resource_dropped_attributes": _COUNT,
    "resource_schema_url": text(),
    "scope": text("the instrumentation scope"),
    "scope_version": text(),
    "scope_attributes": ANY_ATTRIBUTES,
    "scope_dropped_attributes": _COUNT,
    "scope_schema_url": text(),
}
"""The fields of resource and scope, of spans and logs alike."""

_SERVICE_IN_TRACE = record({"name": text(), "spans": whole(), "error": ERROR_WORD})
_CLOCK_SHIFT = whole(
    "nanoseconds that were added to its times, as its sender's clock was wrong; 0 where they are as claimed"
)
_NOTES = list_of(text(), "what is odd about it, a sentence each")
_TRACE_SUMMARY = record(
    {
        "trace_id": TRACE_ID,
        "service": text("the entry's service; empty while only browser spans are here"),
        "operation": text(),
        "start_unix_nano": TIME,
        "duration_ns": DURATION,
        "spans": whole(),
        "errors": whole("spans in error"),
        "origin_errors": whole("spans where an error began"),
        "services": list_of(ref("ServiceInTrace")),
        "complete": boolean(
            "every parent that a span names is here, but for that of the entry, if its caller is outside"
        ),
        "session_id": text("the browser session of the trace, if it has one", null=True),
        "clock_shift_ns": _CLOCK_SHIFT,
        "notes": _NOTES,
    }
)
_SPAN = record(
    {
        "span_id": SPAN_ID,
        "parent_span_id": SPAN_ID_OR_NULL,
        "service": text(),
        "operation": text(),
        "kind": text(words=("server", "client", "internal", "producer", "consumer")),
        "start_unix_nano": TIME,
        "duration_ns": DURATION,
        "status": text(words=("unset", "ok", "error")),
        "status_message": text(),
        "error": ERROR_WORD,
        "inferred": boolean("made from its caller's span: its service sent no spans"),
        "entry": boolean("a request to its service begins here"),
        "depth": whole("0 for a top row"),
        "trace_state": text("as W3C trace context writes it"),
        "flags": _FLAGS,
        "attributes": ANY_ATTRIBUTES,
        "dropped": record({"attributes": _COUNT, "events": _COUNT, "links": _COUNT}),
        **_ORIGINS,
        "events": list_of(ref("SpanEvent")),
        "links": list_of(ref("SpanLink")),
        "clock_shift_ns": _CLOCK_SHIFT,
        "notes": _NOTES,
    }
)
_SESSION = record(
    {
        "session_id": text(),
        "start_unix_nano": TIME,
        "duration_ns": DURATION,
        "app": text(),
        "environment": text(),
        "page_views": whole(),
        "errors": whole("JavaScript errors"),
        "network_errors": whole(),
        "events": whole(),
        "last_seen_unix_nano": TIME,
        "attributes": TEXT_ATTRIBUTES,
        "clock_shift_ns": _CLOCK_SHIFT,
        "notes": _NOTES,
    }
)
_SESSION_EVENT = record(
    {
        "kind": text(words=EVENT_KINDS),
        "name": text("such as `POST /cart/checkout`"),
        "detail": text("the rest in one line: URL, message or value"),
        "operation": text("the span's own name"),
        "trace_id": TRACE_ID,
        "span_id": SPAN_ID,
        "parent_span_id": SPAN_ID_OR_NULL,
        "start_unix_nano": TIME,
        "duration_ns": DURATION,
        "http_status": whole(null=True),
        "error": boolean("an error event, an `error` attribute, or a status of 400 and above"),
        "repeats": boolean("a line of the console about an error that was thrown, too: both count once"),
        "apm": record({"trace_id": TRACE_ID, "span_id": SPAN_ID}, null=True),
        "status": text(words=("unset", "ok", "error")),
        "status_message": text(),
        "trace_state": text("as W3C trace context writes it"),
        "flags": _FLAGS,
        "attributes": ANY_ATTRIBUTES,
        "dropped": record({"attributes": _COUNT, "events": _COUNT, "links": _COUNT}),
        **_ORIGINS,
        "events": list_of(ref("SpanEvent")),
        "links": list_of(ref("SpanLink")),
        "clock_shift_ns": _CLOCK_SHIFT,
        "notes": _NOTES,
    }
)
_LOG = record(
    {
        "log_id": text("opaque, in order of arrival"),
        "time_unix_nano": TIME,
        "severity": text(words=SEVERITY_WORDS),
        "severity_number": whole(
            "as in OpenTelemetry, 1 to 24; derived from the text where it was not sent; 0 if unspecified"
        ),
        "severity_text": text("as the sender wrote it, or empty"),
        "event_name": text("of an event: the record's own field, or empty"),
        "body": text("a list or a map as JSON"),
        "service": text(),
        "trace_id": TRACE_ID_OR_NULL,
        "span_id": SPAN_ID_OR_NULL,
        "session_id": text(null=True),
        "observed_unix_nano": whole("when the sender's side saw it; null where it does not say", null=True),
        "flags": _FLAGS,
        "value": {"description": "the body as it was sent, of any JSON type; null without one"},
        "attributes": ANY_ATTRIBUTES,
        "dropped_attributes": _COUNT,
        **_ORIGINS,
        "clock_shift_ns": _CLOCK_SHIFT,
        "notes": _NOTES,
    }
)
_DEPLOYMENT = record(
    {
        "time_unix_nano": TIME,
        "name": text("`deployment.name`, else the event's name"),
        "service": text(),
        "version": text(),
        "status": text("`deployment.status`"),
        "environment": text(),
        "seat": text("the `enduser.id` whom alone it concerns; empty where it concerns everybody"),
        "body": text(),
        "log_id": text("the log record that is the event; empty for the desk's alone, which has none yet"),
    }
)

COMPONENTS: dict[str, Schema] = {
    "Error": record({"error": record({"code": text(), "message": text(), "remedy": text()})}),
    "ServiceInTrace": _SERVICE_IN_TRACE,
    "TraceSummary": _TRACE_SUMMARY,
    "Span": _SPAN,
    "SpanEvent": record(
        {
            "name": text(),
            "time_unix_nano": TIME,
            "attributes": ANY_ATTRIBUTES,
            "dropped_attributes": _COUNT,
        }
    ),
    "SpanLink": record(
        {
            "trace_id": TRACE_ID,
            "span_id": SPAN_ID,
            "trace_state": text(),
            "flags": _FLAGS,
            "attributes": ANY_ATTRIBUTES,
            "dropped_attributes": _COUNT,
        }
    ),
    "Session": _SESSION,
    "SessionEvent": _SESSION_EVENT,
    "Log": _LOG,
    "Deployment": _DEPLOYMENT,
    "TagValue": record({"value": text("empty where the tag was absent"), **MEASURE}),
    "Point": record({"start_unix_nano": TIME, **MEASURE}),
    "ExamAnswer": record(
        {
            "at_unix_nano": TIME,
            "service": text(),
            "tag": text(),
            "kind": text(),
            "evidence": text(),
            "parts_right": whole("how many parts were right"),
            "right": list_of(text(), "the parts that were right; none while the exam runs"),
            "complete": boolean("every part was right"),
        }
    ),
    "ExamScore": record(
        {
            "seat": text(),
            "name": text(),
            "points": whole("0 to 100"),
            "service": boolean("whether the best answer named it right, as the next three"),
            "tag": boolean(),
            "kind": boolean(),
            "evidence": boolean(),
            "complete": boolean("every part was right"),
            "answers": whole(),
            "pages": whole("different pages of the screens that the seat opened"),
            "seconds": whole("from the start to the best answer; null without one", null=True),
        }
    ),
    "ClassSeat": record(
        {
            "seat": text("its name in telemetry, as `enduser.id`"),
            "name": text("the person's own name"),
            "incident": text("the name of its incident, since the beginning of which all the rest counts"),
            "step": text(
                "the furthest step that it opened, of one in the shop: whose data is there", null=True
            ),
            "step_since_unix_nano": TIME_OR_NULL,
            "last_seen_unix_nano": TIME_OR_NULL,
            "orders": whole(),
            "orders_failed": whole(),
            "hints": whole("hints and expected sights that it unfolded"),
            "answers": whole("answers to the incident's question, right or wrong"),
            "repaired": boolean("a repair of the incident is in force for it"),
            "state": text(words=("no-show", "working", "stuck", "done")),
        }
    ),
    "LogColumn": record(
        {"start_unix_nano": TIME, "counts": map_of(whole(), "by severity; those without a log left out")}
    ),
}
"""The schemas that the OpenAPI document names."""
