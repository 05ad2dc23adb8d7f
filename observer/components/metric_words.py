"""Kinds and aggregations of metrics in words, and which of these a chart begins with. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from signals.metrics import MetricInfo, MetricKind, Temporality
from store.api import FITTING_AGGREGATIONS, MetricAggregation

PERCENTILES: Final = "percentiles"
"""The choice of several percentiles at once, beside the aggregations of the store."""
PERCENTILE_SET: Final[tuple[MetricAggregation, ...]] = ("p50", "p95", "p99")

_KINDS: Final[Mapping[MetricKind, str]] = {
    MetricKind.GAUGE: "gauge",
    MetricKind.HISTOGRAM: "histogram",
    MetricKind.EXPONENTIAL_HISTOGRAM: "exponential histogram",
    MetricKind.SUMMARY: "summary",
}
_AGGREGATIONS: Final[Mapping[str, str]] = {
    PERCENTILES: "P50, P95 and P99",
    "avg": "Average",
    "min": "Minimum",
    "max": "Maximum",
    "last": "Newest, series added up",
    "p50": "P50, the median",
    "p75": "P75",
    "p90": "P90",
    "p95": "P95",
    "p99": "P99",
}
_OF_SUMS: Final[Mapping[str, str]] = {"rate": "Rate", "sum": "Increase", "count": "Number of points"}
_OF_OBSERVED: Final[Mapping[str, str]] = {
    "rate": "Observations per second",
    "sum": "Sum of observations",
    "count": "Number of observations",
}


def kind_words(info: MetricInfo) -> str:
    """`counter`, `up-down counter`, `gauge`, `histogram`; `delta` before it where points are differences."""
    if info.kind is MetricKind.SUM:
        words = "counter" if info.monotonic else "up-down counter"
    else:
        words = _KINDS[info.kind]
    return f"delta {words}" if info.temporality is Temporality.DELTA else words


def choices(info: MetricInfo) -> Sequence[tuple[str, str]]:
    """(value of `agg`, words) of what fits the kind, in the order of a menu."""
    fitting = FITTING_AGGREGATIONS[info.kind]
    first = [PERCENTILES] if info.kind.is_distribution else []
    percentiles = [agg for agg in fitting if agg.startswith("p")]
    names = [*first, *(agg for agg in fitting if agg not in percentiles), *percentiles]
    return [(name, aggregation_words(info, name)) for name in names]


def aggregation_words(info: MetricInfo, name: str) -> str:
    """An aggregation, or the set of percentiles, in words that fit the kind."""
    if name == "rate" and info.kind is MetricKind.SUM and not info.monotonic:
        return "Rate of change"
    own = _OF_OBSERVED if info.kind.is_distribution else _OF_SUMS
    return own.get(name) or _AGGREGATIONS[name]


def default_choice(info: MetricInfo, *, grouped: bool = False) -> str:
    """What a chart begins with.

    Percentiles of distributions, one alone where there are groups; the rate of what only grows; of what
    goes up and down the sum of its series; the average of gauges.
    """
    if info.kind.is_distribution:
        return "p95" if grouped else PERCENTILES
    if info.kind is MetricKind.SUM:
        return "rate" if info.monotonic else "last"
    return "avg"


def aggregations_of(choice: str) -> tuple[MetricAggregation, ...]:
    """The aggregations that a choice of `choices` stands for."""
    if choice == PERCENTILES:
        return PERCENTILE_SET
    return tuple(agg for fitting in FITTING_AGGREGATIONS.values() for agg in fitting if agg == choice)[:1]
