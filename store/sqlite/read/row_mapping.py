"""Maps table rows to the model, and what all readers share: ids, cursors, limits."""

from __future__ import annotations

import base64
import binascii
import dataclasses
from collections.abc import Sequence
from typing import Any

import orjson

from signals.model import (
    Event,
    Log,
    OddTime,
    ServiceInTrace,
    SessionId,
    Severity,
    Span,
    SpanId,
    SpanKind,
    TraceId,
)
from store.api import BadQuery
from store.decode import (
    SpanDetail,
    log_detail,
    resource_attributes,
    resource_extras,
    scope_of,
    span_detail,
)
from store.results import Presence, SessionSummary, TraceSummary
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.table_layout import BROWSER_FLAG, CLOCK_SHIFT, DATABASE_FLAG, ERROR_CODES, ERROR_FLAG

SPAN_COLUMNS = (
    "s.trace_id, s.span_id, s.parent_span_id, s.service, s.name, s.kind, s.start, s.duration, s.flags, "
    "s.peer, s.session_id, s.raw, r.body, c.body"
)
SPAN_TABLES = "spans s LEFT JOIN origins r ON r.id = s.resource LEFT JOIN origins c ON c.id = s.scope"
LOG_COLUMNS = (
    "l.seq, l.time, l.severity, l.body, l.service, l.trace_id, l.span_id, l.session_id, l.raw, r.body, c.body"
)
LOG_TABLES = "logs l LEFT JOIN origins r ON r.id = l.resource LEFT JOIN origins c ON c.id = l.scope"
TRACE_COLUMNS = (
    "t.trace_id, t.service, t.operation, t.start, t.duration, t.spans, t.errors, t.origins, t.services, "
    "t.complete, t.tags, "
    "coalesce(t.session_id, (SELECT k.session_id FROM links k WHERE k.trace_id = t.trace_id LIMIT 1))"
)
SESSION_COLUMNS = (
    "e.session_id, e.start, e.finish, e.app, e.environment, e.page_views, e.errors, e.network_errors, "
    "e.events, e.last_start, e.attributes"
)


def span_of(row: Row) -> Span:
    """A span from SPAN_COLUMNS."""
    (
        trace_id, span_id, parent, service, name, kind, start, duration, flags, peer, session, raw,
        resource, scope,
    ) = row  # fmt: skip
    detail = span_detail(raw)
    library = scope_of(scope or b"")
    shift_ns, odd_time = _claims_of(start, duration, detail)
    return Span(
        trace_id=TraceId(trace_id.hex()),
        span_id=SpanId(span_id.hex()),
        parent_span_id=SpanId(parent.hex()) if parent else None,
        service=service,
        name=name,
        kind=SpanKind(kind) if 0 <= kind <= 5 else SpanKind.UNSPECIFIED,
        start_unix_nano=start,
        duration_ns=duration,
        status=detail.status,
        status_message=detail.status_message,
        error=bool(flags & ERROR_FLAG),
        peer=peer,
        peer_is_database=bool(flags & DATABASE_FLAG),
        session_id=SessionId(session) if session else None,
        browser=bool(flags & BROWSER_FLAG),
        attributes=detail.attributes,
        resource=resource_attributes(resource or b""),
        scope=library.name,
        events=_shifted(detail.events, shift_ns) if shift_ns else detail.events,
        links=detail.links,
        scope_version=library.version,
        clock_shift_ns=shift_ns,
        odd_time=odd_time,
        scope_extras=library.extras,
        resource_extras=resource_extras(resource or b""),
        trace_state=detail.trace_state,
        flags=detail.flags,
        dropped=detail.dropped,
    )


def _claims_of(start: int, duration: int, detail: SpanDetail) -> tuple[int, OddTime | None]:
    """(what was added to the times that the sender claims, what is impossible about them)."""
    begun, ended = detail.start_unix_nano, detail.end_unix_nano
    if not begun:
        return 0, None
    if not ended:
        return start - begun, OddTime.NO_END
    if ended < begun:
        return start - begun, OddTime.ENDS_BEFORE_START
    if duration or ended == begun:
        return start - begun, None
    if start == ended:
        return 0, OddTime.STARTS_TOO_EARLY
    return start - begun, OddTime.ENDS_AFTER_ARRIVAL


def _shifted(events: Sequence[Event], shift_ns: int) -> tuple[Event, ...]:
    return tuple(
        dataclasses.replace(event, time_unix_nano=event.time_unix_nano + shift_ns) for event in events
    )


def log_of(row: Row) -> Log:
    """A log from LOG_COLUMNS."""
    seq, time_unix_nano, severity, body, service, trace_id, span_id, session, raw, resource, scope = row
    detail = log_detail(raw)
    library = scope_of(scope or b"")
    return Log(
        log_id=str(seq),
        time_unix_nano=time_unix_nano,
        severity=Severity.of(severity),
        severity_number=severity,
        body=body,
        service=service,
        trace_id=TraceId(trace_id.hex()) if trace_id else None,
        span_id=SpanId(span_id.hex()) if span_id else None,
        session_id=SessionId(session) if session else None,
        attributes=detail.attributes,
        resource=resource_attributes(resource or b""),
        scope=library.name,
        severity_text=detail.severity_text,
        structured=detail.structured,
        event_name=detail.event_name,
        clock_shift_ns=time_unix_nano - detail.time_unix_nano if detail.time_unix_nano else 0,
        value=detail.value,
        observed_unix_nano=detail.observed_unix_nano,
        flags=detail.flags,
        dropped_attributes=detail.dropped_attributes,
        scope_version=library.version,
        scope_extras=library.extras,
        resource_extras=resource_extras(resource or b""),
    )


def trace_of(row: Row) -> TraceSummary:
    """A trace's summary from TRACE_COLUMNS."""
    (
        trace_id,
        service,
        operation,
        start,
        duration,
        spans,
        errors,
        origins,
        services,
        complete,
        tags,
        session,
    ) = row
    carried = orjson.loads(tags)
    shift_ns = carried.pop(CLOCK_SHIFT, 0)
    return TraceSummary(
        trace_id=TraceId(trace_id.hex()),
        service=service,
        operation=operation,
        start_unix_nano=start,
        duration_ns=duration,
        spans=spans,
        errors=errors,
        origin_errors=origins,
        services=tuple(
            ServiceInTrace(name, count, ERROR_CODES[error]) for name, count, error in orjson.loads(services)
        ),
        session_id=SessionId(session) if session else None,
        complete=bool(complete),
        tags=carried,
        clock_shift_ns=shift_ns,
    )


def session_of_row(row: Row) -> SessionSummary:
    """A session's summary from SESSION_COLUMNS."""
    session_id, start, finish, app, environment, views, errors, network_errors, events, last, attributes = row
    carried = orjson.loads(attributes)
    shift_ns, _ = carried.pop(CLOCK_SHIFT, (0, 0))
    return SessionSummary(
        session_id=SessionId(session_id),
        start_unix_nano=start,
        duration_ns=finish - start,
        app=app,
        environment=environment,
        page_views=views,
        errors=errors,
        network_errors=network_errors,
        events=events,
        last_seen_unix_nano=last,
        attributes={tag: value for tag, (value, _) in carried.items()},
        clock_shift_ns=shift_ns,
    )


def trace_bytes(trace_id: str) -> bytes:
    """A trace id as stored; raise BadQuery for anything else."""
    return _hex(trace_id, 32, "trace id")


def span_bytes(span_id: str) -> bytes:
    """A span id as stored; raise BadQuery for anything else."""
    return _hex(span_id, 16, "span id")


def _hex(text: str, digits: int, what: str) -> bytes:
    try:
        if not 0 < len(text) <= digits:
            raise ValueError(what)
        return bytes.fromhex(text.rjust(digits, "0"))
    except ValueError:
        raise BadQuery(f"{text[:80]!r} is not a {what}: give up to {digits} hexadecimal digits.") from None


def limited(limit: int) -> int:
    """The limit; raise BadQuery beyond 1 to 1,000."""
    if not 1 <= limit <= 1000:
        raise BadQuery(f"limit is {limit}: give 1 to 1000.")
    return limit


def pruned_or_never_seen(db: ReadSession, name: bytes) -> Presence:
    """Whether a trace id, or a session's name, that is not stored was pruned."""
    row = db.one("SELECT 1 FROM tombstones WHERE name = ?", (name,))
    return Presence.PRUNED if row else Presence.NEVER_SEEN


def make_cursor(*parts: int | str) -> str:
    """An opaque cursor of these parts: the kind of list, then numbers."""
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def read_cursor(cursor: str | None, kind: str) -> Sequence[Any] | None:
    """The two numbers of a cursor of this kind, None without a cursor; raise BadQuery for any other."""
    if cursor is None:
        return None
    try:
        parts = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError):
        parts = None
    known = isinstance(parts, list) and len(parts) == 3 and parts[0] == kind
    if not known or not all(type(part) is int for part in parts[1:]):
        raise BadQuery(
            "cursor does not belong to this list: hand back `next_cursor` as it came, with the same sort."
        )
    return parts[1:]  # type: ignore[no-any-return]  # a list of two integers
