"""The panel of one span: status, times, tags, events and links. Pure."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass

from observer.components import carried
from observer.components.carried import Carried, LinkItem
from observer.components.number_format import plural
from observer.screens.apm.trace.trace_facts import status_code_of, status_words
from observer.screens.apm.trace.waterfall_row import WaterfallRow
from observer.trace_notes import row_notes
from signals.model import Attribute, Attributes, Span, SpanError, SpanId, StatusCode, TraceId
from signals.trace_analysis import TraceAnalysis

_EVENTS_LIMIT = 50
_LINKS_LIMIT = 50
_EVENTS_OPEN_UP_TO = 3
"""With no more events than these, the first one is open from the start."""
_MICROSECONDS_BELOW_NS = 10_000_000
"""Start and end of a shorter span are written to the microsecond: in milliseconds they may be equal."""

Pairs = Sequence[tuple[str, Attribute]]
"""Attributes by name."""


@dataclass(frozen=True, slots=True)
class SpanStatus:
    """How a span ended."""

    text: str
    css: str
    """The badge's class."""
    code: str
    """The status code of the span's protocol; may be empty, as may the message."""
    message: str


@dataclass(frozen=True, slots=True)
class EventItem:
    """One event of a span."""

    name: str
    offset_ns: int
    """From the start of the trace."""
    attributes: Pairs
    left_out: str
    """What the sender left out, in words; empty for nothing."""
    open: bool


@dataclass(frozen=True, slots=True)
class SpanPanel:
    """An opened span."""

    row_key: str
    span: Span
    notes: Sequence[str]
    """What is unusual about the span, each in one sentence."""
    inferred: bool
    """The span is what its caller reported: there is nothing but the notes to show."""
    status: SpanStatus
    time_format: str
    offset_ns: int
    """From the start of the trace."""
    logs: int
    tags: Pairs
    process: Pairs
    carried: Sequence[Carried]
    """What it carries beside attributes."""
    scope_attributes: Pairs
    events: Sequence[EventItem]
    events_total: int
    more_events: str
    """How many events are not shown, in words; empty where all are. `more_links` likewise."""
    links: Sequence[LinkItem]
    links_total: int
    more_links: str


def span_panel(
    analysis: TraceAnalysis,
    row: WaterfallRow,
    logs: int,
    dead_links: Container[tuple[TraceId, SpanId]] = (),
) -> SpanPanel:
    """The panel of a row of the waterfall whose span has so many logs, and these links to nothing."""
    span = row.trace_row.span
    return SpanPanel(
        row_key=row.key,
        span=span,
        notes=row_notes(row.trace_row, dead_links),
        inferred=row.trace_row.inferred,
        status=_status(row),
        time_format="fine" if span.duration_ns < _MICROSECONDS_BELOW_NS else "clock",
        offset_ns=row.trace_row.start_unix_nano - analysis.start_unix_nano,
        logs=logs,
        tags=_by_name(span.attributes),
        process=_by_name(span.resource),
        carried=carried.of_span(span),
        scope_attributes=_by_name(span.scope_extras.attributes),
        events=_events(span, analysis.start_unix_nano - row.trace_row.moved_ns),
        events_total=len(span.events),
        more_events=_more(len(span.events) - _EVENTS_LIMIT, "more event"),
        links=carried.links_of(span, _LINKS_LIMIT, dead_links),
        links_total=len(span.links),
        more_links=_more(len(span.links) - _LINKS_LIMIT, "more link"),
    )


def _status(row: WaterfallRow) -> SpanStatus:
    span = row.trace_row.span
    code = status_code_of(span)
    if row.error is SpanError.ORIGIN:
        return SpanStatus("error, originated here", "origin", code, span.status_message)
    if row.error is SpanError.RECEIVED:
        return SpanStatus("error, received", "received", code, span.status_message)
    css = "good" if span.status is StatusCode.OK else ""
    return SpanStatus(status_words(span), css, code, span.status_message)


def _events(span: Span, start_unix_nano: int) -> tuple[EventItem, ...]:
    few = len(span.events) <= _EVENTS_OPEN_UP_TO
    return tuple(
        EventItem(
            name=event.name,
            offset_ns=event.time_unix_nano - start_unix_nano,
            attributes=_by_name(event.attributes),
            left_out=carried.left_out_of(event),
            open=few and number == 0,
        )
        for number, event in enumerate(span.events[:_EVENTS_LIMIT])
    )


def _more(number: int, noun: str) -> str:
    return plural(number, noun) if number > 0 else ""


def _by_name(attributes: Attributes) -> Pairs:
    return sorted(attributes.items(), key=lambda pair: pair[0].lower())
