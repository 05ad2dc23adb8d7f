"""The events of a session: names, details and links to the backend."""

from __future__ import annotations

import pytest

from signals.model import Attributes
from signals.session_events import apm_link_of, error_text, events_of
from tests.store.build import span


def _name_and_detail(name: str, attributes: Attributes) -> tuple[str, str, str]:
    event = events_of([span(1, name=name, browser=True, attributes=attributes)], {})[0]
    return event.kind, event.name, event.detail


@pytest.mark.parametrize(
    ("name", "attributes", "words"),
    [
        (
            "HTTP POST",
            {"component": "fetch", "http.method": "post", "http.url": "http://shop/pay?x=1"},
            ("fetch", "POST /pay", "http://shop/pay?x=1"),
        ),
        ("documentFetch", {"http.url": "http://shop"}, ("document_fetch", "GET /", "http://shop")),
        ("documentLoad", {"location.href": "http://shop/a"}, ("document", "/a", "http://shop/a")),
        ("webvitals", {"lcp": "812.4"}, ("vital", "LCP", "812 ms")),
        ("webvitals", {"cls": 0.0213}, ("vital", "CLS", "0.021")),
        (
            "routeChange",
            {"prev.href": "http://s/a", "location.href": "http://s/b"},
            ("route", "/b", "from /a"),
        ),
        (
            "onerror",
            {"component": "error", "error.object": "TypeError", "error.message": "x is undefined"},
            ("error", "onerror", "TypeError: x is undefined"),
        ),
        ("click", {"event_type": "click", "target_xpath": "//b"}, ("action", "click", "//b")),
        ("AddToCart", {"workflow.name": "AddToCart"}, ("custom", "AddToCart", "AddToCart")),
    ],
)
def test_events_have_names_one_would_call_them(
    name: str, attributes: Attributes, words: tuple[str, str, str]
) -> None:
    assert _name_and_detail(name, attributes) == words


def test_an_error_says_its_type_once() -> None:
    assert error_text({"error.object": "String", "error.message": "boom"}) == "boom"
    assert error_text({"error.object": "TypeError", "error.message": "TypeError: boom"}) == "TypeError: boom"
    assert error_text({"error.type": "TypeError"}) == "TypeError"


@pytest.mark.parametrize(
    ("trace", "own", "linked"),
    [
        ("AB" * 16, "cd" * 8, "ab" * 16),
        ("ab" * 8, "cd" * 8, "0" * 16 + "ab" * 8),
        ("ab" * 16, "", None),
        ("", "cd" * 8, None),
        ("0" * 32, "cd" * 8, None),
        ("zz" * 16, "cd" * 8, None),
        ("ab" * 9, "cd" * 8, None),
    ],
)
def test_a_link_is_what_the_agent_read_or_nothing(trace: str, own: str, linked: str | None) -> None:
    link = apm_link_of({"link.traceId": trace, "link.spanId": own})
    assert (link.trace_id if link else None) == linked
