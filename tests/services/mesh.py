"""A whole shop without its storefront, in this process, with telemetry kept in memory."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from runtime.wsgi import Limits, WsgiServer
from services.ad import server as ad
from services.buttercup import server as buttercup
from services.cart import server as cart
from services.catalog import server as catalog
from services.checkout import server as checkout
from services.common import seat, telemetry
from services.common.clients import Connection, Target
from services.common.flags import Flags
from services.common.server import Backend, Running, start
from services.currency import server as currency
from services.email import server as email
from services.payment import server as payment
from services.recommendation import server as recommendation
from services.shipping import server as shipping
from tests.metric_points import Point, points_of

CARD_NUMBER = "4432-8015-6152-0454"
CVV = 672
HEALTHY: Mapping[str, Any] = {}
BROKEN: Mapping[str, Any] = {"payment_invalid_token": 1.0, "checkout_stale_endpoint": True}


def write_flags(path: Path, values: Mapping[str, Any]) -> None:
    """A flagd file whose every flag has the given value for everybody."""
    flags = {
        key: {"state": "ENABLED", "variants": {"chosen": value}, "defaultVariant": "chosen"}
        for key, value in {"buttercup_delay_ms": {"min": 1, "max": 2}, **values}.items()
    }
    new = path.with_suffix(".new")
    new.write_text(json.dumps({"flags": flags}))
    new.replace(path)


@dataclass
class Mesh:
    """Every backend, running; what it emitted, by service."""

    addresses: dict[str, str] = field(default_factory=dict)
    span_exporter: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)
    log_exporter: InMemoryLogRecordExporter = field(default_factory=InMemoryLogRecordExporter)
    metric_readers: dict[str, InMemoryMetricReader] = field(default_factory=dict)
    stdout: io.StringIO = field(default_factory=io.StringIO)
    client_telemetry: telemetry.Telemetry | None = None

    def telemetry(self, service: str) -> telemetry.Telemetry:
        """Telemetry that ends in this mesh's memory."""
        self.metric_readers[service] = InMemoryMetricReader()
        return telemetry.build(
            telemetry.Identity(service),
            metric_readers=[self.metric_readers[service]],
            span_processors=[SimpleSpanProcessor(self.span_exporter)],
            log_processors=[SimpleLogRecordProcessor(self.log_exporter)],
            stream=self.stdout,
        )

    @contextmanager
    def stub(self, service: str, stub_class: Any) -> Iterator[Any]:
        """A traced stub of `service`, called by a storefront of ours."""
        assert self.client_telemetry is not None
        connection = Connection(Target(self.addresses[service], service), self.client_telemetry)
        try:
            yield connection.stub(stub_class, deadline_s=20.0)
        finally:
            connection.close()

    def spans(self, service: str = "") -> list[ReadableSpan]:
        """The finished spans, of one service or of all."""
        spans = self.span_exporter.get_finished_spans()
        return [span for span in spans if service in ("", span.resource.attributes["service.name"])]

    def logs(self, service: str = "") -> list[ReadableLogRecord]:
        """The log records, of one service or of all."""
        records = self.log_exporter.get_finished_logs()
        return [record for record in records if service in ("", record.resource.attributes["service.name"])]

    def points(self, service: str, name: str = "") -> list[Point]:
        """What a service's metrics are now, of one name or of all, with the exemplars since the last time."""
        points = points_of(self.metric_readers[service])
        return [point for point in points if name in ("", point.name)]

    def lines(self) -> list[dict[str, Any]]:
        """The lines of standard output."""
        return [json.loads(line) for line in self.stdout.getvalue().splitlines()]

    def forget(self) -> None:
        """Drop what was emitted so far."""
        self.span_exporter.clear()
        self.log_exporter.clear()
        self.stdout.truncate(0)
        self.stdout.seek(0)

    def place_order(
        self, shopper: seat.Shopper, *, request: pb.PlaceOrderRequest | None = None, put_in: bool = True
    ) -> pb.PlaceOrderResponse:
        """Put one typewriter into a fresh cart and place its order, in one trace of a storefront."""
        request = request or order_request()
        assert self.client_telemetry is not None
        with (
            self.client_telemetry.tracer.start_as_current_span("POST /cart/checkout"),
            self.stub("cartservice", rpc.CartServiceStub) as carts,
            self.stub("checkoutservice", rpc.CheckoutServiceStub) as checkouts,
        ):
            token = seat.enter(shopper)
            try:
                if put_in:
                    item = pb.CartItem(product_id="OLJCESPC7Z", quantity=2)
                    carts.AddItem(pb.AddItemRequest(user_id=request.user_id, item=item))
                answer: pb.PlaceOrderResponse = checkouts.PlaceOrder(request)
                return answer
            finally:
                seat.leave(token)


def order_request(**changes: Any) -> pb.PlaceOrderRequest:
    """The order form of the original, for a new user."""
    card = pb.CreditCardInfo(
        credit_card_number=CARD_NUMBER,
        credit_card_cvv=CVV,
        credit_card_expiration_year=2039,
        credit_card_expiration_month=1,
    )
    address = pb.Address(
        street_address="270 Brannan St",
        city="San Francisco",
        state="CA",
        country="United States",
        zip_code=94107,
    )
    fields: dict[str, Any] = {
        "user_id": str(uuid4()),
        "user_currency": "USD",
        "address": address,
        "email": "someone@example.com",
        "credit_card": card,
        **changes,
    }
    return pb.PlaceOrderRequest(**fields)


@contextmanager
def running_provider(flags_file: Path | None) -> Iterator[str]:
    """buttercup over real HTTP; its URL."""
    settings = buttercup.Settings(seed=7, flags_file=flags_file)
    flags = Flags(flags_file, telemetry.make_logger({}, stream=io.StringIO()), [buttercup.DELAY])
    server = WsgiServer(buttercup.make_app(settings, flags), "127.0.0.1", 0, Limits(threads=8))
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.stop()
        flags.close()


@contextmanager
def running_mesh(folder: Path, flags: Mapping[str, Any] = HEALTHY, *, redis_addr: str = "") -> Iterator[Mesh]:
    """The nine backends and the provider, with the given flags in `folder`/flags.json."""
    flags_file = folder / "flags.json"
    write_flags(flags_file, flags)
    mesh = Mesh()
    mesh.client_telemetry = mesh.telemetry("frontend")
    started: list[Running] = []
    common: dict[str, Any] = {"flags_file": flags_file, "seed": 7}

    def run(backend: Backend[Any], **settings: Any) -> str:
        chosen = replace(backend.settings(), **common, **settings)
        running = start(backend, chosen, mesh.telemetry(backend.service))
        started.append(running)
        mesh.addresses[backend.service] = f"127.0.0.1:{running.port}"
        return mesh.addresses[backend.service]

    with running_provider(flags_file) as provider_url:
        try:
            catalog_address = run(catalog.BACKEND)
            run(recommendation.BACKEND, catalog=catalog_address)
            run(ad.BACKEND)
            run(
                checkout.BACKEND,
                cart=run(cart.BACKEND, cart_db=folder / "carts.sqlite3", redis_addr=redis_addr),
                catalog=catalog_address,
                currency=run(currency.BACKEND),
                shipping=run(shipping.BACKEND),
                payment=run(payment.BACKEND, buttercup_url=provider_url),
                email=run(email.BACKEND),
            )
            yield mesh
        finally:
            for running in reversed(started):
                running.stop(0.1)
