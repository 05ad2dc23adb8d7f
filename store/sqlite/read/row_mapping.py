"""Maps table rows to the model, and what all readers share: ids, cursors, limits."""

from __future__ import annotations

from functools import lru_cache

import orjson

from signals.model import (
    ServiceInTrace,
    SessionId,
    TraceId,
)
from store.question_parts import (
    limited as limited,
    make_cursor as make_cursor,
    read_cursor as read_cursor,
    span_bytes as span_bytes,
    trace_bytes as trace_bytes,
)
from store.results import Presence, SessionSummary, TraceSummary
from store.row_model import log_of as log_of, span_of as span_of
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.table_layout import CLOCK_SHIFT, ERROR_CODES

SPAN_COLUMNS = (
    "s.trace_id, s.span_id, s.parent_span_id, s.service, s.name, s.kind, s.start, s.duration, s.flags, "
    "s.peer, s.session_id, s.raw, r.body, c.body"
)
SPAN_TABLES = "spans s LEFT JOIN origins r ON r.id = s.resource LEFT JOIN origins c ON c.id = s.scope"
TRACE_COLUMNS = (
    "t.trace_id, t.service, t.operation, t.start, t.duration, t.spans, t.errors, t.origins, t.services, "
    "t.complete, t.tags, "
    "coalesce(t.session_id, (SELECT k.session_id FROM links k WHERE k.trace_id = t.trace_id LIMIT 1))"
)
SESSION_COLUMNS = (
    "e.session_id, e.start, e.finish, e.app, e.environment, e.page_views, e.errors, e.network_errors, "
    "e.events, e.last_start, e.attributes"
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
        services=_services_of(services),
        session_id=SessionId(session) if session else None,
        complete=bool(complete),
        tags=carried,
        clock_shift_ns=shift_ns,
    )


@lru_cache(maxsize=500)
def _services_of(services: str) -> tuple[ServiceInTrace, ...]:
    """Those of a trace. A list of traces has the same few sets of them."""
    return tuple(
        ServiceInTrace(name, count, ERROR_CODES[error]) for name, count, error in orjson.loads(services)
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


def pruned_or_never_seen(db: ReadSession, name: bytes) -> Presence:
    """Whether a trace id, or a session's name, that is not stored was pruned."""
    row = db.one("SELECT 1 FROM tombstones WHERE name = ?", (name,))
    return Presence.PRUNED if row else Presence.NEVER_SEEN
