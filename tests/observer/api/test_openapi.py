"""The OpenAPI document says what the routes do: paths, parameters, fields."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient

from observer.api.routing import PREFIX, ROUTES
from tests.fixtures.seed import HOSTILE_SESSION, HOSTILE_TRACE, SESSION, TRACE
from tests.observer.api.conftest import Ask
from tests.observer.api.schema_check import differences

_EXAMPLES: dict[str, tuple[str, dict[str, str]]] = {
    "/": ("/", {}),
    "/status": ("/status", {}),
    "/environments": ("/environments", {}),
    "/deployments": ("/deployments", {"since": "15m"}),
    "/apm/impact": ("/apm/impact", {}),
    "/apm/slowest": ("/apm/slowest", {}),
    "/apm/versions": ("/apm/versions", {"service": "frontend"}),
    "/apm/seen": ("/apm/seen", {"tag": "version", "value": "v350.10"}),
    "/apm/changes": ("/apm/changes", {}),
    "/apm/coverage": ("/apm/coverage", {}),
    "/apm/affected": ("/apm/affected", {"service": "frontend", "error": "origin"}),
    "/resolve": ("/resolve", {"id": TRACE}),
    "/openapi.json": ("/openapi.json", {}),
    "/apm/traces": ("/apm/traces", {"limit": "500"}),
    "/class/seats": ("/class/seats", {}),
    "/exam": ("/exam", {}),
    "/apm/traces/{trace_id}": (f"/apm/traces/{TRACE}", {}),
    "/apm/traces/{trace_id}/otlp": (f"/apm/traces/{TRACE}/otlp", {}),
    "/apm/map": ("/apm/map", {}),
    "/apm/services": ("/apm/services", {}),
    "/apm/operations": ("/apm/operations", {"service": "frontend"}),
    "/apm/series": ("/apm/series", {"service": "frontend", "since": "15m"}),
    "/apm/tags": ("/apm/tags", {"tag": "version"}),
    "/apm/tag-names": ("/apm/tag-names", {}),
    "/rum/sessions": ("/rum/sessions", {}),
    "/rum/sessions/{session_id}": (f"/rum/sessions/{SESSION}", {}),
    "/rum/apps": ("/rum/apps", {}),
    "/rum/measures": ("/rum/measures", {"since": "1h"}),
    "/rum/series": ("/rum/series", {"metric": "lcp", "since": "1h"}),
    "/rum/tags": ("/rum/tags", {"metric": "js_errors", "tag": "page"}),
    "/rum/errors": ("/rum/errors", {}),
    "/logs": ("/logs", {"limit": "500"}),
    "/logs/fields": ("/logs/fields", {"trace_id": TRACE}),
    "/logs/{log_id}": ("/logs/newest", {}),
    "/logs/{log_id}/otlp": ("/logs/newest/otlp", {}),
    "/metrics": ("/metrics", {}),
    "/alerts": ("/alerts", {}),
    "/apm/traces/{trace_id}/exemplars": (f"/apm/traces/{TRACE}/exemplars", {}),
    "/alerts/{alert_id}": ("/alerts/newest", {}),
    "/detectors": ("/detectors", {}),
    "/metrics/{name}": ("/metrics/http.server.request.duration", {"by": "service.name"}),
}
_POSTS = {
    *("/class/actions", "/desk/session", "/desk/session/end", "/exam/answer"),
    *("/alerts/{alert_id}/acknowledge", "/detectors/{name}/silence", "/silences/{silence_id}/end"),
}


def _document(ask: Ask) -> dict[str, Any]:
    document: dict[str, Any] = ask("/openapi.json")
    return document


def test_every_route_is_described_and_nothing_else(ask: Ask, client: FlaskClient) -> None:
    served = {
        re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(rule))
        for rule in client.application.url_map.iter_rules()
        if str(rule).startswith(PREFIX)
    }
    assert set(_document(ask)["paths"]) == served
    assert {path[len(PREFIX) :] for path in served} == set(_EXAMPLES) | _POSTS


@pytest.mark.parametrize("path", list(_EXAMPLES))
def test_answers_have_the_fields_that_are_described(ask: Ask, path: str) -> None:
    document = _document(ask)
    address, args = _EXAMPLES[path]
    if address.startswith("/logs/newest"):
        address = address.replace("newest", ask("/logs", limit=1)["logs"][0]["log_id"])
    if address == "/alerts/newest":
        address = address.replace("newest", ask("/alerts", limit=1)["alerts"][0]["alert_id"])
    responses = document["paths"][PREFIX + path]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    found = list(differences(ask(address, **args), schema, document["components"]["schemas"]))
    assert found == []


@pytest.mark.parametrize("path", list(_EXAMPLES))
def test_described_parameters_are_taken_and_others_refused(ask: Ask, path: str) -> None:
    operation = _document(ask)["paths"][PREFIX + path]["get"]
    address, _ = _EXAMPLES[path]
    refused = ask(address, expect=400, no_such_parameter="1")["error"]
    allowed = {name.strip(" .") for name in refused["remedy"].partition(":")[2].split(",")} - {"none"}
    assert allowed == {p["name"] for p in operation["parameters"] if p["in"] == "query"}


def test_every_operation_says_what_it_is_for(ask: Ask) -> None:
    operations = [operation for path in _document(ask)["paths"].values() for operation in path.values()]
    assert len({operation["operationId"] for operation in operations}) == len(operations) == len(ROUTES)
    for operation in operations:
        assert operation["summary"].endswith("."), operation["operationId"]
        for parameter in operation["parameters"]:
            assert parameter["description"], (operation["operationId"], parameter["name"])


def test_errors_are_as_described(ask: Ask) -> None:
    components = _document(ask)["components"]["schemas"]
    for path in ("/apm/traces/xyz", "/rum/series"):
        assert list(differences(ask(path, expect=400), components["Error"], components)) == []


@pytest.mark.parametrize("path", [f"/apm/traces/{HOSTILE_TRACE}", f"/rum/sessions/{HOSTILE_SESSION}"])
def test_hostile_telemetry_keeps_to_the_schema(ask: Ask, path: str) -> None:
    document = _document(ask)
    described = "/apm/traces/{trace_id}" if "apm" in path else "/rum/sessions/{session_id}"
    responses = document["paths"][PREFIX + described]["get"]["responses"]
    schema = responses["200"]["content"]["application/json"]["schema"]
    assert list(differences(ask(path), schema, document["components"]["schemas"])) == []
