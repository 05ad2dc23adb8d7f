"""The storefront with the real backends: the lesson's numbers, one order, one trace, strangers' clients."""

from __future__ import annotations

import itertools

import pytest
import requests
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind
from selectolax.lexbor import LexborHTMLParser

from services.common.seat import Shopper
from tests.frontend.fakes import GOOD_FORM, text
from tests.frontend.mesh import Mesh
from tests.helpers import eventually

CART = (("9SIQT8TOJO", 1), ("1YMWWN1N4O", 2), ("66VCHSJNUP", 1))
STORY = {"cart_price_typo": True, "payment_invalid_token": 1.0, "checkout_stale_endpoint": True}


@pytest.fixture
def visitor(mesh: Mesh) -> requests.Session:
    """A new visitor of a healthy shop."""
    mesh.set_flags()
    settled(mesh, typo=False)
    return requests.Session()


def settled(mesh: Mesh, *, typo: bool) -> None:
    """Wait until every process has seen the flags file; the storefront's flag stands for all."""
    eventually(lambda: mesh.flags.cart_price_typo(Shopper()) is typo, f"cart_price_typo is {typo}")
    wanted = 1.0 if typo else 0.0
    payment = mesh.running["paymentservice"].flags
    eventually(
        lambda: payment.payment_invalid_token(Shopper()) == wanted, f"payment_invalid_token is {wanted}"
    )
    stale = mesh.running["checkoutservice"].flags
    eventually(lambda: stale.checkout_stale_endpoint(Shopper()) is typo, f"checkout_stale_endpoint is {typo}")


def fill(mesh: Mesh, visitor: requests.Session) -> LexborHTMLParser:
    """Put the original's example into the cart; the cart page."""
    for product_id, quantity in CART:
        visitor.post(
            f"{mesh.url}/cart", data={"product_id": product_id, "quantity": str(quantity)}, timeout=5
        )
    return LexborHTMLParser(visitor.get(f"{mesh.url}/cart", timeout=5).text)


def trace_id_of(answer: requests.Response) -> str:
    """The trace id that an answer tells the browser."""
    return answer.headers["Server-Timing"].split("-")[1]


def whole_trace(mesh: Mesh, answer: requests.Response) -> list[ReadableSpan]:
    """The spans of an answer's trace, once its root has ended (which is after the answer went out)."""
    trace_id = trace_id_of(answer)
    eventually(lambda: any(span.parent is None for span in mesh.trace(trace_id)), "the root span ends")
    return mesh.trace(trace_id)


def test_the_example_cart_adds_up_to_the_cent(mesh: Mesh, visitor: requests.Session) -> None:
    page = fill(mesh, visitor)
    assert "Shipping USD 11.22" in text(page, ".sums")
    assert "USD 1061.21" in text(page, "noscript")


def test_an_order_is_one_trace_through_every_service(mesh: Mesh, visitor: requests.Session) -> None:
    fill(mesh, visitor)
    answer = visitor.post(f"{mesh.url}/cart/checkout?seat=anna", data=GOOD_FORM, timeout=10)
    assert answer.status_code == 200
    page = LexborHTMLParser(answer.text)
    assert text(page, "#total-paid") == "USD 1061.21"
    spans = whole_trace(mesh, answer)
    services = {str(span.resource.attributes["service.name"]) for span in spans}
    assert services == {
        "frontend",
        "checkoutservice",
        "paymentservice",
        "cartservice",
        "productcatalogservice",
        "currencyservice",
        "shippingservice",
        "emailservice",
        "recommendationservice",
    }
    (root,) = [span for span in spans if span.parent is None]
    assert (root.name, root.kind) == ("/cart/checkout", SpanKind.SERVER)
    assert (root.attributes or {})["orderId"] == text(page, "#order-id")
    assert not [span.name for span in spans if not span.status.is_ok and not span.status.is_unset]


def test_a_broken_checkout_fails_with_its_cause_and_keeps_the_cart(
    mesh: Mesh, visitor: requests.Session
) -> None:
    mesh.set_flags(**STORY)
    settled(mesh, typo=True)
    visitor.get(f"{mesh.url}/?seat=anna", timeout=5)
    fill(mesh, visitor)
    answer = visitor.post(f"{mesh.url}/cart/checkout", data=GOOD_FORM, timeout=10)
    assert answer.status_code == 500
    cause = text(LexborHTMLParser(answer.text), ".cause")
    assert cause.endswith("rpc error: code = Code(401) desc = Invalid request")
    after = LexborHTMLParser(visitor.get(f"{mesh.url}/cart", timeout=5).text)
    assert text(after, "#cart-count .number") == "4"
    spans = whole_trace(mesh, answer)
    assert {(span.attributes or {}).get("enduser.id") for span in spans} == {"anna"}
    charges = [span for span in spans if span.name == "grpc.hipstershop.PaymentService/Charge"]
    assert [(span.attributes or {}).get("version") for span in charges] == ["v350.10"] * 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"credit_card_expiration_year": "2020"}, "credit_card_expiration_year"),
        ({"credit_card_number": "4432-8015-6152-0455"}, "credit_card_number"),
        ({"credit_card_number": "3782 822463 10005"}, "credit_card_number"),
    ],
)
def test_a_card_that_payment_refuses_comes_back_with_its_field(
    mesh: Mesh, visitor: requests.Session, change: dict[str, str], field: str
) -> None:
    fill(mesh, visitor)
    answer = visitor.post(f"{mesh.url}/cart/checkout", data=GOOD_FORM | change, timeout=10)
    assert answer.status_code == 422
    assert text(LexborHTMLParser(answer.text), f"#{field}-problem")


def test_an_empty_cart_is_refused(mesh: Mesh, visitor: requests.Session) -> None:
    answer = visitor.post(f"{mesh.url}/cart/checkout", data=GOOD_FORM, timeout=10)
    assert answer.status_code == 422
    assert text(LexborHTMLParser(answer.text), "h1") == "Your cart is empty"


def test_prices_follow_the_currency(mesh: Mesh, visitor: requests.Session) -> None:
    shown = {}
    for code in ("EUR", "JPY", "GBP", "USD"):
        visitor.post(f"{mesh.url}/setCurrency", data={"currency_code": code}, timeout=5)
        page = LexborHTMLParser(visitor.get(f"{mesh.url}/product/1YMWWN1N4O", timeout=5).text)
        shown[code] = text(page, ".price.big")
    assert shown == {"EUR": "EUR 109.68", "JPY": "JPY 13864", "GBP": "GBP 94.29", "USD": "USD 124.00"}


def test_a_client_of_the_original_shop_meets_no_failure(mesh: Mesh, visitor: requests.Session) -> None:
    """Every task of the original's load generator, in its forms and fields."""
    products = [line.split("/")[-1] for line in product_links(mesh, visitor)]
    assert len(products) == 9
    seen = [visitor.get(f"{mesh.url}/", timeout=5)]
    for code in ("EUR", "USD", "JPY", "CAD"):
        seen.append(visitor.post(f"{mesh.url}/setCurrency", {"currency_code": code}, timeout=5))
    for product_id, quantity in itertools.product(products, (1, 10)):
        seen.append(visitor.get(f"{mesh.url}/product/{product_id}", timeout=5))
        seen.append(
            visitor.post(f"{mesh.url}/cart", {"product_id": product_id, "quantity": quantity}, timeout=5)
        )
    seen.append(visitor.get(f"{mesh.url}/cart", timeout=5))
    seen.append(visitor.post(f"{mesh.url}/cart/checkout", GOOD_FORM, timeout=10))
    seen.append(visitor.post(f"{mesh.url}/cart/empty", timeout=5))
    seen.append(visitor.get(f"{mesh.url}/logout", timeout=5))
    assert [answer.status_code for answer in seen] == [200] * len(seen)


def product_links(mesh: Mesh, visitor: requests.Session) -> list[str]:
    """The addresses of the products on the home page."""
    page = LexborHTMLParser(visitor.get(f"{mesh.url}/", timeout=5).text)
    return [link.attributes["href"] or "" for link in page.css(".card a")]


def test_healthy_pages_leave_no_error_span(mesh: Mesh, visitor: requests.Session) -> None:
    mesh.spans.clear()
    for path in ("/", "/product/9SIQT8TOJO", "/product/NOPE", "/cart"):
        visitor.get(f"{mesh.url}{path}", timeout=5)
    broken = [
        span.name for span in mesh.spans.get_finished_spans() if span.status.status_code.name == "ERROR"
    ]
    assert broken == []
