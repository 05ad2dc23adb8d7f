"""checkoutservice: `PlaceOrder` turns a cart into a paid, shipped and confirmed order.

The calls, in order: GetCart; for each line GetProduct and Convert; GetQuote and
Convert; Charge; ShipOrder; EmptyCart; SendOrderConfirmation. A cart is emptied
only after its order was paid. A confirmation that cannot be sent is a warning.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeVar

import grpc
from opentelemetry import trace

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from runtime.settings import ADDRESS, setting
from services.checkout.charging import Charging, Order
from services.checkout.quoting import Quoting
from services.common import money, seat
from services.common.clients import Connection, Target, code_of, details_of, rpc_error_text
from services.common.errors import Failed, InvalidRequest, NotFound, Unavailable
from services.common.flags import CHECKOUT_QUOTE_RETRIES, CHECKOUT_STALE_ENDPOINT
from services.common.server import Backend, ServiceContext, ServicerHandle, serve
from services.common.settings import CommonSettings
from services.common.telemetry import counter

Request = TypeVar("Request")
Reply = TypeVar("Reply")

CONFIRMATION_S = 1.0
EMPTY_CART = "the cart is empty: add something before placing an order"


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """checkoutservice's settings: the addresses of the six services that it calls."""

    cart: str = setting("127.0.0.1:7070", "CART_SERVICE_ADDR", "Address of cartservice.", ADDRESS)
    catalog: str = setting(
        "127.0.0.1:3550", "PRODUCT_CATALOG_SERVICE_ADDR", "Address of productcatalogservice.", ADDRESS
    )
    currency: str = setting("127.0.0.1:7000", "CURRENCY_SERVICE_ADDR", "Address of currencyservice.", ADDRESS)
    shipping: str = setting(
        "127.0.0.1:50052", "SHIPPING_SERVICE_ADDR", "Address of shippingservice.", ADDRESS
    )
    payment: str = setting("127.0.0.1:50051", "PAYMENT_SERVICE_ADDR", "Address of paymentservice.", ADDRESS)
    email: str = setting("127.0.0.1:5000", "EMAIL_SERVICE_ADDR", "Address of emailservice.", ADDRESS)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A cart with its prices in the shopper's currency."""

    lines: Sequence[pb.OrderItem]
    shipping: pb.Money
    total: pb.Money


class DownstreamClients:
    """Clients of the services that are called, except for the payment service."""

    def __init__(self, service: ServiceContext[Settings]) -> None:
        addresses = service.settings
        connections = {
            name: Connection(Target(address, name), service.telemetry)
            for name, address in (
                ("cartservice", addresses.cart),
                ("productcatalogservice", addresses.catalog),
                ("currencyservice", addresses.currency),
                ("shippingservice", addresses.shipping),
                ("emailservice", addresses.email),
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


def call_service(what: str, call: Callable[[Request], Reply], request: Request) -> Reply:
    """Call another service. An error is raised as ours, with `what` was being done before its text.

    Raises:
        InvalidRequest, NotFound: the same status of the other service.
        Unavailable: it was not reached or did not answer in time.
        Failed: any other status.
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

    def __init__(
        self, service: ServiceContext[Settings], clients: DownstreamClients, charging: Charging
    ) -> None:
        self._log = service.log
        self._orders = counter(service.telemetry.meter, "hipstershop.orders")
        self._clients = clients
        self._quoting = Quoting(clients.shipping, service.flags, service.log)
        self._charging = charging

    def PlaceOrder(
        self, request: pb.PlaceOrderRequest, context: grpc.ServicerContext
    ) -> pb.PlaceOrderResponse:
        """Place the order of a user's cart."""
        outcome = "failed"
        try:
            answer = self._place(request, context)
            outcome = "placed"
        except (InvalidRequest, NotFound):
            outcome = "refused"
            raise
        finally:
            self._orders.add(1, {"hipstershop.outcome": outcome})
        return answer

    def _place(self, request: pb.PlaceOrderRequest, context: grpc.ServicerContext) -> pb.PlaceOrderResponse:
        self._log.info("PlaceOrder", user_id=request.user_id, user_currency=request.user_currency)
        order_id = str(uuid.uuid4())
        prepared = self._prepare(request)
        span = trace.get_current_span()
        span.set_attribute("app.order.amount", money.as_float(prepared.total))
        span.set_attribute("app.order.currency", prepared.total.currency_code)
        transaction_id = self._charging.charge(
            Order(order_id, prepared.total, request.credit_card, seat.current()),
            lambda: _time_left_s(context),
        )
        self._log.info("payment went through", transaction_id=transaction_id)
        shipped = call_service(
            "shipping error",
            self._clients.shipping.ShipOrder,
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
        span.set_attribute("orderId", order_id)
        self._confirm(request.email, result)
        self._log.info("order placed", order_id=order_id, total=money.shown(prepared.total))
        return pb.PlaceOrderResponse(order=result)

    def _prepare(self, request: pb.PlaceOrderRequest) -> Prepared:
        cart = call_service(
            "cart failure", self._clients.cart.GetCart, pb.GetCartRequest(user_id=request.user_id)
        )
        if not cart.items:
            raise InvalidRequest(EMPTY_CART)
        lines = []
        for item in cart.items:
            product = call_service(
                "failed to prepare order",
                self._clients.catalog.GetProduct,
                pb.GetProductRequest(id=item.product_id),
            )
            price = self._converted("failed to prepare order", product.price_usd, request.user_currency)
            lines.append(pb.OrderItem(item=item, cost=price))
        quote = call_service(
            "shipping quote failure",
            self._quoting.quote,
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
        converted: pb.Money = call_service(what, self._clients.currency.Convert, request)
        return converted

    def _empty_cart(self, user_id: str) -> None:
        """Empty the cart. A failure is only logged: the order is paid and shipped."""
        try:
            self._clients.cart.EmptyCart(pb.EmptyCartRequest(user_id=user_id))
        except grpc.RpcError as error:
            self._log.warning("failed to empty user cart during checkout", error=rpc_error_text(error))

    def _confirm(self, email: str, order: pb.OrderResult) -> None:
        """Have the order confirmed. A mail that cannot be sent in time is a warning: the order stands."""
        try:
            self._clients.email.SendOrderConfirmation(
                pb.SendOrderConfirmationRequest(email=email, order=order), timeout=CONFIRMATION_S
            )
        except grpc.RpcError as error:
            self._log.warning("failed to send order confirmation", error=rpc_error_text(error))
        else:
            self._log.info("order confirmation email sent", order_id=order.order_id)


def _time_left_s(context: grpc.ServicerContext) -> float:
    """How long the caller still waits, in seconds: 0 when it has gone, infinite when it set no deadline."""
    if not context.is_active():
        return 0.0
    left: float | None = context.time_remaining()
    return inf if left is None else left


def mount(service: ServiceContext[Settings]) -> ServicerHandle:
    """Open the channels and make the servicer."""
    clients = DownstreamClients(service)
    charging = Charging(service.settings.payment, service.telemetry, service.flags)

    def close() -> None:
        clients.close()
        charging.close()

    return ServicerHandle(CheckoutServicer(service, clients, charging), close=close)


BACKEND = Backend(
    service="checkoutservice",
    short_name="checkout",
    title="turns carts into orders.",
    settings=Settings,
    rpc_service="hipstershop.CheckoutService",
    register=rpc.add_CheckoutServiceServicer_to_server,
    mount=mount,
    flags=(CHECKOUT_STALE_ENDPOINT, CHECKOUT_QUOTE_RETRIES),
    # A call mostly waits for the provider: with fewer threads, slow charges would block health checks.
    workers=64,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit codes are those of `serve`."""
    return serve(BACKEND, argv)
