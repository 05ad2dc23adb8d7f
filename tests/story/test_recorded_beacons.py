"""The recorded beacons of a page that is not ours, through the real collector, asked of the real screens."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import REPO, eventually
from tests.story.bench import Bench

pytestmark = pytest.mark.lab

BEACONS = REPO / "tests" / "data" / "rum-payloads"
RECORDED_UNIX_S = 1_795_343_050
SESSIONS = {"zipkin": "29a7328c7b3b58e6df2a78349d76b4dc", "otlp": "1cca343a88adf952291cdfcfe72adce9"}
SPANS = {"zipkin": 44, "otlp": 45}
_UNITS_PER_S = {
    "timestamp": 10**6,
    "startTimeUnixNano": 10**9,
    "endTimeUnixNano": 10**9,
    "timeUnixNano": 10**9,
}


def moved(value: Any, by_s: int) -> Any:
    """The same beacon, every time in it later by some seconds: a store may prune what is old."""
    if isinstance(value, list):
        return [moved(one, by_s) for one in value]
    if not isinstance(value, dict):
        return value
    return {
        key: type(one)(int(one) + by_s * _UNITS_PER_S[key]) if key in _UNITS_PER_S else moved(one, by_s)
        for key, one in value.items()
    }


def sent(bench: Bench, file: Path, by_s: int) -> int:
    """Post one recorded beacon as the browser did; the status."""
    recorded = json.loads(file.read_text("utf-8"))
    body = json.dumps(moved(recorded["body"], by_s)).encode()
    return bench.post(f"{recorded['path']}?{recorded['query']}", body, recorded["headers"]["content-type"])


@pytest.mark.parametrize("kind", SESSIONS)
def test_recorded_beacons_are_a_session_with_its_errors_and_links(bench: Bench, kind: str) -> None:
    by_s = int(time.time()) - RECORDED_UNIX_S - 300
    files = sorted(BEACONS.glob(f"{kind}-*.json"))
    assert files, f"no recorded beacons in {BEACONS}"
    assert {sent(bench, file, by_s) for file in files} <= {200, 202, 204}

    def events() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = bench.ask(f"/rum/sessions/{SESSIONS[kind]}")["events"]
        assert len(found) == SPANS[kind], f"{len(found)} of {SPANS[kind]} events"
        return found

    found = eventually(events, f"every recorded {kind} span is an event")
    kinds = Counter(event["kind"] for event in found)
    assert kinds["document"] == 3, kinds
    assert kinds["document_fetch"] == 3, kinds
    assert kinds["fetch"] == 2, kinds
    assert kinds["resource"] == 10, kinds
    assert kinds["error"] == 4, kinds
    assert kinds["vital"] == 7, kinds
    assert kinds["route"] == 1, kinds
    statuses = sorted(event["http_status"] for event in found if event["http_status"] and event["error"])
    assert statuses == [500, 503], "a status of 400 and above is an error"
    linked = sorted(event["kind"] for event in found if event["apm"])
    assert linked.count("fetch") == 2, linked
    assert linked.count("document_fetch") == 3, linked
