"""The browser's event that caused a trace, by the agent's link."""

from __future__ import annotations

import time
from pathlib import Path

from tests.fixtures.scene import observing
from tests.fixtures.world import World, span as backend_span


def test_a_form_post_takes_its_label_from_the_backend(tmp_path: Path) -> None:
    """The agent always says GET of a document; the linked entry knows better."""
    world = World(time.time_ns())
    at = world.now_unix_nano - 10 * 10**9
    trace, own = "f0" * 16, "f1" * 8
    load = world.browser("form-session", 1, "documentLoad", at, _ms=300, component="document-load")
    world.browser(
        "form-session",
        1,
        "documentFetch",
        at,
        _id="f2" * 8,
        _trace=load["traceId"],
        _parent=load["id"],
        component="document-load",
        **{
            "http.url": "http://other.example/basket/pay",
            "http.method": "GET",
            "http.status_code": 500,
            "link.traceId": trace,
            "link.spanId": own,
        },
    )
    entry = {"http.request.method": "POST", "http.route": "/basket/pay"}
    world.backend("till", [backend_span(trace, own, "", "POST /basket/pay", 2, at, 80, **entry)])
    with observing(world, tmp_path) as client:
        events = client.get("/api/v1/rum/sessions/form-session").get_json()["events"]
        found = client.get(f"/api/v1/apm/traces/{trace}").get_json()
    fetch = next(event for event in events if event["operation"] == "documentFetch")
    assert fetch["name"] == "POST /basket/pay"
    assert fetch["error"] is True
    assert found["browser"] == {"session_id": "form-session", "span_id": "f2" * 8}
