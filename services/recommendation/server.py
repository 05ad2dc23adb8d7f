"""recommendationservice: five random products, without those that the page shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import grpc

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from runtime.settings import ADDRESS, setting
from services.common import seat
from services.common.clients import Connection, Target, details_of
from services.common.errors import Unavailable
from services.common.flags import RECOMMENDATION_ITEM_BY_ITEM
from services.common.server import Backend, ServiceContext, ServicerHandle, serve
from services.common.settings import CommonSettings

MAX_PRODUCTS = 5


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """recommendationservice's settings."""

    catalog: str = setting(
        "127.0.0.1:3550", "PRODUCT_CATALOG_SERVICE_ADDR", "Address of productcatalogservice.", ADDRESS
    )


class RecommendationServicer(rpc.RecommendationServiceServicer):
    """Serves `hipstershop.RecommendationService`."""

    def __init__(self, service: ServiceContext[Settings], catalog: Any) -> None:
        self._log = service.log
        self._flags = service.flags
        self._catalog = catalog
        self._chance = service.chance("recommendations")

    def ListRecommendations(
        self, request: pb.ListRecommendationsRequest, context: grpc.ServicerContext
    ) -> pb.ListRecommendationsResponse:
        """Up to five product ids, none of them in the request."""
        known = set(request.product_ids)
        try:
            products = self._catalog.ListProducts(pb.Empty()).products
            others = [product.id for product in products if product.id not in known]
            if self._flags.recommendation_item_by_item(seat.current()):
                # What the list has said already is asked for again, one product after the other.
                others = [self._catalog.GetProduct(pb.GetProductRequest(id=each)).id for each in others]
        except grpc.RpcError as error:
            raise Unavailable(f"productcatalogservice did not answer: {details_of(error)}") from error
        chosen = self._chance.sample(others, min(MAX_PRODUCTS, len(others)))
        self._log.info("Recv ListRecommendations", product_ids=", ".join(chosen))
        return pb.ListRecommendationsResponse(product_ids=chosen)


def mount(service: ServiceContext[Settings]) -> ServicerHandle:
    """Open the channel to the catalogue and make the servicer."""
    connection = Connection(Target(service.settings.catalog, "productcatalogservice"), service.telemetry)
    catalog = connection.stub(rpc.ProductCatalogServiceStub)
    servicer = RecommendationServicer(service, catalog)
    return ServicerHandle(servicer, close=connection.close)


BACKEND = Backend(
    service="recommendationservice",
    short_name="recommendation",
    title="recommends other products.",
    settings=Settings,
    rpc_service="hipstershop.RecommendationService",
    register=rpc.add_RecommendationServiceServicer_to_server,
    mount=mount,
    flags=(RECOMMENDATION_ITEM_BY_ITEM,),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit codes are those of `serve`."""
    return serve(BACKEND, argv)
