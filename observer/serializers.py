"""The store's answers as plain data for JSON, with the fields that `observer.api.schemas` declares. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from typing import Any

from observer.trace_notes import clock_note, row_notes, span_time_notes
from signals.attributes import plain_attributes, plain_of
from signals.model import Log, ServiceInTrace, Span, SpanId, TraceId
from signals.session_events import SessionEvent
from signals.trace_analysis import TraceRow
from store.api import (
    Affected,
    Deployment,
    HistogramColumn,
    Measure,
    Point,
    Reach,
    Seen,
    SessionSummary,
    TagValue,
    TraceSummary,
    VersionRow,
)

Plain = dict[str, Any]


def measure(of: Measure) -> Plain:
    """Requests, errors and percentiles."""
    return {
        "requests": of.requests,
        "errors": of.errors,
        "origin_errors": of.origin_errors,
        "p50_ns": of.latency.p50_ns,
        "p75_ns": of.latency.p75_ns,
        "p90_ns": of.latency.p90_ns,
        "p99_ns": of.latency.p99_ns,
    }


def affected(of: Affected) -> Plain:
    """Who is affected: the numbers of real traffic, and under `synthetic` those of programs."""
    return {
        **_reach(of.real),
        "synthetic": _reach(of.synthetic),
        "since_unix_nano": of.since_unix_nano,
        "truncated": of.since_unix_nano is not None,
    }


def impact(of: Affected | None) -> Plain:
    """How bad it is: the numbers of people and of synthetic traffic; zeros where nothing was counted."""
    found = of or Affected(Reach(), Reach())
    return {
        "people": _reach(found.real),
        "synthetic": _reach(found.synthetic),
        "since_unix_nano": found.since_unix_nano,
    }


def seen(of: Seen) -> Plain:
    """First and last sighting."""
    return {
        "first_seen_unix_nano": of.first_unix_nano,
        "first_seen_exact": of.exact,
        "last_seen_unix_nano": of.last_unix_nano,
    }


_NEVER = {"first_seen_unix_nano": None, "first_seen_exact": True, "last_seen_unix_nano": None}


def version(of: VersionRow) -> Plain:
    """One version of a service."""
    return {
        "tag": of.tag,
        "value": of.value,
        **(seen(of.seen) if of.seen else _NEVER),
        **measure(of.measure),
        "key_requests": of.key_requests,
        "key_failed": of.key_failed,
    }


def _reach(of: Reach) -> Plain:
    return {
        "requests": of.requests,
        "failed": of.failed,
        "sessions": of.sessions,
        "people": of.people,
        "unattributed": of.unattributed,
        "recovered": of.recovered,
        "failed_for_good": of.failed_for_good,
        "people_recovered": of.people_recovered,
        "recovered_inside": of.recovered_inside,
        "refused": [
            {"currency": currency, "amount": str(amount)}
            for currency, amount in sorted((of.refused.sums if of.refused else {}).items())
        ],
        "refused_known": of.refused.known if of.refused else 0,
        "refused_looked": of.refused.looked if of.refused else 0,
    }


def services(of: Sequence[ServiceInTrace]) -> list[Plain]:
    """The services of a trace."""
    return [{"name": each.name, "spans": each.spans, "error": each.error.value} for each in of]


def trace_summary(of: TraceSummary) -> Plain:
    """One trace of a list."""
    return {
        "trace_id": of.trace_id,
        "service": of.service,
        "operation": of.operation,
        "start_unix_nano": of.start_unix_nano,
        "duration_ns": of.duration_ns,
        "spans": of.spans,
        "errors": of.errors,
        "origin_errors": of.origin_errors,
        "services": services(of.services),
        "complete": of.complete,
        "session_id": of.session_id,
        "clock_shift_ns": of.clock_shift_ns,
        "notes": _noted(clock_note(of.clock_shift_ns, of.start_unix_nano)),
    }


def trace_row(row: TraceRow, dead_links: Container[tuple[TraceId, SpanId]] = ()) -> Plain:
    """One span of a trace, with its place in it; `dead_links` are targets of links that are not here."""
    span = row.span
    return {
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "service": span.service,
        "operation": span.name,
        "kind": span.kind.word,
        "start_unix_nano": span.start_unix_nano,
        "clock_shift_ns": span.clock_shift_ns,
        "duration_ns": span.duration_ns,
        "status": span.status.name.lower(),
        "status_message": span.status_message,
        "error": row.error.value,
        "inferred": row.inferred,
        "entry": row.entry,
        "depth": row.depth,
        "trace_state": span.trace_state,
        "flags": span.flags,
        "attributes": plain_attributes(span.attributes),
        "dropped": span.dropped._asdict(),
        **_origins(span),
        "events": span_events(span),
        "links": span_links(span),
        "notes": list(row_notes(row, dead_links)),
    }


def _origins(of: Span | Log) -> Plain:
    """The resource and the instrumentation scope of a span or a log."""
    return {
        "attributes_as_text": of.as_text,
        "resource": plain_attributes(of.resource),
        "resource_dropped_attributes": of.resource_extras.dropped_attributes,
        "resource_schema_url": of.resource_extras.schema_url,
        "scope": of.scope,
        "scope_version": of.scope_version,
        "scope_attributes": plain_attributes(of.scope_extras.attributes),
        "scope_dropped_attributes": of.scope_extras.dropped_attributes,
        "scope_schema_url": of.scope_extras.schema_url,
    }


def span_events(span: Span) -> list[Plain]:
    """The events of a span."""
    return [
        {
            "name": event.name,
            "time_unix_nano": event.time_unix_nano,
            "attributes": plain_attributes(event.attributes),
            "dropped_attributes": event.dropped_attributes,
        }
        for event in span.events
    ]


def span_links(span: Span) -> list[Plain]:
    """The links of a span."""
    return [
        {
            "trace_id": link.trace_id,
            "span_id": link.span_id,
            "trace_state": link.trace_state,
            "flags": link.flags,
            "attributes": plain_attributes(link.attributes),
            "dropped_attributes": link.dropped_attributes,
        }
        for link in span.links
    ]


def session(of: SessionSummary) -> Plain:
    """One browser session."""
    return {
        "session_id": of.session_id,
        "start_unix_nano": of.start_unix_nano,
        "duration_ns": of.duration_ns,
        "app": of.app,
        "environment": of.environment,
        "page_views": of.page_views,
        "errors": of.errors,
        "network_errors": of.network_errors,
        "events": of.events,
        "last_seen_unix_nano": of.last_seen_unix_nano,
        "attributes": dict(of.attributes),
        "clock_shift_ns": of.clock_shift_ns,
        "notes": _noted(clock_note(of.clock_shift_ns, of.start_unix_nano)),
    }


def _noted(note: str) -> list[str]:
    return [note] if note else []


def session_event(of: SessionEvent) -> Plain:
    """One event of a session; its attributes include those of the resource."""
    span = of.span
    return {
        "kind": of.kind,
        "name": of.name,
        "detail": of.detail,
        "operation": span.name,
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "parent_span_id": span.parent_span_id,
        "start_unix_nano": span.start_unix_nano,
        "duration_ns": span.duration_ns,
        "http_status": of.http_status,
        "error": of.error,
        "repeats": of.repeats,
        "apm": {"trace_id": of.apm.trace_id, "span_id": of.apm.span_id} if of.apm else None,
        "status": span.status.name.lower(),
        "status_message": span.status_message,
        "trace_state": span.trace_state,
        "flags": span.flags,
        "attributes": dict(plain_attributes({**span.resource, **span.attributes})),
        "dropped": span.dropped._asdict(),
        **_origins(span),
        "events": span_events(span),
        "links": span_links(span),
        "clock_shift_ns": span.clock_shift_ns,
        "notes": list(span_time_notes(span)),
    }


def log(of: Log) -> Plain:
    """One log record."""
    return {
        "log_id": of.log_id,
        "time_unix_nano": of.time_unix_nano,
        "severity": of.severity.value,
        "severity_number": of.severity_number,
        "severity_text": of.severity_text,
        "event_name": of.event_name,
        "body": of.body,
        "service": of.service,
        "trace_id": of.trace_id,
        "span_id": of.span_id,
        "session_id": of.session_id,
        "observed_unix_nano": of.observed_unix_nano or None,
        "flags": of.flags,
        "value": plain_of(of.value),
        "attributes": plain_attributes(of.attributes),
        "dropped_attributes": of.dropped_attributes,
        **_origins(of),
        "clock_shift_ns": of.clock_shift_ns,
        "notes": _noted(clock_note(of.clock_shift_ns, of.time_unix_nano)),
    }


def deployment(of: Deployment) -> Plain:
    """One deployment event."""
    return {
        "time_unix_nano": of.time_unix_nano,
        "name": of.name,
        "service": of.service,
        "version": of.version,
        "status": of.status,
        "environment": of.environment,
        "seat": of.seat,
        "body": of.body,
        "log_id": of.log_id,
    }


def points(of: Sequence[Point]) -> list[Plain]:
    """The columns of a time series."""
    return [{"start_unix_nano": point.start_unix_nano, **measure(point.measure)} for point in of]


def tag_values(of: Sequence[TagValue]) -> list[Plain]:
    """The values of a breakdown."""
    return [{"value": each.value, **measure(each.measure)} for each in of]


def log_columns(of: Sequence[HistogramColumn]) -> list[Plain]:
    """The columns of a log histogram."""
    return [
        {
            "start_unix_nano": column.start_unix_nano,
            "counts": {severity.value: count for severity, count in column.counts.items() if count},
        }
        for column in of
    ]


def by_name(of: Mapping[str, Measure], name: str) -> list[Plain]:
    """Measures by name, most requests first."""
    ranked = sorted(of.items(), key=lambda pair: (-pair[1].requests, pair[0]))
    return [{name: key, **measure(value)} for key, value in ranked]
