"""What the reader chose stays: the time zone by one click, folded rows and opened parts after coming back."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor, World
from tests.browser.test_updates import show, trace
from tests.fixtures import seed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

TRACE = f"/apm/traces/{seed.TRACE}"


def _clock(page: Page) -> tuple[str, str]:
    """The time as of which a page is, as it is shown, and the same in UTC."""
    shown = page.locator("[data-as-of] time").first
    at = datetime.fromisoformat((shown.get_attribute("datetime") or "").replace("Z", "+00:00"))
    return shown.inner_text()[:8], at.astimezone(UTC).strftime("%H:%M:%S")


def test_utc_is_one_click_away_and_so_is_the_way_back(visit: Callable[..., Visitor]) -> None:
    """Times are of the reader's zone; one click shows UTC on every page, another the own zone again."""
    visitor = visit(timezone_id="Asia/Kathmandu")
    page = visitor.go("/apm/traces?since=1h")
    expect(page.locator(".zone-choice")).to_contain_text("Times in +0545")
    own, utc = _clock(page)
    assert own[:5] != utc[:5]

    page.get_by_role("button", name="Show UTC").click()
    expect(page.locator(".zone-choice")).to_contain_text("Times in UTC")
    assert page.url.endswith("/apm/traces?since=1h")
    shown, utc = _clock(page)
    assert shown == utc
    for path in ("/", "/rum", TRACE, "/logs"):
        visitor.go(path)
        expect(page.locator(".zone-choice")).to_contain_text("Times in UTC")
    axis = visitor.go("/logs?since=15m").locator(".chart .tick")
    assert re.fullmatch(r"\d\d:\d[05]", axis.all_text_contents()[-1])

    page.get_by_role("button", name="Show your own zone").click()
    expect(page.locator(".zone-choice")).to_contain_text("Times in +0545")
    visitor.blameless()


def test_utc_needs_no_script(visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    page = visitor.page
    page.context.add_cookies([{"name": "zone", "value": "America/St_Johns", "url": visitor.base}])
    visitor.go("/rum")
    page.get_by_role("button", name="Show UTC").click()
    expect(page.locator(".zone-choice")).to_contain_text("Times in UTC")
    shown, utc = _clock(page)
    assert shown == utc


def test_who_lives_in_utc_is_offered_nothing(visit: Callable[..., Visitor]) -> None:
    page = visit(timezone_id="UTC").go("/rum")
    expect(page.locator(".zone-choice")).to_contain_text("Times in UTC")
    expect(page.locator(".zone-choice button")).to_have_count(0)


def test_folded_rows_of_a_trace_stay_folded_after_coming_back(
    visit: Callable[..., Visitor], world: World
) -> None:
    """After an update, a new load, another page and Back, and beside a span that is opened."""
    now = time.time_ns()
    trace_id = f"73ff{now:028x}"
    trace(world, trace_id, ["parent", f"child<{1:016x}", "other", f"below<{3:016x}"], now)
    visitor = visit()
    page = visitor.go(f"/apm/traces/{trace_id}")
    child, below = (page.get_by_role("row", name=f"updated: {name}") for name in ("child", "below"))
    parent = page.get_by_role("row", name="updated: parent").first

    parent.locator(".twist").click()
    expect(child).to_be_hidden()
    page.reload()
    expect(below).to_be_visible()
    expect(child).to_be_hidden()
    expect(parent).to_have_attribute("aria-expanded", "false")

    page.get_by_role("link", name="updated: other").click()
    expect(page.locator("[data-detail]")).to_have_count(1)
    expect(child).to_be_hidden()
    page.reload()
    expect(page.locator("[data-detail]")).to_have_count(1)
    expect(child).to_be_hidden()

    visitor.go("/logs")
    page.go_back()
    expect(below).to_be_visible()
    expect(child).to_be_hidden()

    trace(world, trace_id, ["last"], now, first=5)
    show(page, "1 more span arrived")
    expect(child).to_be_hidden()
    parent.locator(".twist").click()
    expect(child).to_be_visible()
    page.reload()
    expect(child).to_be_visible()
    visitor.blameless()


def test_all_rows_folded_by_a_key_stay_folded(visit: Callable[..., Visitor], world: World) -> None:
    """One word in the address, however many rows there are."""
    now = time.time_ns()
    trace_id = f"74ff{now:028x}"
    trace(world, trace_id, ["parent", f"child<{1:016x}"], now)
    visitor = visit()
    page = visitor.go(f"/apm/traces/{trace_id}")
    parent = page.get_by_role("row", name="updated: parent").first
    child = page.get_by_role("row", name="updated: child")
    root = page.get_by_role("row", name="updated: root").first
    page.evaluate("document.querySelector('[data-rows] [data-row]').focus()")
    page.keyboard.press("[")
    expect(parent).to_be_hidden()
    expect(page).to_have_url(re.compile("fold=all"))
    page.reload()
    expect(root).to_be_visible()
    expect(parent).to_be_hidden()
    root.locator(".twist").click()
    expect(parent).to_be_visible()
    expect(child).to_be_hidden()
    page.reload()
    expect(parent).to_be_visible()
    expect(child).to_be_hidden()
    page.evaluate("document.querySelector('[data-rows] [data-row]').focus()")
    page.keyboard.press("]")
    expect(child).to_be_visible()
    expect(page).to_have_url(re.compile("unfold=all"))


def test_opened_parts_of_a_page_stay_open_after_coming_back(visit: Callable[..., Visitor]) -> None:
    """The tables of the map, and a choice of home."""
    visitor = visit()
    page = visitor.go("/apm")
    tables = page.locator("main details", has=page.locator(".map-table, table")).last
    expect(tables).not_to_have_attribute("open", "")
    tables.locator("summary").first.click()
    expect(tables).to_have_attribute("open", "")
    page.reload()
    expect(tables).to_have_attribute("open", "")
    visitor.go("/logs")
    page.go_back()
    expect(tables).to_have_attribute("open", "")
    tables.locator("summary").first.click()
    page.reload()
    expect(tables).not_to_have_attribute("open", "")
    visitor.go("/apm/traces")
    visitor.go("/apm")
    expect(tables).not_to_have_attribute("open", "")
    visitor.blameless()
