"""The RUM metrics on screen: labels, units, thresholds, and changes for better or worse. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observer.components.compared import Compared, covered
from observer.components.number_format import NOTHING, count, duration, plural
from observer.components.slowest import LEAST_REQUESTS
from observer.screens.rum.svg_percent import svg_percent
from store.api import Measure, RumMetric

_MS = 1_000_000
_CLS_UNIT = 1_000_000_000
"""The store keeps a layout shift as a time: a score of 1 is one second."""
_BAND_END = 1.4
"""A vital's band ends at this multiple of its poor threshold."""
_POINTER_RIGHTMOST = 99.2
"""Percent: the pointer is four pixels wide and stays within the band."""
_SAME_SHARE = 0.005
"""A smaller change of a count would be written as 0 %."""
_TIMES_FROM = 11
"""From here on, a change is written as `12 times`."""
_BUCKET_WIDTH = 0.05
"""Percentiles come from log-spaced buckets: a smaller change is the width of one bucket."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One RUM metric on screen."""

    name: RumMetric
    label: str
    explains: str
    timed: bool = False
    """Whether its percentiles are shown; else only its count is."""
    more_is_worse: bool = False
    """Whether a rising count is bad; views and requests are neither good nor bad."""
    counts_failures: bool = False
    """Whether it counts failures itself, so that none are counted beside it."""
    optional: bool = False
    """Whether many applications never report it."""

    @property
    def of_requests(self) -> bool:
        """Whether services count the same requests, and more of them."""
        return self.name in ("network_requests", "network_errors")


METRICS: tuple[Metric, ...] = (
    Metric("page_views", "Page views", "Documents that browsers loaded."),
    Metric("page_load", "Page load", "From navigation to the end of the load event.", timed=True),
    Metric("route_changes", "Route changes", "Pages changed without loading a document.", optional=True),
    Metric(
        "js_errors",
        "JavaScript errors",
        "Errors thrown, rejected or logged in pages.",
        more_is_worse=True,
        counts_failures=True,
    ),
    Metric(
        "network_requests",
        "Network requests",
        "Documents, fetches and XHRs; of a page's parts, those that failed.",
        timed=True,
    ),
    Metric(
        "network_errors",
        "Network errors",
        "Requests answered with 400 and above, or not at all.",
        more_is_worse=True,
        counts_failures=True,
    ),
    Metric("ttfb", "Time to first byte", "From navigation to the first byte of the document.", timed=True),
    Metric("lcp", "Largest contentful paint", "When the largest part of the page was drawn.", timed=True),
    Metric("inp", "Interaction to next paint", "How long the page took to answer an input.", timed=True),
    Metric(
        "cls", "Cumulative layout shift", "How much the page jumped about; a score without unit.", timed=True
    ),
    Metric(
        "long_tasks", "Long tasks", "Scripts that blocked the page for more than 50 ms.", more_is_worse=True
    ),
    Metric(
        "custom_events",
        "Custom events",
        "Events that the page's own code reported.",
        timed=True,
        optional=True,
    ),
)
BY_NAME: Mapping[str, Metric] = {metric.name: metric for metric in METRICS}

BANDS: Mapping[str, tuple[int, int]] = {
    "lcp": (2_500 * _MS, 4_000 * _MS),
    "inp": (200 * _MS, 500 * _MS),
    "cls": (_CLS_UNIT // 10, _CLS_UNIT // 4),
    "ttfb": (800 * _MS, 1_800 * _MS),
}
"""The published thresholds at P75, in nanoseconds: good up to the first, poor above the second."""


@dataclass(frozen=True, slots=True)
class Delta:
    """The change against the window before."""

    text: str
    verdict: str
    """`better`, `worse` or empty."""


@dataclass(frozen=True, slots=True)
class Vital:
    """A web vital at P75 on its band, which runs from 0 to _BAND_END times the poor threshold."""

    metric: Metric
    value: str
    verdict: str
    """`good`, `needs improvement`, `poor`, or empty where nothing was measured."""
    place: float
    """Percent of the band."""
    good_until: float
    poor_from: float
    good_text: str
    poor_text: str
    samples: str
    delta: Delta | None

    @property
    def badge(self) -> str:
        """The style of the verdict's badge."""
        return _BADGES[self.verdict]

    @property
    def band(self) -> tuple[tuple[str, str, str], ...]:
        """Style, left end and width of the band's parts, as SVG lengths."""
        good, poor = self.good_until, self.poor_from
        parts = (("good", 0.0, good), ("middle", good, poor - good), ("poor", poor, 100.0 - poor))
        return tuple((css, svg_percent(left), svg_percent(width)) for css, left, width in parts)

    @property
    def pointer_x(self) -> str:
        """The value's place on the band as an SVG length; empty where nothing was measured."""
        return svg_percent(min(self.place, _POINTER_RIGHTMOST)) if self.verdict else ""


_BADGES = {"good": "good", "needs improvement": "warn", "poor": "bad", "": ""}


def value_text(metric: str, value_ns: float | None) -> str:
    """A measured value in nanoseconds with its unit; a layout shift as a score; a dash for None."""
    if value_ns is None:
        return NOTHING
    return f"{value_ns / _CLS_UNIT:.3f}" if metric == "cls" else duration(value_ns)


def count_delta(now: int, before: int, more_is_worse: bool, compared: Compared | None) -> Delta:
    """How a count changed; None where nothing of what is counted was there before.

    Where only a part of the two periods has data, the counts are compared per minute with data.
    """
    if compared is None or not compared.before_ns:
        return Delta("no data before", "")
    if compared.whole:
        was, per, scale = count(before), "", 1.0
    else:
        was = f"{count(before)} in {covered(compared.before_ns)}"
        if not compared.enough:
            return Delta(f"was {was}", "")
        per, scale = " per minute", compared.before_ns / compared.now_ns
    if not before:
        if not now:
            return Delta("no change", "")
        of = f" (was {was})" if per else ""
        return Delta(f"none before{of}", "worse" if more_is_worse else "")
    times = now / before * scale
    if abs(times - 1) < _SAME_SHARE:
        return Delta(f"no change{per} (was {was})" if per else "no change", "")
    change = f"{times - 1:+.0%}".replace("%", " %") if times < _TIMES_FROM else f"{times:.0f} times"
    verdict = ("worse" if times > 1 else "better") if more_is_worse else ""
    return Delta(f"{change}{per} (was {was})", verdict)


def time_delta(metric: str, now_ns: int | None, before: Measure | None) -> Delta | None:
    """How the P75 changed; None where one of the two is missing."""
    before_ns = before.latency.p75_ns if before else None
    if now_ns is None or before is None or before_ns is None:
        return None
    if before.requests < LEAST_REQUESTS:
        return Delta(f"too few before: {count(before.requests)}", "")
    if abs(now_ns - before_ns) <= _BUCKET_WIDTH * max(now_ns, before_ns):
        return Delta("no change", "")
    return Delta(f"was {value_text(metric, before_ns)}", "worse" if now_ns > before_ns else "better")


def vital(metric: Metric, now: Measure | None, before: Measure | None) -> Vital:
    """A metric of BANDS at P75, now and in the window before."""
    good, poor = BANDS[metric.name]
    p75 = now.latency.p75_ns if now else None
    end = poor * _BAND_END
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
        good_text=value_text(metric.name, good),
        poor_text=value_text(metric.name, poor),
        samples=plural(now.requests if now else 0, "sample"),
        delta=time_delta(metric.name, p75, before),
    )
