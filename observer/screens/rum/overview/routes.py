"""The RUM overview."""

from __future__ import annotations

from functools import partial

from flask import render_template, request
from markupsafe import Markup

from observer.components.alert_bands import with_alerts
from observer.components.compared import load_compared
from observer.components.deployment_marks import event_marks
from observer.lookup.deployments import find_deployments
from observer.request import context
from observer.request.desk_session import hidden_from_class, seat_of_events
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.reachable_addresses import neighbours
from observer.screens.rum.blueprint import blueprint
from observer.screens.rum.metric_charts import CHART_COLUMNS, counts_chart
from observer.screens.rum.metric_updates import updates_address
from observer.screens.rum.metrics import BY_NAME, vital
from observer.screens.rum.no_data import no_data
from observer.screens.rum.overview import view
from observer.screens.rum.overview.slow_pages import slow_by
from observer.screens.rum.traffic_measures import counted_traffic
from store.api import Breakdown, RumMetric

_PAGES_LIMIT = 30
_PAGE_METRICS: tuple[RumMetric, ...] = ("page_views", "js_errors", "network_errors", "page_load", "lcp")
"""The arguments of `view.page_rows`."""


@blueprint.get("/rum")
@context.one_snapshot
def overview() -> str:
    """Counts, web vitals, errors and pages of the time range."""
    scope = current_scope()
    reader = context.reader()
    query = Query(request.args, context.now_unix_nano())
    attributes = query.attributes()
    counted = counted_traffic(reader, query, scope, attributes)
    window, where, now = scope.window, counted.conditions, counted.measures
    before = reader.rum_measures(window.before(), where)
    compared = load_compared(reader, scope, "browsers")
    deployments = find_deployments(
        reader, window, scope.environment, hidden=hidden_from_class(), for_seat=seat_of_events()
    )
    changes = reader.changes(window, scope.environment)
    events = with_alerts(event_marks(deployments, window, scope.zone, changes), window, scope.zone)
    errors, errors_cut = reader.rum_errors(window, where)

    def by_page(metric: RumMetric) -> Breakdown:
        return reader.rum_breakdowns(metric, ("page",), window, where, _PAGES_LIMIT)["page"]

    def chart(metric: RumMetric) -> Markup:
        points = reader.rum_series(metric, window, CHART_COLUMNS, where)
        return counts_chart(points, BY_NAME[metric], window, scope.zone, events=events)

    slow = partial(slow_by, reader, window, compared, where, attributes, counted.traffic.requested)
    by_metric = [by_page(metric) for metric in _PAGE_METRICS]
    shown = view.OverviewView(
        compared=compared.note("report of a browser", any_before=bool(before)),
        apps=view.apps_listed(reader.rum_apps(window), scope.environment),
        counts=view.count_stats(now, before, compared),
        vitals=tuple(vital(BY_NAME[name], now.get(name), before.get(name)) for name in view.VITALS),
        charts=tuple((BY_NAME[name].label, chart(name)) for name in view.COUNTS) if now else (),
        errors=view.error_rows(errors, reader.errors_seen([group.error_id for group in errors])),
        errors_note=view.errors_note(now, cut=errors_cut),
        pages=view.page_rows(*by_metric),
        pages_note=view.pages_note(by_metric),
    )
    return render_template(
        "rum/overview.html",
        view=shown,
        slow_pages=slow("page_load", "page"),
        slow_requests=slow("network_requests", "operation"),
        traffic=counted.traffic,
        attributes=attributes,
        nothing=None if now else no_data(reader.status()),
        neighbours=neighbours(),
        updates_address=updates_address(scope, reader, attributes, where, counted.traffic.whose),
    )
