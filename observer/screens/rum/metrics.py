"""What RUM measures, as it is shown: words, units, what is good, and what became better or worse. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observer.components.number_format import NOTHING, count, duration
from store.api import Measure, RumMetric

_MS = 1_000_000
_CLS_UNIT = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Metric:
    """One RUM metric on screen."""

    name: RumMetric
    label: str
    explains: str
    timed: bool
    """Whether its percentiles are what one looks at; else its count is."""
    more_is_worse: bool = False
    """Whether a rising count is bad news; views and requests are neither."""


METRICS: tuple[Metric, ...] = (
    Metric("page_views", "Page views", "Documents that browsers loaded.", False),
    Metric("page_load", "Page load", "From navigation to the end of the load event.", True),
    Metric("route_changes", "Route changes", "Pages changed without loading a document.", False),
    Metric("js_errors", "JavaScript errors", "Errors thrown, rejected or logged in pages.", False, True),
    Metric(
        "network_requests",
        "Network requests",
        "Documents, fetches and XHRs; of a page's parts, those that failed.",
        True,
    ),
    Metric(
        "network_errors",
        "Network errors",
        "Requests answered with 400 and above, or not at all.",
        False,
        True,
    ),
    Metric("ttfb", "Time to first byte", "From navigation to the first byte of the document.", True),
    Metric("lcp", "Largest contentful paint", "When the largest part of the page was drawn.", True),
    Metric("inp", "Interaction to next paint", "How long the page took to answer an input.", True),
    Metric("cls", "Cumulative layout shift", "How much the page jumped about; a score without unit.", True),
    Metric("long_tasks", "Long tasks", "Scripts that blocked the page for more than 50 ms.", False, True),
    Metric("custom_events", "Custom events", "Events that the page's own code reported.", True),
)
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}

BANDS: Mapping[str, tuple[int, int]] = {
    "lcp": (2_500 * _MS, 4_000 * _MS),
    "inp": (200 * _MS, 500 * _MS),
    "cls": (_CLS_UNIT // 10, _CLS_UNIT // 4),
    "ttfb": (800 * _MS, 1_800 * _MS),
}
"""Up to the first is good, above the second is poor: the published thresholds, at P75."""


@dataclass(frozen=True, slots=True)
class Delta:
    """A change against the window before."""

    text: str
    verdict: str
    """`better`, `worse` or empty."""


@dataclass(frozen=True, slots=True)
class Vital:
    """A metric at P75 against its bands."""

    metric: Metric
    value: str
    verdict: str
    """`good`, `needs improvement`, `poor`, or empty where nothing was measured."""
    place: float
    """Of the value on a line from nothing to 1.4 times the poor mark, in percent."""
    good_until: float
    poor_from: float
    good_words: str
    poor_words: str
    samples: int
    delta: Delta | None


def value_text(metric: str, value_ns: float | None) -> str:
    """A measured value with its unit; the layout shift is a score."""
    if value_ns is None:
        return NOTHING
    return f"{value_ns / _CLS_UNIT:.3f}" if metric == "cls" else duration(value_ns)


def count_delta(now: int, before: int, more_is_worse: bool, *, comparable: bool = True) -> Delta:
    """How a count changed; nothing is worse than a time in which nobody came."""
    if not comparable:
        return Delta("no data before", "")
    if now == before:
        return Delta("no change", "")
    if not before:
        return Delta("none before", "worse" if more_is_worse else "")
    share = (now - before) / before
    words = f"{share:+.0%}".replace("%", " %") if abs(share) < 10 else f"{now / before:.0f} times"
    verdict = ("worse" if now > before else "better") if more_is_worse else ""
    return Delta(f"{words} (was {count(before)})", verdict)


def time_delta(metric: str, now_ns: int | None, before_ns: int | None) -> Delta | None:
    """How a percentile changed; None where one of the two is missing."""
    if now_ns is None or before_ns is None:
        return None
    # Percentiles come from log-spaced buckets: less than this is the bucket's own width.
    if abs(now_ns - before_ns) <= 0.05 * max(now_ns, before_ns):
        return Delta("no change", "")
    was = value_text(metric, before_ns)
    return Delta(f"was {was}", "worse" if now_ns > before_ns else "better")


def vital(metric: Metric, now: Measure | None, before: Measure | None) -> Vital:
    """A metric that has bands, at P75."""
    good, poor = BANDS[metric.name]
    p75 = now.latency.p75_ns if now else None
    end = poor * 1.4
    verdict = ""
    if p75 is not None:
        verdict = "good" if p75 <= good else "poor" if p75 > poor else "needs improvement"
    return Vital(
        metric=metric,
        value=value_text(metric.name, p75),
        verdict=verdict,
        place=min(100.0, 100.0 * (p75 or 0) / end),
        good_until=100.0 * good / end,
        poor_from=100.0 * poor / end,
        good_words=value_text(metric.name, good),
        poor_words=value_text(metric.name, poor),
        samples=now.requests if now else 0,
        delta=time_delta(metric.name, p75, before.latency.p75_ns if before else None),
    )
