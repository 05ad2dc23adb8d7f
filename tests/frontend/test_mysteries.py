"""Faults of the storefront that break the thread or the page: each on, and without effect when off."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from selectolax.lexbor import LexborHTMLParser

from services.common.seat import Shopper
from tests.frontend.fakes import GOOD_FORM, attribute, fake_shop, text
from tests.frontend.mesh import Mesh
from tests.helpers import eventually

UNSAMPLED = re.compile(r'traceparent;desc="00-([0-9a-f]{32})-([0-9a-f]{16})-00"')
VENDOR = {"frontend_vendor_script": {"load_ms": 80, "click_ms": 90}}


@pytest.fixture
def visitor(mesh: Mesh) -> Iterator[requests.Session]:
    """A visitor with the seat anna and a typewriter in the cart."""
    with requests.Session() as session:
        session.get(f"{mesh.url}/?seat=anna", timeout=5)
        session.post(f"{mesh.url}/cart", {"product_id": "OLJCESPC7Z", "quantity": 1}, timeout=5)
        yield session
    set_lost_context(mesh, False)


def set_lost_context(mesh: Mesh, lost: bool) -> None:
    """Set the flag and wait until the storefront has seen it."""
    mesh.set_flags(**({"frontend_lost_context": True} if lost else {}))
    eventually(
        lambda: mesh.flags.frontend_lost_context(Shopper()) is lost, "the flag's change is seen", within_s=3
    )


def order(mesh: Mesh, visitor: requests.Session) -> tuple[str, list[ReadableSpan]]:
    """The id of an order of the visitor, and all spans since the click."""
    mesh.spans.clear()
    answer = visitor.post(f"{mesh.url}/cart/checkout", data=GOOD_FORM, timeout=10)
    assert answer.status_code == 200
    eventually(lambda: served(mesh, "/cart/checkout"), "the request's span ends")
    return text(LexborHTMLParser(answer.text), "#order-id"), list(mesh.spans.get_finished_spans())


def served(mesh: Mesh, name: str) -> list[ReadableSpan]:
    """The server spans of a name."""
    spans = mesh.spans.get_finished_spans()
    return [span for span in spans if span.name == name and span.kind is SpanKind.SERVER]


def test_a_lost_context_leaves_two_halves_with_the_same_order(mesh: Mesh, visitor: requests.Session) -> None:
    """The second begins at checkoutservice; seat and order id are in both."""
    set_lost_context(mesh, True)
    order_id, spans = order(mesh, visitor)
    roots = {span.name: span for span in spans if span.parent is None}
    assert set(roots) == {"/cart/checkout", "/hipstershop.CheckoutService/PlaceOrder"}
    assert {(span.attributes or {})["orderId"] for span in roots.values()} == {order_id}
    assert {(span.attributes or {}).get("enduser.id") for span in spans} == {"anna"}
    first, second = (root.context.trace_id for root in roots.values() if root.context)
    assert first != second
    (call,) = (s for s in spans if s.kind is SpanKind.CLIENT and s.name.endswith("/PlaceOrder"))
    assert not [span for span in spans if span.parent and span.parent.span_id == call.context.span_id]
    others = [s for s in spans if s.kind is SpanKind.SERVER and s.name.endswith("/ListRecommendations")]
    assert {span.context.trace_id for span in others} == {roots["/cart/checkout"].context.trace_id}


def test_without_the_flag_an_order_is_one_trace(mesh: Mesh, visitor: requests.Session) -> None:
    _, spans = order(mesh, visitor)
    assert len({span.context.trace_id for span in spans if span.context}) == 1


def test_an_unsampled_link_names_the_trace_and_is_not_followed(tmp_path: Path) -> None:
    """On pages and on errors: the ids are right, the flags are 00, and the span is recorded all the same."""
    fake = fake_shop(tmp_path, {"frontend_unsampled_link": True})
    for path in ("/", "/nowhere", "/?seat=%3C"):
        told = UNSAMPLED.fullmatch(fake.client.get(path).headers["Server-Timing"])
        span = fake.spans.get_finished_spans()[-1]
        assert told, path
        assert told.groups() == (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")


def test_the_vendors_script_is_in_every_page_within_the_policy(tmp_path: Path) -> None:
    """It comes from the shop's own origin, so the content security policy stays as strict as ever."""
    fake = fake_shop(tmp_path, VENDOR)
    healthy = fake_shop(tmp_path).client.get("/").headers["Content-Security-Policy"]
    for path in ("/", "/cart", "/product/OLJCESPC7Z"):
        answer = fake.client.get(path)
        page = LexborHTMLParser(answer.text)
        assert answer.headers["Content-Security-Policy"] == healthy
        source = attribute(page, "script#vendor-clickmap", "src")
        assert source.startswith("/static/vendor-clickmap")
        assert fake.client.get(source).status_code == 200
        assert attribute(page, "script#vendor-clickmap", "data-load-ms") == "80"
        assert attribute(page, "script#vendor-clickmap", "data-click-ms") == "90"


@pytest.mark.parametrize(
    "value",
    [{"load_ms": 0, "click_ms": 0}, {"load_ms": -1, "click_ms": 9}, {"click_ms": 9}, {"load_ms": "a"}],
)
def test_a_vendors_script_that_blocks_nothing_is_not_there(tmp_path: Path, value: object) -> None:
    fake = fake_shop(tmp_path, {"frontend_vendor_script": value})
    assert not fake.get("/").css("#vendor-clickmap")
    assert not fake_shop(tmp_path).get("/").css("#vendor-clickmap")
