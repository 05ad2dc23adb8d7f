"""One session as a page: its pages, each with its rows and their places on its line.

Pure: takes events, which know the traces that they link to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from observer.screens.rum.event_kinds import RESOURCES, fits, is_network_error
from observer.screens.rum.session.compressed_time import Scale, scale
from observer.screens.rum.session.event_rows import Family, Row, family_of, in_tree_order, row_of
from observer.screens.rum.session.page_timings import Marker, Tick, markers_of, ticks_of
from observer.screens.rum.session.resource_folding import Line, folded
from signals.attributes import text_of, url_of
from signals.session_events import SessionEvent, path_of

ROWS_LIMIT = 800
"""Rows on one page; a longer session is shown page by page."""
_INSTANCE = "splunk.scriptInstance"


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
    markers: tuple[Marker, ...]
    ticks: tuple[Tick, ...]
    rows: tuple[Row, ...]
    """Those that fit the chosen pill, what happened under an event after it."""
    held: tuple[SessionEvent, ...]
    """All events of the page, in order of time."""

    @property
    def events(self) -> int:
        return len(self.held)

    @property
    def errors(self) -> int:
        """JavaScript errors."""
        return sum(event.kind == "error" for event in self.held)

    @property
    def network_errors(self) -> int:
        return sum(is_network_error(event) for event in self.held)

    def lines(self, kind: str, unfolded: frozenset[str], opened: str) -> tuple[Line, ...]:
        """The rows as they are drawn: resources in a row fold, unless just these were asked for."""
        return self.rows if kind == RESOURCES else tuple(folded(self.rows, unfolded, opened))


def pages_of(events: Sequence[SessionEvent], pill: str) -> tuple[PageOfSession, ...]:
    """The pages of a session in order, each with its rows; pages without a fitting row have none.

    `events` are in order of time. A page is one life of the agent
    (`splunk.scriptInstance`); where an agent does not say, a document load or a
    route change begins a page.
    """
    family = family_of(events)
    return tuple(_page(number, group, pill, family) for number, group in enumerate(_split(events), 1))


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


def _page(number: int, group: Sequence[SessionEvent], pill: str, family: Family) -> PageOfSession:
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
        markers=markers_of(group, line),
        ticks=ticks_of(line),
        rows=tuple(row_of(event, line, family) for event in in_tree_order(group) if fits(event, pill)),
        held=tuple(group),
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
