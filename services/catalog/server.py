"""productcatalogservice: the nine products, read from `products.json`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import grpc

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.common import money
from services.common.errors import InvalidRequest, NotFound
from services.common.server import Backend, ServiceContext, ServicerHandle, serve
from services.common.settings import CommonSettings

_SHOWN_ID_LENGTH = 40


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """productcatalogservice's settings."""


def load_products() -> Sequence[pb.Product]:
    """The products in the order in which the shop shows them."""
    text = resources.files("services.catalog").joinpath("products.json").read_text("utf-8")
    return [
        pb.Product(
            id=entry["id"],
            name=entry["name"],
            description=entry["description"],
            picture=entry["picture"],
            price_usd=money.from_nanos("USD", entry["price_cents"] * money.NANOS_PER_CENT),
            categories=entry["categories"],
        )
        for entry in json.loads(text)
    ]


class CatalogServicer(rpc.ProductCatalogServiceServicer):
    """Serves `hipstershop.ProductCatalogService`."""

    def __init__(self, products: Sequence[pb.Product]) -> None:
        self._products = products
        self._by_id = {product.id: product for product in products}
        self._all = pb.ListProductsResponse(products=products)

    def ListProducts(self, request: pb.Empty, context: grpc.ServicerContext) -> pb.ListProductsResponse:
        """All products."""
        return self._all

    def GetProduct(self, request: pb.GetProductRequest, context: grpc.ServicerContext) -> pb.Product:
        """One product by its id."""
        if not request.id:
            raise InvalidRequest("a product id is required")
        product = self._by_id.get(request.id)
        if product is None:
            raise NotFound(f"no product with ID {request.id[:_SHOWN_ID_LENGTH]}")
        return product

    def SearchProducts(
        self, request: pb.SearchProductsRequest, context: grpc.ServicerContext
    ) -> pb.SearchProductsResponse:
        """The products whose name or description holds the query, in any case; none for an empty query."""
        query = request.query.strip().casefold()
        found = [
            product
            for product in self._products
            if query and (query in product.name.casefold() or query in product.description.casefold())
        ]
        return pb.SearchProductsResponse(results=found)


def mount(_service: ServiceContext[Settings]) -> ServicerHandle:
    """Read the products and make the servicer."""
    return ServicerHandle(CatalogServicer(load_products()))


BACKEND = Backend(
    service="productcatalogservice",
    short_name="catalog",
    title="the product catalogue.",
    settings=Settings,
    rpc_service="hipstershop.ProductCatalogService",
    register=rpc.add_ProductCatalogServiceServicer_to_server,
    mount=mount,
)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; the exit codes are those of `serve`."""
    return serve(BACKEND, argv)
