"""Faults that change what telemetry tells: a storm of retries, log lines without their trace."""

from __future__ import annotations

import json
from pathlib import Path

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from services.common.seat import Shopper
from services.common.telemetry.attributes import undeclared
from tests.helpers import eventually
from tests.services.mesh import Mesh, running_mesh

ANNA = Shopper("anna", "gold")
QUOTE = "/hipstershop.ShippingService/GetQuote"
MAIL = "A request to send order confirmation email has been received"
STORM = {
    "checkout_quote_retries": {"deadline_ms": 60, "retries": 3},
    "shipping_delay_ms": {"min": 150, "max": 160},
}


def quotes(mesh: Mesh, service: str) -> list[ReadableSpan]:
    """The spans of GetQuote that a service made, oldest first."""
    found = [span for span in mesh.spans(service) if span.name == QUOTE]
    return sorted(found, key=lambda span: span.start_time or 0)


def all_declared(mesh: Mesh) -> list[str]:
    """The attributes of spans and logs that the registry does not know."""
    return [line for span in mesh.spans() for line in undeclared("span", span.attributes)] + [
        line for record in mesh.logs() for line in undeclared("log", record.log_record.attributes)
    ]


def test_a_short_deadline_multiplies_the_work_of_a_slow_dependency(folder: Path) -> None:
    """One order is four quotes; shippingservice finishes every one of them, and nobody waits for three."""
    with running_mesh(folder, STORM) as mesh:
        assert mesh.place_order(ANNA).order.order_id
        asked = quotes(mesh, "checkoutservice")
        eventually(lambda: len(quotes(mesh, "shippingservice")) == 4, "every quote is worked out")
        worked = quotes(mesh, "shippingservice")
        done = [r.log_record for r in mesh.logs("shippingservice") if "GetQuote" in str(r.log_record.body)]
        retried = [r.log_record for r in mesh.logs("checkoutservice") if r.log_record.severity_text == "warn"]
        undeclared_attributes = all_declared(mesh)
    assert [span.status.status_code for span in asked] == [StatusCode.ERROR] * 3 + [StatusCode.UNSET]
    assert all("DEADLINE_EXCEEDED" in (span.status.description or "") for span in asked[:3])
    assert len({span.parent.span_id for span in asked if span.parent}) == 1, "siblings"
    assert {span.parent.span_id for span in worked if span.parent} == {
        span.context.span_id for span in asked if span.context
    }
    assert all(span.status.status_code is StatusCode.UNSET for span in worked)
    assert (worked[0].end_time or 0) > (asked[0].end_time or 0), "it goes on after the caller gave up"
    assert len(done) == 4
    assert [(record.attributes or {})["RetriesRemaining"] for record in retried] == [3, 2, 1]
    assert undeclared_attributes == []


def test_a_slow_dependency_alone_is_asked_once(folder: Path) -> None:
    """Without the flag the caller waits, and no span is in error."""
    with running_mesh(folder, {"shipping_delay_ms": STORM["shipping_delay_ms"]}) as mesh:
        mesh.place_order(ANNA)
        assert len(quotes(mesh, "checkoutservice")) == len(quotes(mesh, "shippingservice")) == 1
        assert not [span.name for span in mesh.spans() if span.status.status_code is StatusCode.ERROR]


def test_an_impatient_caller_of_a_quick_dependency_asks_once(folder: Path) -> None:
    """The two halves of the fault do nothing alone."""
    impatient = {"checkout_quote_retries": {"deadline_ms": 3000, "retries": 3}}
    with running_mesh(folder, impatient) as mesh:
        mesh.place_order(ANNA)
        assert len(quotes(mesh, "shippingservice")) == 1


def test_silent_logs_keep_the_shopper_and_lose_the_trace(folder: Path) -> None:
    """In OTLP and on standard output; the lines of other services keep theirs."""
    with running_mesh(folder, {"email_silent_logs": True}) as mesh:
        order_id = mesh.place_order(ANNA).order.order_id
        (mail,) = (record.log_record for record in mesh.logs("emailservice"))
        others = [r.log_record for r in mesh.logs() if r.log_record.body != MAIL]
        (line,) = (line for line in mesh.lines() if line["message"] == MAIL)
        (served,) = (s for s in mesh.spans("emailservice") if s.kind is SpanKind.SERVER)
    assert not mail.trace_id
    assert not mail.span_id
    assert {"order_id": order_id, "enduser.id": "anna"}.items() <= dict(mail.attributes or {}).items()
    assert not {"trace_id", "span_id"} & line.keys()
    assert served.context
    assert {record.trace_id for record in others} == {served.context.trace_id}


def test_without_the_flag_the_mails_line_is_in_its_trace(healthy: Mesh) -> None:
    healthy.forget()
    healthy.place_order(ANNA)
    (mail,) = (record.log_record for record in healthy.logs("emailservice"))
    (served,) = (s for s in healthy.spans("emailservice") if s.kind is SpanKind.SERVER)
    assert served.context
    assert (mail.trace_id, mail.span_id) == (served.context.trace_id, served.context.span_id)


def test_a_fault_can_be_mended_for_one_seat(folder: Path) -> None:
    """The file's targeting rule decides for each shopper."""
    with running_mesh(folder, {"email_silent_logs": True}) as mesh:
        file = folder / "flags.json"
        document = json.loads(file.read_text())
        document["flags"]["email_silent_logs"] |= {
            "variants": {"chosen": True, "mended": False},
            "targeting": {"if": [{"==": [{"var": "seat"}, "anna"]}, "mended", "chosen"]},
        }
        fresh = file.with_suffix(".new")
        fresh.write_text(json.dumps(document))
        fresh.replace(file)

        def traced(shopper: Shopper) -> bool:
            mesh.forget()
            mesh.place_order(shopper)
            return bool(mesh.logs("emailservice")[0].log_record.trace_id)

        eventually(lambda: traced(ANNA), "the change is seen", within_s=3)
        assert not traced(Shopper("bert", "gold"))
