"""The addresses of RUM's numbers: overview, Tag Spotlight, and what has arrived since they were drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response, jsonify, render_template, request
from markupsafe import Markup

from observer.request import context
from observer.request.links import filtered
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.reachable_addresses import neighbours
from observer.request.scope import Scope
from observer.screens.rum import traffic_filter
from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.metrics import BY_NAME, METRICS, Metric, value_text, vital
from observer.screens.rum.overview import view as seen
from observer.screens.rum.traffic_filter import Traffic
from signals.browser_events import RUM_TAGS
from store.api import Breakdown, Measure, Point, Reader, RumMetric, Window

COLUMNS = 60
PAGES = 30
_PAGE_METRICS: tuple[RumMetric, ...] = ("page_views", "js_errors", "network_errors", "page_load", "lcp")
_LATE_NS = 60 * 10**9
"""What began within this time before a page was drawn may arrive after."""


def _query() -> Query:
    return Query(request.args, context.now_unix_nano())


def _choose(
    query: Query, attributes: Mapping[str, str]
) -> tuple[Traffic, Mapping[str, str] | None, traffic_filter.Measures]:
    """Whose traffic the page counts, the store's conditions for it, and what it amounts to."""
    scope = current_scope()
    reader = context.reader()

    def measured(whose: str) -> traffic_filter.Measures:
        return reader.rum_measures(
            scope.window, traffic_filter.where_of(scope.environment, attributes, whose)
        )

    asked = query.choice("whose", traffic_filter.WHOSE)
    if traffic_filter.SYNTHETIC in attributes:
        only = measured("all")
        return (
            Traffic("all", asked, ""),
            traffic_filter.where_of(scope.environment, attributes, "all"),
            only,
        )
    people, everything = measured("people"), measured("all")
    whose = traffic_filter.chosen(asked, attributes, bool(people))
    found = Traffic(whose, asked, traffic_filter.note(whose, asked, people, everything))
    now = {"people": people, "all": everything}.get(whose)
    where = traffic_filter.where_of(scope.environment, attributes, whose)
    return found, where, measured(whose) if now is None else now


@blueprint.get("/rum")
def overview() -> str:
    """What browsers saw, at a glance."""
    scope = current_scope()
    reader = context.reader()
    whose, where, now = _choose(_query(), {})
    window = scope.window
    before = reader.rum_measures(window.before(), where)
    errors, errors_cut = reader.rum_errors(window, where)

    def by_page(metric: RumMetric) -> Breakdown:
        return reader.rum_breakdowns(metric, ("page",), window, where, PAGES)["page"]

    def chart(metric: RumMetric) -> Markup:
        points = reader.rum_series(metric, window, COLUMNS, where)
        label = f"{BY_NAME[metric].label} over time. Drag to zoom."
        css = "bad" if BY_NAME[metric].more_is_worse else "ok"
        return seen.counts_chart(points, window, scope.zone, label, css)

    return render_template(
        "rum/overview.html",
        traffic=whose,
        choices=traffic_filter.LABELS,
        numbers=seen.numbers(now, before),
        vitals=[vital(BY_NAME[name], now.get(name), before.get(name)) for name in seen.VITALS],
        charts=[(BY_NAME[name].label, chart(name)) for name in seen.COUNTS] if now else [],
        errors=seen.errors(errors),
        errors_cut=errors_cut,
        errors_total=now["js_errors"].requests if "js_errors" in now else 0,
        pages=seen.pages(*(by_page(m) for m in _PAGE_METRICS)),
        apps=[pair for pair in reader.rum_apps(window) if scope.environment in (None, pair[1])],
        status=None if now else reader.status(),
        neighbours=neighbours(),
        news=_news_address(scope, reader, {}, where, whose.whose) if now else "",
    )


@blueprint.get("/rum/tags")
def tag_spotlight() -> str:
    """One metric over time and by every tag."""
    query = _query()
    scope = current_scope()
    reader = context.reader()
    metric = BY_NAME[query.choice("metric", tuple(BY_NAME)) or "page_load"]
    attributes = query.attributes()
    whose, where, now = _choose(query, attributes)
    total = now.get(metric.name)
    points = reader.rum_series(metric.name, scope.window, COLUMNS, where)
    found = reader.rum_breakdowns(metric.name, RUM_TAGS, scope.window, where)
    cards = [seen.card(found[tag], metric, attributes) for tag in RUM_TAGS]
    return render_template(
        "rum/tags.html",
        traffic=whose,
        choices=traffic_filter.LABELS,
        metric=metric,
        metrics=METRICS,
        attributes=attributes,
        present={name: value for name, value in attributes.items() if value},
        total=total,
        value_text=value_text,
        cards=[card for card in cards if any(value.value or value.chosen for value in card.values)],
        charts=[
            (place, _spotlight_chart(metric, points, scope, width))
            for place, width in (("only-wide", 1320.0), ("only-narrow", 400.0))
        ],
        status=None if total else reader.status(),
        neighbours=neighbours(),
        news=_news_address(scope, reader, attributes, where, whose.whose, metric.name),
    )


def _spotlight_chart(metric: Metric, points: Sequence[Point], scope: Scope, width: float) -> Markup:
    """Percentiles of what takes time, counts of what is counted."""
    if metric.timed:
        return seen.percentiles_chart(points, metric, scope.window, scope.zone, width=width)
    label = f"{metric.label} over time. Drag to zoom."
    css = "bad" if metric.more_is_worse else "ok"
    return seen.counts_chart(points, scope.window, scope.zone, label, css, width=width)


def _news_address(
    scope: Scope,
    reader: Reader,
    attributes: Mapping[str, str],
    where: Mapping[str, str] | None,
    whose: str,
    only: str | None = None,
) -> str:
    """Where a page asks what has come since it was drawn; empty where it is not to be told."""
    if not scope.live:
        return ""
    after = scope.now_unix_nano - _LATE_NS
    here = reader.rum_measures(Window(after, Window.ALL.to_unix_nano), where)
    counts = ".".join(str(_count(here, metric.name)) for metric in METRICS)
    return filtered("/rum/news", attributes, whose=whose, metric=only, after=str(after), counted=counts)


def _count(measures: Mapping[RumMetric, Measure], name: RumMetric) -> int:
    return measures[name].requests if name in measures else 0


@blueprint.get("/rum/news")
def news() -> Response:
    """How much more was measured since `after` than the page had counted when it was drawn."""
    query = _query()
    scope = current_scope()
    whose = query.choice("whose", traffic_filter.WHOSE) or "all"
    where = traffic_filter.where_of(scope.environment, query.attributes(), whose)
    after = query.whole("after", 0, 0, Window.ALL.to_unix_nano - 1)
    measures = context.reader().rum_measures(Window(after, Window.ALL.to_unix_nano), where)
    counted = [int(text[:18]) for text in (query.text("counted") or "").split(".") if text.isdecimal()]
    counted += [0] * (len(METRICS) - len(counted))
    more: Mapping[RumMetric, int] = {
        metric.name: max(0, _count(measures, metric.name) - was)
        for metric, was in zip(METRICS, counted, strict=False)
    }
    only = query.choice("metric", tuple(BY_NAME))
    if only:
        more = {name: number for name, number in more.items() if name == only}
    number, words = seen.news(more)
    return jsonify(count=number, words=words)
