"""The API's general routes: the store's status, ids, environments, the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from flask import Response, request

from observer import serializers
from observer.api import openapi as document
from observer.api.common_parameters import ENVIRONMENT, WINDOW, limit, limit_of, list_window, summed_window
from observer.api.routing import PREFIX, ROUTES, Parameter, route
from observer.api.schemas import (
    SPAN_ID_OR_NULL,
    TIME,
    TIME_OR_NULL,
    TRACE_ID_OR_NULL,
    TRUNCATED,
    boolean,
    list_of,
    map_of,
    record,
    ref,
    text,
    whole,
)
from observer.lookup.alerting_state import STATES, alerting_state
from observer.lookup.deployments import LIMIT, find_deployments
from observer.lookup.resolve import KINDS, Resolved, Several, Unresolved, resolve as resolve_id, unresolved
from observer.lookup.telemetry_state import Refusal, TelemetryState, telemetry_state
from observer.request import context
from observer.request.desk_session import hidden_from_class, seat_of_events
from observer.request.errors import STORE_REMEDY, Malformed
from observer.request.parameters import Query
from observer.request.responses import json_response
from store.api import SETTLING_STATES, StoreError

_REFUSAL = record(
    {
        "reason": text("in one word"),
        "words": text("for people"),
        "message": text("with the remedy"),
        "since_unix_nano": TIME,
        "until_unix_nano": TIME,
        "counts": map_of(whole(), "items by kind; `requests` were refused before they were read"),
    }
)
_TELEMETRY = record(
    {
        "collector": text("whether it answers", words=("answers", "silent", "not asked")),
        "silent_since_unix_nano": TIME_OR_NULL,
        "writing": boolean("the collector can write the store, as far as is known"),
        "refused_now": list_of(_REFUSAL),
        "refused_before": list_of(_REFUSAL, "newest first"),
        "notes": list_of(
            record({"at_unix_nano": TIME, "text": text()}), "what happened to the store, newest first"
        ),
    }
)
_ALERTING = record(
    {
        "state": text("whether rules are evaluated", words=STATES),
        "last_pass_unix_nano": TIME_OR_NULL,
        "message": text("for people; empty while it runs"),
        "firing": whole("alerts"),
    }
)


@route(
    "/status",
    record(
        {
            "ready": boolean("the store answers, and the collector can write it"),
            "telemetry": _TELEMETRY,
            "alerting": _ALERTING,
            "counts": record(
                {name: whole("that are kept") for name in ("spans", "logs", "sessions", "metric_points")}
            ),
            "rejected": whole("items that were refused as malformed"),
            "oldest_unix_nano": TIME_OR_NULL,
            "newest_unix_nano": TIME_OR_NULL,
            "last_received_unix_nano": TIME_OR_NULL,
            "settled_up_to_unix_nano": TIME_OR_NULL,
            "settling": text("whether lists, charts and maps are complete", words=SETTLING_STATES),
            "bytes": whole("of the store"),
            "max_bytes": whole("the size above which the oldest data is pruned"),
            "pruned": record(
                {
                    "spans": whole(),
                    "logs": whole(),
                    "metric_points": whole(),
                    "before_unix_nano": TIME_OR_NULL,
                }
            ),
            "limitations": list_of(text("what this store cannot tell")),
            "prepared": {
                "type": ["boolean", "null"],
                "description": "whether a server has tables of our own",
            },
            "settled_unix_nano": TIME_OR_NULL,
        }
    ),
    tag="general",
)
def status(_query: Query) -> serializers.Plain | Response:
    """The contents and bounds of the store, and what was refused; 503 when the store cannot be read."""
    state = telemetry_state()
    telemetry = _plain(state)
    try:
        found, settling = context.reader().status(), context.reader().settling()
    except StoreError as error:
        problem = {"code": "unavailable", "message": str(error), "remedy": STORE_REMEDY}
        unready = {"error": problem, "ready": False, "telemetry": telemetry, "alerting": _alerting()}
        return json_response(unready, 503)
    return {
        "ready": state.is_receiving,
        "telemetry": telemetry,
        "alerting": _alerting(),
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
        "settled_up_to_unix_nano": settling.up_to_unix_nano,
        "settling": settling.state(context.now_unix_nano()),
        "bytes": found.bytes,
        "max_bytes": found.max_bytes,
        "pruned": {
            "spans": found.pruned_spans,
            "logs": found.pruned_logs,
            "metric_points": found.pruned_metric_points,
            "before_unix_nano": found.pruned_before_unix_nano,
        },
        "limitations": [each.value for each in found.limitations],
        "prepared": found.prepared,
        "settled_unix_nano": found.settled_unix_nano,
    }


def _alerting() -> serializers.Plain:
    found = alerting_state(context.alert_file(), context.now_unix_nano())
    return {
        "state": found.state,
        "last_pass_unix_nano": found.last_pass_unix_nano,
        "message": found.message,
        "firing": found.firing,
    }


@route("/environments", record({"environments": list_of(text())}), tag="general", parameters=WINDOW)
def environments(query: Query) -> serializers.Plain:
    """Deployment environments seen in backend or browser telemetry."""
    reader = context.reader()
    return {"environments": list(reader.environments(summed_window(query, reader)))}


def _plain(state: TelemetryState) -> serializers.Plain:
    def refusals(found: Sequence[Refusal]) -> list[serializers.Plain]:
        return [
            {
                "reason": each.reason,
                "words": each.words,
                "message": each.message,
                "since_unix_nano": each.since_unix_nano,
                "until_unix_nano": each.until_unix_nano,
                "counts": dict(each.counts),
            }
            for each in found
        ]

    answers = "answers" if state.silent_since_unix_nano is None else "silent"
    return {
        "collector": answers if state.asked else "not asked",
        "silent_since_unix_nano": state.silent_since_unix_nano,
        "writing": state.writing,
        "refused_now": refusals(state.now),
        "refused_before": refusals(state.past),
        "notes": [{"at_unix_nano": note.at_unix_nano, "text": note.text} for note in state.notes],
    }


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
            "kind": text("`several`: see `matches`", words=(*KINDS, "several")),
            "url": text("the page that shows it"),
            "trace_id": TRACE_ID_OR_NULL,
            "span_id": SPAN_ID_OR_NULL,
            "session_id": text(null=True),
            "matches": list_of(
                record(
                    {
                        "kind": text(words=KINDS),
                        "label": text(),
                        "url": text(),
                        "trace_id": TRACE_ID_OR_NULL,
                        "span_id": SPAN_ID_OR_NULL,
                        "session_id": text(null=True),
                    }
                ),
                "everything that fits",
            ),
            "truncated": boolean("there may be more that fits"),
        }
    ),
    tag="general",
    parameters=(
        Parameter(
            "id",
            "what somebody typed or pasted: an id of a trace, span, session, log or order, or some of its "
            "digits; a traceparent or Server-Timing header; a link to a page; a part of the name of a seat, "
            "a service, an order, a session or a metric",
            text(),
            required=True,
        ),
    ),
)
def resolve(query: Query) -> serializers.Plain:
    """What is meant by a text, and the page that shows it; several things where several fit."""
    text_of_id = query.text("id")
    if not text_of_id:
        raise Malformed("id is missing.", "Give a trace, span, session or order id.")
    found = resolve_id(context.reader(), text_of_id)
    if isinstance(found, Unresolved):
        raise unresolved(text_of_id, found)
    if isinstance(found, Several):
        return {
            "kind": "several",
            "url": f"/search?{urlencode({'q': text_of_id})}",
            "trace_id": None,
            "span_id": None,
            "session_id": None,
            "matches": [_match(each) for each in found.found],
            "truncated": found.more,
        }
    match = _match(found)
    del match["label"]
    return {**match, "matches": [_match(found)], "truncated": False}


def _match(found: Resolved) -> serializers.Plain:
    return {
        "kind": found.kind,
        "label": found.label,
        "url": request.script_root + found.url,
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
        "openapi": f"{request.script_root}{PREFIX}/openapi.json",
        "routes": [f"{request.script_root}{PREFIX}{each.path}" for each in ROUTES],
    }


@route("/openapi.json", {"type": "object", "description": "an OpenAPI 3.1 document"}, tag="general")
def openapi(_query: Query) -> serializers.Plain:
    """The OpenAPI document of this API."""
    return document.build()
