"""One row of a session's waterfall: its words, its place, and its way to the backend or why there is none.

Pure. What an event is called and where it leads is `signals.session_events`'s to say.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from observer.screens.rum.event_kinds import colour_of, word_of
from observer.screens.rum.session.compressed_time import Scale
from signals.attributes import text_of, url_of
from signals.model import Span, SpanId, TraceId
from signals.session_events import ApmLink, SessionEvent
from store.api import Presence

Key = tuple[TraceId, SpanId]
"""A browser's span: a session holds many traces, and an agent may use a span id twice."""

_NAMED = ("vital", "action", "custom", "longtask", "route")
_LABEL_LEFT_OF = 78.0
"""Percent: a bar that ends beyond this has its duration written at its left."""
_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Row:
    """One event in the waterfall."""

    event: SessionEvent
    word: str
    colour: str
    title: str
    """The second line of the label."""
    level: int
    """From 1."""
    left: float
    width: float
    """Percent of the bar column."""
    label_before: bool
    """Whether the duration is written before the bar."""
    status: int | None
    """The HTTP status; of a document that of its fetch."""
    failed: bool
    """Something went wrong with it; with a document also if its fetch failed."""
    apm: ApmLink | None
    apm_span_id: str | None
    """The browser span whose `/apm/` address shows the backend, or None where there is no link."""
    why_no_apm: str
    """Why a request has no APM link; empty where there is one, or none could be."""
    stack: str

    @property
    def dom_id(self) -> str:
        return f"e-{self.event.span.span_id}"

    @property
    def flagged(self) -> bool:
        """Whether the failure must be said, because no status says it."""
        return self.failed and not (self.status is not None and (self.status >= 400 or self.status == 0))


@dataclass(frozen=True, slots=True)
class Family:
    """How the events of a session belong together."""

    fetches: Mapping[Key, SessionEvent]
    """The fetch of a document, by the document's span."""
    levels: Mapping[Key, int]


def key_of(span: Span) -> Key:
    """What tells a span from every other of its session."""
    return span.trace_id, span.span_id


def family_of(events: Sequence[SessionEvent]) -> Family:
    """Who is whose parent among these events."""
    fetches: dict[Key, SessionEvent] = {}
    for event in events:
        if event.kind == "document_fetch" and event.span.parent_span_id:
            parent = (event.span.trace_id, event.span.parent_span_id)
            if parent not in fetches or (event.apm and not fetches[parent].apm):
                fetches[parent] = event
    return Family(fetches, _levels(events))


def _levels(events: Sequence[SessionEvent]) -> Mapping[Key, int]:
    """How deep each event lies under others of the session, from 1."""
    spans = {key_of(event.span): event.span for event in events}
    found: dict[Key, int] = {}
    for key, span in spans.items():
        depth, at = 1, span
        seen = {key}
        while at.parent_span_id and depth < _DEEPEST:
            up = (at.trace_id, at.parent_span_id)
            if up not in spans or up in seen:
                break
            seen.add(up)
            at, depth = spans[up], depth + 1
        found[key] = depth
    return found


def in_tree_order(events: Sequence[SessionEvent]) -> list[SessionEvent]:
    """Each event before what happened under it, else in the order given; a circle of parents loses nobody."""
    here = {key_of(event.span) for event in events}
    below: dict[Key, list[SessionEvent]] = {}
    roots = []
    for event in events:
        span = event.span
        parent = (span.trace_id, span.parent_span_id) if span.parent_span_id else None
        if parent in here and parent != key_of(span):
            below.setdefault(parent, []).append(event)
        else:
            roots.append(event)
    found: list[SessionEvent] = []
    waiting = roots[::-1]
    while waiting:
        event = waiting.pop()
        found.append(event)
        waiting.extend(reversed(below.pop(key_of(event.span), [])))
    return found + [event for lost in below.values() for event in lost]


def row_of(event: SessionEvent, line: Scale, family: Family) -> Row:
    """An event as a row on its page's line."""
    span = event.span
    left, right = line.at(span.start_unix_nano), line.at(span.end_unix_nano)
    fetch = family.fetches.get(key_of(span))
    linked = event if event.apm else fetch if fetch and fetch.apm else None
    return Row(
        event=event,
        word=word_of(event),
        colour=colour_of(event.kind),
        title=title_of(event),
        level=family.levels[key_of(span)],
        left=left,
        width=max(0.0, right - left),
        label_before=right > _LABEL_LEFT_OF,
        status=fetch.http_status if fetch and event.http_status is None else event.http_status,
        failed=event.error or bool(fetch and fetch.error),
        apm=linked.apm if linked else None,
        apm_span_id=linked.span.span_id if linked else None,
        why_no_apm="" if linked else why_no_link(event),
        stack=text_of(span.attributes.get("error.stack") or span.attributes.get("exception.stacktrace")),
    )


def title_of(event: SessionEvent) -> str:
    """The second line of an event's label."""
    if event.kind in ("error", "document"):
        return event.detail or event.name
    if event.kind in _NAMED and event.detail not in ("", event.name):
        return f"{event.name}: {event.detail}"
    return event.name


def why_no_link(event: SessionEvent) -> str:
    """Why a request leads to no trace; empty for events that are no requests.

    Only what the browser's span itself shows is said: a missing header is what is
    left when nothing else explains it.
    """
    if event.kind not in ("fetch", "document_fetch", "resource"):
        return ""
    if event.http_status == 0:
        return "No answer came back, so there was no header to read a trace id from."
    if _foreign(event.span):
        return (
            "The request went to another origin. Its answer needs Server-Timing and "
            "Access-Control-Expose-Headers: Server-Timing before the agent may read it."
        )
    if event.kind == "resource":
        return (
            "The answer carried no usable Server-Timing header. For a file from disk or a cache that is as "
            "it should be: no backend worked for it, so there is no trace."
        )
    return (
        'The answer carried no usable Server-Timing header (traceparent;desc="00-…-01"), so the agent '
        "could not learn the trace id. Look at the answer's headers, and whether the backend is instrumented."
    )


def _foreign(span: Span) -> bool:
    try:
        here = urlsplit(text_of(span.attributes.get("location.href")))
        there = urlsplit(url_of(span.attributes))
    except ValueError:
        return False
    return bool(there.netloc and here.netloc) and (there.scheme, there.netloc) != (here.scheme, here.netloc)


def where_is(place: Presence) -> str:
    """What to say of a linked trace that is not here; empty where it is."""
    if place is Presence.PRUNED:
        return "The backend trace was here and has been pruned: the store keeps the newest only."
    if place is Presence.NEVER_SEEN:
        return "The backend trace has not arrived (yet): it is sent apart from the browser's data."
    return ""
