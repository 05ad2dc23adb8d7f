"""Measures in words: what maps, tables and charts of the APM area say of how often, how bad, how slow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import tzinfo

from markupsafe import Markup

from observer.components import number_format as formats
from observer.drawing import charts
from store.api import Measure, Point, Window


@dataclass(frozen=True, slots=True)
class Charts:
    """The two pictures of a service over time."""

    requests: Markup
    latency: Markup


def share(part: int, whole: int) -> float:
    """A share from 0 to 1; nothing of nothing is 0."""
    return part / whole if whole else 0.0


@dataclass(frozen=True, slots=True)
class Outcomes:
    """The requests of a measure by how they ended: four parts that sum to all of them.

    A measure counts the requests in error and those in which an error began, not how
    many were both: where there are more of the latter, the difference surely recovered.
    """

    failed_here: int
    """In error, and so many errors began here."""
    received: int
    """In error, by an error that came from elsewhere."""
    recovered: int
    """An error began here, but the request succeeded: by a retry, say."""
    fine: int


def outcomes(measure: Measure) -> Outcomes:
    """How the requests of a measure ended."""
    errors, origins = measure.errors, measure.origin_errors
    recovered = max(0, min(origins, measure.requests) - errors)
    return Outcomes(
        failed_here=min(origins, errors),
        received=max(0, errors - origins),
        recovered=recovered,
        fine=max(0, measure.requests - errors - recovered),
    )


def recovered(measure: Measure) -> int:
    """Requests in which an error began and which succeeded all the same."""
    return outcomes(measure).recovered


def words(measure: Measure) -> str:
    """`120 requests, 40 errors (33.3 %), 58 began here, 18 recovered, P90 212 ms`."""
    parts = [formats.plural(measure.requests, "request")]
    if measure.errors:
        part = formats.percent(share(measure.errors, measure.requests))
        parts.append(f"{formats.plural(measure.errors, 'error')} ({part})")
    if measure.origin_errors:
        parts.append(f"{formats.count(measure.origin_errors)} began here")
    if recovered(measure):
        parts.append(f"{formats.count(recovered(measure))} recovered")
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
    ended = [outcomes(point.measure) for point in points]
    requests = charts.columns(
        charts.Frame(f"Requests and errors of {name} over time", window, zone, formats.count),
        (
            charts.Layer("root cause", "origin", [float(each.failed_here) for each in ended]),
            charts.Layer("errors received", "received", [float(each.received) for each in ended]),
            charts.Layer("recovered", "recovered", [float(each.recovered) for each in ended]),
            charts.Layer("without error", "ok", [float(each.fine) for each in ended]),
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
