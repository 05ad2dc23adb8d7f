"""What a vendor's script does to the pages of a real browser, and what the real agent reports of it."""

from __future__ import annotations

from typing import Any

import pytest

from services.common.seat import Shopper
from tests.frontend.mesh import Mesh
from tests.frontend.tab import Tab
from tests.helpers import eventually

pytestmark = pytest.mark.browser


def test_a_vendors_script_makes_clicks_slow_within_the_policy(mesh: Mesh, tab: Tab) -> None:
    """The agent reports long tasks and a bad INP; without the flag neither."""

    def long_tasks(least_ms: float) -> list[Any]:
        spans = mesh.beacons.named("longtask", enduser__id="vera")
        return [span for span in spans if float(span["tags"]["longtask.duration"]) >= least_ms]

    def order() -> float:
        mesh.beacons.spans.clear()
        tab.goto("/?seat=vera")
        tab.fill_cart()
        tab.page.click("#place-order")
        tab.page.wait_for_selector("#order-id")
        # The agent hears of an event's time a moment after the page was painted.
        eventually(lambda: mesh.beacons.named("HTTP POST", enduser__id="vera"), "the order is beaconed")
        tab.goto("/nowhere")
        inp = eventually(
            lambda: [
                float(span["tags"]["inp"])
                for span in mesh.beacons.named("webvitals", enduser__id="vera")
                if "inp" in span["tags"] and span["tags"]["location.href"].endswith("/cart")
            ],
            "the INP of the cart page is beaconed",
        )
        return max(inp)

    assert order() < 500
    assert not long_tasks(600)
    mesh.set_flags(frontend_vendor_script={"load_ms": 200, "click_ms": 600})
    eventually(lambda: mesh.flags.frontend_vendor_script(Shopper())[1], "the flag is seen", within_s=3)
    assert order() >= 600
    assert long_tasks(600)
    assert [span for span in mesh.beacons.named("click", enduser__id="vera") if span["duration"] >= 600_000]
    files = {span["tags"]["http.url"] for span in mesh.beacons.named("resourceFetch")}
    assert any("/static/vendor-clickmap" in file for file in files)
    assert not [line for line in tab.said if "Content Security Policy" in line]
    assert tab.thrown == []
