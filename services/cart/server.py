"""cartservice: shopping carts in SQLite, or in Redis where `REDIS_ADDR` is set."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from runtime.settings import ADDRESS, PATH, setting
from services.cart.carts import CartLine, Carts, LostConnections
from services.common import seat
from services.common.errors import InvalidRequest
from services.common.flags import CART_LOST_CONNECTIONS, CART_SLOW_QUERY_MS
from services.common.server import Backend, ServiceContext, ServicerHandle, serve
from services.common.settings import CommonSettings

_MAX_PRODUCT_ID_LENGTH = 64


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """cartservice's settings."""

    cart_db: Path = setting(Path("carts.sqlite3"), "CART_DB", "The SQLite file that keeps the carts.", PATH)
    redis_addr: str = setting("", "REDIS_ADDR", "Redis or Valkey to keep the carts in instead.", ADDRESS)


class CartServicer(rpc.CartServiceServicer):
    """Serves `hipstershop.CartService`."""

    def __init__(self, service: ServiceContext[Settings], carts: Carts) -> None:
        self._log = service.log
        self._flags = service.flags
        self._slowness = service.chance("slow-query")
        self._carts = carts

    def AddItem(self, request: pb.AddItemRequest, context: grpc.ServicerContext) -> pb.Empty:
        """Add a product to a user's cart; quantities of the same product add up."""
        user_id = _user(request.user_id)
        product_id, quantity = request.item.product_id, request.item.quantity
        if not product_id or len(product_id) > _MAX_PRODUCT_ID_LENGTH:
            raise InvalidRequest("item.product_id is required and has at most 64 characters")
        if quantity < 1:
            raise InvalidRequest(f"item.quantity must be 1 or more, not {quantity}")
        self._carts.add(user_id, CartLine(product_id, quantity), self._lost())
        self._log.info("AddItem", user_id=user_id, product_id=product_id, quantity=quantity)
        return pb.Empty()

    def GetCart(self, request: pb.GetCartRequest, context: grpc.ServicerContext) -> pb.Cart:
        """A user's cart; an empty one for a user who has none."""
        least_ms, most_ms = self._flags.delay_range_ms(CART_SLOW_QUERY_MS, seat.current())
        slow_ms = self._slowness.uniform(least_ms, most_ms)
        lines = self._carts.lines(_user(request.user_id), slow_ms, self._lost())
        items = [pb.CartItem(product_id=line.product_id, quantity=line.quantity) for line in lines]
        return pb.Cart(user_id=request.user_id, items=items)

    def EmptyCart(self, request: pb.EmptyCartRequest, context: grpc.ServicerContext) -> pb.Empty:
        """Remove everything from a user's cart."""
        user_id = _user(request.user_id)
        self._carts.empty(user_id, self._lost())
        self._log.info("EmptyCart", user_id=user_id)
        return pb.Empty()

    def _lost(self) -> LostConnections | None:
        connections, wait_ms = self._flags.cart_lost_connections(seat.current())
        return LostConnections(connections, wait_ms) if connections else None


def _user(user_id: str) -> str:
    """The user id in its canonical form.

    Raises:
        InvalidRequest: it is not a GUID.
    """
    try:
        return str(uuid.UUID(user_id))
    except ValueError:
        raise InvalidRequest("user_id must be a GUID") from None


def open_carts(service: ServiceContext[Settings]) -> Carts:
    """The store that the settings name; only its library is imported."""
    settings, telemetry = service.settings, service.telemetry
    if settings.redis_addr:
        from services.cart.redis_carts import RedisCarts

        return RedisCarts(settings.redis_addr, telemetry.tracer_provider, telemetry.meter)
    from services.cart.sqlite_carts import SqliteCarts

    return SqliteCarts(settings.cart_db, telemetry.tracer_provider, telemetry.meter_provider, telemetry.meter)


def mount(service: ServiceContext[Settings]) -> ServicerHandle:
    """Open the store and make the servicer."""
    carts = open_carts(service)
    return ServicerHandle(CartServicer(service, carts), healthy=carts.healthy, close=carts.close)


BACKEND = Backend(
    service="cartservice",
    short_name="cart",
    title="keeps the shopping carts.",
    settings=Settings,
    rpc_service="hipstershop.CartService",
    register=rpc.add_CartServiceServicer_to_server,
    mount=mount,
    flags=(CART_SLOW_QUERY_MS, CART_LOST_CONNECTIONS),
    # A call may wait for a connection: with fewer threads, those of a class would block everybody's carts.
    workers=64,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit codes are those of `serve`."""
    return serve(BACKEND, argv)
