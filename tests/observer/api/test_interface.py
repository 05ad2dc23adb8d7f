"""The JSON API answers what others were promised: fields, units, errors, cursors."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.fixtures.seed import (
    CHARGE_SPAN,
    CHECKOUT_EVENT,
    MESSAGE,
    ORDER_ID,
    ORDER_TRACE,
    SEAT,
    SESSION,
    TRACE,
)
from tests.observer.api.conftest import Ask


def test_a_student_finds_their_session_by_seat(ask: Ask) -> None:
    found = ask("/rum/sessions", attr=f"enduser.id:{SEAT}", since="15m")["sessions"]
    assert [session["session_id"] for session in found] == [SESSION]
    assert found[0]["errors"] == 1, "the line of the console about it counts with it"
    assert found[0]["page_views"] == 3
    assert ask("/rum/sessions", attr="enduser.id:nobody")["sessions"] == []


def test_a_session_tells_its_checkout_and_the_way_to_the_backend(ask: Ask) -> None:
    answer = ask(f"/rum/sessions/{SESSION}")
    event = next(e for e in answer["events"] if e["span_id"] == CHECKOUT_EVENT)
    assert event["kind"] == "fetch"
    assert event["name"] == "POST /cart/checkout"
    assert event["http_status"] == 500
    assert event["error"] is True
    assert event["apm"]["trace_id"] == TRACE
    error = next(e for e in answer["events"] if e["operation"] == "onerror")
    assert error["kind"] == "error"
    assert error["detail"] == "TypeError: Cannot read properties of undefined (reading 'Prcie')"
    assert error["apm"] is None


def test_a_trace_says_where_its_errors_began(ask: Ask) -> None:
    trace = ask(f"/apm/traces/{TRACE}")
    assert trace["complete"] is True
    services = {service["name"]: service["error"] for service in trace["services"]}
    assert services == {
        "frontend": "received",
        "checkoutservice": "origin",
        "paymentservice": "origin",
        "cartservice": "none",
    }
    charge = next(span for span in trace["spans"] if span["span_id"] == CHARGE_SPAN)
    assert (charge["kind"], charge["status"], charge["error"]) == ("server", "error", "origin")
    assert charge["attributes"]["grpc.status_code"] == "401"
    assert charge["status_message"] == "Invalid request"
    assert round(sum(trace["performance"].values()), 1) == 100.0
    assert max(trace["performance"], key=trace["performance"].__getitem__) == "external"
    assert trace["browser"] == {"session_id": SESSION, "span_id": CHECKOUT_EVENT}
    assert [span["service"] for span in trace["spans"] if span["inferred"]] == ["ButtercupPayments"]


def test_browser_spans_are_no_spans_of_the_backend(ask: Ask) -> None:
    spans = ask(f"/apm/traces/{TRACE}")["spans"]
    assert CHECKOUT_EVENT not in {span["span_id"] for span in spans}


def test_sixteen_digits_mean_the_last_sixteen(ask: Ask) -> None:
    assert ask(f"/apm/traces/{TRACE[-16:].upper()}")["trace_id"] == TRACE
    assert ask("/logs", trace_id=TRACE[-16:])["count"] == ask("/logs", trace_id=TRACE)["count"] > 0


def test_logs_of_a_trace_hold_the_reason(ask: Ask) -> None:
    answer = ask("/logs", trace_id=TRACE, span_id=CHARGE_SPAN, severity="error")
    assert [log["body"] for log in answer["logs"]] == [MESSAGE]
    assert answer["logs"][0]["service"] == "paymentservice"
    assert sum(sum(column["counts"].values()) for column in answer["histogram"]) == answer["count"] == 1


def test_traces_are_found_by_where_an_error_began(ask: Ask) -> None:
    failing = ask("/apm/traces", service="paymentservice", error="origin", attr=f"enduser.id:{SEAT}")
    assert [trace["trace_id"] for trace in failing["traces"]] == [TRACE]
    assert failing["traces"][0]["origin_errors"] == 2
    assert ask("/apm/traces", service="frontend", error="origin")["traces"] == []
    assert ask("/apm/traces", min_ms=60_000)["traces"] == []


def test_the_map_joins_callers_and_called(ask: Ask) -> None:
    answer = ask("/apm/map", since="30m")
    edges = {(edge["from"], edge["to"]): edge for edge in answer["edges"]}
    assert edges["checkoutservice", "paymentservice"]["errors"] > 0
    nodes = {node["service"]: node for node in answer["nodes"]}
    assert nodes["ButtercupPayments"]["inferred"] is True
    assert nodes["paymentservice"]["origin_errors"] == nodes["paymentservice"]["errors"] > 0
    assert nodes["frontend"]["origin_errors"] == 0


def test_a_breakdown_by_version_tells_the_bad_one(ask: Ask) -> None:
    values = ask("/apm/tags", service="paymentservice", tag="version", since="30m")["values"]
    shares = {value["value"]: value["origin_errors"] / value["requests"] for value in values}
    assert shares == {"v350.9": 0.0, "v350.10": 1.0}


def test_lists_go_on_without_repeating(ask: Ask) -> None:
    whole = [trace["trace_id"] for trace in ask("/apm/traces", limit=100)["traces"]]
    seen: list[str] = []
    cursor = None
    while True:
        page = ask("/apm/traces", limit=5, **({"cursor": cursor} if cursor else {}))
        seen += [trace["trace_id"] for trace in page["traces"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == whole
    assert len(set(seen)) == len(seen) > 5


@pytest.mark.parametrize(
    ("wanted", "kind", "url"),
    [
        (TRACE, "trace", f"/apm/traces/{TRACE}"),
        (TRACE[-16:], "trace", f"/apm/traces/{TRACE}"),
        (f" 00-{TRACE}-{CHARGE_SPAN}-01 ", "trace", f"/apm/traces/{TRACE}"),
        (CHARGE_SPAN, "span", f"/apm/traces/{TRACE}?span={CHARGE_SPAN}"),
        (SESSION, "session", f"/rum/sessions/{SESSION}"),
        (ORDER_ID, "order", f"/apm/traces/{ORDER_TRACE}"),
    ],
)
def test_an_id_leads_to_its_page(ask: Ask, wanted: str, kind: str, url: str) -> None:
    found = ask("/resolve", id=wanted)
    assert (found["kind"], found["url"]) == (kind, url)


@pytest.mark.parametrize(
    ("path", "args"),
    [
        ("/apm/traces/xyz", {}),
        (f"/apm/traces/{'0' * 32}", {}),
        ("/apm/traces", {"since": "soon"}),
        ("/apm/traces", {"since": "15m", "from": "2026-01-01"}),
        ("/apm/traces", {"from": "2026-01-02", "to": "2026-01-01"}),
        ("/apm/traces", {"limit": "0"}),
        ("/apm/traces", {"limit": "1001"}),
        ("/apm/traces", {"error": "some"}),
        ("/apm/traces", {"attr": "no-colon"}),
        ("/apm/traces", {"min_ms": "-1"}),
        ("/apm/traces", {"cursor": "not-a-cursor"}),
        ("/apm/traces", {"colour": "red"}),
        ("/apm/tags", {}),
        ("/logs", {"severity": "loud"}),
        ("/logs", {"trace_id": "12"}),
        ("/rum/series", {"metric": "mood"}),
        ("/resolve", {}),
    ],
)
def test_what_cannot_be_understood_is_refused(ask: Ask, path: str, args: dict[str, str]) -> None:
    error = ask(path, expect=400, **args)["error"]
    assert error["message"]
    assert error["remedy"]
    assert set(error) == {"code", "message", "remedy"}


@pytest.mark.parametrize(
    "path",
    [
        "/apm/traces/" + "a" * 32,
        "/apm/traces/" + "a" * 16,
        "/rum/sessions/none",
        "/logs/999999999",
        "/nowhere",
    ],
)
def test_what_is_not_here_is_unknown(ask: Ask, path: str) -> None:
    assert ask(path, expect=404)["error"]["code"] == "unknown"


def test_errors_outside_the_api_are_pages(client: FlaskClient) -> None:
    answer = client.get("/apm/traces/" + "a" * 32)
    assert answer.status_code == 404
    assert answer.mimetype == "text/html"


def test_every_answer_forbids_inline_script(client: FlaskClient) -> None:
    for path in ("/api/v1/status", "/apm", "/nowhere"):
        policy = client.get(path).headers["Content-Security-Policy"]
        assert "script-src 'self'" in policy
        assert "unsafe" not in policy


def test_what_a_trace_holds_can_be_sent_elsewhere(ask: Ask) -> None:
    download = ask(f"/apm/traces/{TRACE}/otlp")
    spans = [
        span
        for resource in download["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    charge = next(span for span in spans if span["spanId"] == CHARGE_SPAN)
    assert charge["traceId"] == TRACE
    assert charge["status"] == {"code": 2, "message": "Invalid request"}
    assert int(charge["endTimeUnixNano"]) - int(charge["startTimeUnixNano"]) == 314_000_000
