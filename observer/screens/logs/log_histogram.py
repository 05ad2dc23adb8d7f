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
from store.api import LogHistogram, Window

COLUMNS = 80
_NAMES = tuple(severity.value for severity in Severity)
_WORST_FIRST = _NAMES[::-1]
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
    # By name: a severity's hash is computed anew with each look-up, of which there are a thousand.
    by_name = [{each.value: n for each, n in column.counts.items()} for column in counted.columns]
    layers = [Layer(name, f"sev-{name}", [column.get(name, 0) for column in by_name]) for name in _NAMES]
    starts = [column.start_unix_nano for column in counted.columns]
    titles = [_title(start, column, zone) for start, column in zip(starts, by_name, strict=True)]
    sums = [(layer.name, int(sum(layer.values))) for layer in reversed(layers)]
    totals = tuple((name, number) for name, number in sums if number)
    label = f"{count(sum([number for _, number in totals]))} logs over time by severity."

    def chart(width: float) -> Markup:
        frame = Frame(
            label=f"{label} Drag to zoom, or choose a column.",
            window=window,
            zone=zone,
            unit=lambda value: count(value) if value == int(value) else "",
            width=width,
            height=120.0,
            events=events,
        )
        return columns(frame, layers, titles, hrefs, of="logs")

    return Histogram(
        number=counted.total,
        total=plural(counted.total, "log"),
        since_unix_nano=counted.since_unix_nano,
        column_width=f"{duration(window.duration_ns / COLUMNS)} per column" if totals else "",
        totals=totals,
        charts=tuple((css, chart(width)) for css, width in _CHART_WIDTHS),
    )


def _title(start_unix_nano: int, counts: Mapping[str, int], zone: tzinfo) -> str:
    parts = [f"{count(n)} {name}" for name in _WORST_FIRST if (n := counts.get(name))]
    return f"{clock(start_unix_nano, zone)}: {', '.join(parts) or 'nothing'}"
