"""Reading undisturbed: selection in the address, Back, zoom by dragging, news that is announced."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser import seed
from tests.browser.conftest import Visitor
from tests.browser.conftest import World
from tests.browser.world import World as Telemetry

pytestmark = pytest.mark.browser

TRACE_LOGS = f"/logs?trace_id={seed.TRACE}"


def test_selection_is_in_the_address_and_back_goes_back(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go(TRACE_LOGS)
    page.get_by_role("link", name="PlaceOrder received").click()
    expect(page.locator("#log-detail")).to_contain_text("currency")
    first = page.url
    assert "log=" in first
    page.get_by_role("link", name=re.compile("Failed payment")).click()
    expect(page.locator("#log-detail")).to_contain_text(seed.TOKEN)
    expect(page.locator("tr[aria-selected='true']")).to_contain_text("Failed payment")
    page.go_back()
    expect(page).to_have_url(first)
    expect(page.locator("#log-detail")).to_contain_text("currency")
    expect(page.locator("tr[aria-selected='true']")).to_contain_text("PlaceOrder")
    page.go_back()
    expect(page.locator("#log-detail")).to_be_hidden()

    colleague = visit()
    colleague.page.goto(first)
    expect(colleague.page.locator("#log-detail")).to_contain_text("currency")
    visitor.blameless()


def test_the_dialog_is_in_the_address_and_back_closes_it(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go(f"/rum/sessions/{seed.SESSION}")
    page.get_by_role("row", name="Fetch POST /cart/checkout").get_by_role("link", name="APM").click()
    expect(page.get_by_role("dialog")).to_contain_text("Performance Summary")
    copied = page.url
    page.go_back()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.goto(copied)
    expect(page.get_by_role("dialog")).to_contain_text("Performance Summary")
    page.get_by_role("button", name="Close").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).not_to_have_url(re.compile("apm="))
    visitor.blameless()


def test_dragging_over_the_histogram_zooms_in(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go(TRACE_LOGS)
    chart = page.locator("svg[data-brush]:visible").first
    box = chart.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.45, y)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.7, y, steps=4)
    page.mouse.up()
    page.wait_for_url("**from=**to=**")
    messages = page.locator("table.logs-table .message")
    expect(messages.first).to_be_visible()
    assert messages.count() < 6
    expect(page.locator(".chip").first).to_contain_text("trace_id")
    visitor.blameless()


def test_new_sessions_are_announced_and_shown_when_asked(visit: Callable[..., Visitor], world: World) -> None:
    visitor = visit()
    page = visitor.go("/rum/sessions")
    before = page.locator("table.sessions tbody tr").count()
    now = time.time_ns()
    late = Telemetry(now, first=now)
    seed.visit(late, "5e551011c00000000000000000000001", "latecomer", now)
    late.send(world.writer)
    news = page.get_by_role("button", name=re.compile(r"new session.*show"))
    expect(news).to_be_visible(timeout=15_000)
    assert page.locator("table.sessions tbody tr").count() == before
    news.click()
    expect(page.get_by_role("cell", name="latecomer").first).to_be_visible()
    visitor.blameless()


def test_the_tail_adds_rows_and_waits_while_one_is_read(visit: Callable[..., Visitor], world: World) -> None:
    visitor = visit()
    page = visitor.go("/logs")

    def say(words: str) -> None:
        late = Telemetry(time.time_ns())
        late.log("latecomer", time.time_ns(), 9, words)
        late.send(world.writer)

    say("a first line that comes by itself")
    expect(page.locator("table.logs-table")).to_contain_text("comes by itself", timeout=15_000)
    page.locator("table.logs-table a[data-main]").nth(1).focus()
    say("a second line that waits")
    news = page.get_by_role("button", name=re.compile(r"\d+ new · show"))
    expect(news).to_be_visible(timeout=15_000)
    assert "that waits" not in page.locator("table.logs-table").inner_text()
    news.click()
    expect(page.locator("table.logs-table")).to_contain_text("that waits")
    visitor.blameless()


def test_the_theme_changes_at_once_and_stays(visit: Callable[..., Visitor]) -> None:
    visitor = visit(color_scheme="light")
    page = visitor.go("/")
    light = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    page.get_by_role("button", name="Dark theme").click()
    dark = page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor")
    assert dark != light
    page.reload()
    assert page.evaluate("getComputedStyle(document.body.parentElement).backgroundColor") == dark
    assert page.evaluate("document.documentElement.dataset.theme") == "dark"
    visitor.blameless()


def test_help_opens_on_a_question_mark_and_closes_on_escape(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go("/logs")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("Next root cause")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.type("?j")
    expect(page.get_by_label("Message contains")).to_have_value("?j")
    visitor.blameless()
