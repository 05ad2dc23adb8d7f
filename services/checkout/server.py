"""checkoutservice: `PlaceOrder` turns a cart into a paid, shipped and confirmed order.

The calls, in order: GetCart; for each line GetProduct and Convert; GetQuote and
Convert; Charge; ShipOrder; EmptyCart; SendOrderConfirmation. A cart is emptied
only after its order was paid. A confirmation that cannot be sent is a warning.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import grpc
from opentelemetry import trace

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.checkout.charging import Charging, Order
from services.common import money, seat
from services.common.clients import Connection, Target, code_of, details_of, rpc_error_text
from services.common.errors import Failed, InvalidRequest, NotFound, Unavailable
from services.common.flags import CHECKOUT_STALE_ENDPOINT
from services.common.server import Backend, Mounted, Runtime, serve
from services.common.settings import CommonSettings, address, setting

Request = TypeVar("Request")
Answer = TypeVar("Answer")

EMPTY_CART = "the cart is empty: add something before placing an order"


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """checkoutservice's settings: where the six services are that it calls."""

    cart: str = setting("127.0.0.1:7070", "CART_SERVICE_ADDR", "cartservice.", address)
    catalog: str = setting(
        "127.0.0.1:3550", "PRODUCT_CATALOG_SERVICE_ADDR", "productcatalogservice.", address
    )
    currency: str = setting("127.0.0.1:7000", "CURRENCY_SERVICE_ADDR", "currencyservice.", address)
    shipping: str = setting("127.0.0.1:50052", "SHIPPING_SERVICE_ADDR", "shippingservice.", address)
    payment: str = setting("127.0.0.1:50051", "PAYMENT_SERVICE_ADDR", "paymentservice.", address)
    email: str = setting("127.0.0.1:5000", "EMAIL_SERVICE_ADDR", "emailservice.", address)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cart with its prices in the shopper's currency."""

    lines: Sequence[pb.OrderItem]
    shipping: pb.Money
    total: pb.Money


class Others:
    """The services that are called besides the payment service."""

    def __init__(self, runtime: Runtime[Settings]) -> None:
        places = runtime.settings
        connections = {
            name: Connection(Target(where, name), runtime.telemetry)
            for name, where in (
                ("cartservice", places.cart),
                ("productcatalogservice", places.catalog),
                ("currencyservice", places.currency),
                ("shippingservice", places.shipping),
                ("emailservice", places.email),
            )
        }
        self._connections = list(connections.values())
        self.cart = connections["cartservice"].stub(rpc.CartServiceStub)
        self.catalog = connections["productcatalogservice"].stub(rpc.ProductCatalogServiceStub)
        self.currency = connections["currencyservice"].stub(rpc.CurrencyServiceStub)
        self.shipping = connections["shippingservice"].stub(rpc.ShippingServiceStub)
        self.email = connections["emailservice"].stub(rpc.EmailServiceStub)

    def close(self) -> None:
        """Close the channels."""
        for connection in self._connections:
            connection.close()


def ask(what: str, call: Callable[[Request], Answer], request: Request) -> Answer:
    """Call another service; a failure becomes ours, saying what was being done.

    Raises:
        InvalidRequest, NotFound: it said that the request can never work.
        Unavailable: it is away or too slow.
        Failed: anything else.
    """
    try:
        return call(request)
    except grpc.RpcError as error:
        code = code_of(error)
        if code is grpc.StatusCode.INVALID_ARGUMENT:
            raise InvalidRequest(details_of(error)) from error
        if code is grpc.StatusCode.NOT_FOUND:
            raise NotFound(details_of(error)) from error
        text = f"{what}: {rpc_error_text(error)}"
        if code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED):
            raise Unavailable(text) from error
        raise Failed(text) from error


class CheckoutServicer(rpc.CheckoutServiceServicer):
    """Serves `hipstershop.CheckoutService`."""

    def __init__(self, runtime: Runtime[Settings], others: Others, charging: Charging) -> None:
        self._log = runtime.log
        self._others = others
        self._charging = charging

    def PlaceOrder(
        self, request: pb.PlaceOrderRequest, context: grpc.ServicerContext
    ) -> pb.PlaceOrderResponse:
        """Place the order of a user's cart."""
        self._log.info("PlaceOrder", user_id=request.user_id, user_currency=request.user_currency)
        order_id = str(uuid.uuid4())
        prepared = self._prepare(request)
        transaction_id = self._charging.charge(
            Order(order_id, prepared.total, request.credit_card, seat.current().traffic), context.is_active
        )
        self._log.info("payment went through", transaction_id=transaction_id)
        shipped = ask(
            "shipping error",
            self._others.shipping.ShipOrder,
            pb.ShipOrderRequest(address=request.address, items=[line.item for line in prepared.lines]),
        )
        self._empty_cart(request.user_id)
        result = pb.OrderResult(
            order_id=order_id,
            shipping_tracking_id=shipped.tracking_id,
            shipping_cost=prepared.shipping,
            shipping_address=request.address,
            items=prepared.lines,
        )
        trace.get_current_span().set_attribute("orderId", order_id)
        self._confirm(request.email, result)
        self._log.info("order placed", order_id=order_id, total=money.shown(prepared.total))
        return pb.PlaceOrderResponse(order=result)

    def _prepare(self, request: pb.PlaceOrderRequest) -> Prepared:
        cart = ask("cart failure", self._others.cart.GetCart, pb.GetCartRequest(user_id=request.user_id))
        if not cart.items:
            raise InvalidRequest(EMPTY_CART)
        lines = []
        for item in cart.items:
            product = ask(
                "failed to prepare order",
                self._others.catalog.GetProduct,
                pb.GetProductRequest(id=item.product_id),
            )
            price = self._converted("failed to prepare order", product.price_usd, request.user_currency)
            lines.append(pb.OrderItem(item=item, cost=price))
        quote = ask(
            "shipping quote failure",
            self._others.shipping.GetQuote,
            pb.GetQuoteRequest(address=request.address, items=cart.items),
        )
        shipping = self._converted(
            "failed to convert shipping cost to currency", quote.cost_usd, request.user_currency
        )
        total = shipping
        for line in lines:
            total = money.add(total, money.times(line.cost, line.item.quantity))
        return Prepared(lines, shipping, total)

    def _converted(self, what: str, amount: pb.Money, to_code: str) -> pb.Money:
        request = pb.CurrencyConversionRequest(to_code=to_code)
        getattr(request, "from").CopyFrom(amount)
        answer: pb.Money = ask(what, self._others.currency.Convert, request)
        return answer

    def _empty_cart(self, user_id: str) -> None:
        """The order is paid and shipped: a cart that stays full must not undo it."""
        try:
            self._others.cart.EmptyCart(pb.EmptyCartRequest(user_id=user_id))
        except grpc.RpcError as error:
            self._log.warning("failed to empty user cart during checkout", error=rpc_error_text(error))

    def _confirm(self, email: str, order: pb.OrderResult) -> None:
        try:
            self._others.email.SendOrderConfirmation(
                pb.SendOrderConfirmationRequest(email=email, order=order)
            )
        except grpc.RpcError as error:
            self._log.warning("failed to send order confirmation", error=rpc_error_text(error))
        else:
            self._log.info("order confirmation email sent", order_id=order.order_id)


def mount(runtime: Runtime[Settings]) -> Mounted:
    """Open the channels and make the servicer."""
    others = Others(runtime)
    charging = Charging(runtime.settings.payment, runtime.telemetry, runtime.flags)

    def close() -> None:
        others.close()
        charging.close()

    return Mounted(CheckoutServicer(runtime, others, charging), close=close)


BACKEND = Backend(
    service="checkoutservice",
    short_name="checkout",
    title="turns carts into orders.",
    settings=Settings,
    rpc_service="hipstershop.CheckoutService",
    register=rpc.add_CheckoutServiceServicer_to_server,
    mount=mount,
    flags=(CHECKOUT_STALE_ENDPOINT,),
    # Most of a call is waiting; a slow provider must not leave health checks without a thread.
    workers=64,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop."""
    return serve(BACKEND, argv)
