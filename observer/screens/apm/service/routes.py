"""The page of one service."""

from __future__ import annotations

from collections.abc import Sequence

from flask import render_template, request

from observer.components import measure_charts, table_sort
from observer.components.alert_bands import with_alerts
from observer.components.deployment_marks import event_marks
from observer.drawing.event_marks import EventMarks
from observer.lookup.deployments import find_deployments
from observer.request import context
from observer.request.desk_session import hidden_from_class, seat_of_events
from observer.request.errors import Unknown
from observer.request.links import extended, here, scoped
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.scope import Scope
from observer.request.time_range import range_args
from observer.screens.apm.affected_choice import affected_of
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.data_time import load_data_time
from observer.screens.apm.example_traces import find_examples
from observer.screens.apm.impact_line import impact_line
from observer.screens.apm.latency_exemplars import dots_of, latency_exemplars
from observer.screens.apm.metric_place import place_of
from observer.screens.apm.request_updates import updates_address
from observer.screens.apm.service import view
from observer.screens.apm.service.versions import version_table
from observer.screens.apm.service_metrics import names_of
from store.api import LogQuery, Point, Reader, Window

_COLUMNS = 60


@blueprint.get("/apm/services/<path:name>")
@context.one_snapshot
def service(name: str) -> str:
    """One service over time, by operation, with its callers and callees.

    The path `-` stands for the service in the argument `name`, for names that do not fit into a path.
    """
    if name == "-":
        name = request.args.get("name") or name
    reader = context.reader()
    scope = current_scope()
    query = Query(request.args, context.now_unix_nano())
    sort = table_sort.sort_of(query)
    found = reader.service_map(scope.window, scope.environment)
    node = next((node for node in found.nodes if node.service == name), None)
    if node is None:
        raise Unknown(
            f"No request of a service called {name[:80]!r} was seen in this time range.",
            "Choose a longer time range, or another environment, at the top of the page.",
        )
    charts = affected = versions = None
    key, impact = impact_line(reader, scope, query)
    names, more_names = names_of(reader, name, scope)
    exemplars = () if node.inferred else latency_exemplars(reader, name, names, scope)
    if not node.inferred:
        points = reader.series(name, scope.window, _COLUMNS, environment=scope.environment)
        hrefs = _column_hrefs(name, scope, points)
        if points:
            events = _events(reader, scope)
            dots = dots_of(exemplars, scope.zone)
            charts = measure_charts.over_time(points, scope.window, scope.zone, name, hrefs, events, dots)
    data = _load(reader, scope, name, inferred=node.inferred)
    if not node.inferred:
        affected = affected_of(reader, scope, query, name, data.operations)
        versions = version_table(reader.versions(name, scope.window, key, scope.environment), key)
    return render_template(
        "apm/service.html",
        view=view.build(found, node, load_data_time(reader, scope), data, charts, sort),
        columns=sort.columns("Operation", here),
        affected=affected,
        versions=versions,
        impact=impact,
        exemplars=exemplars,
        metrics=place_of(name, names, more=more_names),
        updates_address=updates_address(reader, scope, None if node.inferred else name),
    )


def _events(reader: Reader, scope: Scope) -> EventMarks:
    """The marks of the charts."""
    deployments = find_deployments(
        reader, scope.window, scope.environment, hidden=hidden_from_class(), for_seat=seat_of_events()
    )
    changes = reader.changes(scope.window, scope.environment)
    marks = event_marks(deployments, scope.window, scope.zone, changes)
    return with_alerts(marks, scope.window, scope.zone)


def _load(reader: Reader, scope: Scope, name: str, *, inferred: bool) -> view.ServiceData:
    logs = reader.count_logs(LogQuery(window=scope.window, service=name, environment=scope.environment))
    if inferred:
        return view.ServiceData({}, (), logs)
    return view.ServiceData(
        operations=reader.operations(name, scope.window, scope.environment),
        failing=find_examples(reader, scope, name, failing=True),
        logs=logs,
    )


def _column_hrefs(name: str, scope: Scope, points: Sequence[Point]) -> list[str]:
    """For each column of the charts, the address of the traces it counts."""
    step = max(scope.window.duration_ns // _COLUMNS, 1)
    # An argument of the range is given, so that the reader's own is left out.
    base = scoped("/apm/traces", service=name, to=None)
    columns = [Window(point.start_unix_nano, point.start_unix_nano + step) for point in points]
    return [extended(base, range_args(column)) for column in columns]
