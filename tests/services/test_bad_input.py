"""Bad input gets the right gRPC status and one clear sentence; it never makes a span an error by itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import grpc
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.common.clients import code_of, details_of
from services.common.seat import Shopper
from tests.services.mesh import Mesh, order_request

GUID = str(uuid4())
BAD, MISSING = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.NOT_FOUND


def conversion(amount: pb.Money, to_code: str) -> pb.CurrencyConversionRequest:
    request = pb.CurrencyConversionRequest(to_code=to_code)
    getattr(request, "from").CopyFrom(amount)
    return request


def charge(**card: Any) -> pb.ChargeRequest:
    fields = {
        "credit_card_number": "4432801561520454",
        "credit_card_cvv": 672,
        "credit_card_expiration_year": 2039,
        "credit_card_expiration_month": 1,
        **card,
    }
    amount = pb.Money(currency_code="USD", units=5)
    return pb.ChargeRequest(amount=amount, credit_card=pb.CreditCardInfo(**fields))


CASES: list[tuple[str, Any, str, Any, grpc.StatusCode, str]] = [
    ("cartservice", rpc.CartServiceStub, "GetCart", pb.GetCartRequest(user_id="me"), BAD, "GUID"),
    ("cartservice", rpc.CartServiceStub, "EmptyCart", pb.EmptyCartRequest(), BAD, "GUID"),
    ("cartservice", rpc.CartServiceStub, "AddItem", pb.AddItemRequest(user_id=GUID), BAD, "product_id"),
    (
        "cartservice",
        rpc.CartServiceStub,
        "AddItem",
        pb.AddItemRequest(user_id=GUID, item=pb.CartItem(product_id="X", quantity=-1)),
        BAD,
        "1 or more",
    ),
    (
        "productcatalogservice",
        rpc.ProductCatalogServiceStub,
        "GetProduct",
        pb.GetProductRequest(id="NOPE"),
        MISSING,
        "NOPE",
    ),
    (
        "productcatalogservice",
        rpc.ProductCatalogServiceStub,
        "GetProduct",
        pb.GetProductRequest(),
        BAD,
        "required",
    ),
    (
        "currencyservice",
        rpc.CurrencyServiceStub,
        "Convert",
        conversion(pb.Money(currency_code="USD", units=1), "XXX"),
        BAD,
        "unknown currency 'XXX'",
    ),
    (
        "currencyservice",
        rpc.CurrencyServiceStub,
        "Convert",
        conversion(pb.Money(currency_code="USD", units=1, nanos=-5), "EUR"),
        BAD,
        "not an amount",
    ),
    (
        "currencyservice",
        rpc.CurrencyServiceStub,
        "Convert",
        conversion(pb.Money(currency_code="USD", units=2**62), "JPY"),
        BAD,
        "too large",
    ),
    (
        "shippingservice",
        rpc.ShippingServiceStub,
        "GetQuote",
        pb.GetQuoteRequest(items=[pb.CartItem(product_id="X", quantity=-3)]),
        BAD,
        "less than 0",
    ),
    (
        "emailservice",
        rpc.EmailServiceStub,
        "SendOrderConfirmation",
        pb.SendOrderConfirmationRequest(email="nobody"),
        BAD,
        "e-mail",
    ),
    (
        "paymentservice",
        rpc.PaymentServiceStub,
        "Charge",
        charge(credit_card_number="4432801561520455"),
        BAD,
        "Credit card info is invalid",
    ),
    (
        "paymentservice",
        rpc.PaymentServiceStub,
        "Charge",
        charge(credit_card_number="378282246310005"),
        BAD,
        "Only VISA or MasterCard",
    ),
    (
        "paymentservice",
        rpc.PaymentServiceStub,
        "Charge",
        charge(credit_card_expiration_year=2020),
        BAD,
        "(ending 0454) expired on 1/2020",
    ),
    (
        "paymentservice",
        rpc.PaymentServiceStub,
        "Charge",
        charge(credit_card_expiration_month=13),
        BAD,
        "invalid",
    ),
]


@pytest.mark.parametrize(("service", "stub", "method", "request_", "code", "words"), CASES)
def test_one_clear_sentence(
    healthy: Mesh, service: str, stub: Any, method: str, request_: Any, code: grpc.StatusCode, words: str
) -> None:
    with healthy.stub(service, stub) as client, pytest.raises(grpc.RpcError) as failure:
        getattr(client, method)(request_)
    assert code_of(failure.value) is code
    servers = [span for span in healthy.spans(service) if span.kind is SpanKind.SERVER]
    assert servers[-1].status.status_code is StatusCode.UNSET, "the caller's fault is no error of the server"
    assert (servers[-1].attributes or {})["rpc.grpc.status_code"] == code.value[0]
    assert words in details_of(failure.value)
    assert "4432" not in details_of(failure.value)


def refused(mesh: Mesh, place: Callable[[], object]) -> grpc.RpcError:
    mesh.forget()
    with pytest.raises(grpc.RpcError) as failure:
        place()
    assert code_of(failure.value) is BAD
    return failure.value


def test_an_empty_cart_is_no_order(healthy: Mesh) -> None:
    error = refused(healthy, lambda: healthy.place_order(Shopper(), put_in=False))
    assert "cart is empty" in details_of(error)


def test_an_unknown_currency_is_no_order(healthy: Mesh) -> None:
    request = order_request(user_currency="DOGE")
    error = refused(healthy, lambda: healthy.place_order(Shopper(), request=request))
    assert "unknown currency 'DOGE'" in details_of(error)


def test_an_invalid_card_is_not_tried_again_even_in_a_broken_shop(broken: Mesh) -> None:
    card = pb.CreditCardInfo(credit_card_number="1", credit_card_expiration_year=2039)
    request = order_request(credit_card=card)
    error = refused(broken, lambda: broken.place_order(Shopper(), request=request))
    assert details_of(error) == "Credit card info is invalid"
    charges = [span for span in broken.spans("checkoutservice") if span.name.endswith("/Charge")]
    assert len(charges) == 2, "the stale endpoint, then the refusal, then no more"


def test_a_confirmation_that_cannot_be_sent_does_not_undo_the_order(healthy: Mesh) -> None:
    healthy.forget()
    order = healthy.place_order(Shopper(), request=order_request(email="nobody")).order
    assert order.order_id
    warnings = [r.log_record for r in healthy.logs("checkoutservice") if r.log_record.severity_text == "warn"]
    assert [record.body for record in warnings] == ["failed to send order confirmation"]
