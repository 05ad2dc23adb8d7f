"""Routes of the JSON API, each declared once with its parameters and its answer.

The declaration is the source of both the refusal of unknown parameters and the OpenAPI
document, so that the two cannot differ.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from flask import Blueprint, Response, request
from werkzeug.routing import PathConverter

from observer.api.schemas import Schema
from observer.request import context
from observer.request.errors import Malformed
from observer.request.parameters import Query
from observer.request.responses import json_response

PREFIX = "/api/v1"

blueprint = Blueprint("api", __name__, url_prefix=PREFIX)


class MetricNameConverter(PathConverter):
    """The rest of a path, which may begin with a slash, as names of Go's runtime do."""

    part_isolating = False
    regex = ".+?"


# Before any rule that uses it: a blueprint does what it recorded in this order.
blueprint.record(lambda state: state.app.url_map.converters.update(metric_name=MetricNameConverter))


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter in the query string."""

    name: str
    help: str
    schema: Schema
    repeated: bool = False
    required: bool = False


@dataclass(frozen=True, slots=True)
class Route:
    """One route as the OpenAPI document describes it."""

    path: str
    """As Flask writes it, without the prefix."""
    name: str
    summary: str
    tag: str
    parameters: tuple[Parameter, ...]
    path_help: Mapping[str, str]
    answer: Schema
    body: Schema | None = None
    """Of a POST: the JSON object, or form, that it takes; None for a GET."""


ROUTES: list[Route] = []
"""Every route, in the order of declaration."""

Handler = Callable[..., object]


def route(
    path: str,
    answer: Schema,
    *,
    tag: str,
    parameters: Sequence[Parameter] = (),
    path_help: Mapping[str, str] | None = None,
) -> Callable[[Handler], Handler]:
    """Declare a GET route; the handler takes the `Query` and the path's parts, and returns plain data."""

    def declare(handler: Handler) -> Handler:
        summary = (inspect.getdoc(handler) or "").partition("\n")[0]
        names = [parameter.name for parameter in parameters]
        ROUTES.append(
            Route(
                path,
                handler.__name__,
                summary,
                tag,
                tuple(parameters),
                path_help or {},
                answer,
            )
        )

        def view(**parts: str) -> Response:
            query = Query(request.args, context.now_unix_nano())
            query.refuse_unknown(names)
            answered = handler(query, **parts)
            return answered if isinstance(answered, Response) else json_response(answered)

        blueprint.add_url_rule(path, handler.__name__, view)
        return handler

    return declare


def post_route(
    path: str, answer: Schema, *, body: Schema, tag: str, path_help: Mapping[str, str] | None = None
) -> Callable[[Handler], Handler]:
    """Declare a POST route; the handler takes the mapping that the body holds and the path's parts.

    It returns plain data.

    The body is a JSON object, or a form, whose values are text. The handler checks what it needs of it.
    """

    def declare(handler: Handler) -> Handler:
        summary = (inspect.getdoc(handler) or "").partition("\n")[0]
        ROUTES.append(Route(path, handler.__name__, summary, tag, (), path_help or {}, answer, body))

        def view(**parts: str) -> Response:
            answered = handler(_body(), **parts)
            return answered if isinstance(answered, Response) else json_response(answered)

        blueprint.add_url_rule(path, handler.__name__, view, methods=["POST"])
        return handler

    return declare


def _body() -> Mapping[str, object]:
    if request.mimetype != "application/json":
        return request.form.to_dict()
    found = request.get_json(silent=True)
    if not isinstance(found, dict):
        raise Malformed("The body is not a JSON object.", "Send an object, such as {}.")
    return found
