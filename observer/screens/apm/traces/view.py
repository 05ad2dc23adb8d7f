"""The trace search's view-model: conditions, a scatter chart of durations, and the rows of the list. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup

from observer.components import number_format as formats, time_format
from observer.components.measures import share
from observer.components.safe_text import plain
from observer.drawing import bars, charts, event_marks
from observer.request.parameters import spell_attribute
from observer.screens.apm.example_traces import error_of
from observer.screens.apm.measure_view import error_mark
from observer.screens.apm.trace.trace_facts import failing_first
from observer.trace_notes import clock_note, skew_words
from signals.model import ServiceInTrace
from store.api import TraceQuery, TraceSummary, Window

_DAY_NS = 86_400 * 10**9
_CLOSE_UP = 4
"""Traces that fill less than this fraction of the window are drawn over their own time."""
_SERVICES_LIMIT = 4
"""Services shown in a row."""
_CHART_WIDTHS: Mapping[str, float] = {"only-wide": 1320.0, "only-narrow": 400.0}
"""The chart is drawn twice, and the style sheet shows the one for the width of the screen."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition of the search, and this page's address without it."""

    name: str
    sign: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class TraceListRow:
    """One trace of the list."""

    trace_id: str
    service: str
    """The entry's; empty where only browser spans have arrived."""
    operation: str
    start_unix_nano: int
    duration_ns: int
    duration_bar: Markup
    """Compared with the longest trace of the page."""
    spans: int
    incomplete: bool
    skew: str
    """`9 min ahead`: how wrong its sender's clock is; empty where it seems right."""
    clock_note: str
    """The same in a sentence."""
    error: str
    """`origin`, `received` or `none`."""
    errors: int
    origin_errors: int
    mark: str
    services: tuple[ServiceInTrace, ...]
    """The first few, failing ones first."""
    more_services: str
    """How many are not shown, such as `+3 more`; empty where all are."""


@dataclass(frozen=True, slots=True)
class Chart:
    """The scatter chart for one width of the screen."""

    css: str
    drawing: Markup


@dataclass(frozen=True, slots=True)
class TraceList:
    """The traces that were found."""

    rows: tuple[TraceListRow, ...]
    charts: tuple[Chart, ...]
    total: str
    """The number of rows, such as `50 traces`."""
    time_format: str
    """How the times of the rows are written: with the date for a window above a day."""


def build(
    found: Sequence[TraceSummary],
    window: Window,
    zone: tzinfo,
    href: Callable[[str], str],
    events: event_marks.EventMarks = event_marks.NONE,
) -> TraceList:
    """The list of these traces; `href` returns the address of a trace."""
    longest = max((summary.duration_ns for summary in found), default=0)
    return TraceList(
        rows=tuple(_row(summary, longest) for summary in found),
        charts=_charts(found, window, zone, href, events) if found else (),
        total=formats.plural(len(found), "trace"),
        time_format="stamp" if window.duration_ns > _DAY_NS else "clock",
    )


def conditions(query: TraceQuery, without: Callable[..., str]) -> tuple[Condition, ...]:
    """The conditions of a search.

    `without` returns this page's address without an argument, or without one of its values.
    """
    found = []
    if query.service:
        found.append(Condition("service", "=", query.service, without("service")))
    if query.also:
        found.append(Condition("service", "with", query.also, without("also")))
    if query.operation:
        found.append(Condition("operation", "=", query.operation, without("operation")))
    if query.operation_contains:
        found.append(Condition("operation", "contains", query.operation_contains, without("operation")))
    if query.error:
        value = "originated here" if query.error == "origin" else "any"
        found.append(Condition("error", "=", value, without("error")))
    if query.environment:
        found.append(Condition("environment", "=", query.environment, without("env")))
    for name, value in query.attributes.items():
        found.append(Condition(name, "=", value, without("attr", spell_attribute(name, value))))
    if query.min_ns is not None:
        found.append(Condition("duration", "≥", formats.duration(query.min_ns), without("min_ms")))
    if query.max_ns is not None:
        found.append(Condition("duration", "≤", formats.duration(query.max_ns), without("max_ms")))
    return tuple(found)


def shown_window(found: Sequence[TraceSummary], window: Window) -> Window:
    """The time that the chart spans: the window, or that of the traces where it is a small part of it.

    The fifty newest traces of a busy quarter of an hour began in its last seconds: over the
    whole window they would be one line. `found` must not be empty.
    """
    first = min(summary.start_unix_nano for summary in found)
    last = max(summary.start_unix_nano for summary in found)
    edge = max((last - first) // 40, 50_000_000)
    if (last - first + 2 * edge) * _CLOSE_UP >= window.duration_ns:
        return window
    return Window(first - edge, last + edge)


def _row(summary: TraceSummary, longest_ns: int) -> TraceListRow:
    more = len(summary.services) - _SERVICES_LIMIT
    return TraceListRow(
        trace_id=summary.trace_id,
        service=summary.service,
        operation=summary.operation,
        start_unix_nano=summary.start_unix_nano,
        duration_ns=summary.duration_ns,
        duration_bar=bars.meter(share(summary.duration_ns, longest_ns)),
        spans=summary.spans,
        incomplete=bool(summary.service) and not summary.complete,
        skew=skew_words(summary.clock_shift_ns),
        clock_note=clock_note(summary.clock_shift_ns),
        error=error_of(summary),
        errors=summary.errors,
        origin_errors=summary.origin_errors,
        mark=error_mark(summary.errors, summary.origin_errors),
        services=failing_first(summary.services)[:_SERVICES_LIMIT],
        more_services=f"+{more} more" if more > 0 else "",
    )


def _charts(
    found: Sequence[TraceSummary],
    window: Window,
    zone: tzinfo,
    href: Callable[[str], str],
    events: event_marks.EventMarks,
) -> tuple[Chart, ...]:
    dots = [_dot(summary, zone, href(summary.trace_id)) for summary in found]
    label = "Duration of these traces over time"
    shown = shown_window(found, window)
    return tuple(
        Chart(
            css,
            charts.scatter(
                charts.Frame(label, shown, zone, formats.duration, width=width, height=150.0, events=events),
                dots,
            ),
        )
        for css, width in _CHART_WIDTHS.items()
    )


def _dot(summary: TraceSummary, zone: tzinfo, href: str) -> charts.Dot:
    css = {"none": "ok"}.get(error_of(summary), error_of(summary))
    entry = f"{summary.service}: {summary.operation}" if summary.service else "browser only"
    errors = f", {formats.plural(summary.errors, 'error')}" if summary.errors else ""
    time = time_format.stamp(summary.start_unix_nano, zone)
    title = f"{plain(entry, 120)}\n{time}, {formats.duration(summary.duration_ns)}{errors}"
    return charts.Dot(
        summary.start_unix_nano,
        float(max(1, summary.duration_ns)),
        css,
        title,
        href,
        summary.errors,
        "errors",
    )
