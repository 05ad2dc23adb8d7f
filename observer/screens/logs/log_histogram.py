"""The histogram of logs over time by severity. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup

from observer.components.number_format import count, duration, plural
from observer.components.time_format import clock
from observer.drawing import event_marks
from observer.drawing.charts import Frame, Layer, columns
from signals.model import Severity
from store.api import HistogramColumn, LogHistogram, Window

COLUMNS = 80
_CHART_WIDTHS = (("only-wide", 1200.0), ("only-narrow", 400.0))
"""One drawing for a desk and one for a phone; the style sheet shows one of them."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """The histogram with its caption."""

    number: int
    total: str
    """How many logs match, in words."""
    since_unix_nano: int | None
    """Where counting stopped, newest first; None if the whole window was counted."""
    column_width: str
    """How long a column is, in words; empty where there is no log."""
    totals: tuple[tuple[str, int], ...]
    """The number of logs of each severity that occurs, worst first."""
    charts: tuple[tuple[str, Markup], ...]
    """The class that a chart is shown for, and the chart."""


def histogram(
    counted: LogHistogram,
    window: Window,
    zone: tzinfo,
    hrefs: Sequence[str],
    events: event_marks.EventMarks = event_marks.NONE,
) -> Histogram:
    """The histogram of a window; `hrefs` has an address for each column."""
    totals = totals_of(counted.columns)
    return Histogram(
        number=counted.total,
        total=plural(counted.total, "log"),
        since_unix_nano=counted.since_unix_nano,
        column_width=f"{duration(window.duration_ns / COLUMNS)} per column" if totals else "",
        totals=tuple((severity.value, number) for severity, number in totals.items()),
        charts=tuple(
            (css, chart(counted.columns, window, zone, hrefs, width, events)) for css, width in _CHART_WIDTHS
        ),
    )


def totals_of(histogram_columns: Sequence[HistogramColumn]) -> Mapping[Severity, int]:
    """The number of logs of each severity that occurs, worst first."""
    found = {s: sum(column.counts.get(s, 0) for column in histogram_columns) for s in reversed(Severity)}
    return {severity: number for severity, number in found.items() if number}


def chart(
    histogram_columns: Sequence[HistogramColumn],
    window: Window,
    zone: tzinfo,
    hrefs: Sequence[str],
    width: float,
    events: event_marks.EventMarks = event_marks.NONE,
) -> Markup:
    """The columns, stacked by severity; each is a link."""
    layers = [
        Layer(s.value, f"sev-{s.value}", [column.counts.get(s, 0) for column in histogram_columns])
        for s in Severity
    ]
    titles = [_title(column, zone) for column in histogram_columns]
    number = sum(sum(column.counts.values()) for column in histogram_columns)
    frame = Frame(
        label=f"{count(number)} logs over time by severity. Drag to zoom, or choose a column.",
        window=window,
        zone=zone,
        unit=lambda value: count(value) if value == int(value) else "",
        width=width,
        height=120.0,
        events=events,
    )
    return columns(frame, layers, titles, hrefs, of="logs")


def _title(column: HistogramColumn, zone: tzinfo) -> str:
    parts = [f"{count(n)} {s.value}" for s in reversed(Severity) if (n := column.counts.get(s, 0))]
    return f"{clock(column.start_unix_nano, zone)}: {', '.join(parts) or 'nothing'}"
