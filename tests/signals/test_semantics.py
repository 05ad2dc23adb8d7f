"""What attributes mean, whoever wrote them."""

from __future__ import annotations

import pytest

from signals.model import Attribute, Attributes
from signals.semantics import (
    RUM_TAGS,
    is_browser,
    is_error,
    number_of,
    peer_of,
    rum_is_error,
    rum_is_network_error,
    rum_kind,
    rum_page,
    rum_samples,
    rum_tags_of,
    session_of,
    tags_of,
    text_of,
    workflow_of,
)

CLIENT, SERVER, PRODUCER = 3, 2, 4
CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)


@pytest.mark.parametrize(
    ("status", "attributes", "error"),
    [
        (2, {}, True),
        (0, {}, False),
        (1, {"error": True}, True),
        (0, {"error": "true"}, True),
        (0, {"error": "TypeError"}, True),
        (0, {"error": 1}, True),
        (0, {"error": ""}, False),
        (0, {"error": "0"}, False),
        (0, {"error": "False"}, False),
        (0, {"error": 0}, False),
        (0, {"error": None}, False),
        (0, {"http.status_code": 500}, False),
    ],
)
def test_errors(status: int, attributes: Attributes, error: bool) -> None:
    assert is_error(status, attributes) is error


@pytest.mark.parametrize(
    ("kind", "attributes", "peer"),
    [
        (CLIENT, {"peer.service": "Bank", "server.address": "h", "server.port": 1}, ("Bank", False)),
        (CLIENT, {"peer.service": "carts", "db.system": "redis"}, ("carts", True)),
        (CLIENT, {"db.system": "postgresql", "db.name": "orders", "server.address": "h"}, ("orders", True)),
        (CLIENT, {"db.system.name": "postgresql", "db.namespace": "orders"}, ("orders", True)),
        (CLIENT, {"db.system": "redis", "server.address": "h", "server.port": 6379}, ("redis", True)),
        (CLIENT, {"db.system": "redis", "db.namespace": "0"}, ("redis:0", True)),
        (CLIENT, {"db.system": "sqlite", "db.name": "/var/data/cart.db"}, ("cart.db", True)),
        (CLIENT, {"db.system": "sqlite", "db.name": ":memory:"}, ("sqlite", True)),
        (CLIENT, {"server.address": "bank.example", "server.port": "443"}, ("bank.example:443", False)),
        (CLIENT, {"net.peer.name": "old", "net.peer.port": 80}, ("old:80", False)),
        (CLIENT, {"server.address": "::1", "server.port": 80}, ("[::1]:80", False)),
        (CLIENT, {"url.full": "https://u:p@bank.example:8443/x?y"}, ("bank.example:8443", False)),
        (PRODUCER, {"messaging.system": "kafka", "messaging.destination.name": "orders"}, ("orders", False)),
        (PRODUCER, {"messaging.system": "kafka", "messaging.destination": "letters"}, ("letters", False)),
        (PRODUCER, {"messaging.system": "x", "messaging.url": "tcp://u:p@mq:61616"}, ("mq:61616", False)),
        (CLIENT, {}, ("", False)),
        (SERVER, {"peer.service": "x", "db.system": "redis"}, ("", False)),
    ],
)
def test_peers(kind: int, attributes: Attributes, peer: tuple[str, bool]) -> None:
    assert peer_of(kind, attributes) == peer


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        (True, "true"),
        (5, "5"),
        (200.0, "200"),
        (0.5, "0.5"),
        (b"\x01", "01"),
        (None, ""),
        ([1, "a"], '[1,"a"]'),
    ],
)
def test_text_forms(value: Attribute, text: str) -> None:
    assert text_of(value) == text


def test_numbers_however_written() -> None:
    assert [number_of(value) for value in ("500", 500, "0.25", True, "x", "nan", None)] == [
        500,
        500,
        0.25,
        1,
        None,
        None,
        None,
    ]


def test_sessions_are_of_browsers_only() -> None:
    assert session_of({"splunk.rumSessionId": "s"}, {}) == "s"
    assert session_of({"session.id": "s"}, {"telemetry.sdk.language": "webjs"}) == "s"
    assert session_of({}, {"session.id": "s", "process.runtime.name": "browser"}) == "s"
    assert session_of({"session.id": "s"}, {"telemetry.sdk.language": "python"}) == ""
    assert is_browser({}, {"browser.platform": "x"})
    assert not is_browser({}, {"telemetry.sdk.language": "nodejs"})


@pytest.mark.parametrize(
    ("url", "page"),
    [
        ("http://localhost:5000/product/OLJCESPC7Z?x=1#y", "/product/<??>"),
        ("http://shop", "/"),
        ("http://shop/", "/"),
        ("/cart/checkout", "/cart/checkout"),
        ("http://shop/orders/12345/lines", "/orders/<??>/lines"),
        ("http://shop/u/123e4567-e89b-12d3-a456-426614174000", "/u/<??>"),
        ("http://shop/t/0af7651916cd43dd8448eb211c80319c", "/t/<??>"),
        ("http://shop/static/site-2.5.1.js", "/static/site-2.5.1.js"),
        ("http://shop/recommendations", "/recommendations"),
        ("http://[bad", ""),
        ("", ""),
    ],
)
def test_pages(url: str, page: str) -> None:
    assert rum_page(url) == page


@pytest.mark.parametrize(
    ("name", "attributes", "kind", "error"),
    [
        ("documentLoad", {"component": "document-load"}, "document", False),
        ("documentFetch", {"http.status_code": "500"}, "document_fetch", True),
        ("resourceFetch", {"component": "splunk-post-doc-load-resource"}, "resource", False),
        ("HTTP POST", {"component": "fetch", "http.status_code": "0"}, "fetch", True),
        (
            "GET",
            {"http.request.method": "GET", "url.full": "http://x/", "http.response.status_code": 404},
            "fetch",
            True,
        ),
        ("click", {"component": "user-interaction"}, "action", False),
        ("routeChange", {"component": "user-interaction"}, "route", False),
        ("onerror", {"component": "error", "error": "true"}, "error", True),
        ("eventListener.error", {"component": "error"}, "error", True),
        ("longtask", {}, "longtask", False),
        ("webvitals", {"lcp": "1"}, "vital", False),
        ("session.start", {}, "session", False),
        ("AddToCart", {"workflow.name": "AddToCart"}, "custom", False),
        ("CartPageError", {"error": "true"}, "custom", True),
    ],
)
def test_kinds_of_browser_events(name: str, attributes: Attributes, kind: str, error: bool) -> None:
    assert rum_kind(name, attributes) == kind
    assert rum_is_error(name, attributes) is error


@pytest.mark.parametrize(
    ("name", "attributes", "counted"),
    [
        (
            "resourceFetch",
            {"http.status_code": "404", "http.url": "http://x/a.js"},
            ["network_requests", "network_errors"],
        ),
        ("resourceFetch", {"http.status_code": "200", "http.url": "http://x/a.js"}, []),
        ("HTTP GET", {"component": "fetch", "error": "true"}, ["network_requests", "network_errors"]),
        ("HTTP GET", {"component": "fetch", "http.status_code": "204"}, ["network_requests"]),
        ("PlaceOrder", {"error": "true"}, ["custom_events"]),
    ],
)
def test_what_is_counted_as_a_network_error_is_what_is_shown_as_one(
    name: str, attributes: Attributes, counted: list[str]
) -> None:
    """A broken script of a page was a network error on its session's page and none in the sums."""
    assert [sample.metric for sample in rum_samples(name, attributes, 1, {})] == counted
    assert rum_is_network_error(name, attributes) is ("network_errors" in counted)


def test_derived_tags_of_a_browser() -> None:
    attributes = {
        "location.href": "http://shop/cart",
        "user_agent.original": CHROME,
        "http.method": "POST",
        "http.url": "http://shop/cart/checkout",
        "component": "fetch",
        "environment": "lab",
        "link.traceId": "ab" * 16,
    }
    tags = rum_tags_of("HTTP POST", attributes, {"app": "shop"})
    assert tags == {
        "app": "shop",
        "environment": "lab",
        "page": "/cart",
        "operation": "POST /cart/checkout",
        "browser.name": "Chrome",
        "browser.version": "Chrome 156",
        "os.name": "Linux",
        "link.traceId": "ab" * 16,
    }


def test_a_spans_own_attribute_wins_over_its_resources() -> None:
    tags = tags_of(
        "x",
        {"version": "own", "tenant.level": "", "other": 1},
        {"version": "r", "host.name": "h", "tenant.level": "gold"},
        browser=False,
    )
    assert tags == {"version": "own", "host.name": "h"}


def test_workflows() -> None:
    assert workflow_of("frontend", "POST /cart/checkout", {}) == "frontend:/cart/checkout"
    assert workflow_of("frontend", "POST", {"http.route": "/x/<id>"}) == "frontend:/x/<id>"
    assert workflow_of("pay", "grpc.Pay/Charge", {}) == "pay:grpc.Pay/Charge"


def test_samples_of_text_only_spans() -> None:
    found = rum_samples("longtask", {"longtask.duration": "143"}, 1, {})
    assert [(one.metric, one.value_ns) for one in found] == [("long_tasks", 143_000_000)]
    timing = rum_samples(
        "documentFetch", {"http.status_code": "200"}, 5, {"fetchStart": 10, "responseStart": 30}
    )
    assert [(one.metric, one.value_ns) for one in timing] == [("network_requests", 5), ("ttfb", 20)]
    assert rum_samples("webvitals", {"cls": "x"}, 0, {}) == ()
    assert set(RUM_TAGS) >= {"app", "page", "enduser.id"}
