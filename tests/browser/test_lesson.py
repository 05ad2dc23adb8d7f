"""The walk of the lesson, by clicking what its text names; by keyboard alone; without script."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Visitor
from tests.fixtures import seed

pytestmark = pytest.mark.browser

CHARGE = re.compile(r"paymentservice.*hipstershop.PaymentService.Charge")


def find_session(visitor: Visitor) -> Page:
    """From the home page to one's own session, by the seat."""
    page = visitor.go("/")
    page.get_by_role("navigation", name="Product areas").get_by_role("link", name="RUM").click()
    page.get_by_role("link", name="Sessions", exact=True).click()
    page.get_by_label("Your seat (enduser.id)").fill(seed.SEAT)
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("link", name=f"Remove filter enduser.id = {seed.SEAT}")).to_be_visible()
    page.get_by_role("link", name=re.compile(f"Session .* of {seed.SEAT}")).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(f"Session of {seed.SEAT}")
    return page


def test_a_student_walks_from_the_session_to_the_log_line(visit: Callable[..., Visitor]) -> None:
    """Every sentence of the lesson can be done by what it names, in at most six clicks from the session."""
    visitor = visit()
    page = find_session(visitor)

    error = page.get_by_role("row", name="Uncaught error TypeError: Cannot read properties")
    error.get_by_role("link").click()
    expect(page.get_by_role("region", name="Stack of the error")).to_contain_text("renderFinalPrice")
    error.get_by_role("link").click()
    expect(page.get_by_role("region", name="Stack of the error")).to_have_count(0)

    row = page.get_by_role("row", name="Fetch POST /cart/checkout")
    expect(row).to_contain_text("500")
    visitor.click(role="link", name=re.compile("^APM"), within=row)
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Performance Summary")
    expect(dialog).to_contain_text("External")
    for service in ("paymentservice", "checkoutservice"):
        chip = dialog.get_by_role("listitem").filter(has_text=service)
        expect(chip).to_contain_text("originated here")

    visitor.click(role="link", name=seed.TRACE, within=dialog)
    expect(page).to_have_url(re.compile(f"/apm/traces/{seed.TRACE}"))
    charge = page.get_by_role("row", name=CHARGE).first
    charge.locator(".flag.origin").first.click()
    visitor.clicks += 1
    expect(page.locator("body")).to_contain_text("Invalid request")
    expect(page.locator("body")).to_contain_text("401")

    visitor.click(role="link", name=re.compile(r"^Logs.*\(\d+\)"), within=page.locator(".related"))
    expect(page.locator(".chip").first).to_contain_text(f"trace_id = {seed.TRACE}")
    visitor.click(role="link", name=re.compile("Failed payment processing"))
    detail = page.locator("#log-detail")
    expect(detail).to_contain_text(seed.MESSAGE)
    expect(detail.get_by_role("link", name=seed.TRACE)).to_be_visible()
    expect(detail.get_by_role("link", name=seed.CHARGE_SPAN)).to_be_visible()
    assert visitor.clicks <= 6, f"{visitor.clicks} clicks from the session to the log line"
    visitor.blameless()


def test_the_walk_goes_by_the_keyboard_alone(visit: Callable[..., Visitor]) -> None:
    """No pointer is needed: keys lead from the home page to the log message."""
    visitor = visit()
    page = visitor.go("/")
    keys = page.keyboard
    keys.press("2")
    page.wait_for_url("**/rum")
    page.get_by_role("link", name="Sessions", exact=True).focus()
    keys.press("Enter")
    page.wait_for_url("**/rum/sessions")
    keys.press("/")
    keys.type(seed.SEAT)
    keys.press("Enter")
    page.wait_for_url("**attr=**")
    keys.press("j")
    keys.press("Enter")
    page.wait_for_url(f"**/rum/sessions/{seed.SESSION}*")

    keys.press("E")
    expect(page.locator("[data-row]:focus")).to_contain_text("POST /cart/checkout")
    keys.press("a")
    expect(page.get_by_role("dialog")).to_contain_text("Performance Summary")
    keys.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page).to_have_url(re.compile(f"/rum/sessions/{seed.SESSION}"))
    keys.press("a")
    expect(page.get_by_role("dialog").get_by_role("link", name=seed.TRACE)).to_be_visible()
    keys.press("t")
    page.wait_for_url(f"**/apm/traces/{seed.TRACE}*")

    keys.press("r")
    expect(page.locator("[data-row]:focus, [data-row]:focus-within")).to_have_count(1)
    keys.press("l")
    page.wait_for_url("**/logs?**")
    keys.press("e")
    expect(page.locator("[data-row]:focus-within")).to_contain_text("failed to complete the order")
    keys.press("e")
    keys.press("Enter")
    expect(page.locator("#log-detail")).to_contain_text(seed.MESSAGE)
    keys.press("Escape")
    expect(page.locator("#log-detail")).to_be_hidden()
    visitor.blameless()


def test_links_alone_lead_to_the_log_line(visit: Callable[..., Visitor]) -> None:
    """With script off the session still leads to the log line, page by page."""
    visitor = visit(java_script_enabled=False)
    page = find_session(visitor)
    page.get_by_role("row", name="Uncaught error TypeError: Cannot read").get_by_role("link").click()
    expect(page.get_by_role("region", name="Stack of the error")).to_contain_text("getProductPrice")
    page.get_by_role("row", name="Fetch POST /cart/checkout").get_by_role(
        "link", name=re.compile("^APM")
    ).click()
    expect(page.locator("main")).to_contain_text("Performance Summary")
    page.get_by_role("link", name=seed.TRACE).click()
    expect(page).to_have_url(re.compile(f"/apm/traces/{seed.TRACE}"))
    page.locator(".related").get_by_role("link", name=re.compile("^Logs")).click()
    page.get_by_role("link", name=re.compile("Failed payment processing")).click()
    expect(page.locator("#log-detail")).to_contain_text(seed.MESSAGE)
    visitor.blameless()
