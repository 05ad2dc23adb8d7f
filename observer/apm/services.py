"""The pages of services: the map, the list, one service."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass

from flask import render_template
from flask import request

from observer import context
from observer.apm import mapview
from observer.apm import numbers
from observer.apm.blueprint import blueprint
from observer.apm.spotlight import FIRST_TAGS
from observer.apm.spotlight import says_something
from observer.errors import Unknown
from observer.query import Query
from observer.ui.request import current_scope
from observer.ui.request import here
from observer.ui.request import scoped
from observer.ui.scope import Scope
from observer.ui.scope import range_args
from store.api import LogQuery
from store.api import Reader
from store.api import TraceQuery
from store.model import Breakdown
from store.model import MapNode
from store.model import Measure
from store.model import Point
from store.model import ServiceMap
from store.model import TraceSummary
from store.model import Window

_COLUMNS = 60
_EXAMPLES = 4
_BREAKDOWN_VALUES = 8


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the panel beside the map says of one node."""

    node: MapNode
    neighbours: mapview.Neighbours
    failing: Sequence[TraceSummary]
    newest: Sequence[TraceSummary]
    tag: str
    tags: Sequence[str]
    breakdown: Breakdown | None


@blueprint.get("/apm")
def service_map() -> str:
    """The service map, and the panel of the node that is chosen."""
    reader = context.reader()
    scope = current_scope()
    query = Query(request.args, context.now_unix_nano())
    found = reader.service_map(scope.window, scope.environment)
    selected = query.text("service")
    view = mapview.build(found, lambda name: here(service=name, tag=None), selected)
    node = next((node for node in found.nodes if node.service == selected), None)
    chosen = _chosen(reader, scope, found, node, query.text("tag")) if node else None
    return render_template(
        "apm/map.html", view=view, chosen=chosen, missing=selected if selected and not node else None
    )


@blueprint.get("/apm/services")
def services() -> str:
    """Every service with how often, how bad, how slow."""
    reader = context.reader()
    scope = current_scope()
    found = reader.service_map(scope.window, scope.environment)
    query = Query(request.args, context.now_unix_nano())
    sort = query.choice("sort", ("requests", "errors", "root", "p90", "name")) or "requests"
    ranked = sorted((n for n in found.nodes if not n.inferred), key=lambda n: _rank(n, sort))
    return render_template(
        "apm/services.html",
        services=ranked,
        inferred=[node for node in found.nodes if node.inferred],
        sort=sort,
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
        failing = _examples(reader, scope, name, failing=True)
    hrefs = _columns_hrefs(name, scope, points)
    return render_template(
        "apm/service.html",
        node=node,
        charts=numbers.over_time(points, window, scope.zone, name, hrefs) if points else None,
        points=points,
        operations=sorted(operations.items(), key=lambda pair: (-pair[1].requests, pair[0])),
        neighbours=mapview.neighbours(found, name),
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


def _chosen(reader: Reader, scope: Scope, found: ServiceMap, node: MapNode, tag: str | None) -> Chosen:
    if node.inferred:
        return Chosen(node, mapview.neighbours(found, node.service), (), (), "", (), None)
    known = list(reader.tags(scope.window))
    if tag and tag not in known:
        known.append(tag)
    breakdown = _breakdown(reader, scope, node.service, tag, known)
    return Chosen(
        node=node,
        neighbours=mapview.neighbours(found, node.service),
        failing=_examples(reader, scope, node.service, failing=True),
        newest=_examples(reader, scope, node.service, failing=False),
        tag=breakdown.tag if breakdown else "",
        tags=known,
        breakdown=breakdown,
    )


def _breakdown(
    reader: Reader, scope: Scope, name: str, tag: str | None, known: Sequence[str]
) -> Breakdown | None:
    """By the tag that was asked for, else by the first usual one that this service's requests carry."""
    wanted = [tag] if tag else [each for each in FIRST_TAGS if each in known] or list(known[:1])
    found = reader.breakdowns(name, wanted, scope.window, None, _BREAKDOWN_VALUES, scope.environment)
    if not found:
        return None
    return next((each for each in found.values() if says_something(each)), found[wanted[-1]])


def _examples(reader: Reader, scope: Scope, name: str, *, failing: bool) -> Sequence[TraceSummary]:
    query = TraceQuery(
        window=scope.window,
        service=name,
        error="any" if failing else None,
        limit=_EXAMPLES,
        environment=scope.environment,
    )
    return reader.find_traces(query).items


def _rank(node: MapNode, sort: str) -> tuple[float, str]:
    measure = node.measure
    keys: dict[str, float] = {
        "requests": measure.requests,
        "errors": measure.errors,
        "root": measure.origin_errors,
        "p90": measure.latency.p90_ns or 0,
        "name": 0,
    }
    return -keys[sort], node.service
