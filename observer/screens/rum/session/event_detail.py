"""Everything that an opened event of a session shows: its times, its backend link, its tags. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from observer.components.carried import Carried, LinkItem, left_out_of, links_of, of_span
from observer.components.number_format import duration, plural
from observer.screens.rum.session.event_links import SessionLinks, TagLinks
from observer.screens.rum.session.event_rows import EventRow
from observer.trace_notes import span_time_notes
from signals.model import Attribute, Attributes, Span
from signals.session_events import ApmLink

_TAGS_LIMIT = 200
_TIMINGS_LIMIT = 100
_LINKS_LIMIT = 50
_SEARCHABLE_FROM = 9
"""Tags from which on a search field is offered: fewer are seen at a glance."""


@dataclass(frozen=True, slots=True)
class TagRow:
    """One tag of the event's span."""

    name: str
    value: Attribute
    links: TagLinks


@dataclass(frozen=True, slots=True)
class Tags:
    """The tags of the event's span."""

    rows: tuple[TagRow, ...]
    searchable: bool
    left_out: str
    """How many tags are not shown, in a sentence; empty if all are."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One event of the span, such as `responseStart`."""

    name: str
    after_ns: int
    """Since the span began."""
    attributes: Attributes
    left_out: str
    """What the sender left out, in words; empty for nothing."""


@dataclass(frozen=True, slots=True)
class EventDetail:
    """An opened event."""

    dom_id: str
    """The id of its row's element."""
    span_id: str
    operation: str
    start_unix_nano: int
    into_session: str
    duration_ns: int
    notes: tuple[str, ...]
    """What is odd about its times, a sentence each."""
    status: int | None
    apm: ApmLink | None
    apm_span_id: str | None
    apm_subject: str
    """What the backend answered: `document` or `request`."""
    missing_trace: str
    """Why the linked trace is not in the store; empty if it is."""
    no_apm_reason: str
    stack: str
    tags: Tags
    timings: tuple[Timing, ...]
    timings_title: str
    """Empty where the span has no timing."""
    carried: tuple[Carried, ...]
    """What the span carries beside attributes."""
    links: tuple[LinkItem, ...]
    links_title: str
    """Empty where the span has no link."""
    scope_attributes: Attributes
    resource: Attributes
    resource_title: str
    """Empty where the resource has no attribute."""


def detail_of(row: EventRow, links: SessionLinks, missing_trace: str, session_start_ns: int) -> EventDetail:
    """The detail of a row; `session_start_ns` in Unix nanoseconds."""
    span = row.event.span
    return EventDetail(
        dom_id=row.dom_id,
        span_id=span.span_id,
        operation=span.name,
        start_unix_nano=span.start_unix_nano,
        into_session=f"+{duration(span.start_unix_nano - session_start_ns)} into the session",
        duration_ns=span.duration_ns,
        notes=span_time_notes(span),
        status=row.status,
        apm=row.apm,
        apm_span_id=row.apm_span_id,
        apm_subject="document" if row.event.kind == "document" else "request",
        missing_trace=missing_trace,
        no_apm_reason=row.no_apm_reason,
        stack=row.stack,
        tags=_tags(span, links),
        timings=tuple(
            Timing(
                event.name,
                event.time_unix_nano - span.start_unix_nano,
                event.attributes,
                left_out_of(event),
            )
            for event in span.events[:_TIMINGS_LIMIT]
        ),
        timings_title=plural(len(span.events), "timing") if span.events else "",
        carried=of_span(span),
        links=links_of(span, _LINKS_LIMIT),
        links_title=plural(len(span.links), "link") if span.links else "",
        scope_attributes=span.scope_extras.attributes,
        resource=span.resource,
        resource_title=f"Resource: {plural(len(span.resource), 'attribute')}" if span.resource else "",
    )


def _tags(span: Span, links: SessionLinks) -> Tags:
    items = list(span.attributes.items())
    more = len(items) - _TAGS_LIMIT
    return Tags(
        rows=tuple(TagRow(name, value, links.tag_links(name, value)) for name, value in items[:_TAGS_LIMIT]),
        searchable=len(items) >= _SEARCHABLE_FROM,
        left_out=f"{plural(more, 'more attribute')} not shown here; the JSON API has them all."
        if more > 0
        else "",
    )
