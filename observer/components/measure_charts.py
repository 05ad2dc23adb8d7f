"""Measures over time as charts: requests and errors as columns, latency as lines. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup

from observer.components import number_format as formats, time_format
from observer.components.measures import outcomes, words
from observer.drawing import charts, event_marks
from store.api import Point, Window


@dataclass(frozen=True, slots=True)
class Charts:
    """The two charts of a service over time."""

    requests: Markup
    latency: Markup


def over_time(
    points: Sequence[Point],
    window: Window,
    zone: tzinfo,
    name: str,
    hrefs: Sequence[str] = (),
    events: event_marks.EventMarks = event_marks.NONE,
    exemplars: Sequence[charts.Dot] = (),
) -> Charts:
    """Requests with their errors as columns, and latency as lines with exemplars as dots beside them."""
    titles = [_column_words(point, zone) for point in points]
    ended = [outcomes(point.measure) for point in points]
    requests = charts.columns(
        charts.Frame(f"Requests and errors of {name} over time", window, zone, formats.count, events=events),
        (
            charts.Layer("root cause", "origin", [float(each.failed_here) for each in ended]),
            charts.Layer("errors received", "received", [float(each.received) for each in ended]),
            charts.Layer("recovered", "recovered", [float(each.recovered) for each in ended]),
            charts.Layer("without error", "ok", [float(each.fine) for each in ended]),
        ),
        titles,
        hrefs,
        of="requests",
    )
    latency = charts.lines(
        charts.Frame(f"Latency of {name} over time", window, zone, formats.duration, events=events),
        (
            charts.Line("P50", "p50", [p.measure.latency.p50_ns for p in points]),
            charts.Line("P90", "p90", [p.measure.latency.p90_ns for p in points]),
            charts.Line("P99", "p99", [p.measure.latency.p99_ns for p in points]),
        ),
        titles,
        exemplars,
    )
    return Charts(requests, latency)


def _column_words(point: Point, zone: tzinfo) -> str:
    if not point.measure.requests:
        return ""
    latency = point.measure.latency
    lines = [time_format.stamp(point.start_unix_nano, zone), words(point.measure)]
    if latency.p50_ns is not None:
        lines.append(f"P50 {formats.duration(latency.p50_ns)}, P99 {formats.duration(latency.p99_ns)}")
    return "\n".join(lines)
