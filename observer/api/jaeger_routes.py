"""Jaeger's query API over our store, read-only, for Grafana's data source, Jaeger's screens and scripts.

Its addresses stand at the root, as Grafana drops any path of the address that it was given, and below
`/jaeger` for clients that keep it.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Flask, Response, request

from observer.api.jaeger_document import trace_document
from observer.api.jaeger_parameters import (
    dependencies_window,
    is_raw,
    padded_trace_id,
    search_of,
)
from observer.api.jaeger_search import find, operations_of
from observer.lookup.traces import find_trace
from observer.request import context
from observer.request.errors import Malformed
from observer.request.responses import json_response
from observer.serializers import Plain
from store.api import Reader, Window

BELOW, AT_ROOT = "jaeger", "jaeger_at_root"
PREFIX = "/jaeger"
blueprint = Blueprint(BELOW, __name__)

_CUT = 206
"""The code of a note that a part is missing from an answer: HTTP's for partial content."""
_NAMES_NS = 7 * 86_400 * 10**9
"""Names are listed from the newest week of what the store keeps."""


def install(app: Flask) -> None:
    """Register the addresses in both places; after the blueprint of the API, whose converter they use."""
    app.register_blueprint(blueprint, name=AT_ROOT)
    app.register_blueprint(blueprint, url_prefix=PREFIX)


def is_jaeger() -> bool:
    """Whether the request is for this API, or for an address below its prefix that is none."""
    return request.blueprint in (BELOW, AT_ROOT) or request.path.startswith(f"{PREFIX}/")


def error_answer(status: int, message: str) -> Response:
    """An error in Jaeger's form."""
    # Scripts look for Jaeger's own words.
    known = "trace not found: " if status == 404 and "trace_id" in (request.view_args or {}) else ""
    return _answer(None, [{"code": status, "msg": known + message}], status=status)


def _answer(
    data: Sequence[object] | None, errors: Sequence[Plain] = (), *, total: int = 0, status: int = 200
) -> Response:
    document = {"data": data, "total": total, "limit": 0, "offset": 0, "errors": list(errors) or None}
    return json_response(document, status)


def _names_window(reader: Reader) -> Window:
    """From the newest week of what is kept until now, whatever the sender's clock."""
    newest = max(context.now_unix_nano(), reader.status().newest_unix_nano or 0) + 1
    return Window(max(0, newest - _NAMES_NS), newest)


@blueprint.get("/api/services")
def services() -> Response:
    """The names of the backend services."""
    reader = context.reader()
    names = sorted(reader.services(_names_window(reader)))
    return _answer(names, total=len(names))


@blueprint.get("/api/services/<metric_name:service>/operations")
def operation_names(service: str) -> Response:
    """The names of the operations of a service."""
    reader = context.reader()
    found = operations_of(reader, service, _names_window(reader))
    names = sorted({name for name, _ in found})
    return _answer(names, total=len(names))


@blueprint.get("/api/operations")
def operations() -> Response:
    """The operations of a service with the kinds of their spans; `spanKind` selects one kind."""
    service = request.args.get("service", "")
    if not service:
        raise Malformed("parameter 'service' is required.", "Name a service.")
    reader = context.reader()
    kind = request.args.get("spanKind", "")
    found = [
        {"name": name, "spanKind": each}
        for name, each in operations_of(reader, service, _names_window(reader))
        if not kind or each == kind
    ]
    return _answer(found, total=len(found))


@blueprint.get("/api/traces")
def traces() -> Response:
    """Whole traces with a span that meets all conditions, newest first; or those that `traceID` names."""
    search = search_of(request.args, context.now_unix_nano())
    found = find(context.reader(), search)
    errors: list[Plain] = [{"code": 404, "msg": "trace not found", "traceID": each} for each in found.missing]
    errors += [{"code": _CUT, "msg": note} for note in found.notes]
    documents = [trace_document(trace_id, spans, raw=search.raw) for trace_id, spans in found.traces]
    return _answer(documents, errors, total=len(documents))


@blueprint.get("/api/traces/<trace_id>")
def trace(trace_id: str) -> Response:
    """One trace; 404 where it is unknown."""
    found = find_trace(context.reader(), padded_trace_id(trace_id))
    errors: list[Plain] = []
    if found.truncated:
        errors.append(
            {"code": 206, "msg": f"Only the first {len(found.spans):,} spans of the trace were read."}
        )
    return _answer([trace_document(found.trace_id, found.spans, raw=is_raw(request.args))], errors, total=1)


@blueprint.get("/api/dependencies")
def dependencies() -> Response:
    """Calls between services; without `endTs` until now, without `lookback` over a week."""
    reader = context.reader()
    found = reader.service_map(dependencies_window(request.args, context.now_unix_nano()))
    return _answer(
        [
            {"parent": edge.source, "child": edge.target, "callCount": edge.measure.requests}
            for edge in found.edges
        ],
        total=len(found.edges),
    )
