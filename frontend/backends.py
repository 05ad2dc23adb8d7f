"""The stubs of the seven backends that the storefront calls. All connections are opened here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from frontend.settings import Settings
from protos import hipstershop_pb2_grpc as grpc_stubs
from services.common.clients import Connection, Target
from services.common.telemetry import Telemetry

# checkoutservice makes up to four attempts to charge a card, and ends within this (`services/checkout`).
CHECKOUT_DEADLINE_S = 9.0


@dataclass(frozen=True, slots=True)
class Backends:
    """One stub per service (tests give objects with the same methods); `close` ends the connections."""

    catalog: Any
    currency: Any
    cart: Any
    recommendation: Any
    shipping: Any
    checkout: Any
    ads: Any
    close: Callable[[], None] = lambda: None


def connect(settings: Settings, telemetry: Telemetry) -> Backends:
    """Stubs whose calls are traced and have a deadline. Connects at the first call; call it after forks."""
    targets = (
        Target(settings.catalog_addr, "productcatalogservice"),
        Target(settings.currency_addr, "currencyservice"),
        Target(settings.cart_addr, "cartservice"),
        Target(settings.recommendation_addr, "recommendationservice"),
        Target(settings.shipping_addr, "shippingservice"),
        Target(settings.checkout_addr, "checkoutservice"),
        Target(settings.ad_addr, "adservice"),
    )
    opened = [Connection(target, telemetry) for target in targets]
    catalog, currency, cart, recommendation, shipping, checkout, ads = opened

    def close() -> None:
        for connection in opened:
            connection.close()

    return Backends(
        catalog=catalog.stub(grpc_stubs.ProductCatalogServiceStub),
        currency=currency.stub(grpc_stubs.CurrencyServiceStub),
        cart=cart.stub(grpc_stubs.CartServiceStub),
        recommendation=recommendation.stub(grpc_stubs.RecommendationServiceStub),
        shipping=shipping.stub(grpc_stubs.ShippingServiceStub),
        checkout=checkout.stub(grpc_stubs.CheckoutServiceStub, deadline_s=CHECKOUT_DEADLINE_S),
        ads=ads.stub(grpc_stubs.AdServiceStub),
        close=close,
    )
