"""What goes from page to page: copied links, ids, time zones, ranges; new data and the lack of it."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import parse_qsl, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, World
from tests.fixtures import seed
from tests.fixtures.world import World as Telemetry

pytestmark = pytest.mark.browser


def copied(page: Page) -> str:
    page.get_by_role("button", name="Copy a link").click()
    expect(page.locator(".toast")).to_contain_text("copied")
    return str(page.evaluate("navigator.clipboard.readText()"))


def test_a_copied_link_keeps_every_filter(visit: Callable[..., Visitor]) -> None:
    """Names that stand there twice collapsed to the last."""
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.go(f"/rum/sessions?attr=enduser.id:{seed.SEAT}&attr=app:hipster-shop&sort=errors")
    pairs = parse_qsl(urlsplit(copied(page)).query)
    assert [value for name, value in pairs if name == "attr"] == [
        f"enduser.id:{seed.SEAT}",
        "app:hipster-shop",
    ]
    assert {name for name, _ in pairs} == {"attr", "sort", "from", "to"}
    visitor.blameless()


def test_the_first_page_is_in_the_readers_time_zone(visit: Callable[..., Visitor]) -> None:
    """It was in the server's, and the second in the reader's."""
    visitor = visit(timezone_id="Asia/Tokyo")
    loads: list[str] = []
    visitor.page.on(
        "request", lambda asked: loads.append(asked.url) if asked.is_navigation_request() else None
    )
    page = visitor.go("/rum?from=2026-11-22T10:00:00Z&to=2026-11-22T10:05:00Z")
    expect(page.locator("footer")).to_contain_text("Times in JST")
    expect(page.get_by_text("19:00:00 \u2013 2026-11-22 19:05:00 JST")).to_be_visible()
    visitor.go("/logs")
    assert len(loads) == 3, "the first page is loaded twice, the second once"
    visitor.blameless()


def test_a_short_drag_leads_to_a_range_that_can_be_read_and_changed(
    visit: Callable[..., Visitor], world: World
) -> None:
    """Four drags led to 9 ms, whose ends looked the same and were refused by the form."""
    visitor = visit()
    begin = world.now_unix_nano // 10**9 * 10**9 - 90 * 10**9
    page = visitor.go(f"/rum?whose=all&from={begin}&to={begin + 3 * 10**9}")
    chart = page.locator("svg[data-brush]:visible").first
    box = chart.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.5, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.53, y, steps=4)
    page.mouse.up()
    page.wait_for_url(lambda url: f"from={begin}" not in url)
    assert (
        page.evaluate(
            "new Date(new URL(location).searchParams.get('to')) - "
            "new Date(new URL(location).searchParams.get('from'))"
        )
        == 300
    )
    page.locator("details.menu summary").first.click()
    page.get_by_label("From").press("Escape")
    expect(page.get_by_label("From")).to_be_hidden()
    expect(page.locator("details.menu summary").first).to_be_focused()
    page.locator("details.menu summary").first.click()
    assert page.get_by_label("From").input_value() != page.get_by_label("To", exact=True).input_value()
    page.get_by_role("button", name="Show this range").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("RUM overview")
    visitor.blameless()


def test_the_overview_announces_what_is_new(visit: Callable[..., Visitor], world: World) -> None:
    visitor = visit()
    page = visitor.go("/rum")
    now = time.time_ns()
    late = Telemetry(now, first=now)
    seed.visit(late, "5e551011c00000000000000000000002", "newcomer", now)
    late.send(world.writer)
    expect(page.get_by_role("button", name=re.compile(r"new page views.*show"))).to_be_visible(timeout=15_000)
    visitor.blameless()


def test_a_silent_server_is_told_since_when_and_forgotten_when_it_is_back(
    visit: Callable[..., Visitor],
) -> None:
    """Failures were swallowed: a page of a stopped observer looked alive."""
    visitor = visit()
    page = visitor.go("/rum/sessions")
    page.route("**/rum/sessions/updates*", lambda route: route.abort())
    live = page.locator("[data-live-switch]")
    expect(live).to_contain_text(re.compile(r"Not connected since \d\d:\d\d:\d\d"), timeout=20_000)
    expect(page.locator("#say")).to_contain_text("Not connected")
    page.unroute("**/rum/sessions/updates*")
    expect(live).to_have_text("Live", timeout=20_000)


def test_m_leads_to_the_map_from_anywhere(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go("/logs")
    page.keyboard.press("m")
    expect(page.get_by_role("heading", level=1)).to_have_text("Service map")
    visitor.blameless()


def test_the_overviews_tables_are_walked_by_keys(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go("/rum?whose=all")
    page.keyboard.press("j")
    expect(page.locator("[data-row] :focus")).to_have_text("Session and stack")
    visitor.blameless()
