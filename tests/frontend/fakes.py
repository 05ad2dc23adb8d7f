"""Backends without a network: canned answers, every call noted, any of them made to fail on demand."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from flask import Flask
from flask.testing import FlaskClient
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from selectolax.lexbor import LexborHTMLParser, LexborNode

from frontend.app import create_app
from frontend.backends import Backends
from frontend.relay import Relay
from frontend.server import FLAGS
from frontend.settings import Settings
from protos import hipstershop_pb2 as pb
from runtime.settings import load
from services.common import money, seat
from services.common.flags import Flags
from services.common.telemetry import Identity, build
from tests.frontend.mesh import flags_json

PRODUCTS = (
    ("OLJCESPC7Z", "Vintage Typewriter", 6799, "typewriter", ("vintage",)),
    ("66VCHSJNUP", "Vintage Camera Lens", 1249, "camera-lens", ("photography", "vintage")),
    ("1YMWWN1N4O", "Home Barista Kit", 12400, "barista-kit", ("cookware",)),
    ("9SIQT8TOJO", "City Bike", 78950, "city-bike", ("cycling",)),
    ("6E92ZMYYFZ", "Air Plant", 1230, "air-plant", ("gardening",)),
    ("LS4PSXUNUM", "Metal Camping Mug", 2433, "camp-mug", ("cookware",)),
)
GOOD_FORM = {
    "email": "someone@example.com",
    "street_address": "270 Brannan St",
    "zip_code": "94107",
    "city": "San Francisco",
    "state": "CA",
    "country": "United States",
    "credit_card_number": "4432-8015-6152-0454",
    "credit_card_expiration_month": "1",
    "credit_card_expiration_year": "2039",
    "credit_card_cvv": "672",
}
ORDER_ID = "5e0fb3a2-4a1c-4f3e-9c3b-0d3e8f6c7a11"


class Refusal(grpc.RpcError, grpc.Call):  # type: ignore[misc]  # grpc ships no types
    """A failed call with a status and a message."""

    def __init__(self, code: grpc.StatusCode, details: str, trailing: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__()
        self._code, self._details, self._trailing = code, details, trailing

    def code(self) -> grpc.StatusCode:
        return self._code

    def details(self) -> str:
        return self._details

    def trailing_metadata(self) -> Sequence[tuple[str, str]]:
        return self._trailing

    def initial_metadata(self) -> Sequence[tuple[str, str]]:
        return ()

    def is_active(self) -> bool:
        return False

    def time_remaining(self) -> None:
        return None

    def cancel(self) -> bool:
        return False

    def add_callback(self, callback: Callable[[], None]) -> bool:
        return False


CHARGE_REFUSED = Refusal(
    grpc.StatusCode.INTERNAL,
    "failed to charge card: could not charge the card: rpc error: code = Code(401) desc = Invalid request",
)


def product(index: int) -> pb.Product:
    """One of the fake catalogue's products."""
    id_, name, cents, picture, categories = PRODUCTS[index]
    return pb.Product(
        id=id_,
        name=name,
        description=f"About the {name}.",
        picture=f"/static/img/products/{picture}.svg",
        price_usd=money.from_nanos("USD", cents * money.NANOS_PER_CENT),
        categories=categories,
    )


@dataclass
class World:
    """What the fake backends hold, what they were asked, and what is to fail."""

    calls: list[str] = field(default_factory=list)
    requests: list[Any] = field(default_factory=list)
    baggage: list[seat.Shopper] = field(default_factory=list)
    failing: dict[str, Refusal] = field(default_factory=dict)
    carts: dict[str, list[pb.CartItem]] = field(default_factory=dict)
    ads: list[pb.Ad] = field(
        default_factory=lambda: [pb.Ad(redirect_url="/product/9SIQT8TOJO", text="Ride home.")]
    )
    products: list[pb.Product] = field(default_factory=lambda: [product(i) for i in range(len(PRODUCTS))])

    def answer(self, name: str, request: Any) -> Any:
        """Note the call and answer it."""
        self.calls.append(name)
        self.requests.append(request)
        self.baggage.append(seat.current())
        if name in self.failing:
            raise self.failing[name]
        return getattr(self, f"_{name}")(request)

    def _GetSupportedCurrencies(self, _request: pb.Empty) -> pb.GetSupportedCurrenciesResponse:
        codes = ["EUR", "USD", "JPY", "BGN", "GBP", "TRY", "CAD"]
        return pb.GetSupportedCurrenciesResponse(currency_codes=codes)

    def _Convert(self, request: pb.CurrencyConversionRequest) -> pb.Money:
        source = getattr(request, "from")
        factor = 2 if request.to_code != "USD" else 1
        return money.from_nanos(request.to_code, money.nanos_of(source) * factor)

    def _ListProducts(self, _request: pb.Empty) -> pb.ListProductsResponse:
        return pb.ListProductsResponse(products=self.products)

    def _GetProduct(self, request: pb.GetProductRequest) -> pb.Product:
        for known in self.products:
            if known.id == request.id:
                return known
        raise Refusal(grpc.StatusCode.NOT_FOUND, f"no product with ID {request.id}")

    def _GetCart(self, request: pb.GetCartRequest) -> pb.Cart:
        return pb.Cart(user_id=request.user_id, items=self.carts.get(request.user_id, []))

    def _AddItem(self, request: pb.AddItemRequest) -> pb.Empty:
        self.carts.setdefault(request.user_id, []).append(request.item)
        return pb.Empty()

    def _EmptyCart(self, request: pb.EmptyCartRequest) -> pb.Empty:
        self.carts.pop(request.user_id, None)
        return pb.Empty()

    def _ListRecommendations(self, request: pb.ListRecommendationsRequest) -> pb.ListRecommendationsResponse:
        ids = [known.id for known in self.products if known.id not in request.product_ids]
        return pb.ListRecommendationsResponse(product_ids=ids)

    def _GetQuote(self, request: pb.GetQuoteRequest) -> pb.GetQuoteResponse:
        cents = 1122 if request.items else 0
        return pb.GetQuoteResponse(cost_usd=money.from_nanos("USD", cents * money.NANOS_PER_CENT))

    def _GetAds(self, _request: pb.AdRequest) -> pb.AdResponse:
        return pb.AdResponse(ads=self.ads)

    def _PlaceOrder(self, request: pb.PlaceOrderRequest) -> pb.PlaceOrderResponse:
        items = self.carts.pop(request.user_id, [])
        lines = [pb.OrderItem(item=item, cost=self._GetProduct(_id(item)).price_usd) for item in items]
        shipping = pb.Money(currency_code="USD", units=11, nanos=220_000_000)
        order = pb.OrderResult(
            order_id=ORDER_ID, shipping_tracking_id="AB-123-456", shipping_cost=shipping, items=lines
        )
        return pb.PlaceOrderResponse(order=order)


def _id(item: pb.CartItem) -> pb.GetProductRequest:
    return pb.GetProductRequest(id=item.product_id)


class _Stub:
    def __init__(self, world: World) -> None:
        self._world = world

    def __getattr__(self, name: str) -> Callable[..., Any]:
        return lambda request, timeout=None: self._world.answer(name, request)


@dataclass
class FakeShop:
    """A storefront over fake backends, asked through Flask's test client."""

    app: Flask
    client: FlaskClient
    world: World
    spans: InMemorySpanExporter
    metrics: InMemoryMetricReader
    log: io.StringIO
    closing: ExitStack

    def get(self, path: str, **options: Any) -> LexborHTMLParser:
        """The page at `path`, which must answer 200."""
        answer = self.client.get(path, **options)
        assert answer.status_code == 200, f"{path} answers {answer.status}"
        return LexborHTMLParser(answer.text)

    def fill_cart(self) -> None:
        """Bike 1, barista 2, lens 1: the cart of the original's pictures."""
        for product_id, quantity in (("9SIQT8TOJO", 1), ("1YMWWN1N4O", 2), ("66VCHSJNUP", 1)):
            form = {"product_id": product_id, "quantity": str(quantity)}
            assert self.client.post("/cart", data=form).status_code == 302


def fake_shop(folder: Path, flags: dict[str, Any] | None = None, **environ: str) -> FakeShop:
    """A storefront whose settings are `environ`; its web folder is empty unless that says otherwise."""
    world = World()
    stub = _Stub(world)
    spans = InMemorySpanExporter()
    log = io.StringIO()
    metrics = InMemoryMetricReader()
    telemetry = build(
        Identity("frontend"),
        span_processors=[SimpleSpanProcessor(spans)],
        metric_readers=[metrics],
        stream=log,
    )
    # A second shop in the same folder must not change the flags of the first, which watches its file.
    flags_file = folder / "flags.json"
    if flags:
        flags_file.write_text(flags_json(flags))
    settings = load(
        Settings,
        {"HIPSTERLAB_WEB_DIR": str(folder), "HIPSTERLAB_SEED": "7", "RUM_BEACON_URL": "http://127.0.0.1:9"}
        | environ,
    )
    closing = ExitStack()
    switches = Flags(flags_file if flags else None, telemetry.log, FLAGS)
    closing.callback(switches.close)
    relay = Relay(settings.rum_beacon_url, telemetry.log)
    closing.callback(relay.close)
    backends = Backends(stub, stub, stub, stub, stub, stub, stub)
    app = create_app(settings, telemetry, backends, switches, relay)
    made = FakeShop(app, app.test_client(), world, spans, metrics, log, closing)
    _OPEN.append(made)
    return made


_OPEN: list[FakeShop] = []


def close_fake_shops() -> None:
    """Close every shop that `fake_shop` made: each watches a file of flags and keeps connections."""
    while _OPEN:
        _OPEN.pop().closing.close()


def one(page: LexborHTMLParser | LexborNode, selector: str) -> LexborNode:
    """The one element that `selector` finds."""
    found = page.css(selector)
    assert len(found) == 1, f"{len(found)} elements match {selector}"
    return found[0]


def text(page: LexborHTMLParser | LexborNode, selector: str) -> str:
    """The text of the one element that `selector` finds, blanks made single."""
    return " ".join(one(page, selector).text(separator=" ").split())


def attribute(page: LexborHTMLParser | LexborNode, selector: str, name: str) -> str:
    """An attribute of the one element that `selector` finds; empty when it has none."""
    return one(page, selector).attributes.get(name) or ""
