"""The API's metric routes: what there is, and one metric over time."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Final, get_args

from observer import serializers
from observer.api.common_parameters import (
    ATTR,
    COLUMNS,
    ENVIRONMENT,
    SERVICE,
    WINDOW,
    columns_of,
    limit,
    limit_of,
    list_window,
)
from observer.api.routing import Parameter, route
from observer.api.schemas import (
    DURATION,
    SPAN_ID_OR_NULL,
    TEXT_ATTRIBUTES,
    TIME,
    TRACE_ID_OR_NULL,
    boolean,
    list_of,
    record,
    text,
    whole,
)
from observer.lookup.metric_charts import fitting_streams, near_metrics
from observer.request import context
from observer.request.errors import Unknown, shortened
from observer.request.parameters import Query
from signals.metrics import MetricInfo, MetricKind, Temporality
from store.api import (
    MetricAggregation,
    MetricChart,
    MetricExemplar,
    MetricName,
    MetricQuery,
    Reader,
    Window,
)

_AGGREGATIONS: Final[tuple[MetricAggregation, ...]] = get_args(MetricAggregation)
_KINDS: Final = tuple(kind.value for kind in MetricKind)
_TEMPORALITIES: Final = tuple(each.name.lower() for each in Temporality)
_EXEMPLARS: Final = 100
_GROUPS: Final = 20
_LEAD_NS: Final = 60 * 10**9
"""The first point of a counter tells of the interval before it: at most a minute, the SDKs' default."""
_LEAST_NS: Final = 60 * 10**9
"""The time range of a metric that has a single point."""

_INFO = {
    "name": text(),
    "unit": text("as the sender wrote it, UCUM by convention; may be empty"),
    "description": text(),
    "kind": text(words=_KINDS),
    "temporality": text(
        "of sums and histograms: whether points count since the one before, or since their start",
        words=_TEMPORALITIES,
    ),
    "monotonic": boolean("a sum that only grows"),
}
_NUMBER_OR_NULL = {"type": ["number", "null"]}


@route(
    "/metrics",
    record(
        {
            "metrics": list_of(
                record(
                    {
                        **_INFO,
                        "services": list_of(text(), "by name, the first 50"),
                        "series": whole("how many have a point in the time range"),
                        "first_unix_nano": TIME,
                        "last_unix_nano": TIME,
                        "folded": whole("points that were refused, as their series were too many"),
                    }
                ),
                "by name; streams of one name that differ otherwise are several entries",
            ),
            "truncated": boolean("there are more"),
        }
    ),
    tag="metrics",
    parameters=(
        SERVICE,
        Parameter("q", "text that name, unit or description contains, in any case and Unicode form", text()),
        ENVIRONMENT,
        *WINDOW,
        limit(500),
    ),
)
def metrics(query: Query) -> serializers.Plain:
    """Metrics that have points."""
    found, more = context.reader().metric_names(
        list_window(query),
        query.text("service"),
        query.text("q"),
        limit_of(query, 500),
        query.text("environment"),
    )
    return {"metrics": [_name(each) for each in found], "truncated": more}


@route(
    "/metrics/<metric_name:name>",
    record(
        {
            **_INFO,
            "aggregation": text("that of the values", words=_AGGREGATIONS),
            "column_ns": DURATION,
            "series": list_of(
                record(
                    {
                        "attributes": TEXT_ATTRIBUTES,
                        "series": whole("how many are merged in it"),
                        "points": list_of(
                            {"type": "array", "items": _NUMBER_OR_NULL},
                            "[begin of the column in Unix nanoseconds, value or null]",
                        ),
                    }
                ),
                "greatest mean first",
            ),
            "exemplars": list_of(
                record(
                    {
                        "time_unix_nano": TIME,
                        "value": _NUMBER_OR_NULL,
                        "trace_id": TRACE_ID_OR_NULL,
                        "span_id": SPAN_ID_OR_NULL,
                        "attributes": TEXT_ATTRIBUTES,
                        "series_attributes": TEXT_ATTRIBUTES,
                    }
                ),
                "those with a trace first, then newest first; spread over time and values",
            ),
            "truncated": boolean("series were left out"),
            "left_out": whole("how many"),
            "streams": list_of(record(_INFO), "others of the same name, which `unit` and `kind` choose"),
        }
    ),
    tag="metrics",
    path_help={"name": "the metric's name; slashes and any other characters may be in it"},
    parameters=(
        Parameter(
            "agg",
            "how points become one value of a column: `rate` of a counter and `avg` of others by default",
            text(words=_AGGREGATIONS),
        ),
        Parameter("by", "an attribute to group by; repeat it for several", text(), repeated=True),
        ATTR,
        Parameter(
            "exclude", "leave out series with this attribute, written as for `attr`", text(), repeated=True
        ),
        Parameter("unit", "which of several streams of one name: its unit; a blank for none", text()),
        Parameter("kind", "the same: its kind", text(words=_KINDS)),
        Parameter("temporality", "the same: its temporality", text(words=_TEMPORALITIES)),
        Parameter("monotonic", "the same: `1` for a sum that only grows, `0` for another", text()),
        ENVIRONMENT,
        *WINDOW,
        COLUMNS,
        limit(_GROUPS),
    ),
)
def metric(query: Query, name: str) -> serializers.Plain:
    """One metric over time, with exemplars that lead to traces.

    Without a time range: from its first to its newest point that is kept.
    """
    reader = context.reader()
    asked = query.choice("agg", _AGGREGATIONS)
    agg: MetricAggregation = next((each for each in _AGGREGATIONS if each == asked), "avg")
    chosen = _query_of(query, reader, name, agg)
    chart = reader.metric_chart(chosen)
    if chart.info is None:
        raise _unknown(reader, name, chart)
    fitting = chosen
    if asked is None and chart.info.kind is MetricKind.SUM and chart.info.monotonic:
        fitting = replace(chosen, agg="rate")
    if query.window() is None and (chart.info.kind is MetricKind.SUM or chart.info.kind.is_distribution):
        fitting = replace(fitting, window=_with_lead(chosen.window, chart.interval_ns))
    if fitting != chosen:
        chosen, chart = fitting, reader.metric_chart(fitting)
    info = chart.info
    if info is None:
        raise _unknown(reader, name, chart)
    return {
        **_info(info),
        "aggregation": chosen.agg,
        "column_ns": chart.column_ns,
        "series": [
            {
                "attributes": dict(each.attributes),
                "series": each.series,
                "points": [[start, _finite(value)] for start, value in each.points],
            }
            for each in chart.groups
        ],
        "exemplars": [_exemplar(each) for each in reader.metric_exemplars(chosen, _EXEMPLARS)],
        "truncated": chart.truncated > 0,
        "left_out": chart.truncated,
        "streams": [_info(each) for each in chart.streams],
    }


def _query_of(query: Query, reader: Reader, name: str, agg: MetricAggregation) -> MetricQuery:
    unit, temporality = query.text("unit"), query.choice("temporality", _TEMPORALITIES)
    asked = MetricQuery(
        query.window() or Window.ALL,
        name,
        agg,
        tuple(query.texts("by")),
        query.attributes(),
        query.attribute_pairs("exclude"),
        None if unit is None else unit.strip(),
        query.choice("kind", _KINDS),
        columns_of(query),
        limit_of(query, _GROUPS),
        Temporality[temporality.upper()] if temporality else None,
        query.flag("monotonic") if query.has("monotonic") else None,
        query.text("environment"),
    )
    return replace(asked, window=query.window() or _own_window(reader, asked, query.now_unix_nano))


def _own_window(reader: Reader, query: MetricQuery, now: int) -> Window:
    """From the first to the newest point of the streams that the query fits; a minute at least."""
    found = fitting_streams(reader, replace(query, window=Window.ALL))
    if found:
        newest = max(found, key=lambda each: each.last_unix_nano)
        end = newest.last_unix_nano + 1
        return Window(max(0, min(newest.first_unix_nano, end - _LEAST_NS)), end)
    return Window(now - _LEAST_NS, now)


def _with_lead(window: Window, interval_ns: int) -> Window:
    lead = min(interval_ns or _LEAD_NS, _LEAD_NS)
    return replace(window, from_unix_nano=max(0, window.from_unix_nano - lead))


def _unknown(reader: Reader, name: str, chart: MetricChart) -> Unknown:
    if chart.streams:
        kinds = ", ".join(f"{each.kind.value} in {each.unit or 'no unit'}" for each in chart.streams)
        return Unknown(
            f"There is no metric {shortened(name)!r} of this unit and kind.",
            f"There is one that is: {kinds}.",
        )
    names = ", ".join(shortened(each) for each in near_metrics(reader, name))
    remedy = f"There are: {names}." if names else "GET /api/v1/metrics lists those that there are."
    return Unknown(f"There is no metric {shortened(name)!r}.", remedy)


def _name(of: MetricName) -> serializers.Plain:
    return {
        **_info(of.info),
        "services": list(of.services),
        "series": of.series,
        "first_unix_nano": of.first_unix_nano,
        "last_unix_nano": of.last_unix_nano,
        "folded": of.folded,
    }


def _info(of: MetricInfo) -> serializers.Plain:
    return {
        "name": of.name,
        "unit": of.unit,
        "description": of.description,
        "kind": of.kind.value,
        "temporality": of.temporality.name.lower(),
        "monotonic": of.monotonic,
    }


def _exemplar(of: MetricExemplar) -> serializers.Plain:
    exemplar = of.exemplar
    return {
        "time_unix_nano": exemplar.time_unix_nano,
        "value": _finite(exemplar.value),
        "trace_id": exemplar.trace_id,
        "span_id": exemplar.span_id,
        "attributes": {name: str(value) for name, value in exemplar.attributes.items()},
        "series_attributes": dict(of.attributes),
    }


def _finite(value: float | None) -> float | None:
    """JSON has no infinity."""
    return value if value is not None and math.isfinite(value) else None
