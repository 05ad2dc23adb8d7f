"""The API's routes for what an incident asks: how bad, since when, what is slow, what differs."""

from __future__ import annotations

from observer import serializers
from observer.api.common_parameters import (
    ENVIRONMENT,
    SERVICE,
    WINDOW,
    limit,
    limit_of,
    list_window,
    summed_window,
)
from observer.api.compared_fields import COVERED, covered
from observer.api.routing import Parameter, route
from observer.api.schemas import (
    MEASURE,
    REACH,
    TIME,
    TIME_OR_NULL,
    TRUNCATED,
    boolean,
    list_of,
    record,
    text,
    whole,
)
from observer.lookup.key_operation import key_operation
from observer.request import context
from observer.request.errors import Malformed
from observer.request.key_argument import ARGUMENT, chosen_operation
from observer.request.parameters import Query
from store.api import Measure

_OPERATION = {"service": text(), "operation": text()}
_KEY = Parameter(
    ARGUMENT,
    "the operation to measure by, `service:operation`; without it the one of the setting KEY_OPERATIONS, "
    "else the one with the most errors that people meet",
    text(),
)
_EXACT = boolean("false where the search ended early: it was seen at the latest then, and perhaps before")


@route(
    "/apm/impact",
    record(
        {
            "service": text("empty where nothing failed and nothing was chosen"),
            "operation": text(),
            "why": text("how the operation was found"),
            "offered": list_of(record(_OPERATION), "operations that can be chosen instead"),
            "people": record(REACH),
            "synthetic": record(REACH),
            "since_unix_nano": TIME_OR_NULL,
        }
    ),
    tag="apm",
    parameters=(_KEY, *WINDOW, ENVIRONMENT),
)
def impact(query: Query) -> serializers.Plain:
    """How bad an incident is, for whom: failed for good, recovered, people and sessions, refused money."""
    reader = context.reader()
    key = key_operation(
        reader,
        summed_window(query, reader),
        query.text("environment"),
        context.settings().measured_operations,
        chosen_operation(query),
    )
    return {
        "service": key.of.service if key.of else "",
        "operation": key.of.operation if key.of else "",
        "why": key.why,
        "offered": [of._asdict() for of in key.offered],
        **serializers.impact(key.found),
    }


@route(
    "/apm/slowest",
    record(
        {
            "operations": list_of(
                record({**_OPERATION, **MEASURE, "before": record(MEASURE, null=True)}),
                "longest P90 first; `before`: the equal period before, null if there was no request",
            ),
            "truncated": TRUNCATED,
            **COVERED,
        }
    ),
    tag="apm",
    parameters=(*WINDOW, ENVIRONMENT, limit(50)),
)
def slowest(query: Query) -> serializers.Plain:
    """The slowest operations of all services, against the equal period before."""
    reader = context.reader()
    window, environment = summed_window(query, reader), query.text("environment")
    now, cut = reader.operation_measures(window, environment)
    before, _ = reader.operation_measures(window.before(), environment)
    ranked = sorted(now.items(), key=lambda one: (-(one[1].latency.p90_ns or 0), one[0]))
    most = limit_of(query, 50)
    return {
        "operations": [
            {
                **of._asdict(),
                **serializers.measure(measure),
                "before": serializers.measure(before.get(of, Measure())) if of in before else None,
            }
            for of, measure in ranked[:most]
        ],
        "truncated": cut or len(ranked) > most,
        **covered(reader, window),
    }


@route(
    "/apm/versions",
    record(
        {
            "versions": list_of(
                record(
                    {
                        "tag": text("`service.version`, `version` or `app.version`, each of its own meaning"),
                        "value": text("empty for requests without it"),
                        "first_seen_unix_nano": TIME_OR_NULL,
                        "first_seen_exact": _EXACT,
                        "last_seen_unix_nano": TIME_OR_NULL,
                        **MEASURE,
                        "key_requests": whole("requests of the key operation that met this version"),
                        "key_failed": whole("those of them that failed"),
                    }
                )
            ),
            "truncated": TRUNCATED,
        }
    ),
    tag="apm",
    parameters=(Parameter("service", "a service's name", text(), required=True), _KEY, *WINDOW, ENVIRONMENT),
)
def versions(query: Query) -> serializers.Plain:
    """The versions of a service: first seen, requests, errors, and orders that failed with each."""
    reader = context.reader()
    service = query.text("service")
    if not service:
        raise Malformed("service is missing.", "Name one, such as service=frontend.")
    window, environment = summed_window(query, reader), query.text("environment")
    configured = context.settings().measured_operations
    key = key_operation(reader, window, environment, configured, chosen_operation(query))
    found = reader.versions(service, window, key.of, environment)
    return {
        "versions": [serializers.version(row) for row in found.rows],
        "truncated": found.truncated,
    }


@route(
    "/apm/seen",
    record(
        {
            "values": list_of(
                record(
                    {
                        "value": text(),
                        "first_seen_unix_nano": TIME,
                        "first_seen_exact": _EXACT,
                        "last_seen_unix_nano": TIME,
                    }
                ),
                "of all that the store keeps; values that were never seen are left out",
            )
        }
    ),
    tag="apm",
    parameters=(
        Parameter("tag", "an indexed attribute", text(), required=True),
        Parameter("value", "its value", text(), repeated=True, required=True),
        SERVICE,
    ),
)
def seen(query: Query) -> serializers.Plain:
    """When values of an attribute were first and last seen on requests."""
    tag, values = query.text("tag"), query.texts("value")
    if not tag or not values:
        raise Malformed("tag or value is missing.", "Name both, such as tag=version&value=1.2.")
    found = context.reader().seen(tag, values, query.text("service"))
    return {"values": [{"value": value, **serializers.seen(one)} for value, one in found.items()]}


@route(
    "/apm/changes",
    record(
        {
            "changes": list_of(
                record(
                    {
                        "kind": text(words=("version", "instance", "flag", "page")),
                        "service": text("of a page's version the application"),
                        "tag": text("the attribute; of a flag its key"),
                        "value": text(),
                        "before": text("the value that was first seen last before it"),
                        "unix_nano": TIME,
                    }
                ),
                "newest first",
            ),
            "truncated": TRUNCATED,
        }
    ),
    tag="apm",
    parameters=(*WINDOW, ENVIRONMENT, limit(100)),
)
def changes(query: Query) -> serializers.Plain:
    """Versions, processes and flags' variants that were first seen in the window."""
    found = context.reader().changes(list_window(query), query.text("environment"), limit_of(query, 100))
    return {
        "changes": [
            {
                "kind": one.kind,
                "service": one.service,
                "tag": one.tag,
                "value": one.value,
                "before": one.before,
                "unix_nano": one.unix_nano,
            }
            for one in found.items
        ],
        "truncated": found.truncated,
    }
