"""Browser spans by hand, for view-models that are pure."""

from __future__ import annotations

from typing import Any

from signals.model import SessionId, Span, SpanId, SpanKind, StatusCode, TraceId
from signals.session_events import SessionEvent, events_of

MS = 1_000_000
START = 1_795_343_067_000_000_000


def span(number: int, name: str, at_ms: float, ms: float = 0, parent: int | None = None, **tags: Any) -> Span:
    """A browser's span; spans with the same `trace` tag share a trace."""
    trace = tags.pop("_trace", number)
    return Span(
        trace_id=TraceId(f"{trace:032x}"),
        span_id=SpanId(f"{number:016x}"),
        parent_span_id=SpanId(f"{parent:016x}") if parent else None,
        service="",
        name=name,
        kind=SpanKind.INTERNAL,
        start_unix_nano=START + round(at_ms * MS),
        duration_ns=round(ms * MS),
        status=StatusCode.UNSET,
        status_message="",
        error=False,
        peer="",
        peer_is_database=False,
        session_id=SessionId("s"),
        browser=True,
        attributes={key.replace("__", "."): value for key, value in tags.items()},
        resource={},
        scope="",
    )


def events(*spans: Span) -> tuple[SessionEvent, ...]:
    """The events of these spans, none of whose traces is here."""
    return events_of(spans, {})
