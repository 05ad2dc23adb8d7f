"""The story through the backends: what a broken and a healthy checkout leave in traces and logs."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from protos import hipstershop_pb2 as pb
from services.common.clients import code_of, details_of
from services.common.seat import Shopper
from services.common.telemetry.attributes import undeclared
from tests.services.mesh import CARD_NUMBER, CVV, Mesh, order_request, running_mesh

ANNA = Shopper("anna", "gold")
BAD_TOKEN = "test-20e26e90-356b-432e-a2c6-956fc03f5609"
MESSAGE = f"Failed payment processing through ButtercupPayments: Invalid API Token ({BAD_TOKEN})"
CHARGE = "/hipstershop.PaymentService/Charge"


def fails(mesh: Mesh, shopper: Shopper = ANNA, request: pb.PlaceOrderRequest | None = None) -> grpc.RpcError:
    mesh.forget()
    with pytest.raises(grpc.RpcError) as failure:
        mesh.place_order(shopper, request=request)
    return failure.value


def charges(mesh: Mesh) -> list[ReadableSpan]:
    spans = [span for span in mesh.spans("checkoutservice") if span.name == CHARGE]
    return sorted(spans, key=lambda span: span.start_time or 0)


def children(mesh: Mesh, parent: ReadableSpan) -> list[ReadableSpan]:
    assert parent.context
    found = [span for span in mesh.spans() if span.parent and span.parent.span_id == parent.context.span_id]
    return sorted(found, key=lambda span: span.start_time or 0)


def in_error(span: ReadableSpan) -> bool:
    return span.status.status_code is StatusCode.ERROR or bool((span.attributes or {}).get("error"))


def test_a_broken_checkout_fails_after_four_attempts_and_tells_why(broken: Mesh) -> None:
    error = fails(broken)
    assert code_of(error) is grpc.StatusCode.INTERNAL
    assert details_of(error) == (
        "failed to charge card: could not charge the card: rpc error: code = Code(401) desc = Invalid request"
    )
    assert len(charges(broken)) == 4
    (place_order,) = (s for s in broken.spans("checkoutservice") if s.kind is SpanKind.SERVER)
    assert place_order.status.description == f"INTERNAL: {details_of(error)}"


def test_the_first_attempt_reaches_nobody_and_says_where_it_went(broken: Mesh) -> None:
    fails(broken)
    first, *others = charges(broken)
    assert children(broken, first) == [], "nobody may answer at the drained address"
    assert all(len(children(broken, other)) == 1 for other in others)
    ports = {(span.attributes or {})["server.port"] for span in others}
    assert (first.attributes or {})["server.port"] not in ports
    for span in (first, *others):
        attributes = span.attributes or {}
        assert attributes["peer.service"] == "paymentservice"
        assert attributes["server.address"] == "127.0.0.1"
        assert span.status.description
        assert "\n" not in span.status.description
    assert "Connection refused" in (first.status.description or "")
    assert others[0].status.description == "UNAUTHENTICATED: Invalid request"


def test_the_waits_between_attempts_grow(broken: Mesh) -> None:
    fails(broken)
    spans = charges(broken)
    gaps_ms = [
        ((after.start_time or 0) - (before.end_time or 0)) / 1e6
        for before, after in itertools.pairwise(spans)
    ]
    assert all(gap >= least for gap, least in zip(gaps_ms, (25, 50, 100), strict=True)), gaps_ms


def test_the_refused_charge_is_where_the_error_begins(broken: Mesh) -> None:
    fails(broken)
    spans = [span for span in broken.spans("paymentservice") if span.kind is SpanKind.SERVER]
    assert len(spans) == 3
    for span in spans:
        attributes = span.attributes or {}
        assert span.name == "grpc.hipstershop.PaymentService/Charge"
        assert span.status.status_code is StatusCode.ERROR
        assert span.status.description == "Invalid request"
        assert attributes["error"] is True
        assert attributes["grpc.status_code"] == "401"
        assert attributes["grpc.error_message"] == "Invalid request"
        assert attributes["version"] == "v350.10"
        assert attributes["tenant.level"] == "gold"
        assert str(attributes["kubernetes_pod_uid"]).removeprefix("payment-service-") in (
            "3483d",
            "ab82e",
            "9aaf3",
            "6bbaf",
        )
        (provider,) = children(broken, span)
        assert provider.name == "buttercup.payments.api"
        assert provider.kind is SpanKind.CLIENT
        assert provider.status.status_code is StatusCode.UNSET
        assert (provider.attributes or {})["peer.service"] == "ButtercupPayments"
        assert (provider.attributes or {})["http.response.status_code"] == 401


def test_each_refused_charge_has_its_log_line(broken: Mesh) -> None:
    fails(broken)
    servers = {
        span.context.span_id: span.context.trace_id
        for span in broken.spans("paymentservice")
        if span.kind is SpanKind.SERVER and span.context
    }
    records = [record.log_record for record in broken.logs("paymentservice")]
    errors = [record for record in records if record.severity_text == "error"]
    assert [record.body for record in errors] == [MESSAGE] * 3
    assert {record.span_id: record.trace_id for record in errors} == servers
    assert all((record.attributes or {})["token"] == BAD_TOKEN for record in errors)
    assert all((record.attributes or {})["version"] == "v350.10" for record in errors)
    lines = [line for line in broken.lines() if line["message"] == MESSAGE]
    assert {(line["trace_id"], line["span_id"]) for line in lines} == {
        (f"{trace:032x}", f"{span:016x}") for span, trace in servers.items()
    }


def test_a_failed_order_leaves_the_cart_as_it_was(broken: Mesh) -> None:
    from protos import hipstershop_pb2_grpc as rpc

    request = order_request()
    fails(broken, request=request)
    with broken.stub("cartservice", rpc.CartServiceStub) as carts:
        cart = carts.GetCart(pb.GetCartRequest(user_id=request.user_id))
    assert [(item.product_id, item.quantity) for item in cart.items] == [("OLJCESPC7Z", 2)]


def test_everything_of_a_request_is_in_its_trace_and_carries_the_shopper(broken: Mesh) -> None:
    fails(broken)
    assert len({span.context.trace_id for span in broken.spans() if span.context}) == 1
    for span in broken.spans():
        assert (span.attributes or {}).get("enduser.id") == "anna", span.name
        assert (span.attributes or {}).get("tenant.level") == "gold", span.name
    (trace_id,) = {span.context.trace_id for span in broken.spans() if span.context}
    for record in broken.logs():
        assert record.log_record.trace_id == trace_id, record.log_record.body
        assert (record.log_record.attributes or {}).get("enduser.id") == "anna"
    for line in broken.lines():
        assert {"trace_id", "span_id", "service.name", "version", "environment", "severity"} <= line.keys()


def test_a_fixed_token_leaves_the_stale_endpoint_to_find(folder: Path) -> None:
    with running_mesh(folder, {"checkout_stale_endpoint": True}) as mesh:
        order = mesh.place_order(ANNA).order
        assert order.order_id
        failed = [span for span in mesh.spans() if in_error(span)]
        assert [(span.name, span.resource.attributes["service.name"]) for span in failed] == [
            (CHARGE, "checkoutservice")
        ]
        assert children(mesh, failed[0]) == []


def test_a_stale_endpoint_alone_can_be_mended_leaving_the_token(folder: Path) -> None:
    with running_mesh(folder, {"payment_invalid_token": 1.0}) as mesh:
        fails(mesh)
        assert all(len(children(mesh, span)) == 1 for span in charges(mesh))


def test_a_healthy_order_is_right_to_the_cent_and_has_no_error(healthy: Mesh) -> None:
    healthy.forget()
    order = healthy.place_order(Shopper("bo", "bronze", synthetic=True)).order
    assert [(line.item.quantity, line.cost.units, line.cost.nanos) for line in order.items] == [
        (2, 67, 990_000_000)
    ]
    assert (order.shipping_cost.units, order.shipping_cost.nanos) == (6, 650_000_000)
    assert [span.name for span in healthy.spans() if in_error(span)] == []
    processed = [r.log_record for r in healthy.logs("paymentservice")][-1]
    assert processed.body == "Transaction processed"
    assert (processed.attributes or {})["amount.units"] == 142
    assert (processed.attributes or {})["amount.nanos"] == 630_000_000
    assert (processed.attributes or {})["version"] == "v350.9"
    assert all((s.attributes or {})["user_agent.synthetic.type"] == "test" for s in healthy.spans())


def test_checkout_calls_in_the_order_of_the_original(healthy: Mesh) -> None:
    healthy.forget()
    healthy.place_order(ANNA)
    (place_order,) = (s for s in healthy.spans("checkoutservice") if s.kind is SpanKind.SERVER)
    assert [span.name.rpartition("/")[2] for span in children(healthy, place_order)] == [
        "GetCart",
        "GetProduct",
        "Convert",
        "GetQuote",
        "Convert",
        "Charge",
        "ShipOrder",
        "EmptyCart",
        "SendOrderConfirmation",
    ]
    assert (place_order.attributes or {})["orderId"]


def test_two_synthetic_orders_in_five_fail_for_good(folder: Path) -> None:
    flags = {"payment_invalid_token": 0.75, "checkout_stale_endpoint": True}
    with running_mesh(folder, flags) as mesh:
        outcomes = Counter[str]()
        for _ in range(25):
            try:
                mesh.place_order(Shopper("", "silver", synthetic=True))
                outcomes["placed"] += 1
            except grpc.RpcError:
                outcomes["failed"] += 1
        assert 5 <= outcomes["failed"] <= 17, outcomes
        by_version = Counter(
            ((span.attributes or {})["version"], in_error(span))
            for span in mesh.spans("paymentservice")
            if span.kind is SpanKind.SERVER
        )
        assert by_version["v350.10", False] == by_version["v350.9", True] == 0, by_version


def test_no_card_number_and_no_cvv_in_any_telemetry(broken: Mesh, healthy: Mesh) -> None:
    fails(broken)
    healthy.forget()
    healthy.place_order(ANNA)
    digits = CARD_NUMBER.replace("-", "")
    for mesh in (broken, healthy):
        texts = [mesh.stdout.getvalue()]
        texts += [
            str((s.name, dict(s.attributes or {}), s.status.description, s.events)) for s in mesh.spans()
        ]
        texts += [str((r.log_record.body, dict(r.log_record.attributes or {}))) for r in mesh.logs()]
        for text in texts:
            assert digits not in text
            assert CARD_NUMBER not in text
        values = [v for s in mesh.spans() for v in (s.attributes or {}).values()]
        values += [v for r in mesh.logs() for v in (r.log_record.attributes or {}).values()]
        assert not [value for value in values if str(value) == str(CVV)]


@pytest.mark.parametrize("kind", ["healthy", "broken"])
def test_every_attribute_is_declared(kind: str, request: pytest.FixtureRequest) -> None:
    mesh: Mesh = request.getfixturevalue(kind)
    mesh.forget()
    try:
        mesh.place_order(Shopper("anna", "gold", synthetic=True))
    except grpc.RpcError:
        assert kind == "broken"
    problems: set[str] = set()
    for span in mesh.spans():
        problems.update(undeclared("span", span.attributes))
        problems.update(undeclared("resource", span.resource.attributes))
        for event in span.events:
            problems.update(undeclared("event", event.attributes))
    for record in mesh.logs():
        problems.update(undeclared("log", record.log_record.attributes))
    assert not problems, sorted(problems)
