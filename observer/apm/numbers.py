"""Measures in words: what maps, tables and charts of the APM area say of how often, how bad, how slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup

from observer.drawing import charts
from observer.ui import format as formats
from store.model import Measure
from store.model import Point
from store.model import Window


@dataclass(frozen=True, slots=True)
class Charts:
    """The two pictures of a service over time."""

    requests: Markup
    latency: Markup


def share(part: int, whole: int) -> float:
    """A share from 0 to 1; nothing of nothing is 0."""
    return part / whole if whole else 0.0


def words(measure: Measure) -> str:
    """`120 requests, 40 errors (33.3 %), 38 began here, P90 212 ms`."""
    parts = [formats.plural(measure.requests, "request")]
    if measure.errors:
        part = formats.percent(share(measure.errors, measure.requests))
        parts.append(f"{formats.plural(measure.errors, 'error')} ({part})")
    if measure.origin_errors:
        parts.append(f"{formats.count(measure.origin_errors)} began here")
    if measure.latency.p90_ns is not None:
        parts.append(f"P90 {formats.duration(measure.latency.p90_ns)}")
    return ", ".join(parts)


def per_minute(requests: int, window: Window) -> str:
    """Requests by minute of the window."""
    minutes = window.duration_ns / 60e9
    rate = requests / minutes if minutes else 0.0
    return f"{rate:,.0f}" if rate >= 10 or rate == 0 else f"{rate:.1f}"


def over_time(
    points: Sequence[Point], window: Window, zone: tzinfo, name: str, hrefs: Sequence[str] = ()
) -> Charts:
    """Requests with their errors as columns, and latency as lines."""
    titles = [_column_words(point, zone) for point in points]
    origin = [float(point.measure.origin_errors) for point in points]
    received = [float(max(0, p.measure.errors - p.measure.origin_errors)) for p in points]
    fine = [float(max(0, p.measure.requests - p.measure.errors)) for p in points]
    requests = charts.columns(
        charts.Frame(f"Requests and errors of {name} over time", window, zone, formats.count),
        (
            charts.Layer("root cause", "origin", origin),
            charts.Layer("errors received", "received", received),
            charts.Layer("without error", "ok", fine),
        ),
        titles,
        hrefs,
    )
    latency = charts.lines(
        charts.Frame(f"Latency of {name} over time", window, zone, formats.duration),
        (
            charts.Line("P50", "p50", [p.measure.latency.p50_ns for p in points]),
            charts.Line("P90", "p90", [p.measure.latency.p90_ns for p in points]),
            charts.Line("P99", "p99", [p.measure.latency.p99_ns for p in points]),
        ),
        titles,
    )
    return Charts(requests, latency)


def _column_words(point: Point, zone: tzinfo) -> str:
    if not point.measure.requests:
        return ""
    latency = point.measure.latency
    lines = [formats.stamp(point.start_unix_nano, zone), words(point.measure)]
    if latency.p50_ns is not None:
        lines.append(f"P50 {formats.duration(latency.p50_ns)}, P99 {formats.duration(latency.p99_ns)}")
    return "\n".join(lines)
