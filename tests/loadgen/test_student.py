"""The scripted student, as the lab runs it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from tests.helpers import REPO, free_port
from tests.loadgen.shop import SPAN, TRACE, ServedShop


def student(url: str, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "loadgen.student", "--shop", url, *arguments],
        cwd=REPO,
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.stderr == ""
    (line,) = done.stdout.splitlines()
    report: dict[str, Any] = json.loads(line)
    return done.returncode, report


def test_the_walk_ends_at_the_failing_checkout_and_tells_how_to_find_it(served: ServedShop) -> None:
    code, report = student(served.url, "--seat", "anna", "--quantity", "2")
    assert code == 0
    assert report["ok"] is True
    assert (report["seat"], report["order_total"], report["agent"]) == ("anna", "USD 0.00", True)
    assert [error["type"] for error in report["script_errors"]] == ["String", "TypeError"]
    checkout = report["checkout"]
    assert (checkout["status"], checkout["heading"]) == (500, "Uh, oh!")
    assert (checkout["trace_id"], checkout["span_id"]) == (TRACE, SPAN)
    shop = served.shop
    assert shop.seen[0].query == "seat=anna"
    (order,) = shop.of("POST", "/cart/checkout")
    assert order.form == {"email": "someone@example.com", "month": "2", "year": "2030"}
    assert order.headers["traceparent"] == f"00-{checkout['rum_trace_id']}-{checkout['rum_span_id']}-01"
    spans = shop.beacons()
    assert {span["tags"]["splunk.rumSessionId"] for span in spans} == {report["session_id"]}
    assert len(spans) == report["beacons"]["spans"]
    fetch = next(span for span in spans if span["id"] == checkout["rum_span_id"])
    assert (fetch["name"], fetch["tags"]["link.traceId"]) == ("HTTP POST", TRACE)
    errors = [span["name"] for span in spans if span["tags"].get("component") == "error"]
    assert errors == ["console.error", "onerror"]


def test_a_student_is_a_person(served: ServedShop) -> None:
    student(served.url, "--seat", "anna")
    assert not any("x-synthetic" in seen.headers for seen in served.shop.seen)
    assert not any("user_agent.synthetic.type" in span["tags"] for span in served.shop.beacons())


def test_beacons_go_as_the_agent_sends_them(served: ServedShop) -> None:
    student(served.url)
    beacons = served.shop.of("POST", "/v1/rum")
    assert {beacon.query for beacon in beacons} == {"auth=t%201"}
    assert {beacon.headers["content-type"] for beacon in beacons} == {"text/plain;charset=UTF-8"}


def test_declared_synthetic_if_asked_to(served: ServedShop) -> None:
    student(served.url, "--synthetic")
    assert all("x-synthetic" in seen.headers for seen in served.shop.seen)
    assert {span["tags"]["user_agent.synthetic.type"] for span in served.shop.beacons()} == {"test"}


def test_with_the_faults_off_the_order_succeeds_at_the_right_price(served: ServedShop) -> None:
    served.shop.misspelt, served.shop.checkout_status = False, 200
    code, report = student(served.url, "--quantity", "2")
    assert code == 0
    assert report["script_errors"] == []
    assert report["order_total"] == "USD 10.49"
    assert report["checkout"]["order_id"] == "o-1"
    assert report["checkout"]["total_paid"] == "USD 10.49"
    assert not [span for span in served.shop.beacons() if span["name"] in ("onerror", "console.error")]


def test_without_the_agent_in_the_page_there_is_no_session(served: ServedShop) -> None:
    served.shop.agent = False
    code, report = student(served.url)
    assert code == 0
    assert (report["agent"], report["session_id"]) == (False, None)
    assert served.shop.beacons() == []
    assert report["checkout"]["trace_id"] == TRACE
    assert "traceparent" not in served.shop.of("POST", "/cart/checkout")[0].headers


def test_without_server_timing_there_is_no_link(served: ServedShop) -> None:
    served.shop.server_timing = False
    _, report = student(served.url)
    assert report["checkout"]["trace_id"] is None
    assert not any("link.traceId" in span["tags"] for span in served.shop.beacons())


def test_lost_beacons_are_counted(served: ServedShop) -> None:
    served.shop.beacon_status = 503
    _, report = student(served.url)
    assert report["beacons"]["sent"] == 0
    assert report["beacons"]["failed"] > 0


def test_a_shop_that_is_away_strands_the_walk_in_one_sentence() -> None:
    code, report = student(f"http://127.0.0.1:{free_port()}")
    assert code == 1
    assert report["ok"] is False
    assert report["error"] == (
        "opening the shop: the shop does not answer: nothing listens there, or the connection broke"
    )
