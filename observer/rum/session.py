"""One session as a page: its facts, its pages, its rows with their places on the line.

Pure: takes spans and what is known of the traces that they link to. What an event
is called and where it leads is `observer.meaning.session`'s to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import replace
from urllib.parse import urlsplit

from observer.meaning.session import SessionEvent
from observer.meaning.session import path_of
from observer.rum.kinds import colour_of
from observer.rum.kinds import fits
from observer.rum.kinds import is_network_error
from observer.rum.kinds import word_of
from observer.rum.timescale import Scale
from observer.rum.timescale import scale
from store.model import Span
from store.model import TraceId
from store.model import Whereabouts
from store.semantics import text_of
from store.semantics import url_of

ROWS_LIMIT = 800
"""Rows on one page; a longer session is shown page by page."""
_INSTANCE = "splunk.scriptInstance"
_NAMED = ("vital", "action", "custom", "longtask", "route")
_LABEL_LEFT_OF = 78.0
"""Percent: a bar that ends beyond this has its duration written at its left."""


@dataclass(frozen=True, slots=True)
class Row:
    """One event in the waterfall."""

    event: SessionEvent
    word: str
    colour: str
    title: str
    """The second line of the label."""
    level: int
    left: float
    width: float
    """Percent of the bar column."""
    label_before: bool
    """Whether the duration is written before the bar."""
    apm_span_id: str | None
    """The browser span whose `/apm/` address shows the backend, or None where there is no link."""
    why_no_apm: str
    """Why a request has no APM link; empty where there is one, or none could be."""
    stack: str

    @property
    def dom_id(self) -> str:
        return f"e-{self.event.span.span_id}"


@dataclass(frozen=True, slots=True)
class PageOfSession:
    """One page that the browser showed: a document load, or a route taken within one."""

    number: int
    """From 1."""
    path: str
    url: str
    start_unix_nano: int
    duration_ns: int
    scale: Scale
    rows: tuple[Row, ...]
    """Those that fit the chosen pill."""
    events: int
    errors: int
    network_errors: int


def pages_of(events: Sequence[SessionEvent], pill: str) -> tuple[PageOfSession, ...]:
    """The pages of a session in order, each with its rows; pages without a fitting row have none.

    `events` are in order of time. A page is one life of the agent
    (`splunk.scriptInstance`); where an agent does not say, a document load or a
    route change begins a page.
    """
    groups = _split(events)
    parents = _document_links(events)
    depths = _levels(events)
    return tuple(_page(number, group, pill, parents, depths) for number, group in enumerate(groups, 1))


def _split(events: Sequence[SessionEvent]) -> list[list[SessionEvent]]:
    by_instance: dict[str, list[SessionEvent]] = {}
    unnamed: list[list[SessionEvent]] = []
    roots: dict[str, int] = {}
    for event in events:
        span = event.span
        instance = text_of(span.attributes.get(_INSTANCE)) or text_of(span.resource.get(_INSTANCE))
        if instance:
            by_instance.setdefault(instance, []).append(event)
            continue
        if not unnamed or (event.kind in ("document", "route") and _begins(event, unnamed[-1])):
            unnamed.append([])
        group = unnamed[roots.get(span.trace_id, len(unnamed) - 1)]
        roots.setdefault(span.trace_id, len(unnamed) - 1)
        group.append(event)
    groups = [*by_instance.values(), *unnamed]
    return sorted(groups, key=lambda group: group[0].span.start_unix_nano)


def _begins(event: SessionEvent, group: Sequence[SessionEvent]) -> bool:
    """Whether this event opens a new page after what a group holds already."""
    return all(other.span.trace_id != event.span.trace_id for other in group)


def _document_links(events: Sequence[SessionEvent]) -> Mapping[tuple[str, str], str]:
    """(trace, document span) to the span of its fetch that has a link: a document shows its fetch's link."""
    return {
        (event.span.trace_id, event.span.parent_span_id): event.span.span_id
        for event in events
        if event.kind == "document_fetch" and event.apm and event.span.parent_span_id
    }


def _levels(events: Sequence[SessionEvent]) -> Mapping[tuple[str, str], int]:
    """How deep each event lies under others of the session, from 1, never deeper than 4."""
    spans = {(e.span.trace_id, e.span.span_id): e.span for e in events}
    found: dict[tuple[str, str], int] = {}
    for key, span in spans.items():
        depth, at = 1, span
        seen: set[tuple[str, str]] = {key}
        while at.parent_span_id and depth < 4:
            up = (at.trace_id, at.parent_span_id)
            if up not in spans or up in seen:
                break
            seen.add(up)
            at, depth = spans[up], depth + 1
        found[key] = depth
    return found


def _page(
    number: int,
    group: Sequence[SessionEvent],
    pill: str,
    parents: Mapping[tuple[str, str], str],
    depths: Mapping[tuple[str, str], int],
) -> PageOfSession:
    spans = [event.span for event in group]
    line = scale((span.start_unix_nano, span.end_unix_nano) for span in spans)
    url = _page_url(group)
    return PageOfSession(
        number=number,
        path=path_of(url) if url else "(no address)",
        url=url,
        start_unix_nano=line.start_unix_nano,
        duration_ns=line.end_unix_nano - line.start_unix_nano,
        scale=line,
        rows=tuple(_row(event, line, parents, depths) for event in group if fits(event, pill)),
        events=len(group),
        errors=sum(event.kind == "error" for event in group),
        network_errors=sum(is_network_error(event) for event in group),
    )


def _page_url(group: Sequence[SessionEvent]) -> str:
    for event in group:
        if event.kind == "document":
            found = url_of(event.span.attributes) or text_of(event.span.attributes.get("location.href"))
            if found:
                return found
    return next((u for e in group if (u := text_of(e.span.attributes.get("location.href")))), "")


def _row(
    event: SessionEvent,
    line: Scale,
    parents: Mapping[tuple[str, str], str],
    depths: Mapping[tuple[str, str], int],
) -> Row:
    span = event.span
    left, right = line.at(span.start_unix_nano), line.at(span.end_unix_nano)
    own = span.span_id if event.apm else None
    linked = own or parents.get((span.trace_id, span.span_id))
    return Row(
        event=event,
        word=word_of(event),
        colour=colour_of(event.kind),
        title=_title(event),
        level=depths[(span.trace_id, span.span_id)],
        left=left,
        width=max(0.0, right - left),
        label_before=right > _LABEL_LEFT_OF,
        apm_span_id=linked,
        why_no_apm="" if linked else why_no_link(event),
        stack=text_of(span.attributes.get("error.stack") or span.attributes.get("exception.stacktrace")),
    )


def _title(event: SessionEvent) -> str:
    if event.kind == "error":
        return event.detail or event.name
    if event.kind == "document":
        return event.detail or event.name
    if event.kind in _NAMED and event.detail not in ("", event.name):
        return f"{event.name}: {event.detail}"
    return event.name


def why_no_link(event: SessionEvent) -> str:
    """Why a request leads to no trace; empty for events that are no requests.

    Only what the browser's span itself shows is said: a missing header is what is
    left when nothing else explains it.
    """
    if event.kind not in ("fetch", "document_fetch"):
        return ""
    if event.http_status == 0:
        return "No answer came back, so there was no header to read a trace id from."
    if _foreign(event.span):
        return (
            "The request went to another origin. Its answer needs Server-Timing and "
            "Access-Control-Expose-Headers: Server-Timing before the agent may read it."
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


def where_is(trace_id: TraceId, known: Mapping[TraceId, Whereabouts]) -> str:
    """What to say of a linked trace that is not here; empty where it is."""
    place = known.get(trace_id)
    if place is Whereabouts.PRUNED:
        return "The backend trace was here and has been pruned: the store keeps the newest only."
    if place is Whereabouts.NEVER_SEEN:
        return "The backend trace has not arrived (yet): it is sent apart from the browser's data."
    return ""


def pages_to_show(
    pages: Sequence[PageOfSession], chosen: int, opened: str
) -> tuple[tuple[PageOfSession, ...], int]:
    """The pages to draw and how many rows were left out.

    One page if one is chosen; else as many as fit the limit, and always the one
    that holds the opened event.
    """
    if chosen:
        pages = [page for page in pages if page.number == chosen]
    shown: list[PageOfSession] = []
    room, left_out = ROWS_LIMIT, 0
    for page in pages:
        holds_opened = any(row.event.span.span_id == opened for row in page.rows)
        if len(page.rows) <= room or holds_opened or not shown:
            kept = _around(page, opened, ROWS_LIMIT)
            shown.append(kept)
            left_out += len(page.rows) - len(kept.rows)
            room -= len(kept.rows)
        else:
            left_out += len(page.rows)
    return tuple(shown), left_out


def _around(page: PageOfSession, opened: str, most: int) -> PageOfSession:
    """A page with at most so many rows, the opened one among them."""
    if len(page.rows) <= most:
        return page
    at = next((i for i, row in enumerate(page.rows) if row.event.span.span_id == opened), 0)
    first = max(0, min(at - most // 2, len(page.rows) - most))
    return replace(page, rows=page.rows[first : first + most])
