"""The page of the trace search, and its update endpoint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

from flask import Response, redirect, render_template, request
from werkzeug.wrappers import Response as BaseResponse

from observer.components import number_format as formats, updates
from observer.components.affected_panel import affected_panel
from observer.components.alert_bands import with_alerts
from observer.components.deployment_marks import event_marks
from observer.components.late_arrivals import late_notice
from observer.components.never_seen import never_seen_words
from observer.components.updates import Update
from observer.lookup.deployments import find_deployments
from observer.lookup.sightings import sightings_of
from observer.lookup.spelling import Sense, meant
from observer.request import context, links
from observer.request.desk_session import hidden_from_class, seat_of_events
from observer.request.errors import refuse
from observer.request.links import scoped
from observer.request.page_request import current_scope
from observer.request.parameters import Query, read_attribute, spell_attribute
from observer.request.scope import Scope
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.traces import view
from signals.semantics import PROMOTED
from store.api import Measure, Reader, TraceQuery, TraceSort, Window

_LIMIT = 50
_UPDATES_LIMIT = 100
_OPERATIONS_LIMIT = 200
_OPERATIONS_WINDOW_NS = 300 * 10**9
"""Operations are listed from the last minutes: the whole range would cost more than the search."""
_ERRORS: dict[str | None, Literal["any", "origin"] | None] = {None: None, "any": "any", "origin": "origin"}
_SORTS: dict[str | None, TraceSort] = {
    None: "newest",
    "newest": "newest",
    "oldest": "oldest",
    "slowest": "slowest",
}


@blueprint.get("/apm/traces")
@context.one_snapshot
def traces() -> str | BaseResponse:
    """Summaries of the traces that match, newest, oldest or slowest first.

    A typed tag (`tag`) answers with a redirect to the address that holds it.
    """
    reader = context.reader()
    scope = current_scope()
    query = Query(request.args, context.now_unix_nano())
    if query.has("tag"):
        return redirect(_with_tag(query, reader, scope), 303)
    search = _search(query, scope.window, scope.environment)
    page = reader.find_traces(search)
    deployments = find_deployments(
        reader, scope.window, scope.environment, hidden=hidden_from_class(), for_seat=seat_of_events()
    )
    changes = reader.changes(scope.window, scope.environment)
    marks = event_marks(deployments, scope.window, scope.zone, changes)
    events = with_alerts(marks, scope.window, scope.zone)
    # A search by a tag that is not indexed reads spans: to count, it would read more of them.
    counted = query.flag("affected") or {*search.attributes, *search.like} <= set(PROMOTED)
    affected = reader.affected_by_traces(search) if page.items and counted else None
    services = reader.services(scope.window, scope.environment, exact=False)
    return render_template(
        "apm/traces.html",
        late=late_notice(reader, scope.window),
        search=search,
        view=view.build(
            page.items, scope.window, scope.zone, lambda found: scoped(f"/apm/traces/{found}"), events
        ),
        next_cursor=page.next_cursor,
        truncated=page.truncated,
        in_all=view.total_words(*reader.count_traces(search)) if page.items else "",
        conditions=view.conditions(search, _without),
        never_seen="" if page.items else never_seen_words(reader, (*search.attributes, *search.like)),
        sightings=sightings_of(reader, search.attributes, search.service),
        filters=[
            (argument, spell_attribute(name, value))
            for argument, found in (("attr", search.attributes), ("like", search.like))
            for name, value in found.items()
        ],
        operations=_operations(reader, scope, search.service),
        operation=query.text("operation") or "",
        services=sorted(services),
        requests=_requests(search, services),
        affected=affected_panel(affected, scope.zone, "trace") if affected else None,
        updates_address=_updates_address(search, scope),
        has_traces=bool(page.items) or reader.status().spans > 0,
    )


@blueprint.get("/apm/traces/updates")
def traces_updates() -> Response:
    """How many traces came since `after` that fit the same conditions."""
    query = Query(request.args, context.now_unix_nano())
    after = query.whole("after", 0, 0, Window.ALL.to_unix_nano - 1)
    window, environment = Window(after + 1, Window.ALL.to_unix_nano), query.text("env")
    search = _search(query, window, environment)
    search = replace(search, sort="newest", cursor=None, limit=_UPDATES_LIMIT)
    page = context.reader().find_traces(search)
    count = len(page.items)
    more = "+" if page.next_cursor else ""
    words = f"{formats.count(count)}{more} new {'trace' if count == 1 else 'traces'}"
    return updates.answer(Update(count, words))


def _search(query: Query, window: Window, environment: str | None) -> TraceQuery:
    """The search of a request. `operation` is any part of a name; with `exact`, the whole name."""
    operation, exact = query.text("operation"), query.flag("exact")
    return TraceQuery(
        window=window,
        service=query.text("service"),
        operation=operation if exact else None,
        operation_contains=None if exact else operation,
        also=query.text("also"),
        error=_ERRORS[query.choice("error", ("any", "origin"))],
        attributes=query.attributes(),
        like=query.attributes("like"),
        min_ns=query.milliseconds_ns("min_ms"),
        max_ns=query.milliseconds_ns("max_ms"),
        sort=_SORTS[query.choice("sort", ("newest", "oldest", "slowest"))],
        limit=_LIMIT,
        cursor=query.text("cursor"),
        environment=environment,
    )


def _with_tag(query: Query, reader: Reader, scope: Scope) -> str:
    """This page's address with the tag that was typed, spelled as in the telemetry. Raises Malformed."""
    typed = query.text("tag") or ""
    pair = read_attribute(typed) or read_attribute(typed.replace("=", ":", 1))
    name, value = (part.strip() for part in pair) if pair else ("", "")
    if not name:
        raise refuse("tag", typed, "a name, a colon and a value, such as enduser.id:anna")

    def is_there(sense: Sense, text: str) -> bool:
        exact, part = ({name: text}, {}) if sense == "attr" else ({}, {name: text})
        found = TraceQuery(scope.window, attributes=exact, like=part, limit=1, environment=scope.environment)
        return bool(reader.find_traces(found).items)

    sense, text = meant(reader, name, value, is_there)
    kept = [pair for pair in query.pairs() if pair[0] not in ("tag", "cursor")]
    return links.address(request.path, [*kept, (sense, spell_attribute(name, text))])


def _requests(search: TraceQuery, services: Mapping[str, Measure]) -> int | None:
    """The requests of the chosen service, where nothing else narrows the search; a trace may hold several."""
    service = search.service
    if service is None or search != TraceQuery(
        search.window,
        service,
        sort=search.sort,
        limit=_LIMIT,
        cursor=search.cursor,
        environment=search.environment,
    ):
        return None
    return services[service].requests if service in services else 0


def _operations(reader: Reader, scope: Scope, service: str | None) -> list[str]:
    window = scope.window
    newest = Window(
        max(window.from_unix_nano, window.to_unix_nano - _OPERATIONS_WINDOW_NS), window.to_unix_nano
    )
    return sorted(reader.operations(service, newest, scope.environment))[:_OPERATIONS_LIMIT]


def _without(name: str, value: str | None = None) -> str:
    """This page's address without an argument, or without one of its values."""
    pairs = [
        (key, text)
        for key, text in request.args.items(multi=True)
        if key != "cursor" and not (key == name and (value is None or text == value))
    ]
    return links.address(request.path, pairs)


def _updates_address(search: TraceQuery, scope: Scope) -> str:
    """Where to ask for new traces; empty where the page does not show the newest."""
    if search.cursor or search.sort != "newest":
        return ""
    after = ("after", str(scope.now_unix_nano))
    return updates.address(scope, "/apm/traces/updates", [*request.args.items(multi=True), after])
