"""shippingservice: `GetQuote` prices a shipment, `ShipOrder` assigns a tracking id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

import grpc

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.common import money, seat
from services.common.flags import SHIPPING_KEPT_LABELS, Flags
from services.common.server import Backend, ServiceContext, ServicerHandle, serve
from services.common.settings import CommonSettings
from services.common.telemetry import ShopLogger
from services.shipping import quote
from services.shipping.labels import KeptLabels


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """shippingservice's settings."""


class ShippingServicer(rpc.ShippingServiceServicer):
    """Serves `hipstershop.ShippingService`."""

    def __init__(self, logger: ShopLogger, chance: Random, flags: Flags, labels: KeptLabels) -> None:
        self._log = logger
        self._chance = chance
        self._flags = flags
        self._labels = labels

    def GetQuote(self, request: pb.GetQuoteRequest, context: grpc.ServicerContext) -> pb.GetQuoteResponse:
        """The price of shipping these items, in USD; the address does not matter."""
        count = quote.total_quantity(request.items)
        cost = quote.cost(count)
        self._log.info("[GetQuote] completed", items=count, cost=money.shown(cost))
        return pb.GetQuoteResponse(cost_usd=cost)

    def ShipOrder(self, request: pb.ShipOrderRequest, context: grpc.ServicerContext) -> pb.ShipOrderResponse:
        """Ship the items. Returns the tracking id."""
        quote.total_quantity(request.items)
        self._labels.keep(*self._flags.shipping_kept_labels(seat.current()))
        tracking_id = quote.tracking_id(request.address, self._chance)
        self._log.info("[ShipOrder] completed", tracking_id=tracking_id)
        return pb.ShipOrderResponse(tracking_id=tracking_id)


def mount(service: ServiceContext[Settings]) -> ServicerHandle:
    """Make the servicer."""
    return ServicerHandle(
        ShippingServicer(service.log, service.chance("tracking"), service.flags, KeptLabels())
    )


BACKEND = Backend(
    service="shippingservice",
    short_name="shipping",
    title="quotes and ships.",
    settings=Settings,
    rpc_service="hipstershop.ShippingService",
    register=rpc.add_ShippingServiceServicer_to_server,
    mount=mount,
    flags=(SHIPPING_KEPT_LABELS,),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit codes are those of `serve`."""
    return serve(BACKEND, argv)
