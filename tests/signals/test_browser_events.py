"""Browser spans: sessions, pages, kinds of events, tags and samples."""

from __future__ import annotations

import pytest

from signals.browser_events import (
    RUM_TAGS,
    is_browser,
    rum_is_error,
    rum_is_network_error,
    rum_kind,
    rum_page,
    rum_samples,
    rum_tags_of,
    session_of,
)
from signals.model import Attributes

CHROME = (
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36"
)


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
def test_the_page_of_a_url_has_placeholders_for_ids(url: str, page: str) -> None:
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


def test_samples_of_text_only_spans() -> None:
    found = rum_samples("longtask", {"longtask.duration": "143"}, 1, {})
    assert [(one.metric, one.value_ns) for one in found] == [("long_tasks", 143_000_000)]
    timing = rum_samples(
        "documentFetch", {"http.status_code": "200"}, 5, {"fetchStart": 10, "responseStart": 30}
    )
    assert [(one.metric, one.value_ns) for one in timing] == [("network_requests", 5), ("ttfb", 20)]
    assert rum_samples("webvitals", {"cls": "x"}, 0, {}) == ()
    assert set(RUM_TAGS) >= {"app", "page", "enduser.id"}
