"""Clients that never saw our code: messages built by field number, methods called by raw name."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.services.mesh import Mesh

FieldType = descriptor_pb2.FieldDescriptorProto
STRING, INT32, INT64 = FieldType.TYPE_STRING, FieldType.TYPE_INT32, FieldType.TYPE_INT64

# The original's interface, by number: name -> {field number: (name, type or message, repeated)}.
MESSAGES: dict[str, dict[int, tuple[str, Any, bool]]] = {
    "Empty": {},
    "CartItem": {1: ("product_id", STRING, False), 2: ("quantity", INT32, False)},
    "AddItemRequest": {1: ("user_id", STRING, False), 2: ("item", "CartItem", False)},
    "EmptyCartRequest": {1: ("user_id", STRING, False)},
    "GetCartRequest": {1: ("user_id", STRING, False)},
    "Cart": {1: ("user_id", STRING, False), 2: ("items", "CartItem", True)},
    "ListRecommendationsRequest": {1: ("user_id", STRING, False), 2: ("product_ids", STRING, True)},
    "ListRecommendationsResponse": {1: ("product_ids", STRING, True)},
    "Money": {1: ("currency_code", STRING, False), 2: ("units", INT64, False), 3: ("nanos", INT32, False)},
    "Product": {
        1: ("id", STRING, False),
        2: ("name", STRING, False),
        3: ("description", STRING, False),
        4: ("picture", STRING, False),
        5: ("price_usd", "Money", False),
        6: ("categories", STRING, True),
    },
    "ListProductsResponse": {1: ("products", "Product", True)},
    "GetProductRequest": {1: ("id", STRING, False)},
    "SearchProductsRequest": {1: ("query", STRING, False)},
    "SearchProductsResponse": {1: ("results", "Product", True)},
    "Address": {
        1: ("street_address", STRING, False),
        2: ("city", STRING, False),
        3: ("state", STRING, False),
        4: ("country", STRING, False),
        5: ("zip_code", INT32, False),
    },
    "GetQuoteRequest": {1: ("address", "Address", False), 2: ("items", "CartItem", True)},
    "GetQuoteResponse": {1: ("cost_usd", "Money", False)},
    "ShipOrderRequest": {1: ("address", "Address", False), 2: ("items", "CartItem", True)},
    "ShipOrderResponse": {1: ("tracking_id", STRING, False)},
    "GetSupportedCurrenciesResponse": {1: ("currency_codes", STRING, True)},
    "CurrencyConversionRequest": {1: ("from", "Money", False), 2: ("to_code", STRING, False)},
    "CreditCardInfo": {
        1: ("credit_card_number", STRING, False),
        2: ("credit_card_cvv", INT32, False),
        3: ("credit_card_expiration_year", INT32, False),
        4: ("credit_card_expiration_month", INT32, False),
    },
    "ChargeRequest": {1: ("amount", "Money", False), 2: ("credit_card", "CreditCardInfo", False)},
    "ChargeResponse": {1: ("transaction_id", STRING, False)},
    "OrderItem": {1: ("item", "CartItem", False), 2: ("cost", "Money", False)},
    "OrderResult": {
        1: ("order_id", STRING, False),
        2: ("shipping_tracking_id", STRING, False),
        3: ("shipping_cost", "Money", False),
        4: ("shipping_address", "Address", False),
        5: ("items", "OrderItem", True),
    },
    "SendOrderConfirmationRequest": {1: ("email", STRING, False), 2: ("order", "OrderResult", False)},
    "PlaceOrderRequest": {
        1: ("user_id", STRING, False),
        2: ("user_currency", STRING, False),
        3: ("address", "Address", False),
        5: ("email", STRING, False),
        6: ("credit_card", "CreditCardInfo", False),
    },
    "PlaceOrderResponse": {1: ("order", "OrderResult", False)},
    "AdRequest": {1: ("context_keys", STRING, True)},
    "Ad": {1: ("redirect_url", STRING, False), 2: ("text", STRING, False)},
    "AdResponse": {1: ("ads", "Ad", True)},
}


def stranger_messages() -> dict[str, Any]:
    """Message classes made from the table above, in a pool of their own."""
    file = descriptor_pb2.FileDescriptorProto(name="stranger.proto", package="stranger", syntax="proto3")
    for name, fields in MESSAGES.items():
        message = file.message_type.add(name=name)
        for number, (field, kind, repeated) in fields.items():
            added = message.field.add(
                name=field,
                number=number,
                label=FieldType.LABEL_REPEATED if repeated else FieldType.LABEL_OPTIONAL,
            )
            if isinstance(kind, str):
                added.type, added.type_name = FieldType.TYPE_MESSAGE, f".stranger.{kind}"
            else:
                added.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"stranger.{name}"))
        for name in MESSAGES
    }


M = stranger_messages()
USER = str(uuid4())
ADDRESS = {
    "street_address": "270 Brannan St",
    "city": "San Francisco",
    "state": "CA",
    "country": "United States",
    "zip_code": 94107,
}
CARD = {
    "credit_card_number": "4432-8015-6152-0454",
    "credit_card_cvv": 672,
    "credit_card_expiration_year": 2039,
    "credit_card_expiration_month": 1,
}


def call(mesh: Mesh, service: str, method: str, request: Any, answer: str) -> Any:
    with grpc.insecure_channel(mesh.addresses[service]) as channel:
        ask = channel.unary_unary(
            method,
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=M[answer].FromString,
        )
        return ask(request, timeout=10)


def money(code: str, units: int, nanos: int = 0) -> Any:
    return M["Money"](currency_code=code, units=units, nanos=nanos)


def test_cart(healthy: Mesh) -> None:
    service, prefix = "cartservice", "/hipstershop.CartService/"
    item = M["CartItem"](product_id="9SIQT8TOJO", quantity=2)
    for _ in range(2):
        call(healthy, service, prefix + "AddItem", M["AddItemRequest"](user_id=USER, item=item), "Empty")
    cart = call(healthy, service, prefix + "GetCart", M["GetCartRequest"](user_id=USER), "Cart")
    assert cart.user_id == USER
    assert [(line.product_id, line.quantity) for line in cart.items] == [("9SIQT8TOJO", 4)]
    call(healthy, service, prefix + "EmptyCart", M["EmptyCartRequest"](user_id=USER), "Empty")
    cart = call(healthy, service, prefix + "GetCart", M["GetCartRequest"](user_id=USER), "Cart")
    assert list(cart.items) == []


def test_catalogue(healthy: Mesh) -> None:
    service, prefix = "productcatalogservice", "/hipstershop.ProductCatalogService/"
    products = call(healthy, service, prefix + "ListProducts", M["Empty"](), "ListProductsResponse").products
    assert len(products) == 9
    wanted = M["GetProductRequest"](id="1YMWWN1N4O")
    kit = call(healthy, service, prefix + "GetProduct", wanted, "Product")
    assert (kit.name, kit.price_usd.units, kit.price_usd.nanos) == ("Home Barista Kit", 124, 0)
    assert list(kit.categories) == ["cookware"]
    query = M["SearchProductsRequest"](query="vintage")
    found = call(healthy, service, prefix + "SearchProducts", query, "SearchProductsResponse")
    assert {product.id for product in found.results} == {"OLJCESPC7Z", "66VCHSJNUP", "0PUK6V6EV0"}


def test_currencies(healthy: Mesh) -> None:
    service, prefix = "currencyservice", "/hipstershop.CurrencyService/"
    codes = call(
        healthy, service, prefix + "GetSupportedCurrencies", M["Empty"](), "GetSupportedCurrenciesResponse"
    ).currency_codes
    assert list(codes) == ["EUR", "USD", "JPY", "GBP", "TRY", "CAD"]
    for code, units, nanos in (
        ("EUR", 109, 680_000_000),
        ("JPY", 13864, 0),
        ("GBP", 94, 290_000_000),
        ("USD", 124, 0),
    ):
        request = M["CurrencyConversionRequest"](to_code=code, **{"from": money("USD", 124)})
        got = call(healthy, service, prefix + "Convert", request, "Money")
        assert (got.currency_code, got.units, got.nanos) == (code, units, nanos)


@pytest.mark.parametrize(
    ("count", "units", "cents"),
    [
        *[(0, 0, 0), (1, 4, 73), (2, 6, 65), (4, 11, 22), (5, 14, 0), (10, 37, 0)],
        # In parcels of ten: in one, the formula asks 177,197 USD for fifty things.
        *[(11, 41, 73), (50, 185, 0), (100, 370, 0), (1000, 3700, 0)],
    ],
)
def test_shipping_quotes(healthy: Mesh, count: int, units: int, cents: int) -> None:
    items = [M["CartItem"](product_id="9SIQT8TOJO", quantity=1)] * count
    request = M["GetQuoteRequest"](address=M["Address"](**ADDRESS), items=items)
    quote = call(
        healthy, "shippingservice", "/hipstershop.ShippingService/GetQuote", request, "GetQuoteResponse"
    )
    assert (quote.cost_usd.currency_code, quote.cost_usd.units, quote.cost_usd.nanos) == (
        "USD",
        units,
        cents * 10_000_000,
    )


def test_shipping_parcels(healthy: Mesh) -> None:
    request = M["ShipOrderRequest"](address=M["Address"](**ADDRESS))
    shipped = call(
        healthy, "shippingservice", "/hipstershop.ShippingService/ShipOrder", request, "ShipOrderResponse"
    )
    letters, first, second = shipped.tracking_id.split("-")
    assert letters.isalpha()
    assert letters.isupper()
    assert (len(letters), first[:2], second[:2]) == (2, "33", "16")


def test_payment(healthy: Mesh) -> None:
    request = M["ChargeRequest"](amount=money("USD", 10), credit_card=M["CreditCardInfo"](**CARD))
    answer = call(healthy, "paymentservice", "/hipstershop.PaymentService/Charge", request, "ChargeResponse")
    assert len(answer.transaction_id) == 36


def test_email(healthy: Mesh) -> None:
    request = M["SendOrderConfirmationRequest"](email="someone@example.com", order={"order_id": "1"})
    call(healthy, "emailservice", "/hipstershop.EmailService/SendOrderConfirmation", request, "Empty")


def test_ads(healthy: Mesh) -> None:
    method = "/hipstershop.AdService/GetAds"
    fitting = call(healthy, "adservice", method, M["AdRequest"](context_keys=["cycling"]), "AdResponse")
    assert [ad.redirect_url for ad in fitting.ads] == ["/product/9SIQT8TOJO"]
    drawn = call(healthy, "adservice", method, M["AdRequest"](), "AdResponse")
    assert len(drawn.ads) == 2


def test_recommendations(healthy: Mesh) -> None:
    request = M["ListRecommendationsRequest"](user_id=USER, product_ids=["9SIQT8TOJO", "6E92ZMYYFZ"])
    method = "/hipstershop.RecommendationService/ListRecommendations"
    got = call(healthy, "recommendationservice", method, request, "ListRecommendationsResponse").product_ids
    assert len(set(got)) == 5
    assert not {"9SIQT8TOJO", "6E92ZMYYFZ"} & set(got)


def test_checkout(healthy: Mesh) -> None:
    user = str(uuid4())
    item = M["CartItem"](product_id="1YMWWN1N4O", quantity=2)
    add = M["AddItemRequest"](user_id=user, item=item)
    call(healthy, "cartservice", "/hipstershop.CartService/AddItem", add, "Empty")
    request = M["PlaceOrderRequest"](
        user_id=user,
        user_currency="EUR",
        address=M["Address"](**ADDRESS),
        email="someone@example.com",
        credit_card=M["CreditCardInfo"](**CARD),
    )
    method = "/hipstershop.CheckoutService/PlaceOrder"
    order = call(healthy, "checkoutservice", method, request, "PlaceOrderResponse").order
    assert order.shipping_address.zip_code == 94107
    assert [(line.item.quantity, line.cost.currency_code, line.cost.units) for line in order.items] == [
        (2, "EUR", 109)
    ]
