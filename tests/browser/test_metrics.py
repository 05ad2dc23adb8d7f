"""A metric with a pointer, with a keyboard, without a script, on a phone."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.fixtures import seed

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]

DURATION = "/metrics/http.server.request.duration"
CHART = "[data-metric] .only-wide svg.lines"


def _over_chart(page: Page, share: float) -> tuple[float, float]:
    """A place in the chart, at this share of its width."""
    box = page.locator(CHART).bounding_box()
    assert box
    return box["x"] + box["width"] * share, box["y"] + box["height"] / 2


def _at(page: Page) -> list[str]:
    return page.locator("[data-metric-legend] td[data-at]").all_inner_texts()


def test_the_legend_shows_the_values_at_the_pointer(visit: Callable[..., Visitor]) -> None:
    """Those of the table's row of that time; beside the data, and outside of the chart, there are none."""
    visitor = visit()
    page = visitor.go(f"{DURATION}?since=5m")
    expect(page.locator("[data-metric-legend] th[data-at]")).to_have_text("At pointer")
    page.mouse.move(*_over_chart(page, 0.7))
    expect(page.locator("[data-metric-legend] th[data-at]")).to_have_text(re.compile(r"\d\d:\d\d:\d\d"))
    time = page.locator("[data-metric-legend] th[data-at]").inner_text()
    page.locator(".value-table > summary").click()
    row = page.locator("[data-metric-values] tbody tr", has_text=time)
    shown = row.locator("td").all_inner_texts()
    page.mouse.move(*_over_chart(page, 0.7))
    assert _at(page) == shown
    assert all("ms" in value for value in shown)
    expect(page.locator(f"{CHART} line.at")).to_have_count(1)
    page.mouse.move(5, 5)
    assert set(_at(page)) == {"\u2013"}
    expect(page.locator(f"{CHART} line.at")).to_have_count(0)
    visitor.blameless()


def test_dragging_over_the_chart_zooms_in_and_keeps_what_was_chosen(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go("/metrics/shop.orders?by=version&agg=sum")
    page.mouse.move(*_over_chart(page, 0.6))
    page.mouse.down()
    page.mouse.move(*_over_chart(page, 0.8), steps=5)
    page.mouse.up()
    page.wait_for_url(re.compile("from="))
    asked = parse_qs(urlsplit(page.url).query)
    assert (asked["by"], asked["agg"]) == (["version"], ["sum"])
    assert "since" not in asked
    expect(page.locator(CHART)).to_be_visible()
    page.go_back()
    expect(page).not_to_have_url(re.compile("from="))
    visitor.blameless()


def test_an_exemplar_is_a_dot_that_leads_to_its_trace(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go(f"{DURATION}?since=5m")
    page.locator(f"{CHART} a:has(circle.exemplar)").last.click()
    expect(page).to_have_url(re.compile(f"/apm/traces/{seed.TRACE}.*span={seed.CHARGE_SPAN}"))
    visitor.blameless()


def test_the_keyboard_reaches_everything(visit: Callable[..., Visitor]) -> None:
    """The list by its key and rows, a metric by Enter, its filter by /, an exemplar's trace by t.

    `wait_for_url` waits for the page's scripts, too: a key pressed before them does nothing.
    """
    visitor = visit()
    page = visitor.go("/")
    page.keyboard.press("5")
    page.wait_for_url(re.compile("/metrics"))
    page.keyboard.press("/")
    expect(page.locator("#metric-q")).to_be_focused()
    page.keyboard.type("request.dur")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("q=request.dur"))
    expect(page.locator("tr[data-row]")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/metrics/http.server.request.duration"))
    page.keyboard.press("/")
    expect(page.locator("#metric-add")).to_be_focused()
    page.keyboard.type("service.name = FRONTEND")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("FRONTEND|frontend"))
    expect(page.locator(".chip code")).to_have_text("service.name = frontend")
    page.keyboard.press("j")
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile(f"/apm/traces/{seed.TRACE}"))
    visitor.blameless()


def test_without_a_script_all_is_there_by_links_and_forms(visit: Callable[..., Visitor]) -> None:
    visitor = visit(java_script_enabled=False)
    page = visitor.go("/metrics")
    page.get_by_role("link", name="shop.orders").click()
    expect(page.locator("[data-metric-legend] th[data-at]")).to_be_hidden()
    expect(page.locator("[data-metric-legend] tbody")).to_contain_text("orders/s")
    page.get_by_label("Show", exact=True).select_option("sum")
    page.get_by_label("Group by").select_option("version")
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page.locator("[data-metric-legend] tbody tr")).to_have_count(2)
    expect(page.locator("#chart-title")).to_contain_text("Increase")
    page.get_by_label("Add a filter").fill("version = v350.9")
    page.get_by_role("button", name="Filter").click()
    expect(page.locator("[data-metric-legend] tbody tr")).to_have_count(1)
    page.locator(".value-table > summary").click()
    page.locator("[data-metric-values] tbody a").first.click()
    expect(page).to_have_url(re.compile("from=.*"))
    page.get_by_role("link", name="Zoom out").click()
    expect(page.locator("svg.lines").first).to_be_attached()


def test_a_choice_is_drawn_at_once(visit: Callable[..., Visitor]) -> None:
    visitor = visit(width=390, height=844)
    page = visitor.go("/metrics/shop.orders")
    page.locator("#metric-agg").select_option("last")
    expect(page.locator("#chart-title")).to_contain_text("Newest, series added up")
    expect(page.locator("[data-metric] .only-narrow svg.lines")).to_be_visible()
    visitor.blameless()
