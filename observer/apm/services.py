"""The pages of services: the map, the list, one service, Tag Spotlight."""

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
from observer.errors import Unknown
from observer.query import Query
from observer.ui import chrome
from observer.ui.request import current_scope
from observer.ui.request import here
from observer.ui.request import scoped
from observer.ui.scope import range_args
from store.api import LogQuery
from store.api import Reader
from store.api import TraceQuery
from store.model import Breakdown
from store.model import MapNode
from store.model import Measure
from store.model import ServiceMap
from store.model import TraceSummary
from store.model import Window

FIRST_TAGS = ("version", "service.version", "tenant.level", "http.route")
"""Tags that a breakdown begins with, the first that is there."""
_COLUMNS = 60
_EXAMPLES = 4
_CARD_VALUES = 8
_CARDS_WHEN_SCANNING = 6
"""Cards shown while filters make each of them a scan."""
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
    chosen = _chosen(reader, scope.window, found, node, query.text("tag")) if node else None
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
    """One service: over time, by operation, and with whom it speaks."""
    reader = context.reader()
    scope = current_scope()
    found = reader.service_map(scope.window, scope.environment)
    node = next((node for node in found.nodes if node.service == name), None)
    if node is None:
        return _absent(name)
    points = reader.series(name, scope.window, _COLUMNS) if not node.inferred else ()
    step = scope.window.duration_ns // _COLUMNS
    hrefs = []
    for point in points:
        column = range_args(Window(point.start_unix_nano, point.start_unix_nano + max(step, 1)))
        error = "any" if point.measure.errors else None
        hrefs.append(scoped("/apm/traces", service=name, error=error, from_=column["from"], to=column["to"]))
    operations = reader.operations(name, scope.window) if not node.inferred else {}
    ranked = sorted(operations.items(), key=lambda pair: (-pair[1].requests, pair[0]))
    return render_template(
        "apm/service.html",
        node=node,
        charts=numbers.over_time(points, scope.window, scope.zone, name, hrefs) if points else None,
        points=points,
        operations=ranked,
        neighbours=mapview.neighbours(found, name),
        failing=() if node.inferred else _examples(reader, scope.window, name, failing=True),
        all_environments=scope.environment is not None,
        window=scope.window,
        logs=reader.count_logs(LogQuery(window=scope.window, service=name)),
    )


@blueprint.get("/apm/tags")
def tags() -> str:
    """Tag Spotlight: requests, errors, root causes and latency by the values of each attribute."""
    reader = context.reader()
    scope = current_scope()
    query = Query(request.args, context.now_unix_nano())
    name = query.text("service")
    where = query.attributes()
    asked = [tag.strip() for tag in query.texts("tag") if tag.strip()][:4]
    known = reader.tags(scope.window)
    wanted = [*asked, *(tag for tag in known if tag not in asked and tag not in where)]
    shown = wanted[: max(_CARDS_WHEN_SCANNING, len(asked))] if where else wanted
    cards = [reader.breakdown(name, tag, scope.window, where or None, _CARD_VALUES + 1) for tag in shown]
    metric = query.choice("metric", ("requests", "errors", "root", "p90")) or "requests"
    names = sorted(reader.services(scope.window))
    points = reader.series(name, scope.window, _COLUMNS)
    return render_template(
        "apm/tags.html",
        service=name,
        services=names,
        where=where,
        metric=metric,
        cards=sorted(
            (c for c in cards if c.tag in asked or _says_something(c)), key=lambda c: _telling(c, asked)
        ),
        limit=_CARD_VALUES,
        not_shown=[tag for tag in wanted if tag not in shown],
        charts=numbers.over_time(points, scope.window, scope.zone, name or "all services"),
        without=_without(where),
        with_filter=_with_filter,
        traces_href=_traces_href(name, where),
        amount=_amount,
        all_environments=scope.environment is not None,
    )


def _absent(name: str) -> str:
    raise Unknown(
        f"No request of a service called {name[:80]!r} was seen in this time range.",
        "Choose a longer time range, or another environment, at the top of the page.",
    )


def _chosen(reader: Reader, window: Window, found: ServiceMap, node: MapNode, tag: str | None) -> Chosen:
    if node.inferred:
        return Chosen(node, mapview.neighbours(found, node.service), (), (), "", (), None)
    known = list(reader.tags(window))
    chosen_tag = tag or next((each for each in FIRST_TAGS if each in known), known[0] if known else "")
    if chosen_tag and chosen_tag not in known:
        known.append(chosen_tag)
    return Chosen(
        node=node,
        neighbours=mapview.neighbours(found, node.service),
        failing=_examples(reader, window, node.service, failing=True),
        newest=_examples(reader, window, node.service, failing=False),
        tag=chosen_tag,
        tags=known,
        breakdown=(
            reader.breakdown(node.service, chosen_tag, window, None, _BREAKDOWN_VALUES)
            if chosen_tag
            else None
        ),
    )


def _examples(reader: Reader, window: Window, name: str, *, failing: bool) -> Sequence[TraceSummary]:
    query = TraceQuery(window=window, service=name, error="any" if failing else None, limit=_EXAMPLES)
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


def _says_something(card: Breakdown) -> bool:
    """Whether any request carries the tag at all."""
    return any(value.value for value in card.values)


def _telling(card: Breakdown, asked: Sequence[str]) -> tuple[bool, bool, float, str]:
    """Sorts cards: those asked for, then those whose values tell errors apart best.

    The measure is how many errors stand elsewhere than an even spread would put them,
    as a share of all requests. Codes of outcomes tell nothing but themselves: last.
    """
    requests = sum(value.measure.requests for value in card.values) or 1
    errors = sum(value.measure.errors for value in card.values)
    moved = sum(abs(v.measure.errors - errors * v.measure.requests / requests) for v in card.values)
    outcome = card.tag.endswith("status_code") or card.tag.startswith("error")
    return card.tag not in asked, outcome, -round(moved / requests, 6), card.tag


def _amount(measure: Measure, metric: str) -> float:
    """The number that a card's bars compare."""
    if metric == "errors":
        return measure.errors
    if metric == "root":
        return measure.origin_errors
    if metric == "p90":
        return measure.latency.p90_ns or 0
    return measure.requests


def _with_filter(tag: str, value: str) -> str:
    """This page's address with one more filter."""
    pairs = [(key, text) for key, text in request.args.items(multi=True) if key not in ("cursor", "tag")]
    return chrome.address(request.path, [*pairs, ("attr", f"{tag}:{value}")])


def _traces_href(name: str | None, where: Mapping[str, str]) -> str:
    """The traces of which any span carries what is filtered by."""
    pairs = [("attr", f"{key}:{value}") for key, value in where.items()]
    if name:
        pairs.append(("service", name))
    return chrome.address("/apm/traces", [*pairs, *current_scope().args().items()])


def _without(where: Mapping[str, str]) -> dict[str, str]:
    """For each filter, this page's address without it."""
    pairs = [(key, value) for key, value in request.args.items(multi=True) if key != "cursor"]
    return {
        name: chrome.address(request.path, [p for p in pairs if p != ("attr", f"{name}:{value}")])
        for name, value in where.items()
    }
