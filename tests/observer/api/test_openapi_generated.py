"""The running API keeps to its OpenAPI document whatever it is asked: requests are generated from it.

Bounded and derandomized: the same requests each time, some thousand in a few seconds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, unquote

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings, strategies as st
from werkzeug.test import TestResponse

from observer.api import openapi
from tests.fixtures.seed import CHARGE_SPAN, HOSTILE_TRACE, SESSION, TRACE
from tests.observer.api.schema_check import differences
from tests.observer.class_screens import ClassScreens

DOCUMENT = openapi.build()
PATHS = DOCUMENT["paths"]
COMPONENTS = DOCUMENT["components"]["schemas"]
_GETS = [path for path in PATHS if "get" in PATHS[path]]
_POSTS = [path for path in PATHS if "post" in PATHS[path]]
_FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
"""Any characters, lone surrogates left out: no address can hold them."""
_KNOWN = {
    "since": ["15m", "2h", "90s", "1w", "0m", "20001d", "-1h"],
    "from": ["0", "2026-01-01", "1700000000", "9" * 19, "2026-13-01"],
    "to": ["1", "2026-11-27T12:00:00Z", "9" * 25, "now"],
    "service": ["paymentservice", "frontend", "nobody"],
    "operation": ["grpc.hipstershop.PaymentService/Charge"],
    "attr": ["enduser.id:anna", "version:v350.10", ":", "a%3Ab:c", "no colon"],
    "like": ["enduser.id:an", "x:"],
    "exclude": ["user_agent.synthetic.type:test"],
    "tag": ["version", "enduser.id"],
    "metric": ["lcp", "js_errors"],
    "trace_id": [TRACE, TRACE[-16:], HOSTILE_TRACE, "0" * 32],
    "session_id": [SESSION],
    "span_id": [CHARGE_SPAN],
    "id": [TRACE, SESSION, CHARGE_SPAN],
    "cursor": ["eyJ", "1:2", "A" * 30],
    "after": ["1", "x"],
    "severity": ["error", "warn,info", "loud"],
    "key": ["frontend:/cart/checkout"],
    "name": ["http.server.request.duration", "hipstershop.orders", "/gc/pause:seconds"],
    "log_id": ["1", "x"],
    "by": ["service.name"],
}
"""Values by the names of parameters: those that mean something, and near misses."""


def _value(name: str, schema: dict[str, Any]) -> st.SearchStrategy[str]:
    known = st.sampled_from(_KNOWN.get(name, ["1"]))
    kind = schema.get("type")
    if "enum" in schema:
        return st.sampled_from([str(word) for word in schema["enum"]]) | _TEXT
    if kind == "integer":
        return st.integers(-2, 2_000).map(str) | st.integers().map(str) | _TEXT
    if kind == "number":
        return st.floats().map(str) | st.floats(0, 1e6).map(str) | _TEXT
    if kind == "boolean":
        return st.sampled_from(["0", "1", "true", "false", "yes"])
    return known | known | _TEXT


def _query(operation: dict[str, Any]) -> st.SearchStrategy[list[tuple[str, str]]]:
    """Some of the parameters, repeated ones several times."""
    pairs: list[st.SearchStrategy[list[tuple[str, str]]]] = []
    for parameter in operation["parameters"]:
        if parameter["in"] != "query":
            continue
        name, schema = parameter["name"], parameter["schema"]
        most = 3 if schema.get("type") == "array" else 1
        value = _value(name, schema.get("items", schema))
        least = 1 if parameter["required"] else 0
        pairs.append(st.lists(value.map(lambda text, name=name: (name, text)), min_size=least, max_size=most))  # type: ignore[misc]
    # Most parameters are left out most of the time: one malformed one would hide all others.
    return st.tuples(*(st.one_of(st.just([]), st.just([]), each) for each in pairs)).map(
        lambda lists: [pair for each in lists for pair in each]
    )


def _address(path: str, operation: dict[str, Any], *, known: bool) -> st.SearchStrategy[str]:
    parts = [each["name"] for each in operation["parameters"] if each["in"] == "path"]
    filler = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
    values = {
        name: st.sampled_from(_KNOWN[name]) | filler if known and name in _KNOWN else filler for name in parts
    }

    def filled(given_values: dict[str, str]) -> str:
        address = path
        for name, value in given_values.items():
            address = address.replace(f"{{{name}}}", quote(value, safe=""))
        return address

    return st.fixed_dictionaries(values).map(filled).filter(lambda address: not _is_of_another(address, path))


def _is_of_another(address: str, path: str) -> bool:
    """A generated part can make the address of another route: the log `fields` is the list of all fields.

    The generator also takes words of the imported modules, so that this depends on what else was imported.
    """
    if unquote(address) == path:
        return False
    others = (re.sub(r"\\{\w+\\}", "[^/]+", re.escape(other)) for other in PATHS if other != path)
    return any(re.fullmatch(other, unquote(address), re.DOTALL) for other in others)


def test_an_address_of_another_route_is_recognized() -> None:
    assert _is_of_another("/api/v1/logs/fields", "/api/v1/logs/{log_id}")
    assert _is_of_another("/api/v1/apm/traces/x%2Fotlp", "/api/v1/apm/traces/{trace_id}")
    assert not _is_of_another("/api/v1/logs/fields", "/api/v1/logs/fields")
    assert not _is_of_another("/api/v1/logs/fieldsx", "/api/v1/logs/{log_id}")
    assert not _is_of_another("/api/v1/logs/1/otlp", "/api/v1/logs/{log_id}/otlp")
    assert not _is_of_another("/api/v1/metrics/%2Fgc%2Fpause", "/api/v1/metrics/{name}")


def _check(answer: TestResponse, operation: dict[str, Any], asked: object) -> None:
    """The status is declared, and the body is what is declared for it."""
    if answer.status_code in (301, 302, 308):
        # A part of the path that is a dot or empty is another address.
        return
    declared = operation["responses"].get(str(answer.status_code))
    assert declared, f"{asked}: {answer.status_code} is not declared: {answer.text[:300]}"
    assert answer.mimetype == "application/json", asked
    schema = declared["content"]["application/json"]["schema"]
    assert list(differences(json.loads(answer.text), schema, COMPONENTS)) == [], asked


@pytest.mark.parametrize("path", _GETS)
def test_generated_questions_are_answered_as_described(client: FlaskClient, path: str) -> None:
    """Never a 500, never an undeclared status or field."""
    operation = PATHS[path]["get"]

    @_FEW
    @given(_address(path, operation, known=True), _query(operation))
    def ask(address: str, query: list[tuple[str, str]]) -> None:
        answer = client.get(address, query_string=_encoded(query))
        _check(answer, operation, (address, query))

    ask()


def _bodies(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Objects with the declared fields of any type, and what is no object."""
    values: st.SearchStrategy[Any] = (
        _TEXT | st.none() | st.booleans() | st.integers() | st.lists(_TEXT, max_size=2)
    )
    values = values | st.sampled_from(["anna", "incident", "none", "paymentservice", TRACE, "x" * 70_000])
    names = list(schema.get("properties", {})) or ["x"]
    objects = st.dictionaries(st.sampled_from(names) | _TEXT, values, max_size=6)
    return objects | objects | values


@pytest.mark.parametrize("path", _POSTS)
def test_generated_orders_are_answered_as_described(client: FlaskClient, path: str) -> None:
    """Of things that do not exist, so that nothing changes for other tests."""
    operation = PATHS[path]["post"]
    schema = operation["requestBody"]["content"]["application/json"]["schema"]

    @_FEW
    @given(_address(path, operation, known=False), _bodies(schema))
    def send(address: str, body: Any) -> None:
        _check(client.post(address, json=body), operation, (address, body))

    send()


@pytest.mark.parametrize("path", [*_GETS, *_POSTS])
def test_a_stranger_in_a_class_is_answered_as_described(in_class: ClassScreens, path: str) -> None:
    """Routes of the desk refuse whoever is not at it, with a declared status."""
    visitor = in_class.visitor()
    method = "get" if path in _GETS else "post"
    operation = PATHS[path][method]
    send: Callable[..., TestResponse] = getattr(visitor, method)
    address = path
    for parameter in operation["parameters"]:
        if parameter["in"] == "path":
            address = address.replace(f"{{{parameter['name']}}}", _KNOWN.get(parameter["name"], ["x"])[0])
    required = [
        (each["name"], _KNOWN.get(each["name"], ["1"])[0])
        for each in operation["parameters"]
        if each["in"] == "query" and each["required"]
    ]
    answer = send(address, query_string=_encoded(required), **({"json": {}} if method == "post" else {}))
    _check(answer, operation, address)


def _encoded(query: list[tuple[str, str]]) -> str:
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query)
