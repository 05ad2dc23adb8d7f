"""The pages of services: the map, the list, one service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import render_template, request

from observer.components import measure_charts, table_sort
from observer.request import context
from observer.request.errors import Unknown
from observer.request.links import here, scoped
from observer.request.page_request import current_scope
from observer.request.parameters import Query
from observer.request.scope import Scope
from observer.request.time_range import range_args
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.services import map_view, node_panel
from store.api import LogQuery, Measure, Point, TraceSummary, Window

_COLUMNS = 60


@blueprint.get("/apm")
def service_map() -> str:
    """The service map, and the panel of the node that is chosen."""
    reader = context.reader()
    scope = current_scope()
    query = Query(request.args, context.now_unix_nano())
    found = reader.service_map(scope.window, scope.environment)
    selected = query.text("service")
    node = next((node for node in found.nodes if node.service == selected), None)
    hops = query.whole("hops", 0, 0, map_view.MOST_HOPS) if node else 0
    view = map_view.build(
        map_view.around(found, node.service, hops) if node and hops else found,
        lambda name: here(service=name, tag=None),
        selected,
        query.choice("size", ("fit", "full")),
    )
    return render_template(
        "apm/map.html",
        view=view,
        chosen=node_panel.build(reader, scope, found, node, query.text("tag")) if node else None,
        missing=selected if selected and not node else None,
        hops=hops,
        hop_choices=range(1, map_view.MOST_HOPS + 1),
        whole=len(found.nodes),
    )


@blueprint.get("/apm/services")
def services() -> str:
    """Every service with how often, how bad, how slow."""
    reader = context.reader()
    scope = current_scope()
    found = reader.service_map(scope.window, scope.environment)
    sort = table_sort.sort_of(Query(request.args, context.now_unix_nano()))
    own = {node.service: node.measure for node in found.nodes if not node.inferred}
    return render_template(
        "apm/services.html",
        services=table_sort.rows(own, sort),
        inferred=[node for node in found.nodes if node.inferred],
        columns=sort.columns("Service", here),
        window=scope.window,
    )


@blueprint.get("/apm/services/<path:name>")
def service(name: str) -> str:
    """One service: over time, by operation, and with whom it speaks. `-` is followed by its `name`."""
    if name == "-":
        name = request.args.get("name") or name
    reader = context.reader()
    scope = current_scope()
    window, environment = scope.window, scope.environment
    sort = table_sort.sort_of(Query(request.args, context.now_unix_nano()))
    found = reader.service_map(window, environment)
    node = next((node for node in found.nodes if node.service == name), None)
    if node is None:
        return _absent(name)
    points: Sequence[Point] = ()
    operations: Mapping[str, Measure] = {}
    failing: Sequence[TraceSummary] = ()
    if not node.inferred:
        points = reader.series(name, window, _COLUMNS, environment=environment)
        operations = reader.operations(name, window, environment)
        failing = node_panel.examples(reader, scope, name, failing=True)
    hrefs = _columns_hrefs(name, scope, points)
    return render_template(
        "apm/service.html",
        node=node,
        charts=measure_charts.over_time(points, window, scope.zone, name, hrefs) if points else None,
        points=points,
        operations=table_sort.rows(operations, sort),
        columns=sort.columns("Operation", here),
        neighbours=map_view.neighbours(found, name),
        failing=failing,
        window=window,
        logs=reader.count_logs(LogQuery(window=window, service=name, environment=environment)),
    )


def _columns_hrefs(name: str, scope: Scope, points: Sequence[Point]) -> list[str]:
    """For each column of the charts, the traces behind it."""
    step = max(scope.window.duration_ns // _COLUMNS, 1)
    hrefs = []
    for point in points:
        column = range_args(Window(point.start_unix_nano, point.start_unix_nano + step))
        error = "any" if point.measure.errors else None
        hrefs.append(scoped("/apm/traces", service=name, error=error, from_=column["from"], to=column["to"]))
    return hrefs


def _absent(name: str) -> str:
    raise Unknown(
        f"No request of a service called {name[:80]!r} was seen in this time range.",
        "Choose a longer time range, or another environment, at the top of the page.",
    )
