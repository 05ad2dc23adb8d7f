"""Reading undisturbed: selection in the address, Back, zoom by dragging, updates that are announced."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Visitor, World
from tests.fixtures import seed
from tests.fixtures.world import World as Telemetry, span

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
    button = page.get_by_role("button", name=re.compile(r"new session.*show"))
    expect(button).to_be_visible(timeout=15_000)
    assert page.locator("table.sessions tbody tr").count() == before
    button.click()
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
    button = page.get_by_role("button", name=re.compile(r"\d+ new · show"))
    expect(button).to_be_visible(timeout=15_000)
    assert "that waits" not in page.locator("table.logs-table").inner_text()
    button.click()
    expect(page.locator("table.logs-table")).to_contain_text("that waits")
    visitor.blameless()


def test_the_tail_follows_arrival_and_says_when_it_cannot(
    visit: Callable[..., Visitor], world: World
) -> None:
    """Old rows came as new at the top, and a burst left the list behind for good, without a word."""
    visitor = visit()
    page = visitor.go("/logs?service=tailed")
    expect(page.locator("#main")).to_contain_text("No logs match")

    def say(number: int, words: str, ago_s: float = 0) -> None:
        late = Telemetry(time.time_ns())
        for place in range(number):
            late.log("tailed", time.time_ns() - round(ago_s * 1e9), 9, f"{words} {place}")
        late.send(world.writer)

    say(1, "the newest")
    page.get_by_role("button", name="1 new log · show").click(timeout=15_000)
    expect(page.locator(".message")).to_have_count(1)
    say(3, "older", ago_s=60)
    expect(page.locator(".message")).to_have_count(4, timeout=15_000)
    expect(page.locator(".message").first).to_contain_text("the newest")
    expect(page.locator("#log-counts strong")).to_have_text("4 logs", timeout=30_000)
    say(700, "a burst")
    expect(page.get_by_role("button", name=re.compile("More than 500 new"))).to_be_visible(timeout=15_000)
    visitor.blameless()


def test_the_json_is_searched_into_its_branches(visit: Callable[..., Visitor]) -> None:
    """A branch whose own name did not fit hid what had been found in it."""
    visitor = visit()
    page = visitor.go(TRACE_LOGS)
    page.get_by_role("link", name=re.compile("Failed payment")).click()
    tree = page.locator("#json-tree")
    tree.locator("summary", has_text="context").click()
    expect(tree.get_by_text("buttercup", exact=True)).to_be_hidden()
    page.get_by_label("Search JSON for key or value").fill("buttercup")
    expect(tree.get_by_text("buttercup", exact=True)).to_be_visible()
    expect(tree.get_by_text("attempt")).to_be_hidden()
    page.get_by_label("Search JSON for key or value").fill("context")
    expect(tree.get_by_text("attempt")).to_be_visible()
    visitor.blameless()


def test_columns_of_the_histogram_are_chosen_by_keys(visit: Callable[..., Visitor]) -> None:
    """Dragging was the only way to look at a part of the time."""
    visitor = visit()
    page = visitor.go(TRACE_LOGS)
    stops = page.locator("svg.columns:visible a[tabindex='0']")
    expect(stops).to_have_count(1)
    stops.focus()
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    expect(stops).to_have_count(1)
    page.keyboard.press("Enter")
    page.wait_for_url("**from=**to=**")
    expect(page.locator(".message")).to_have_count(2)
    page.get_by_role("link", name="All of this trace").click()
    expect(page.locator(".message")).to_have_count(6)
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


def test_keys_unfold_what_the_page_does_not_hold(visit: Callable[..., Visitor], world: World) -> None:
    """`→` on a closed group of hundreds said that it was open, and showed nothing."""
    trace, times, now = "100b" * 8, 300, time.time_ns()
    late = Telemetry(now)
    spans = [span(trace, "ff" * 8, "", "all", 2, now, 900)]
    spans += [span(trace, f"{n + 1:016x}", "ff" * 8, "one", 1, now + n, 1) for n in range(times)]
    late.backend("looping", spans)
    late.send(world.writer)
    visitor = visit()
    page = visitor.go(f"/apm/traces/{trace}")
    rows = page.locator("table.waterfall tr[data-row]:visible")
    expect(rows).to_have_count(2)
    for key in ("j", "j", "ArrowRight"):
        page.keyboard.press(key)
    expect(rows).to_have_count(2 + times)
    expect(page.locator("tr:focus")).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowLeft")
    expect(rows).to_have_count(2)
    visitor.blameless()
