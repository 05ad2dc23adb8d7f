"""RUM Tag Spotlight."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template, request
from markupsafe import Markup

from observer.components.alert_bands import with_alerts
from observer.components.deployment_marks import event_marks
from observer.drawing.event_marks import EventMarks
from observer.lookup.deployments import find_deployments
from observer.request import context
from observer.request.desk_session import hidden_from_class, seat_of_events
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.reachable_addresses import neighbours
from observer.request.scope import Scope
from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.metric_charts import CHART_COLUMNS, counts_chart, percentiles_chart
from observer.screens.rum.metric_updates import updates_address
from observer.screens.rum.metrics import BY_NAME, METRICS, Metric
from observer.screens.rum.no_data import no_data
from observer.screens.rum.spotlight import view
from observer.screens.rum.traffic_measures import counted_traffic
from signals.browser_events import RUM_TAGS
from store.api import Point

_CHART_WIDTHS = (("only-wide", 1320.0), ("only-narrow", 400.0))
"""One drawing for a desk and one for a phone; the style sheet shows one of them."""


@blueprint.get("/rum/tags")
@context.one_snapshot
def tag_spotlight() -> str:
    """One metric over time and by every tag."""
    query = Query(request.args, context.now_unix_nano())
    scope = current_scope()
    reader = context.reader()
    metric = BY_NAME[query.choice("metric", tuple(BY_NAME)) or "page_load"]
    attributes = query.attributes()
    counted = counted_traffic(reader, query, scope, attributes)
    where = counted.conditions
    total = counted.measures.get(metric.name)
    points = reader.rum_series(metric.name, scope.window, CHART_COLUMNS, where)
    deployments = find_deployments(
        reader, scope.window, scope.environment, hidden=hidden_from_class(), for_seat=seat_of_events()
    )
    changes = reader.changes(scope.window, scope.environment)
    marks = event_marks(deployments, scope.window, scope.zone, changes)
    events = with_alerts(marks, scope.window, scope.zone)
    found = reader.rum_breakdowns(metric.name, RUM_TAGS, scope.window, where)
    return render_template(
        "rum/spotlight.html",
        traffic=counted.traffic,
        metric=metric,
        metrics=METRICS,
        attributes=attributes,
        samples=total.requests if total else 0,
        totals=view.totals_of(metric, total) if total else (),
        percentiles=view.PERCENTILES if metric.timed else (),
        cards=view.cards_of([found[tag] for tag in RUM_TAGS], metric, attributes),
        charts=[(css, _chart(metric, points, scope, width, events)) for css, width in _CHART_WIDTHS],
        nothing=None if total else no_data(reader.status()),
        neighbours=neighbours(),
        updates_address=updates_address(scope, reader, attributes, where, counted.traffic.whose, metric.name),
    )


def _chart(metric: Metric, points: Sequence[Point], scope: Scope, width: float, events: EventMarks) -> Markup:
    draw = percentiles_chart if metric.timed else counts_chart
    return draw(points, metric, scope.window, scope.zone, width=width, events=events)
