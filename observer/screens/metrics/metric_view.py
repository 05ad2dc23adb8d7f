"""The page of one metric. Pure but for the addresses of this request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from observer.components import metric_units, metric_words
from observer.components.metric_chart import MetricChartView
from observer.components.number_format import plural
from observer.lookup.metric_charts import EXEMPLARS
from observer.request import links
from observer.request.parameters import spell_attribute
from observer.request.time_range import range_args
from observer.screens.metrics import selection
from observer.screens.metrics.attribute_panel import AttributePanel
from observer.screens.metrics.metric_list import folded_words, more_services
from observer.screens.metrics.selection import DrawnAggregation
from signals.metrics import MetricInfo
from store.api import MetricName, MetricQuery, Window

_SERVICES_SHOWN: Final = 6
_LEAST_NANOSECONDS: Final = 10**17
"""Smaller numbers in an address count microseconds or more."""
_AROUND_NS: Final = 900 * 10**9
"""How much is shown before the newest point of a metric that has none in the time range."""


@dataclass(frozen=True, slots=True)
class Filter:
    """One filter of the page, with the address that removes it."""

    name: str
    sign: str
    value: str
    without: str


@dataclass(frozen=True, slots=True)
class Stream:
    """Another stream of the same name."""

    words: str
    href: str


@dataclass(frozen=True, slots=True)
class MetricPage:
    """The page of one metric."""

    name: str
    description: str
    kind: str
    unit: str
    sent_unit: str
    """The unit as the sender wrote it, where that is another text; else empty."""
    services: tuple[str, ...]
    more_services: str
    series: str
    """`12 series`; empty where none has a point in the time range."""
    first_unix_nano: int
    last_unix_nano: int
    folded: str
    choices: tuple[tuple[str, str, bool], ...]
    """(value, words, whether it is drawn) of each aggregation that fits."""
    heading: str
    """What is drawn, in words."""
    refused: str
    by: tuple[tuple[str, str], ...]
    """(attribute, address without it) of what it is grouped by."""
    group: str
    """The attributes it is grouped by, in words."""
    filters: tuple[Filter, ...]
    streams: tuple[Stream, ...]
    panel: AttributePanel
    chart: MetricChartView | None
    """None where reading took too long."""
    exemplars_cut: str
    """That there may be more exemplars than are listed; empty where there are not."""
    where_data_is: str
    """The address of a time range that has data; empty where this one has."""
    json_hrefs: tuple[tuple[str, str], ...]
    """(label, address) of the same numbers as JSON."""


def metric_page(
    of: MetricName,
    query: MetricQuery,
    asked: MetricQuery,
    chosen: DrawnAggregation,
    others: Sequence[MetricInfo],
    panel: AttributePanel,
    chart: MetricChartView | None,
) -> MetricPage:
    """The page of a stream; `others` are those of its name that are not drawn.

    `query` is what the address selects, `asked` what was asked of the store for it.
    """
    info = of.info
    unit = metric_units.unit_of(info.unit).words
    inside = (
        of.last_unix_nano >= query.window.from_unix_nano and of.first_unix_nano < query.window.to_unix_nano
    )
    return MetricPage(
        name=info.name,
        description=info.description,
        kind=metric_words.kind_words(info),
        unit=unit or "no unit",
        sent_unit=info.unit if info.unit not in (unit, "") else "",
        services=of.services[:_SERVICES_SHOWN],
        more_services=more_services(of, _SERVICES_SHOWN),
        series=plural(of.series, "series", "series") if inside and of.series else "",
        first_unix_nano=of.first_unix_nano,
        last_unix_nano=of.last_unix_nano,
        folded=folded_words(of.folded),
        choices=tuple((name, words, name == chosen.choice) for name, words in metric_words.choices(info)),
        heading=metric_words.aggregation_words(info, chosen.choice),
        refused=chosen.refused,
        by=tuple((name, selection.without_pair("by", name)) for name in query.by),
        group=", ".join(query.by),
        filters=_filters(query),
        streams=tuple(_stream(each, info) for each in others),
        panel=panel,
        chart=chart,
        exemplars_cut=_exemplars_cut(chart),
        where_data_is="" if inside else _range_with_data(of),
        json_hrefs=tuple(
            (f"JSON {agg.upper()}" if len(chosen.aggs) > 1 else "JSON", _json_href(asked, agg, chart))
            for agg in chosen.aggs
        ),
    )


def _exemplars_cut(chart: MetricChartView | None) -> str:
    if chart is None or len(chart.exemplars) < EXEMPLARS:
        return ""
    return f"{EXEMPLARS} of them, spread over time and values: there may be more."


def _filters(query: MetricQuery) -> tuple[Filter, ...]:
    found = []
    for argument, sign, pairs in (("attr", "=", query.attributes.items()), ("exclude", "≠", query.excluded)):
        for name, value in pairs:
            spelled = spell_attribute(name, value)
            found.append(Filter(name, sign, value or "not set", selection.without_pair(argument, spelled)))
    return tuple(found)


def _stream(of: MetricInfo, shown: MetricInfo) -> Stream:
    unit = metric_units.unit_of(of.unit).words or "no unit"
    args: Mapping[str, str] = selection.stream_args(of, [shown])
    return Stream(f"{metric_words.kind_words(of)}, {unit}", links.metric_url(of.name, args=args))


def _range_with_data(of: MetricName) -> str:
    begin = max(of.first_unix_nano, of.last_unix_nano - _AROUND_NS)
    args = range_args(Window(begin, of.last_unix_nano + 1))
    return links.here(since=None, live=None, from_=args["from"], to=args["to"])


def _json_href(asked: MetricQuery, agg: str, chart: MetricChartView | None) -> str:
    """The question of the drawn chart, put to the API."""
    pairs = [("agg", agg), *(("by", name) for name in asked.by)]
    pairs += [("attr", spell_attribute(name, value)) for name, value in asked.attributes.items()]
    pairs += [("exclude", spell_attribute(name, value)) for name, value in asked.excluded]
    pairs += [("kind", asked.kind or ""), ("unit", asked.unit or selection.NO_UNIT)]
    if asked.temporality is not None:
        pairs.append(("temporality", asked.temporality.name.lower()))
    if asked.monotonic is not None:
        pairs.append(("monotonic", "1" if asked.monotonic else "0"))
    if chart is not None:
        pairs.append(("columns", str(chart.columns)))
    # To the nanosecond: columns of a range that was rounded would begin elsewhere.
    ends = {"from": str(asked.window.from_unix_nano), "to": str(asked.window.to_unix_nano)}
    exact = asked.window.from_unix_nano >= _LEAST_NANOSECONDS
    pairs += [("limit", str(asked.limit)), *(ends if exact else range_args(asked.window)).items()]
    return links.address(f"/api/v1{links.metric_api_path(asked.name)}", pairs)
