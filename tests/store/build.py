"""Spans and rows for the store's tests, made in as few words as possible."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

from signals.browser_events import is_browser, session_of
from signals.deployments import event_name_of
from signals.model import Attribute, Attributes, SessionId, Span, SpanId, SpanKind, StatusCode, TraceId
from signals.semantics import is_error, peer_of, tags_of
from store.api import LogRow, SpanRow

T0 = 1_800_000_000_000_000_000
MS = 1_000_000
SECOND = 1_000_000_000
TRACE = TraceId("0af7651916cd43dd8448eb211c80319c")


def span_id(number: int) -> SpanId:
    return SpanId(f"{number:016x}")


def span(
    number: int,
    parent: int = 0,
    service: str = "shop",
    name: str = "work",
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    start_ms: float = 0,
    ms: float = 10,
    error: bool = False,
    peer: str = "",
    database: bool = False,
    browser: bool = False,
    session: str = "",
    attributes: Attributes | None = None,
    trace_id: TraceId = TRACE,
) -> Span:
    """A span by its number; times in milliseconds after T0."""
    return Span(
        trace_id=trace_id,
        span_id=span_id(number),
        parent_span_id=span_id(parent) if parent else None,
        service=service,
        name=name,
        kind=kind,
        start_unix_nano=T0 + round(start_ms * MS),
        duration_ns=round(ms * MS),
        status=StatusCode.ERROR if error else StatusCode.UNSET,
        status_message="",
        error=error,
        peer=peer,
        peer_is_database=database,
        session_id=SessionId(session) if session else None,
        browser=browser,
        attributes=attributes or {},
        resource={"service.name": service},
        scope="tests",
    )


def failing_checkout() -> list[Span]:
    """The lesson's failing trace: a call that nobody answered, then two refused ones."""
    client, server = SpanKind.CLIENT, SpanKind.SERVER
    pay = "paymentservice"
    spans = [
        span(1, 0, "frontend", "POST /cart/checkout", kind=server, ms=500, error=True),
        span(
            2,
            1,
            "frontend",
            "PlaceOrder",
            kind=client,
            start_ms=5,
            ms=490,
            error=True,
            peer="checkoutservice",
        ),
        span(3, 2, "checkoutservice", "PlaceOrder", kind=server, start_ms=6, ms=488, error=True),
        span(4, 3, "checkoutservice", "Charge", kind=client, start_ms=10, ms=2, error=True, peer=pay),
        span(5, 3, "checkoutservice", "Charge", kind=client, start_ms=40, ms=200, error=True, peer=pay),
        span(6, 5, pay, "Charge", kind=server, start_ms=41, ms=198, error=True),
        span(7, 6, pay, "buttercup", kind=client, start_ms=42, ms=190, peer="ButtercupPayments"),
        span(8, 3, "checkoutservice", "Charge", kind=client, start_ms=290, ms=200, error=True, peer=pay),
        span(9, 8, pay, "Charge", kind=server, start_ms=291, ms=198, error=True),
        span(10, 9, pay, "buttercup", kind=client, start_ms=292, ms=190, peer="ButtercupPayments"),
    ]
    return [
        replace(one, attributes={"http.route": "/cart/checkout"}) if one.name.startswith("POST") else one
        for one in spans
    ]


def any_value(value: Attribute) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    if isinstance(value, float):
        return AnyValue(double_value=value)
    if isinstance(value, bytes):
        return AnyValue(bytes_value=value)
    return AnyValue(string_value=str(value))


def key_values(attributes: Attributes) -> list[KeyValue]:
    return [KeyValue(key=key, value=any_value(value)) for key, value in attributes.items()]


def row(one: Span, events: Mapping[str, int] | None = None) -> SpanRow:
    """The row that a collector would hand in for this span."""
    message = SpanMessage(
        trace_id=bytes.fromhex(one.trace_id),
        span_id=bytes.fromhex(one.span_id),
        parent_span_id=bytes.fromhex(one.parent_span_id or ""),
        name=one.name,
        kind=int(one.kind),  # type: ignore[arg-type]  # the stubs want the enum's own type
        start_time_unix_nano=one.start_unix_nano,
        end_time_unix_nano=one.end_unix_nano,
        attributes=key_values(one.attributes),
        events=[
            SpanMessage.Event(name=name, time_unix_nano=time_unix_nano)
            for name, time_unix_nano in (events or {}).items()
        ],
    )
    message.status.code = int(one.status)  # type: ignore[assignment]  # as above
    message.status.message = one.status_message
    peer, database = peer_of(one.kind, one.attributes)
    browser = one.browser or is_browser(one.attributes, one.resource)
    return SpanRow(
        trace_id=message.trace_id,
        span_id=message.span_id,
        parent_span_id=message.parent_span_id,
        service=one.service,
        name=one.name,
        kind=int(one.kind),
        start_unix_nano=one.start_unix_nano,
        duration_ns=one.duration_ns,
        error=one.error or is_error(one.status, one.attributes),
        peer=one.peer or peer,
        peer_is_database=one.peer_is_database or database,
        session_id=one.session_id or session_of(one.attributes, one.resource),
        browser=browser,
        tags=tags_of(one.name, one.attributes, one.resource, browser=browser),
        resource=Resource(attributes=key_values(one.resource)).SerializeToString(),
        scope=InstrumentationScope(name=one.scope).SerializeToString(),
        raw=message.SerializeToString(),
    )


def log_row(
    body: str,
    *,
    ms: float = 0,
    severity_number: int = 9,
    service: str = "shop",
    trace_id: str = "",
    span: str = "",
    session: str = "",
    attributes: Attributes | None = None,
    resource: Attributes | None = None,
    event_name: str = "",
) -> LogRow:
    """A log by its message; time in milliseconds after T0."""
    time_unix_nano = T0 + round(ms * MS)
    record = LogRecord(
        time_unix_nano=time_unix_nano,
        severity_number=severity_number,  # type: ignore[arg-type]  # the stubs want the enum's own type
        body=AnyValue(string_value=body),
        trace_id=bytes.fromhex(trace_id),
        span_id=bytes.fromhex(span),
        attributes=key_values(attributes or {}),
        event_name=event_name,
    )
    return LogRow(
        time_unix_nano=time_unix_nano,
        severity_number=severity_number,
        body=body,
        service=service,
        trace_id=record.trace_id,
        span_id=record.span_id,
        session_id=session,
        resource=Resource(
            attributes=key_values({"service.name": service, **(resource or {})})
        ).SerializeToString(),
        scope=InstrumentationScope(name="tests").SerializeToString(),
        raw=record.SerializeToString(),
        event=event_name_of(event_name, attributes or {}),
    )
