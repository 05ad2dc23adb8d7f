"""The API's general routes: the store's status, ids, environments, the OpenAPI document."""

from __future__ import annotations

from observer import serializers
from observer.api import openapi as document
from observer.api.common_parameters import ENVIRONMENT, WINDOW, limit, limit_of, list_window, summed_window
from observer.api.routing import PREFIX, ROUTES, Parameter, route
from observer.api.schemas import (
    SPAN_ID_OR_NULL,
    TIME_OR_NULL,
    TRACE_ID_OR_NULL,
    TRUNCATED,
    boolean,
    list_of,
    record,
    ref,
    text,
    whole,
)
from observer.lookup.deployments import LIMIT, find_deployments
from observer.lookup.resolve import Unresolved, resolve as resolve_id, unresolved
from observer.request import context
from observer.request.desk_session import hidden_from_class, seat_of_events
from observer.request.errors import Malformed
from observer.request.parameters import Query


@route(
    "/status",
    record(
        {
            "ready": boolean("the store answers"),
            "counts": record({name: whole() for name in ("spans", "logs", "sessions", "metric_points")}),
            "rejected": whole("items that were refused as malformed"),
            "oldest_unix_nano": TIME_OR_NULL,
            "newest_unix_nano": TIME_OR_NULL,
            "last_received_unix_nano": TIME_OR_NULL,
            "bytes": whole("of the store"),
            "max_bytes": whole("the size above which the oldest data is pruned"),
            "pruned": record({"spans": whole(), "logs": whole(), "before_unix_nano": TIME_OR_NULL}),
        }
    ),
    tag="general",
)
def status(_query: Query) -> serializers.Plain:
    """The contents and bounds of the store."""
    found = context.reader().status()
    return {
        "ready": True,
        "counts": {
            "spans": found.spans,
            "logs": found.logs,
            "sessions": found.sessions,
            "metric_points": found.metric_points,
        },
        "rejected": found.rejected,
        "oldest_unix_nano": found.oldest_unix_nano,
        "newest_unix_nano": found.newest_unix_nano,
        "last_received_unix_nano": found.last_received_unix_nano,
        "bytes": found.bytes,
        "max_bytes": found.max_bytes,
        "pruned": {
            "spans": found.pruned_spans,
            "logs": found.pruned_logs,
            "before_unix_nano": found.pruned_before_unix_nano,
        },
    }


@route("/environments", record({"environments": list_of(text())}), tag="general", parameters=WINDOW)
def environments(query: Query) -> serializers.Plain:
    """Deployment environments seen in backend or browser telemetry."""
    reader = context.reader()
    return {"environments": list(reader.environments(summed_window(query, reader)))}


@route(
    "/deployments",
    record({"deployments": list_of(ref("Deployment"), "newest first"), "truncated": TRUNCATED}),
    tag="general",
    parameters=(*WINDOW, ENVIRONMENT, limit(LIMIT)),
)
def deployments(query: Query) -> serializers.Plain:
    """Deployment events: log records named `deployment` or `deployment.…`."""
    found = find_deployments(
        context.reader(),
        list_window(query),
        query.text("environment"),
        limit_of(query, LIMIT),
        hidden=hidden_from_class(),
        for_seat=seat_of_events(),
    )
    return {
        "deployments": [serializers.deployment(one) for one in found.items],
        "truncated": found.truncated,
    }


@route(
    "/resolve",
    record(
        {
            "kind": text(words=("trace", "span", "event", "session", "order", "log")),
            "url": text("the page that shows it"),
            "trace_id": TRACE_ID_OR_NULL,
            "span_id": SPAN_ID_OR_NULL,
            "session_id": text(null=True),
        }
    ),
    tag="general",
    parameters=(
        Parameter(
            "id",
            "a trace, span, session, log or order id, or a traceparent",
            text(),
            required=True,
        ),
    ),
)
def resolve(query: Query) -> serializers.Plain:
    """What has this id, and the page that shows it."""
    text_of_id = query.text("id")
    if not text_of_id:
        raise Malformed("id is missing.", "Give a trace, span, session or order id.")
    found = resolve_id(context.reader(), text_of_id)
    if isinstance(found, Unresolved):
        raise unresolved(text_of_id, found)
    return {
        "kind": found.kind,
        "url": found.url,
        "trace_id": found.trace_id,
        "span_id": found.span_id,
        "session_id": found.session_id,
    }


@route(
    "/",
    record({"openapi": text("the address of the OpenAPI document"), "routes": list_of(text())}),
    tag="general",
)
def index(_query: Query) -> serializers.Plain:
    """The routes of this API."""
    return {
        "openapi": f"{PREFIX}/openapi.json",
        "routes": [f"{PREFIX}{each.path}" for each in ROUTES],
    }


@route("/openapi.json", {"type": "object", "description": "an OpenAPI 3.1 document"}, tag="general")
def openapi(_query: Query) -> serializers.Plain:
    """The OpenAPI document of this API."""
    return document.build()
