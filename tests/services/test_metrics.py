"""What the services measure: names, units, attributes, exemplars, and that no caller can add series."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from uuid import uuid4

import grpc
import pytest
from opentelemetry.trace import SpanKind

from protos import hipstershop_pb2 as pb, hipstershop_pb2_grpc as rpc
from services.common.seat import Shopper
from services.common.telemetry.attributes import REGISTRY
from services.common.telemetry.metrics import METRICS
from tests.metric_points import problems_of
from tests.services.mesh import BROKEN, HEALTHY, Mesh, order_request, running_mesh

ANNA = Shopper("anna", "gold")
SERVICES = (
    "adservice",
    "cartservice",
    "checkoutservice",
    "currencyservice",
    "emailservice",
    "paymentservice",
    "productcatalogservice",
    "recommendationservice",
    "shippingservice",
)


def sold(mesh: Mesh) -> None:
    mesh.place_order(ANNA)


def fails(mesh: Mesh, **changes: object) -> None:
    with pytest.raises(grpc.RpcError):
        mesh.place_order(ANNA, request=order_request(**changes))


def totals(mesh: Mesh, service: str, name: str) -> dict[tuple[object, ...], float]:
    """Value by the attributes' values, these in the order of their keys."""
    return {
        tuple(value for _, value in sorted(point.attributes.items())): point.value
        for point in mesh.points(service, name)
    }


def test_everything_that_is_measured_is_declared(tmp_path: Path) -> None:
    emitted: set[str] = set()
    for kind, flags in (("healthy", HEALTHY), ("broken", BROKEN)):
        (folder := tmp_path / kind).mkdir()
        with running_mesh(folder, flags) as mesh:
            with suppress(grpc.RpcError):
                sold(mesh)
            fails(mesh, credit_card=pb.CreditCardInfo(credit_card_number="1"))
            for service in SERVICES:
                points = mesh.points(service)
                assert not [line for point in points for line in problems_of(point)]
                emitted |= {point.name for point in points}
    elsewhere = {name for name in METRICS if name.startswith(("otel.sdk.", "http.server."))}
    assert emitted == METRICS.keys() - elsewhere


def test_the_registries_of_metrics_and_of_attributes_agree() -> None:
    used = {key for metric in METRICS.values() for key in metric.attributes}
    assert used == {key for signal, key in REGISTRY if signal == "metric"}
    assert all(name == metric.name and metric.brief.endswith(".") for name, metric in METRICS.items())


def test_every_service_tells_of_its_process_and_its_threads(healthy: Mesh) -> None:
    for service in SERVICES:
        now = {point.series(): point.value for point in healthy.points(service)}
        by_name = {name: value for (name, _), value in now.items()}
        assert by_name["process.memory.usage"] > 1e6
        assert by_name["process.memory.virtual"] > by_name["process.memory.usage"]
        assert by_name["process.thread.count"] > 9
        assert by_name["process.unix.file_descriptor.count"] > 9
        assert by_name["process.uptime"] > 0
        assert now["process.cpu.time", (("cpu.mode", "user"),)] > 0
        assert ("cpython.gc.collections", (("cpython.gc.generation", 2),)) in now
        pool = ("hipstershop.pool.name", "grpc")
        threads = {
            state: now["hipstershop.pool.threads", (pool, ("hipstershop.pool.state", state))]
            for state in ("used", "idle")
        }
        assert threads["used"] + threads["idle"] in (8, 64)
        assert now["hipstershop.pool.pending", (pool,)] == 0


def test_a_call_is_measured_by_its_method_and_status(healthy: Mesh) -> None:
    before = totals(healthy, "cartservice", "rpc.server.call.duration")
    with healthy.stub("cartservice", rpc.CartServiceStub) as carts:
        carts.GetCart(pb.GetCartRequest(user_id=str(uuid4())))
        with pytest.raises(grpc.RpcError):
            carts.GetCart(pb.GetCartRequest(user_id="nobody"))
    method = "hipstershop.CartService/GetCart"
    after = totals(healthy, "cartservice", "rpc.server.call.duration")
    for status in ("OK", "INVALID_ARGUMENT"):
        key = (method, status, "grpc")
        assert after[key] == before.get(key, 0) + 1
    # The conventions call it an error of the caller.
    assert all("error.type" not in point.attributes for point in healthy.points("cartservice"))


EXEMPLARS: list[tuple[str, str, SpanKind]] = [
    ("rpc.server.call.duration", "productcatalogservice", SpanKind.SERVER),
    ("http.client.request.duration", "paymentservice", SpanKind.CLIENT),
    ("db.client.operation.duration", "cartservice", SpanKind.CLIENT),
    ("hipstershop.orders", "checkoutservice", SpanKind.SERVER),
    ("hipstershop.charges", "paymentservice", SpanKind.SERVER),
]


@pytest.mark.parametrize(("name", "service", "kind"), EXEMPLARS)
def test_an_exemplar_names_the_span_of_what_was_measured(
    healthy: Mesh, name: str, service: str, kind: SpanKind
) -> None:
    healthy.points(service)
    healthy.forget()
    sold(healthy)
    (trace_id,) = {span.context.trace_id for span in healthy.spans("frontend")}
    exemplars = [each for point in healthy.points(service, name) for each in point.exemplars]
    assert exemplars
    spans = {span.context.span_id: span for span in healthy.spans(service) if span.kind is kind}
    for exemplar in exemplars:
        assert exemplar.trace_id == trace_id
        assert exemplar.span_id in spans
        assert not exemplar.filtered_attributes


def test_durations_have_buckets_that_fit_them(healthy: Mesh) -> None:
    sold(healthy)
    (call, *_) = healthy.points("checkoutservice", "rpc.server.call.duration")
    assert (call.unit, call.bounds[0], call.bounds[-1]) == ("s", 0.001, 10.0)
    (statement, *_) = healthy.points("cartservice", "db.client.operation.duration")
    assert (statement.unit, statement.bounds[0], statement.bounds[-1]) == ("s", 0.00005, 5.0)
    assert not healthy.points("cartservice", "db.client.response.returned_rows")


def test_orders_and_charges_are_counted_by_outcome(tmp_path: Path) -> None:
    with running_mesh(tmp_path, HEALTHY) as mesh:
        sold(mesh)
        fails(mesh, credit_card=pb.CreditCardInfo(credit_card_number="1"))
        with pytest.raises(grpc.RpcError):
            mesh.place_order(ANNA, put_in=False)
        assert totals(mesh, "checkoutservice", "hipstershop.orders") == {("placed",): 1, ("refused",): 2}
        charges = totals(mesh, "paymentservice", "hipstershop.charges")
        assert charges == {("accepted", "v350.9"): 1, ("invalid", "v350.9"): 1}
        assert totals(mesh, "checkoutservice", "hipstershop.revenue.refused")[("USD",)] > 0


def test_a_refused_token_is_an_order_that_failed_and_what_it_would_have_brought(tmp_path: Path) -> None:
    with running_mesh(tmp_path, BROKEN) as mesh:
        fails(mesh, user_currency="EUR")
        assert totals(mesh, "checkoutservice", "hipstershop.orders") == {("failed",): 1}
        (refused,) = mesh.points("paymentservice", "hipstershop.charges")
        assert refused.attributes == {"version": "v350.10", "hipstershop.outcome": "refused"}
        # The first of the four attempts goes to the drained address.
        assert refused.value == 3
        (trace_id,) = {span.context.trace_id for span in mesh.spans("frontend")}
        assert [exemplar.trace_id for exemplar in refused.exemplars] == [trace_id] * 3
        (revenue,) = mesh.points("checkoutservice", "hipstershop.revenue.refused")
        assert revenue.attributes == {"amount.currency_code": "EUR"}
        assert revenue.value > 100
        (answers,) = mesh.points("paymentservice", "http.client.request.duration")
        assert answers.attributes["http.response.status_code"] == 401
        assert answers.attributes["error.type"] == "401"


class Stranger:
    """Calls the backends with values of its own, to make them keep a series for each."""

    def __init__(self, mesh: Mesh, opened: ExitStack) -> None:
        self._mesh = mesh
        self._carts = opened.enter_context(mesh.stub("cartservice", rpc.CartServiceStub))
        self._currency = opened.enter_context(mesh.stub("currencyservice", rpc.CurrencyServiceStub))
        self._payment = opened.enter_context(mesh.stub("paymentservice", rpc.PaymentServiceStub))
        self._channel = opened.enter_context(grpc.insecure_channel(mesh.addresses["cartservice"]))

    def call(self, number: int) -> None:
        """One of six odd calls, which fail or not."""
        odd = f"odd-{number}\u202e"
        money = pb.Money(currency_code=odd, units=number)
        item = pb.CartItem(product_id=odd, quantity=1)
        charge = pb.ChargeRequest(amount=money, credit_card=order_request().credit_card)
        calls: list[Callable[[], object]] = [
            lambda: self._carts.GetCart(pb.GetCartRequest(user_id=odd)),
            lambda: self._carts.AddItem(pb.AddItemRequest(user_id=str(uuid4()), item=item)),
            lambda: self._currency.Convert(pb.CurrencyConversionRequest(to_code=odd, **{"from": money})),
            lambda: self._payment.Charge(charge, metadata=(("idempotency-key", str(number)),)),
            lambda: self._channel.unary_unary(f"/hipstershop.CartService/Get{number}")(b"", timeout=5),
            lambda: self._mesh.place_order(Shopper(odd, odd), request=order_request(user_currency=odd)),
        ]
        with suppress(grpc.RpcError):
            calls[number % len(calls)]()


def test_a_thousand_odd_calls_make_no_further_series(tmp_path: Path) -> None:
    with running_mesh(tmp_path, HEALTHY) as mesh, ExitStack() as opened:
        stranger = Stranger(mesh, opened)

        def series() -> set[object]:
            return {point.series() for service in SERVICES for point in mesh.points(service)}

        for number in range(60):
            stranger.call(number)
        known = series()
        for number in range(60, 1060):
            stranger.call(number)
        assert series() == known
        assert not [text for text in map(str, known) if "odd-" in text]
