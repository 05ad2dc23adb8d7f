"""The page of one metric."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from flask import redirect, render_template, request
from werkzeug.wrappers import Response

from observer.components.alert_bands import with_alerts
from observer.components.deployment_marks import event_marks
from observer.components.metric_chart import MetricChartView, metric_chart, zoom_args
from observer.components.safe_text import plain
from observer.drawing.event_marks import EventMarks
from observer.lookup.deployments import find_deployments
from observer.lookup.metric_charts import fitting_streams, load_metric, streams_of
from observer.request import context, links
from observer.request.desk_session import hidden_from_class, seat_of_events
from observer.request.errors import Malformed
from observer.request.links import here, scoped
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.scope import Scope
from observer.screens.metrics import metric_name, metric_updates, selection
from observer.screens.metrics.attribute_panel import VALUES, attribute_panel
from observer.screens.metrics.blueprint import blueprint
from observer.screens.metrics.metric_view import metric_page
from observer.screens.metrics.selection import Attributes, DrawnAggregation
from store.api import LogQuery, MetricName, MetricQuery, Reader, TooSlow, Window

_SERVICE: Final = "service.name"
_SHOWN_NAME: Final = 120
_SHOWN_SERVICE: Final = 40


@blueprint.get("/metrics/<metric_name:name>")
@context.one_snapshot
def metric(name: str) -> str | Response:
    """One metric over time. The path `-` stands for a name in the argument `name` or `digest`.

    A typed filter (`add`) answers with a redirect to the address that holds it.
    """
    reader, scope = context.reader(), current_scope()
    query = Query(request.args, context.now_unix_nano())
    name = metric_name.name_of(reader, query, name)
    selected = selection.read_selection(query, name, scope)
    streams = _streams(reader, selected.query)
    attributes = _attributes(reader, name, scope)
    problem = None
    if query.has("add"):
        try:
            pairs = selection.with_condition(query.pairs(), query.text("add") or "", attributes)
        except Malformed as refused:
            problem = refused
        else:
            return redirect(links.address(links.own_path(), pairs), 303)
    of = max(streams, key=lambda each: each.last_unix_nano)
    chosen = selection.chosen(selected, of.info)
    asked = selection.limited(selected.query, chosen.aggs)
    asked = replace(asked, unit=of.info.unit, kind=of.info.kind.value)
    asked = replace(asked, temporality=of.info.temporality, monotonic=of.info.monotonic)
    chart = _chart(reader, scope, asked, chosen)
    others = [each.info for each in streams_of(reader, name, Window.ALL) if each.info != of.info]
    filtered = {*selected.query.attributes, *(each for each, _ in selected.query.excluded)}
    panel = attribute_panel(attributes, tuple(selected.query.by), filtered)
    return render_template(
        "metrics/metric.html",
        view=metric_page(of, selected.query, asked, chosen, others, panel, chart),
        names=[each for each, _ in attributes],
        kept=[pair for pair in query.pairs() if pair[0] not in ("agg", "add", "cursor")],
        problem=problem,
        typed=query.text("add") or "",
        related=_related(reader, scope, _service(of, selected.query), chart),
        updates_address=metric_updates.metric_address(scope, name, streams),
    )


def _streams(reader: Reader, query: MetricQuery) -> Sequence[MetricName]:
    """The streams that the address fits. Raises Unknown."""
    found = fitting_streams(reader, query)
    if not found:
        raise metric_name.unknown(reader, query.name)
    return found


def _attributes(reader: Reader, name: str, scope: Scope) -> Attributes:
    try:
        return reader.metric_attributes(name, scope.window, VALUES, scope.environment)
    except TooSlow:
        return ()


def _chart(
    reader: Reader, scope: Scope, query: MetricQuery, chosen: DrawnAggregation
) -> MetricChartView | None:
    """The chart; None where reading took too long."""
    try:
        loaded = load_metric(reader, query, chosen.aggs)
    except TooSlow:
        return None
    return metric_chart(
        plain(query.name, _SHOWN_NAME),
        loaded.charts,
        loaded.exemplars,
        scope.window,
        scope.zone,
        narrowed=selection.narrowed,
        zoomed=lambda column: here(**zoom_args(column)),
        events=_events(reader, scope),
    )


def _service(of: MetricName, query: MetricQuery) -> str | None:
    """The one service that the page is about, if it is one."""
    named = query.attributes.get(_SERVICE)
    return named or (of.services[0] if len(of.services) == 1 and of.services[0] else None)


def _related(
    reader: Reader, scope: Scope, service: str | None, chart: MetricChartView | None
) -> list[tuple[str, int | None, str, str]]:
    """(label, count, address, key) of what belongs to the metric: exemplars, and its service in this time."""
    of = f" of {plain(service, _SHOWN_SERVICE)}" if service else ""
    logs = reader.count_logs(LogQuery(scope.window, service=service, environment=scope.environment))
    found: list[tuple[str, int | None, str, str]] = []
    if chart and chart.exemplars:
        found.append(("Exemplars", len(chart.exemplars), f"{here()}#exemplars", ""))
    found += [
        (f"Traces{of}", None, scoped("/apm/traces", service=service), ""),
        (f"Logs{of}", logs, scoped("/logs", service=service), "logs"),
    ]
    if service:
        found.append((f"Other metrics{of}", None, scoped("/metrics", service=service), ""))
    return found


def _events(reader: Reader, scope: Scope) -> EventMarks:
    found = find_deployments(
        reader, scope.window, scope.environment, hidden=hidden_from_class(), for_seat=seat_of_events()
    )
    changes = reader.changes(scope.window, scope.environment)
    marks = event_marks(found, scope.window, scope.zone, changes)
    return with_alerts(marks, scope.window, scope.zone)
