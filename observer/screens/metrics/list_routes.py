"""The page of the list of metrics."""

from __future__ import annotations

from collections.abc import Mapping
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
from observer.screens.metrics.metric_list import Course, metric_list
from store.api import MetricAggregation, MetricChart, MetricName, MetricQuery, Reader, TooSlow

MOST: Final = 1_000
"""Metrics that are listed at all."""
PAGE: Final = 40
"""Metrics of a page: each of them has a chart of its own."""
_COLUMNS: Final = 24


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
    every, cut = reader.metric_names(scope.window, service, text, MOST)
    shown = every[begin : begin + PAGE]
    after = len(every) - begin - len(shown)
    return render_template(
        "metrics/list.html",
        view=metric_list(
            shown, [_course(reader, scope, each, service) for each in shown], every, cut=cut, after=after
        ),
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
    found, _ = reader.metric_names(scope.window, limit=MOST)
    return {service for each in found for service in each.services if service}


def _course(reader: Reader, scope: Scope, of: MetricName, service: str | None) -> Course:
    agg = _row_aggregation(of)
    asked = MetricQuery(
        scope.window,
        of.info.name,
        attributes=_filter(service),
        unit=of.info.unit,
        kind=of.info.kind.value,
        columns=_COLUMNS,
        temporality=of.info.temporality,
        monotonic=of.info.monotonic,
    )
    try:
        return load_metric(reader, asked, (agg,), exemplars=0).charts[0]
    except TooSlow:
        return agg, MetricChart(of.info, (), 0)


def _filter(service: str | None) -> Mapping[str, str]:
    return {"service.name": service} if service else {}


def _row_aggregation(of: MetricName) -> MetricAggregation:
    """The one aggregation whose course stands beside a metric."""
    return metric_words.aggregations_of(metric_words.default_choice(of.info, grouped=True))[0]
