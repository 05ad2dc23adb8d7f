"""The screen of one session as panels: facts and timeline, pills, pages, waterfall, backend traces. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from observer.components.number_format import count, plural
from observer.lookup.sessions import EVENTS_LIMIT
from observer.screens.rum.event_kinds import Pill, pills
from observer.screens.rum.session.event_links import SessionLinks
from observer.screens.rum.session.event_rows import EventRow
from observer.screens.rum.session.first_errors import FirstFailure, SessionFailures, has_gaps
from observer.screens.rum.session.session_pages import PageOfSession, pages_to_show
from observer.screens.rum.session.timeline import Timeline, timeline_of
from observer.screens.rum.session.waterfall_lines import Drawing, WaterfallPage, waterfall_of
from observer.trace_notes import session_clock_notes
from signals.attributes import SEAT, SYNTHETIC
from signals.model import SessionId, TraceId
from signals.session_events import SessionEvent
from store.api import SessionSummary, TraceSummary

_PAGES_LISTED = 200
_TRACES_LISTED = 25


@dataclass(frozen=True, slots=True)
class Selection:
    """What the address of a session's screen selects."""

    kind: str
    """A pill's name; empty for all events."""
    page: int
    """A page's number; 0 for all."""
    event: str
    """The span id of the opened event, or empty."""
    dialog: str
    """The span id of the event whose APM dialog is open, or empty."""
    all_traces: bool


@dataclass(frozen=True, slots=True)
class Loaded:
    """What was read of a session."""

    summary: SessionSummary
    events: Sequence[SessionEvent]
    """In order of time; at most EVENTS_LIMIT."""
    pages: Sequence[PageOfSession]
    """The pages of these events, with the rows of the selected kind."""
    linked: Sequence[TraceId]
    """The backend traces that the events link to."""
    traces: Mapping[TraceId, TraceSummary]
    """Those of them that are in the store."""
    failures: SessionFailures
    after_unix_nano: int = 0
    """From when on events are shown; 0 where all are."""
    earlier: int = 0
    """Events before that."""
    earlier_failures: int = 0

    @property
    def cut(self) -> bool:
        """Whether the session has, or may have, more events than were read."""
        return len(self.events) + self.earlier >= EVENTS_LIMIT


@dataclass(frozen=True, slots=True)
class FailureCount:
    """A count of failures."""

    count: int
    listed: bool
    """Whether all of them are among the events that were read."""


@dataclass(frozen=True, slots=True)
class Facts:
    """The session's own facts."""

    session_id: SessionId
    seat: str
    synthetic: bool
    start_unix_nano: int
    duration_ns: int
    app: str
    environment: str
    browser: str
    system: str
    page_views: int
    errors: FailureCount
    network_errors: FailureCount
    firsts: tuple[tuple[str, FirstFailure], ...]
    """The first failure of each kind that occurs, with its label."""
    has_gaps: bool
    notes: tuple[str, ...]
    """What is odd about its times, a sentence each."""


@dataclass(frozen=True, slots=True)
class PageEntry:
    """One page in the list of pages."""

    number: str
    path: str
    start_unix_nano: int
    total: int
    events: str
    errors: str
    failed_requests: str
    """Counts with their nouns; empty where there is none."""
    current: bool


@dataclass(frozen=True, slots=True)
class PageList:
    """The list of pages beside the waterfall."""

    title: str
    total: int
    all_events: str
    all_current: bool
    entries: tuple[PageEntry, ...]
    left_out: str
    """How many pages are not listed, in a sentence; empty if all are."""


@dataclass(frozen=True, slots=True)
class TraceRow:
    """One backend trace of the session."""

    trace: TraceSummary
    short_id: str
    failing: tuple[tuple[str, int, str], ...]
    """The services with errors: name, number of spans, `origin` or `received`."""


@dataclass(frozen=True, slots=True)
class TraceList:
    """The backend traces of the session."""

    total: int
    rows: tuple[TraceRow, ...]
    more: str
    """The text of the link that lists the rest; empty if all are listed."""
    expandable: bool
    """Whether all of them are more than are listed at first."""


@dataclass(frozen=True, slots=True)
class SessionView:
    """The whole screen."""

    facts: Facts
    timeline: Timeline
    pills: tuple[Pill, ...]
    pages: PageList
    waterfall: tuple[WaterfallPage, ...]
    cut: str
    """That only the earliest events are shown, in a sentence; empty if all are."""
    listed: int
    """The rows of the selection, shown or not."""
    left_out: str
    """How many rows are not shown, in a sentence; empty if all are."""
    unseen: Literal["", "unknown", "elsewhere"]
    """Why the event that the address names is not open on this page; empty if it is, or none is named."""
    may_be_gone: bool
    """Whether an event that is not here may have been: the session has gaps or was cut."""
    traces: TraceList
    after_unix_nano: int
    """From when on events are shown; 0 where all are."""
    earlier: int
    """How many events before that are left out."""


def opened_row(pages: Sequence[PageOfSession], span_id: str) -> EventRow | None:
    """The row of the opened event, if it is on one of these pages."""
    rows = (row for page in pages for row in page.rows)
    return next((row for row in rows if row.event.span.span_id == span_id), None) if span_id else None


def session_view(
    loaded: Loaded, selection: Selection, links: SessionLinks, missing_trace: str
) -> SessionView:
    """The screen of a session; `missing_trace` is why the opened event's trace is not here, or empty."""
    shown, left_out = pages_to_show(loaded.pages, selection.page, selection.event)
    facts = _facts(loaded)
    drawing = Drawing(
        kind=selection.kind,
        opened=selection.event,
        links=links,
        arrived=loaded.traces.keys(),
        missing_trace=missing_trace,
        session_start_ns=loaded.summary.start_unix_nano,
    )
    chosen = loaded.pages[selection.page - 1].all_events if selection.page and loaded.pages else loaded.events
    number = count(len(loaded.events))
    return SessionView(
        facts=facts,
        timeline=timeline_of(loaded.events),
        pills=pills(chosen, selection.kind),
        pages=_page_list(loaded, selection.page),
        waterfall=waterfall_of(shown, drawing),
        cut=f"This session has more than {number} events; the earliest {number} are shown."
        if loaded.cut
        else "",
        listed=sum(len(page.rows) for page in shown) + left_out,
        left_out=f"{plural(left_out, 'row')} not shown here: choose a page at the left, or a kind above."
        if left_out
        else "",
        unseen=_unseen(selection.event, loaded.events, shown),
        may_be_gone=facts.has_gaps or loaded.cut,
        traces=trace_list(
            [loaded.traces[t] for t in loaded.linked if t in loaded.traces], selection.all_traces
        ),
        after_unix_nano=loaded.after_unix_nano,
        earlier=loaded.earlier,
    )


def _facts(loaded: Loaded) -> Facts:
    summary, tags, failures = loaded.summary, loaded.summary.attributes, loaded.failures
    # Of a session that was cut, only the summary has counted all failures.
    errors = summary.errors if loaded.cut else failures.errors
    network_errors = summary.network_errors if loaded.cut else failures.network_errors
    firsts = (("First error", failures.first_error), ("First failed request", failures.first_request))
    return Facts(
        session_id=summary.session_id,
        seat=tags.get(SEAT, ""),
        synthetic=bool(tags.get(SYNTHETIC)),
        start_unix_nano=summary.start_unix_nano,
        duration_ns=summary.duration_ns,
        app=summary.app,
        environment=summary.environment,
        browser=tags.get("browser.version") or tags.get("browser.name", ""),
        system=tags.get("os.name", ""),
        page_views=summary.page_views,
        errors=FailureCount(errors, not loaded.cut),
        network_errors=FailureCount(network_errors, not loaded.cut),
        firsts=tuple((label, first) for label, first in firsts if first),
        has_gaps=not loaded.cut and not loaded.earlier and has_gaps(summary, loaded.events, failures),
        notes=session_clock_notes([event.span for event in loaded.events]),
    )


def _page_list(loaded: Loaded, chosen: int) -> PageList:
    pages = loaded.pages
    more = len(pages) - _PAGES_LISTED
    return PageList(
        title=plural(len(pages), "page"),
        total=len(loaded.events),
        all_events=plural(len(loaded.events), "event"),
        all_current=not chosen,
        entries=tuple(
            PageEntry(
                number=str(page.number),
                path=page.path,
                start_unix_nano=page.start_unix_nano,
                total=page.events,
                events=plural(page.events, "event"),
                errors=plural(page.errors, "error") if page.errors else "",
                failed_requests=plural(page.network_errors, "failed request") if page.network_errors else "",
                current=page.number == chosen,
            )
            for page in pages[:_PAGES_LISTED]
        ),
        left_out=f"{plural(more, 'more page')} not listed." if more > 0 else "",
    )


def _unseen(
    opened: str, events: Sequence[SessionEvent], shown: Sequence[PageOfSession]
) -> Literal["", "unknown", "elsewhere"]:
    if not opened or opened_row(shown, opened):
        return ""
    return "elsewhere" if any(event.span.span_id == opened for event in events) else "unknown"


def trace_list(traces: Sequence[TraceSummary], all_traces: bool) -> TraceList:
    """The backend traces: all of them, or the first few and how many more there are."""
    listed = traces if all_traces else traces[:_TRACES_LISTED]
    more = len(traces) - len(listed)
    return TraceList(
        total=len(traces),
        rows=tuple(_trace_row(trace) for trace in listed),
        more=plural(more, "more trace") if more else "",
        expandable=len(traces) > _TRACES_LISTED,
    )


def _trace_row(trace: TraceSummary) -> TraceRow:
    failing = tuple((s.name, s.spans, s.error.value) for s in trace.services if s.error.value != "none")
    return TraceRow(trace, trace.trace_id[-16:], failing)
