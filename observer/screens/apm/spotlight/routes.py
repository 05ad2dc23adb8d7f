"""The page of Tag Spotlight: a service's requests, errors and latency by the values of each attribute."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from flask import render_template, request

from observer.components import measure_charts, traffic_filter
from observer.components.alert_bands import with_alerts
from observer.components.deployment_marks import event_marks
from observer.drawing.event_marks import EventMarks
from observer.lookup.deployments import find_deployments
from observer.lookup.sightings import sightings_of
from observer.request import context, links
from observer.request.desk_session import hidden_from_class, seat_of_events
from observer.request.page_request import current_scope
from observer.request.parameters import Query, read_attribute, spell_attribute
from observer.request.scope import Scope
from observer.request.time_range import range_args
from observer.screens.apm.affected_choice import affected_of
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.request_updates import updates_address
from observer.screens.apm.spotlight import view
from store.api import Measure, Reader

EVERY_SERVICE = "*"
"""Stands in an address for all services at once; without a service, the page shows the worst one."""
_COLUMNS = 60
_REQUESTED_TAGS_LIMIT = 4


@blueprint.get("/apm/tags")
@context.one_snapshot
def tags() -> str:
    """The tags of one service, those that separate its errors best first."""
    reader = context.reader()
    scope = current_scope()
    query = Query(request.args, context.now_unix_nano())
    services = reader.services(scope.window, scope.environment, exact=False)
    name = query.text("service") or _worst(services)
    if name == EVERY_SERVICE:
        name = None
    attributes = query.attributes()
    whose = scope.whose or "all"
    where = traffic_filter.conditions(None, attributes, whose) or {}
    metric = query.choice("metric", tuple(view.METRICS)) or "requests"
    requested = [tag.strip() for tag in query.texts("tag") if tag.strip()][:_REQUESTED_TAGS_LIMIT]
    known = reader.tags(scope.window)
    selection = view.select_tags(known, requested, where)
    breakdowns = reader.breakdowns(
        name, selection.shown, scope.window, where, view.VALUES_LIMIT + 1, scope.environment
    )
    # Only indexed tags can filter a series; by any other, the charts show all requests.
    indexed = where.keys() <= set(known)
    points = reader.series(
        name, scope.window, _COLUMNS, environment=scope.environment, where=where if indexed else None
    )
    operations = reader.operations(name, scope.window, scope.environment) if indexed and name else {}
    hrefs = view.CardHrefs(_with_filter, partial(_api_href, name, where))
    return render_template(
        "apm/tags.html",
        service=name,
        sightings=sightings_of(reader, where, name),
        every=EVERY_SERVICE,
        services=sorted(services),
        attributes=attributes,
        traffic=traffic_filter.Traffic(whose, scope.whose, traffic_filter.requests_note(whose)),
        metric=metric,
        metrics=view.METRICS,
        cards=view.build_cards(breakdowns.values(), requested, metric, hrefs),
        left_out=selection.left_out,
        charts=measure_charts.over_time(
            points, scope.window, scope.zone, name or "all services", events=_events(reader, scope)
        ),
        affected=affected_of(reader, scope, query, name, operations, where) if indexed else None,
        without=_without(attributes),
        updates_address=updates_address(reader, scope, name, where if indexed else None),
        traces_href=_traces_href(name, attributes),
        charts_unfiltered=not indexed,
    )


def _events(reader: Reader, scope: Scope) -> EventMarks:
    """The marks of the charts."""
    deployments = find_deployments(
        reader, scope.window, scope.environment, hidden=hidden_from_class(), for_seat=seat_of_events()
    )
    changes = reader.changes(scope.window, scope.environment)
    marks = event_marks(deployments, scope.window, scope.zone, changes)
    return with_alerts(marks, scope.window, scope.zone)


def _worst(services: Mapping[str, Measure]) -> str | None:
    """The service in which most errors began, else the busiest; None without services."""
    ranked = sorted(services.items(), key=lambda pair: (-pair[1].origin_errors, -pair[1].requests, pair[0]))
    return ranked[0][0] if ranked else None


def _with_filter(tag: str, value: str) -> str:
    """This page's address with one more filter."""
    pairs = [(key, text) for key, text in request.args.items(multi=True) if key not in ("cursor", "tag")]
    return links.address(request.path, [*pairs, ("attr", spell_attribute(tag, value))])


def _traces_href(name: str | None, where: Mapping[str, str]) -> str:
    """The traces in which any span carries the filtered values; `not set` cannot be searched for there."""
    pairs = [("attr", spell_attribute(key, value)) for key, value in where.items() if value]
    if name:
        pairs.append(("service", name))
    return links.address("/apm/traces", [*pairs, *current_scope().args().items()])


def _api_href(name: str | None, where: Mapping[str, str], tag: str) -> str:
    """The same breakdown in the JSON API, which returns more values than a card shows."""
    scope = current_scope()
    span = {"since": scope.since} if scope.since else range_args(scope.window)
    arguments = {"tag": tag, "service": name, "environment": scope.environment, **span}
    pairs = [(key, value) for key, value in arguments.items() if value]
    return links.address(
        "/api/v1/apm/tags", [*pairs, *(("attr", spell_attribute(k, v)) for k, v in where.items())]
    )


def _without(where: Mapping[str, str]) -> dict[str, str]:
    """For each filter, this page's address without it."""
    pairs = [(key, value) for key, value in request.args.items(multi=True) if key != "cursor"]
    return {
        name: links.address(
            request.path, [p for p in pairs if p[0] != "attr" or read_attribute(p[1]) != (name, value)]
        )
        for name, value in where.items()
    }
