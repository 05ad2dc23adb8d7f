"""One event of a session as a row: its texts, its place on the axis, its backend link or why it has none.

Pure. The name of an event and its backend link are decided in `observer.lookup.session_events`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from observer.screens.rum.event_kinds import colour_of, label_of
from observer.screens.rum.session.compressed_time import TimeScale
from signals.attributes import text_of, url_of
from signals.model import Span, SpanId, TraceId
from signals.session_events import ApmLink, SessionEvent
from store.api import Presence

SpanKey = tuple[TraceId, SpanId]
"""Identifies a span of a session: a session holds many traces, and an agent may use a span id twice."""

_NAMED = ("vital", "action", "custom", "longtask", "route")
"""Kinds whose name is shown with their detail."""
_REQUESTS = ("fetch", "document_fetch", "resource")
_LABEL_LEFT_OF = 78.0
"""Percent: a bar that ends to the right of this has its duration written before it."""
_DEEPEST = 4
"""The deepest level that is indented further; the style sheet has one more for folded rows."""


@dataclass(frozen=True, slots=True)
class EventRow:
    """One event in the waterfall."""

    event: SessionEvent
    label: str
    """The first line: the event's kind in words."""
    colour: str
    title: str
    """The second line: what the event is about."""
    level: int
    """From 1."""
    left: float
    width: float
    """Percent of the bar column."""
    label_before: bool
    """Whether the duration is written before the bar."""
    status: int | None
    """The HTTP status; for a document that of its fetch."""
    failed: bool
    """Whether the event or, for a document, its fetch failed."""
    apm: ApmLink | None
    apm_span_id: str | None
    """The browser span whose `/apm/` address shows the backend, or None where there is no link."""
    no_apm_reason: str
    """Why a request has no APM link; empty if it has one or is not a request."""
    stack: str

    @property
    def dom_id(self) -> str:
        """The id of its element."""
        return f"e-{self.event.span.span_id}"

    @property
    def flagged(self) -> bool:
        """Whether the failure needs a flag because no status shows it."""
        return self.failed and not (self.status is not None and (self.status >= 400 or self.status == 0))


@dataclass(frozen=True, slots=True)
class EventTree:
    """How the events of a session are nested."""

    fetches: Mapping[SpanKey, SessionEvent]
    """The fetch of a document, by the document's span."""
    levels: Mapping[SpanKey, int]
    """How deep each event is nested, from 1."""


def span_key(span: Span) -> SpanKey:
    """The key of a span within its session."""
    return span.trace_id, span.span_id


def event_tree(events: Sequence[SessionEvent]) -> EventTree:
    """The nesting of these events; of several fetches of a document, one with an APM link is preferred."""
    fetches: dict[SpanKey, SessionEvent] = {}
    for event in events:
        if event.kind == "document_fetch" and event.span.parent_span_id:
            parent = (event.span.trace_id, event.span.parent_span_id)
            if parent not in fetches or (event.apm and not fetches[parent].apm):
                fetches[parent] = event
    return EventTree(fetches, _levels(events))


def _levels(events: Sequence[SessionEvent]) -> Mapping[SpanKey, int]:
    spans = {span_key(event.span): event.span for event in events}
    found: dict[SpanKey, int] = {}
    for key, span in spans.items():
        depth, current = 1, span
        seen = {key}
        while current.parent_span_id and depth < _DEEPEST:
            parent = (current.trace_id, current.parent_span_id)
            if parent not in spans or parent in seen:
                break
            seen.add(parent)
            current, depth = spans[parent], depth + 1
        found[key] = depth
    return found


def in_tree_order(events: Sequence[SessionEvent]) -> list[SessionEvent]:
    """Each event before its children, else in the order given. Events whose parents form a cycle are kept."""
    keys = {span_key(event.span) for event in events}
    children: dict[SpanKey, list[SessionEvent]] = {}
    roots = []
    for event in events:
        span = event.span
        parent = (span.trace_id, span.parent_span_id) if span.parent_span_id else None
        if parent in keys and parent != span_key(span):
            children.setdefault(parent, []).append(event)
        else:
            roots.append(event)
    found: list[SessionEvent] = []
    waiting = roots[::-1]
    while waiting:
        event = waiting.pop()
        found.append(event)
        waiting.extend(reversed(children.pop(span_key(event.span), [])))
    return found + [event for cyclic in children.values() for event in cyclic]


def row_of(event: SessionEvent, scale: TimeScale, tree: EventTree) -> EventRow:
    """The row of an event on its page's axis."""
    span = event.span
    left, right = scale.percent_at(span.start_unix_nano), scale.percent_at(span.end_unix_nano)
    fetch = tree.fetches.get(span_key(span))
    linked = event if event.apm else fetch if fetch and fetch.apm else None
    return EventRow(
        event=event,
        label=label_of(event),
        colour=colour_of(event.kind),
        title=title_of(event),
        level=tree.levels[span_key(span)],
        left=left,
        width=max(0.0, right - left),
        label_before=right > _LABEL_LEFT_OF,
        status=fetch.http_status if fetch and event.http_status is None else event.http_status,
        failed=event.error or bool(fetch and fetch.error),
        apm=linked.apm if linked else None,
        apm_span_id=linked.span.span_id if linked else None,
        no_apm_reason="" if linked else no_link_reason(event),
        stack=text_of(span.attributes.get("error.stack") or span.attributes.get("exception.stacktrace")),
    )


def title_of(event: SessionEvent) -> str:
    """The second line of an event's row."""
    if event.kind in ("error", "document"):
        return event.detail or event.name
    if event.kind in _NAMED and event.detail not in ("", event.name):
        return f"{event.name}: {event.detail}"
    return event.name


def no_link_reason(event: SessionEvent) -> str:
    """Why a request links to no trace, in sentences; empty for events that are not requests.

    Only what the browser's span shows is given as a reason: a missing header is named
    where nothing else explains it.
    """
    if event.kind not in _REQUESTS:
        return ""
    if event.http_status == 0:
        return "No answer came back, so there was no header to read a trace id from."
    if _is_cross_origin(event.span):
        return (
            "The request went to another origin. Its answer needs Server-Timing and "
            "Access-Control-Expose-Headers: Server-Timing before the agent may read it."
        )
    if event.kind == "resource":
        return (
            "The answer carried no usable Server-Timing header. For a file from disk or a cache that is as "
            "it should be: no backend served it, so there is no trace."
        )
    return (
        'The answer carried no usable Server-Timing header (traceparent;desc="00-…-01"), so the agent '
        "could not learn the trace id. Look at the answer's headers, and whether the backend is instrumented."
    )


def _is_cross_origin(span: Span) -> bool:
    try:
        page = urlsplit(text_of(span.attributes.get("location.href")))
        target = urlsplit(url_of(span.attributes))
    except ValueError:
        return False
    both_known = bool(target.netloc and page.netloc)
    return both_known and (target.scheme, target.netloc) != (page.scheme, page.netloc)


def missing_trace_text(place: Presence) -> str:
    """Why a linked trace is not in the store, in one sentence; empty if it is."""
    if place is Presence.PRUNED:
        return "The backend trace was here and has been pruned: the store keeps the newest only."
    if place is Presence.NEVER_SEEN:
        return "The backend trace has not arrived (yet): it is sent apart from the browser's data."
    return ""
