"""The page of the list of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from flask import render_template, request

from observer.components import metric_words
from observer.lookup.metric_charts import load_metric
from observer.lookup.spelling import service_meant
from observer.request import context
from observer.request.links import here
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.reachable_addresses import neighbours
from observer.request.scope import Scope
from observer.screens.metrics import metric_updates
from observer.screens.metrics.blueprint import blueprint
from observer.screens.metrics.metric_list import MOST_DRAWN, Course, metric_list
from store.api import MetricAggregation, MetricChart, MetricName, MetricQuery, Reader, TooSlow, Window

MOST: Final = 1_000
"""Metrics that are listed at all."""
PAGE: Final = 40
"""Metrics of a page: each of them has a chart of its own."""
_COLUMNS: Final = 24
_COURSE_NS: Final = 3600 * 10**9
"""How long a course beside a metric is at most: longer ones of forty metrics would take seconds."""


@blueprint.get("/metrics")
@context.one_snapshot
def metrics() -> str:
    """Every metric with a point in the time range, by name."""
    reader, scope = context.reader(), current_scope()
    query = Query(request.args, context.now_unix_nano())
    service, text = query.text("service"), query.text("q")
    if service:
        service = service_meant(reader, service)
    begin = query.whole("cursor", 0, 0, MOST)
    every, cut = reader.metric_names(scope.window, service, text, MOST, scope.environment)
    shown = every[begin : begin + PAGE]
    after = len(every) - begin - len(shown)
    return render_template(
        "metrics/list.html",
        view=metric_list(
            shown,
            _courses(reader, scope, shown, service),
            every,
            cut=cut,
            after=after,
            now_unix_nano=scope.now_unix_nano,
        ),
        is_long=scope.window.duration_ns > _COURSE_NS,
        service=service,
        service_filter=_filter(service),
        services=sorted(_services(reader, scope)),
        text=text or "",
        next_href=here(cursor=str(begin + PAGE)) if after > 0 else "",
        first_href=here(cursor=None) if begin else "",
        updates_address=metric_updates.list_address(scope, every),
        otlp_http=neighbours().otlp_http_url,
        kept=reader.status().metric_points,
    )


def _services(reader: Reader, scope: Scope) -> set[str]:
    """The services that sent a metric in the time range."""
    found, _ = reader.metric_names(scope.window, limit=MOST, environment=scope.environment)
    return {service for each in found for service in each.services if service}


def _courses(reader: Reader, scope: Scope, shown: Sequence[MetricName], service: str | None) -> list[Course]:
    """The course of each metric; after one that takes too long, of none any more: a page waits but once."""
    found: list[Course] = []
    too_slow = False
    for each in shown:
        agg = _row_aggregation(each)
        empty = (agg, MetricChart(each.info, (), 0))
        try:
            skipped = too_slow or each.series > MOST_DRAWN
            found.append(empty if skipped else _course(reader, scope, each, agg, service))
        except TooSlow:
            too_slow = True
            found.append(empty)
    return found


def _course(
    reader: Reader, scope: Scope, of: MetricName, agg: MetricAggregation, service: str | None
) -> Course:
    """The course up to its newest point in the time range, of an hour at most."""
    end = min(scope.window.to_unix_nano, of.last_unix_nano + 1)
    window = Window(max(scope.window.from_unix_nano, end - _COURSE_NS), end)
    if window.duration_ns <= 0:
        return agg, MetricChart(of.info, (), 0)
    if scope.window.duration_ns <= _COURSE_NS:
        window = scope.window
    asked = MetricQuery(
        window,
        of.info.name,
        attributes=_filter(service),
        unit=of.info.unit,
        kind=of.info.kind.value,
        columns=_COLUMNS,
        temporality=of.info.temporality,
        monotonic=of.info.monotonic,
        environment=scope.environment,
    )
    return load_metric(reader, asked, (agg,), exemplars=0).charts[0]


def _filter(service: str | None) -> Mapping[str, str]:
    return {"service.name": service} if service else {}


def _row_aggregation(of: MetricName) -> MetricAggregation:
    """The one aggregation whose course stands beside a metric."""
    return metric_words.aggregations_of(metric_words.default_choice(of.info, grouped=True))[0]
