"""The waterfall of a session: by page, a line for each event and each run of resources. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from observer.components.number_format import duration, plural
from observer.screens.rum.event_kinds import RESOURCES
from observer.screens.rum.session.event_detail import EventDetail, detail_of
from observer.screens.rum.session.event_links import SessionLinks
from observer.screens.rum.session.event_rows import EventRow
from observer.screens.rum.session.page_timings import Marker
from observer.screens.rum.session.reading_time import reading_ns, with_reading
from observer.screens.rum.session.resource_folding import ResourceRun, fold_resources
from observer.screens.rum.session.session_pages import PageOfSession
from observer.screens.rum.svg_percent import svg_percent
from signals.model import TraceId
from signals.session_events import SessionEvent

_QUARTERS = tuple(svg_percent(at, 0) for at in (25, 50, 75))
"""Where a page's axis has its vertical lines."""
_RIGHTMOST = 99.7
"""Percent: a moment at the very end is still three pixels of bar."""
_HAIRLINE_BELOW = 0.4
"""Percent: a narrower bar is drawn _HAIRLINE pixels wide instead."""
_HAIRLINE = "3"
_SCALE_HEIGHT, _SCALE_HEIGHT_WITH_MARKERS = 18, 32
"""Pixels: one row of ticks, and below it one of moments."""
_RUN_STATUSES = 3


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar with its duration beside it; lengths are SVG lengths."""

    x: str
    width: str
    label_x: str
    label_before: bool
    text: str


@dataclass(frozen=True, slots=True)
class EventLine:
    """One event."""

    is_run: ClassVar[bool] = False
    row: EventRow
    level: int
    open: bool
    folded: bool
    """Whether it is hidden because its run is folded."""
    mark: str
    """The value of `data-mark`, by which the keyboard finds errors; empty for none."""
    trace_arrived: bool
    bar: Bar
    when: str
    """Duration and offset in words, for screen readers."""
    detail: EventDetail | None
    """None unless it is open."""


@dataclass(frozen=True, slots=True)
class RunLine:
    """One run of resources; its events follow as lines of their own."""

    is_run: ClassVar[bool] = True
    run: ResourceRun
    title: str
    slowest_ns: int
    slowest_title: str
    statuses: tuple[int, ...]
    bar: Bar
    when: str
    """The duration in words, for screen readers."""


@dataclass(frozen=True, slots=True)
class WaterfallPage:
    """The lines of one page under its time axis."""

    page: PageOfSession
    lines: tuple[EventLine | RunLine, ...]

    @property
    def ground_id(self) -> str:
        """The id of the SVG group that every bar of the page is drawn on."""
        return f"ground-{self.page.number}"

    @property
    def quarters(self) -> tuple[str, ...]:
        """The vertical lines at the quarters of the axis, as SVG lengths."""
        return _QUARTERS

    @property
    def markers(self) -> tuple[Marker, ...]:
        """The moments of the page."""
        return self.page.markers

    @property
    def scale_height(self) -> int:
        """Pixels of the time axis."""
        return _SCALE_HEIGHT_WITH_MARKERS if self.page.markers else _SCALE_HEIGHT

    @property
    def lasts(self) -> str:
        """The page's duration in words, for screen readers."""
        return f"lasts {duration(self.page.scale.duration_ns)}"


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the lines of a session depend on besides its pages."""

    kind: str
    """The chosen pill; empty for all."""
    opened: str
    """The span id of the opened event, or empty."""
    links: SessionLinks
    arrived: Collection[TraceId]
    """The linked traces that are in the store."""
    missing_trace: str
    """Why the trace of the opened event is not in the store; empty if it is."""
    session_start_ns: int


def waterfall_of(pages: Sequence[PageOfSession], drawing: Drawing) -> tuple[WaterfallPage, ...]:
    """The pages that have rows, with their lines."""
    return tuple(WaterfallPage(page, tuple(_lines(page, drawing))) for page in pages if page.rows)


def _lines(page: PageOfSession, drawing: Drawing) -> Iterator[EventLine | RunLine]:
    around = [row.event for row in page.rows]
    if drawing.kind == RESOURCES:
        # With this pill every row is a resource: folded, nothing would be left to read.
        yield from (_event_line(row, page, around, drawing) for row in page.rows)
        return
    for line in fold_resources(page.rows, drawing.links.unfolded, drawing.opened):
        if isinstance(line, EventRow):
            yield _event_line(line, page, around, drawing)
            continue
        yield _run_line(line)
        for row in line.rows:
            yield _event_line(row, page, around, drawing, in_run=True, folded=not line.open)


def _event_line(
    row: EventRow,
    page: PageOfSession,
    around: Sequence[SessionEvent],
    drawing: Drawing,
    *,
    in_run: bool = False,
    folded: bool = False,
) -> EventLine:
    """The line of an event; `around` are those of its page."""
    span = row.event.span
    is_open = span.span_id == drawing.opened
    waited_ns = reading_ns(row.event, around)
    lasted = with_reading(duration(span.duration_ns), waited_ns)
    mark = ("error origin" if row.event.kind == "error" else "error") if row.event.error else ""
    return EventLine(
        row=row,
        level=row.level + in_run,
        open=is_open,
        folded=folded,
        mark=mark,
        trace_arrived=row.apm is not None and row.apm.trace_id in drawing.arrived,
        bar=bar_of(row.left, row.width, lasted, label_before=row.label_before),
        when=f"{lasted}, {duration(span.start_unix_nano - page.start_unix_nano)} after the page began",
        detail=detail_of(row, drawing.links, drawing.missing_trace, drawing.session_start_ns)
        if is_open
        else None,
    )


def _run_line(run: ResourceRun) -> RunLine:
    lasted = duration(run.duration_ns)
    return RunLine(
        run=run,
        title=plural(len(run.rows), "resource"),
        slowest_ns=run.slowest.event.span.duration_ns,
        slowest_title=run.slowest.title,
        statuses=run.statuses[:_RUN_STATUSES],
        bar=bar_of(run.left, run.width, lasted, label_before=run.label_before),
        when=f"{lasted} from the first to the last",
    )


def bar_of(left: float, width: float, text: str, *, label_before: bool) -> Bar:
    """The bar of an event or run, from percent of the bar column."""
    return Bar(
        x=svg_percent(min(left, _RIGHTMOST), 3),
        width=svg_percent(width, 3) if width > _HAIRLINE_BELOW else _HAIRLINE,
        label_x=svg_percent(left if label_before else left + width, 3),
        label_before=label_before,
        text=text,
    )
