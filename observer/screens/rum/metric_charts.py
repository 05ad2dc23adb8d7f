"""Charts of RUM metrics over time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import tzinfo

from markupsafe import Markup

from observer.components.number_format import count
from observer.components.time_format import clock
from observer.drawing import event_marks
from observer.drawing.charts import Frame, Layer, Line, columns, lines
from observer.screens.rum.metrics import Metric, value_text
from store.api import Point, Window

CHART_COLUMNS = 60
"""Points of a series: on the narrowest chart a column is still five pixels wide."""


def counts_chart(
    points: Sequence[Point],
    metric: Metric,
    window: Window,
    zone: tzinfo,
    *,
    width: float = 480.0,
    events: event_marks.EventMarks = event_marks.NONE,
) -> Markup:
    """The metric's count over time, with failures in a colour of their own."""
    good = [float(p.measure.requests - p.measure.errors) for p in points]
    bad = [float(p.measure.errors) for p in points]
    titles = [
        f"{clock(p.start_unix_nano, zone)}: {count(p.measure.requests)}"
        + (f", {count(p.measure.errors)} failed" if p.measure.errors else "")
        for p in points
    ]
    label = f"{metric.label} over time. Drag to zoom."
    css = "bad" if metric.more_is_worse else "ok"
    frame = Frame(label, window, zone, _whole_number, width=width, events=events)
    return columns(frame, (Layer("failed", "bad", bad), Layer("good", css, good)), titles)


def _whole_number(value: float) -> str:
    """A label of the axis; empty between two whole numbers, as nothing is counted in halves."""
    return count(value) if value == int(value) else ""


def percentiles_chart(
    points: Sequence[Point],
    metric: Metric,
    window: Window,
    zone: tzinfo,
    *,
    width: float = 480.0,
    events: event_marks.EventMarks = event_marks.NONE,
) -> Markup:
    """The metric's P50, P75 and P99 over time."""

    def series(pick: Callable[[Point], int | None]) -> list[float | None]:
        return [float(v) if (v := pick(point)) is not None else None for point in points]

    drawn = (
        Line("P50", "p50", series(lambda p: p.measure.latency.p50_ns)),
        Line("P75", "p75", series(lambda p: p.measure.latency.p75_ns)),
        Line("P99", "p99", series(lambda p: p.measure.latency.p99_ns)),
    )
    titles = [
        f"{clock(p.start_unix_nano, zone)}: P50 {value_text(metric.name, p.measure.latency.p50_ns)}, "
        f"P75 {value_text(metric.name, p.measure.latency.p75_ns)}, "
        f"P99 {value_text(metric.name, p.measure.latency.p99_ns)} of {count(p.measure.requests)}"
        for p in points
    ]
    frame = Frame(
        f"{metric.label} over time: P50, P75 and P99. Drag to zoom.",
        window,
        zone,
        lambda value: value_text(metric.name, value),
        width=width,
        events=events,
    )
    return lines(frame, drawn, titles)
