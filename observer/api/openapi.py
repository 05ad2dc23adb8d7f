"""The OpenAPI document, built from the declarations of the routes."""

from __future__ import annotations

import re
from typing import Any

from observer.api.routing import PREFIX, ROUTES, Parameter, Route
from observer.api.schemas import COMPONENTS, ref

_PART = re.compile(r"<(?:\w+:)?(\w+)>")

_CONVENTIONS = (
    "Times are integer nanoseconds since the Unix epoch (`_unix_nano`) or durations (`_ns`); ids are "
    "lower-case hexadecimal, and 16 digits of a trace id mean the last 16. Unknown parameters and "
    "malformed values are answered with 400, ids that are not in the store with 404, a store that cannot be "
    "read with 503. Times in parameters are ISO 8601 (UTC without an offset) or a Unix time, whose magnitude "
    "says its unit."
)


def build() -> dict[str, Any]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Hipster Lab observer", "version": "1", "description": _CONVENTIONS},
        "tags": [
            {"name": "general", "description": "The store, ids, this document"},
            {"name": "rum", "description": "Browser sessions and metrics"},
            {"name": "apm", "description": "Backend services, traces and spans"},
            {"name": "logs", "description": "Log records"},
            {"name": "metrics", "description": "Metrics of any sender"},
            {"name": "alerts", "description": "Rules, their states, and alerts"},
            {"name": "desk", "description": "For the instructor: a session, and what needs one"},
        ],
        "paths": _paths(),
        "components": {"schemas": COMPONENTS},
    }


def _paths() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for route in ROUTES:
        path = found.setdefault(PREFIX + _PART.sub(r"{\1}", route.path), {})
        path["get" if route.body is None else "post"] = _operation(route)
    return found


_GET_ERRORS = {"400": "Malformed", "404": "Not in the store", "503": "The store cannot be read now"}
_DESK_ERRORS = {
    "401": "The desk is closed: open a session first",
    "403": "Not from here, or of a class without a desk",
}
"""Of a GET that is for the desk."""
_POST_ERRORS = {
    "400": "Malformed",
    "401": "No session, or the wrong passcode",
    "403": "Not from here, or without the token",
    "404": "Nothing of that name or id, or no exam runs",
    "409": "It would end something that runs, and was not told to",
    "413": "The body is larger than a form of the screens can be",
    "429": "Tried too often; `Retry-After` says how many seconds to wait",
    "503": "The class cannot be read now",
}


def _operation(route: Route) -> dict[str, Any]:
    of_get = _GET_ERRORS | (_DESK_ERRORS if route.tag == "desk" else {})
    errors = of_get if route.body is None else _POST_ERRORS
    body = {"requestBody": {"content": {"application/json": {"schema": route.body}}}} if route.body else {}
    return {
        **body,
        "operationId": route.name,
        "summary": route.summary,
        "tags": [route.tag],
        "parameters": [
            *(_path_part(name, route.path_help.get(name, "")) for name in _PART.findall(route.path)),
            *(_parameter(parameter) for parameter in route.parameters),
        ],
        "responses": {
            "200": {"description": route.summary, "content": {"application/json": {"schema": route.answer}}},
            **{
                code: {"description": description, "content": {"application/json": {"schema": ref("Error")}}}
                for code, description in errors.items()
            },
        },
    }


def _path_part(name: str, help_text: str) -> dict[str, Any]:
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": help_text,
        "schema": {"type": "string"},
    }


def _parameter(parameter: Parameter) -> dict[str, Any]:
    schema = parameter.schema
    return {
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.help,
        "schema": {"type": "array", "items": schema} if parameter.repeated else schema,
    }
