"""Asks the store for a metric's charts: several aggregations of the same columns, none of them half empty."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from signals.metrics import MetricInfo, MetricKind
from store.api import (
    MetricAggregation,
    MetricChart,
    MetricExemplar,
    MetricName,
    MetricQuery,
    Reader,
    Window,
)

EXEMPLARS: Final = 100
_LEAST_COLUMNS: Final = 4
_MOST_NAMES: Final = 1_000
_WORD: Final = 40
"""Characters of a word by which names are searched for."""
_ROOM: Final = 1.25
"""Reporting intervals that a column is long: reports come a little early and late."""


@dataclass(frozen=True, slots=True)
class LoadedMetric:
    """The charts of one metric, each with its aggregation, and its exemplars."""

    charts: Sequence[tuple[MetricAggregation, MetricChart]]
    exemplars: Sequence[MetricExemplar]

    @property
    def info(self) -> MetricInfo | None:
        """None if there is no such metric."""
        return next((chart.info for _, chart in self.charts if chart.info), None)


def load_metric(
    reader: Reader, query: MetricQuery, aggs: Sequence[MetricAggregation], exemplars: int = EXEMPLARS
) -> LoadedMetric:
    """A metric by these aggregations, in at most `query.columns` columns. May raise TooSlow.

    Where the value of a column is that of its points, columns are long enough that every series has one in
    each of them: else a sum over series would fall where some of them did not report.
    """
    first = reader.metric_chart(replace(query, agg=aggs[0]))
    columns = _fitting_columns(query, aggs[0], first)
    if columns < query.columns:
        query = replace(query, columns=columns)
        first = reader.metric_chart(replace(query, agg=aggs[0]))
    charts = [(aggs[0], first)]
    charts += [(agg, reader.metric_chart(replace(query, agg=agg))) for agg in aggs[1:]]
    found = reader.metric_exemplars(query, exemplars) if exemplars and first.info else ()
    return LoadedMetric(charts, found)


def _fitting_columns(query: MetricQuery, agg: MetricAggregation, chart: MetricChart) -> int:
    info = chart.info
    if info is None or not chart.interval_ns:
        return query.columns
    of_points = (
        agg.startswith("p") if info.kind is MetricKind.SUMMARY else not info.kind.is_distribution
    ) and agg not in ("rate", "sum")
    most = int(query.window.duration_ns / (_ROOM * chart.interval_ns))
    return min(query.columns, max(_LEAST_COLUMNS, most)) if of_points else query.columns


def near_metrics(reader: Reader, name: str, limit: int = 5) -> Sequence[str]:
    """Names of metrics that are like this one: they hold its longest word."""
    word = max(name.replace("_", ".").split("."), key=len)[:_WORD]
    found, _ = reader.metric_names(Window.ALL, text=word, limit=limit)
    return list(dict.fromkeys(each.info.name for each in found))


def streams_of(
    reader: Reader, name: str, window: Window, environment: str | None = None
) -> Sequence[MetricName]:
    """The streams of one name that have a point in the window."""
    found, _ = reader.metric_names(window, text=name, limit=_MOST_NAMES, environment=environment)
    return [each for each in found if each.info.name == name]


def fitting_streams(reader: Reader, query: MetricQuery) -> Sequence[MetricName]:
    """The streams that a query may mean: those in its window, else of all time; empty without any.

    They are told as they are in the query's environment, unless that has none of them.
    """
    places = ((query.window, query.environment), (query.window, None), (Window.ALL, None))
    for window, environment in dict.fromkeys(places):
        found = [
            each
            for each in streams_of(reader, query.name, window, environment)
            if query.unit in (None, each.info.unit)
            and query.kind in (None, each.info.kind.value)
            and query.temporality in (None, each.info.temporality)
            and query.monotonic in (None, each.info.monotonic)
        ]
        if found:
            return found
    return []
