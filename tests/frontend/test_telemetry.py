"""The storefront's own spans, what it tells the browser of them, and what is not traced."""

from __future__ import annotations

import json
import re

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from frontend.server import FLAGS
from frontend.tracing import route_of
from runtime import seats
from services.common.telemetry.attributes import undeclared
from tests.frontend.fakes import CHARGE_REFUSED, GOOD_FORM, ORDER_ID, FakeShop, Refusal

TRACEPARENT = re.compile(r'traceparent;desc="00-([0-9a-f]{32})-([0-9a-f]{16})-01"')


def last_span(fake: FakeShop) -> ReadableSpan:
    """The span of the last request."""
    return fake.spans.get_finished_spans()[-1]


def attributes_of(span: ReadableSpan) -> dict[str, object]:
    """A span's attributes as a plain dictionary."""
    return dict(span.attributes or {})


@pytest.mark.parametrize(
    ("method", "path", "name"),
    [
        ("GET", "/", "/"),
        ("GET", "/product/OLJCESPC7Z", "/product/{product_id}"),
        ("GET", "/product/NOPE", "/product/{product_id}"),
        ("GET", "/cart", "/cart"),
        ("POST", "/cart", "/cart"),
        ("POST", "/cart/empty", "/cart/empty"),
        ("POST", "/cart/checkout", "/cart/checkout"),
        ("POST", "/setCurrency", "/setCurrency"),
        ("GET", "/logout", "/logout"),
    ],
)
def test_spans_are_named_by_route_and_told_to_the_browser(
    fake: FakeShop, method: str, path: str, name: str
) -> None:
    answer = fake.client.open(path, method=method)
    span = last_span(fake)
    assert (span.name, span.kind) == (name, SpanKind.SERVER)
    assert attributes_of(span)["http.route"] == name
    assert attributes_of(span)["http.request.method"] == method
    assert attributes_of(span)["http.response.status_code"] == answer.status_code
    told = TRACEPARENT.fullmatch(answer.headers["Server-Timing"])
    assert told, answer.headers["Server-Timing"]
    assert told.groups() == (f"{span.context.trace_id:032x}", f"{span.context.span_id:016x}")
    assert answer.headers["Access-Control-Expose-Headers"] == "Server-Timing"


def test_error_answers_tell_their_trace_too(fake: FakeShop) -> None:
    fake.world.failing["ListProducts"] = Refusal(grpc.StatusCode.UNAVAILABLE, "away")
    for path in ("/", "/nowhere", "/cart/checkout"):
        assert TRACEPARENT.fullmatch(fake.client.get(path).headers["Server-Timing"]), path


def test_only_failures_of_the_shop_are_errors(fake: FakeShop) -> None:
    for path in ("/product/NOPE", "/nowhere", "/cart/checkout", "/?seat=%3C"):
        fake.client.get(path)
        assert last_span(fake).status.status_code is StatusCode.UNSET, path
    fake.client.post("/cart/checkout", data={})
    assert last_span(fake).status.status_code is StatusCode.UNSET
    fake.world.failing["PlaceOrder"] = CHARGE_REFUSED
    fake.client.post("/cart/checkout", data=GOOD_FORM)
    status = last_span(fake).status
    assert status.status_code is StatusCode.ERROR
    assert (status.description or "").endswith("code = Code(401) desc = Invalid request")


def test_mistyped_addresses_share_one_span_name(fake: FakeShop) -> None:
    for path in ("/nowhere", "/no/where/else"):
        fake.client.get(path)
        assert last_span(fake).name == "GET"


def test_the_order_id_is_on_the_span(fake: FakeShop) -> None:
    fake.fill_cart()
    fake.client.post("/cart/checkout", data=GOOD_FORM)
    assert attributes_of(last_span(fake))["orderId"] == ORDER_ID


def test_the_shopper_is_on_the_span_and_on_every_log_line(fake: FakeShop) -> None:
    fake.client.get("/cart?seat=anna", headers={"X-Synthetic": "1"})
    wanted = {"enduser.id": "anna", "user_agent.synthetic.type": "test"}
    span = last_span(fake)
    assert wanted.items() <= attributes_of(span).items()
    assert attributes_of(span)["tenant.level"] in ("gold", "silver", "bronze")
    lines = [json.loads(line) for line in fake.log.getvalue().splitlines()]
    assert lines
    for line in lines:
        assert wanted.items() <= line.items()
        assert line["trace_id"] == f"{span.context.trace_id:032x}"


def test_a_browsers_trace_is_continued(fake: FakeShop) -> None:
    trace_id, parent_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    fake.client.get("/", headers={"traceparent": f"00-{trace_id}-{parent_id}-01"})
    span = last_span(fake)
    assert f"{span.context.trace_id:032x}" == trace_id
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == parent_id


def test_nothing_of_one_request_stays_for_the_next(fake: FakeShop) -> None:
    fake.client.get("/?seat=anna")
    fake.client.delete_cookie(seats.COOKIE)
    fake.world.failing["ListProducts"] = CHARGE_REFUSED
    fake.client.get("/?seat=bert")
    fake.client.delete_cookie(seats.COOKIE)
    fake.client.get("/cart")
    assert "enduser.id" not in attributes_of(last_span(fake))


def test_files_health_flags_and_beacons_have_no_span(fake: FakeShop) -> None:
    assert fake.client.get("/_healthz").text == "ok"
    told = fake.client.get("/_flags").json
    assert told is not None
    assert told["service"] == "frontend"
    assert {"key": "cart_price_typo", "people": "false", "synthetic": "false", "error": ""} in told["flags"]
    assert [flag["key"] for flag in told["flags"]] == [flag.key for flag in FLAGS]
    for path in ("/static/shop.css", "/static/none.css"):
        answer = fake.client.get(path)
        assert "Server-Timing" not in answer.headers
        assert "Set-Cookie" not in answer.headers
    fake.client.post("/v1/rum", data="[]")
    assert fake.client.get("/_flags?seat=anna&tenant=gold").status_code == 200
    assert fake.spans.get_finished_spans() == ()
    fake.client.get("/cart?x=http://shop/static/")
    assert len(fake.spans.get_finished_spans()) == 1


def test_every_attribute_is_declared(fake: FakeShop) -> None:
    fake.fill_cart()
    fake.client.post("/setCurrency", data={"currency_code": "EUR"})
    fake.client.post("/cart/checkout?seat=anna", data=GOOD_FORM)
    fake.client.post("/cart/checkout", data={})
    fake.world.failing["ListProducts"] = CHARGE_REFUSED
    fake.client.get("/?seat=anna&other=1", headers={"X-Synthetic": "1"})
    fake.client.get("/logout")
    for span in fake.spans.get_finished_spans():
        assert undeclared("span", span.attributes) == []
    around = {
        "timestamp",
        "severity",
        "message",
        "service.name",
        "version",
        "environment",
        "trace_id",
        "span_id",
    }
    for line in fake.log.getvalue().splitlines():
        fields = {key: value for key, value in json.loads(line).items() if key not in around}
        assert undeclared("log", fields) == []


def test_route_templates() -> None:
    assert route_of("/product/<product_id>") == "/product/{product_id}"
    assert route_of("/a/<path:b>/<int:c>") == "/a/{b}/{c}"
    assert route_of("/cart/checkout") == "/cart/checkout"
