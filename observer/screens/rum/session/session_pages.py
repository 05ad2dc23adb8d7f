"""A session's events by the pages that the browser showed, and which rows fit on one screen. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from observer.screens.rum.event_kinds import is_counted_error, is_network_error, matches_pill
from observer.screens.rum.session.compressed_time import TimeScale, time_scale
from observer.screens.rum.session.event_rows import EventRow, EventTree, event_tree, in_tree_order, row_of
from observer.screens.rum.session.page_timings import Marker, Tick, markers_of, ticks_of
from signals.attributes import text_of, url_of
from signals.session_events import SessionEvent, path_of

ROWS_LIMIT = 800
"""Rows on one screen; a longer session is shown page by page."""
_INSTANCE = "splunk.scriptInstance"
_BEGIN_PAGE = ("document", "route")


@dataclass(frozen=True, slots=True)
class PageOfSession:
    """One page that the browser showed: a document load, or a route change within one."""

    number: int
    """From 1."""
    path: str
    url: str
    start_unix_nano: int
    scale: TimeScale
    markers: tuple[Marker, ...]
    ticks: tuple[Tick, ...]
    rows: tuple[EventRow, ...]
    """Those that match the chosen pill, each before its children."""
    all_events: tuple[SessionEvent, ...]
    """All events of the page, in order of time."""

    @property
    def events(self) -> int:
        """The number of all its events."""
        return len(self.all_events)

    @property
    def errors(self) -> int:
        """The number of JavaScript errors."""
        return sum(is_counted_error(event) for event in self.all_events)

    @property
    def network_errors(self) -> int:
        """The number of failed requests."""
        return sum(is_network_error(event) for event in self.all_events)

    def holds(self, span_id: str) -> bool:
        """Whether one of its rows is the event with this span id."""
        return any(row.event.span.span_id == span_id for row in self.rows)


def pages_of(events: Sequence[SessionEvent], pill: str) -> tuple[PageOfSession, ...]:
    """The pages of a session in order, each with the rows that match the pill; a page may have none.

    `events` are in order of time. A page is one instance of the agent
    (`splunk.scriptInstance`); for an agent that sends no instance, a document load
    or a route change begins a page.
    """
    tree = event_tree(events)
    return tuple(_page(number, group, pill, tree) for number, group in enumerate(_split(events), 1))


def _split(events: Sequence[SessionEvent]) -> list[list[SessionEvent]]:
    by_instance: dict[str, list[SessionEvent]] = {}
    unnamed: list[list[SessionEvent]] = []
    group_of_trace: dict[str, int] = {}
    for event in events:
        span = event.span
        instance = text_of(span.attributes.get(_INSTANCE)) or text_of(span.resource.get(_INSTANCE))
        if instance:
            by_instance.setdefault(instance, []).append(event)
            continue
        # What belongs to a trace that is on a page already, such as a document's fetch, stays on that page.
        begins_page = event.kind in _BEGIN_PAGE and span.trace_id not in group_of_trace
        if not unnamed or begins_page:
            unnamed.append([])
        place = group_of_trace.setdefault(span.trace_id, len(unnamed) - 1)
        unnamed[place].append(event)
    groups = [*by_instance.values(), *unnamed]
    return sorted(groups, key=lambda group: group[0].span.start_unix_nano)


def _page(number: int, group: Sequence[SessionEvent], pill: str, tree: EventTree) -> PageOfSession:
    spans = [event.span for event in group]
    scale = time_scale((span.start_unix_nano, span.end_unix_nano) for span in spans)
    url = _page_url(group)
    return PageOfSession(
        number=number,
        path=path_of(url) if url else "(no address)",
        url=url,
        start_unix_nano=scale.start_unix_nano,
        scale=scale,
        markers=markers_of(group, scale),
        ticks=ticks_of(scale),
        rows=tuple(row_of(event, scale, tree) for event in in_tree_order(group) if matches_pill(event, pill)),
        all_events=tuple(group),
    )


def _page_url(group: Sequence[SessionEvent]) -> str:
    for event in group:
        if event.kind == "document":
            found = url_of(event.span.attributes) or text_of(event.span.attributes.get("location.href"))
            if found:
                return found
    return next((u for e in group if (u := text_of(e.span.attributes.get("location.href")))), "")


def pages_to_show(
    pages: Sequence[PageOfSession], chosen: int, opened: str
) -> tuple[tuple[PageOfSession, ...], int]:
    """The pages to draw, and the number of rows that were left out.

    With `chosen` (a page's number, 0 for all) only that page; else as many pages as
    fit in ROWS_LIMIT rows, always including the page of the opened event.
    """
    if chosen:
        pages = [page for page in pages if page.number == chosen]
    shown: list[PageOfSession] = []
    room, left_out = ROWS_LIMIT, 0
    for page in pages:
        if len(page.rows) <= room or page.holds(opened) or not shown:
            kept = _rows_around(page, opened, ROWS_LIMIT)
            shown.append(kept)
            left_out += len(page.rows) - len(kept.rows)
            room -= len(kept.rows)
        else:
            left_out += len(page.rows)
    return tuple(shown), left_out


def _rows_around(page: PageOfSession, opened: str, limit: int) -> PageOfSession:
    """A page with at most `limit` rows, the opened one among them."""
    if len(page.rows) <= limit:
        return page
    at = next((i for i, row in enumerate(page.rows) if row.event.span.span_id == opened), 0)
    first = max(0, min(at - limit // 2, len(page.rows) - limit))
    return replace(page, rows=page.rows[first : first + limit])
