"""The addresses of RUM: asks the reader, hands view-models to templates."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from flask import Blueprint
from flask import Response
from flask import jsonify
from flask import redirect
from flask import render_template
from flask import request
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from observer import context
from observer.query import Query
from observer.rum import overview as seen
from observer.rum import sessions as many
from observer.rum.metrics import BY_NAME
from observer.rum.metrics import METRICS
from observer.rum.metrics import Metric
from observer.rum.metrics import value_text
from observer.rum.metrics import vital
from observer.ui import current_scope
from observer.ui import filtered
from observer.ui.scope import Scope
from store.api import RumMetric
from store.model import Breakdown
from store.model import Point
from store.semantics import RUM_TAGS

blueprint = Blueprint("rum", __name__)

COLUMNS = 60
PAGES = 30
_PAGE_METRICS: tuple[RumMetric, ...] = ("page_views", "js_errors", "network_errors", "page_load", "lcp")


def _query() -> Query:
    return Query(request.args, context.now_unix_nano())


@blueprint.get("/rum")
def overview() -> str:
    """What browsers saw, at a glance."""
    scope = current_scope()
    reader = context.reader()
    window, where = scope.window, _where(scope.environment, {})
    now = reader.rum_measures(window, where)
    before = reader.rum_measures(window.before(), where)
    errors, errors_cut = reader.rum_errors(window, where)

    def by_page(metric: RumMetric) -> Breakdown:
        return reader.rum_breakdown(metric, "page", window, where, PAGES)

    def chart(metric: RumMetric, css: str) -> Markup:
        points = reader.rum_series(metric, window, COLUMNS, where)
        label = f"{BY_NAME[metric].label} over time. Drag to zoom."
        return seen.counts_chart(points, window, scope.zone, label, css)

    return render_template(
        "rum/overview.html",
        numbers=seen.numbers(now, before),
        vitals=[vital(BY_NAME[name], now.get(name), before.get(name)) for name in seen.VITALS],
        charts=[
            ("Page views", chart("page_views", "ok")),
            ("JavaScript errors", chart("js_errors", "bad")),
            ("Network requests", chart("network_requests", "ok")),
        ],
        errors=errors,
        errors_cut=errors_cut,
        pages=seen.pages(*(by_page(m) for m in _PAGE_METRICS)),
        apps=reader.rum_apps(window),
        status=None if now else reader.status(),
        settings=context.settings(),
    )


@blueprint.get("/rum/tags")
def tag_spotlight() -> str:
    """One metric over time and by every tag."""
    query = _query()
    scope = current_scope()
    reader = context.reader()
    metric = BY_NAME[query.choice("metric", tuple(BY_NAME)) or "page_load"]
    attributes = query.attributes()
    where = _where(scope.environment, attributes)
    points = reader.rum_series(metric.name, scope.window, COLUMNS, where)
    total = reader.rum_measures(scope.window, where).get(metric.name)
    found = reader.rum_breakdowns(metric.name, RUM_TAGS, scope.window, where)
    cards = [seen.card(found[tag], metric, attributes) for tag in RUM_TAGS]
    return render_template(
        "rum/tags.html",
        metric=metric,
        metrics=METRICS,
        attributes=attributes,
        total=total,
        value_text=value_text,
        cards=[card for card in cards if any(value.value for value in card.values)],
        charts=[
            (place, _spotlight_chart(metric, points, scope, width))
            for place, width in (("only-wide", 1320.0), ("only-narrow", 400.0))
        ],
        status=None if total else reader.status(),
    )


def _spotlight_chart(metric: Metric, points: Sequence[Point], scope: Scope, width: float) -> Markup:
    """Percentiles of what takes time, counts of what is counted."""
    if metric.timed:
        return seen.percentiles_chart(points, metric, scope.window, scope.zone, width=width)
    label = f"{metric.label} over time. Drag to zoom."
    return seen.counts_chart(points, scope.window, scope.zone, label, "ok", width=width)


def _where(environment: str | None, attributes: Mapping[str, str]) -> Mapping[str, str] | None:
    found = {**attributes, "environment": environment} if environment else dict(attributes)
    return found or None


@blueprint.get("/rum/sessions")
def session_list() -> str | BaseResponse:
    """Sessions that match, seat first."""
    query = _query()
    scope = current_scope()
    attributes = dict(query.attributes())
    if any(name in request.args for name in ("seat", "key", "value")):
        return redirect(_with_typed_filters(query, attributes), 303)
    whose = query.choice("whose", many.WHOSE) or ("all" if many.SYNTHETIC in attributes else "people")
    sort = query.choice("sort", tuple(many.SORTS)) or "newest"
    page = context.reader().find_sessions(many.query_of(scope, attributes, whose, sort, query.text("cursor")))
    rows = many.rows_of(page.items)
    nearest = None if rows else context.reader().status()
    return render_template(
        "rum/sessions.html",
        rows=rows,
        attributes=attributes,
        whose=whose,
        sort=sort,
        page=page,
        searchable=many.SEARCHABLE,
        seat=attributes.get(many.SEAT, ""),
        nearest=nearest,
        news=filtered(
            "/rum/sessions/news", attributes, whose=whose, after=str(_latest(rows, scope.now_unix_nano))
        ),
        settings=context.settings(),
    )


def _latest(rows: Sequence[many.Row], now_unix_nano: int) -> int:
    return max((row.start_unix_nano for row in rows), default=now_unix_nano)


def _with_typed_filters(query: Query, attributes: dict[str, str]) -> str:
    """The address that says in `attr` what was typed into the fields; an empty seat takes its filter away."""
    key = (query.text("key") or "").strip()
    typed = {many.SEAT: query.text("seat"), key: query.text("value")}
    for name, value in typed.items():
        if name:
            attributes.pop(name, None)
        if name and value and value.strip():
            attributes[name] = value.strip()
    return filtered("/rum/sessions", attributes, whose=query.text("whose"), sort=query.text("sort"))


@blueprint.get("/rum/sessions/news")
def session_news() -> Response:
    """How many sessions of this list began after the newest that the reader sees."""
    query = _query()
    scope = current_scope()
    after = query.whole("after", 0, 0, 2**63 - 1)
    whose = query.choice("whose", many.WHOSE) or "people"
    wanted = many.query_of(scope, query.attributes(), whose, "newest", None)
    found = context.reader().find_sessions(wanted).items
    number = sum(summary.start_unix_nano > after for summary in found)
    more = "+" if number >= many.PAGE_SIZE else ""
    return jsonify(count=number, words=f"{number}{more} new session{'' if number == 1 else 's'}")
