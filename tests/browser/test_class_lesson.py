"""A student with nothing but a browser and a keyboard, from the class's code to a green trace.

A whole lab in class mode: real shop, real repairs. A second seat stands beside and is not mended.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from classroom import ClassStore, MarkKind
from runtime import seats
from tests.lab.test_whole_lab import Lab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Locator, Page, Response

pytestmark = [pytest.mark.lab, pytest.mark.browser, pytest.mark.timeout(420)]

ARRIVES = 30_000
"""A browser sends its beacons every few seconds, and CI's machine is busy."""


@pytest.fixture(name="classroom", scope="module")
def _classroom(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("class"))
    started = lab.command(
        "up", "--detach", "--free-ports", "--no-load", "--class", "2", "--host", "127.0.0.1"
    )
    try:
        assert started.returncode == 0, started.stderr
        yield lab
    finally:
        stopped = lab.command("down")
        assert stopped.returncode == 0, stopped.stderr


@pytest.fixture
def student(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(20_000)
    yield context
    context.close()


def press(where: Locator) -> None:
    """Follow a link or press a button by the keyboard."""
    where.focus()
    where.press("Enter")


def shop_of(page: Page, link: Locator) -> Page:
    """The tab of the shop that a link opens."""
    with page.context.expect_page() as opened:
        press(link)
    opened.value.wait_for_load_state()
    return opened.value


def order(shop: Page) -> str:
    """Put a product into the cart and order it; returns the heading of the shop's answer."""
    press(shop.get_by_role("link", name="Hipster Shop"))
    press(shop.locator("a[href^='/product/']").first)
    press(shop.get_by_role("button", name="Add to cart"))
    before = shop.locator("main h1").inner_text()
    # Who leaves within half a second takes the request along: the agent waits for its timing.
    with shop.expect_response(_is_beacon_of_the_order):
        press(shop.get_by_role("button", name="Place order"))
        expect(shop.locator("main h1")).not_to_have_text(before)
    return shop.locator("main h1").inner_text()


def _is_beacon_of_the_order(answer: Response) -> bool:
    return "/v1/rum" in answer.url and "HTTP POST" in (answer.request.post_data or "")


def joined(context: BrowserContext, classroom: Lab) -> Page:
    """The page of the lesson of a student who typed the class's code."""
    found = json.loads(classroom.command("class", "--json").stdout)
    page = context.new_page()
    page.goto(found["join_url"])
    page.get_by_label("Code").focus()
    page.keyboard.type(found["join_code"].lower())
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/workshop$"))
    return page


def marks(classroom: Lab, student: BrowserContext, kind: MarkKind) -> set[str]:
    """The steps that the class's file has under this mark, of the student's seat."""
    [cookie] = [each["value"] for each in student.cookies() if each["name"] == seats.COOKIE]
    file = next(Path(classroom.folder).rglob("class.sqlite3"))
    with closing(ClassStore(file)) as kept:
        return {mark.step for mark in kept.marks(cookie.partition(".")[0]) if mark.kind is kind}


def test_a_student_walks_from_the_code_to_green_by_the_keyboard(
    browser: Browser, student: BrowserContext, classroom: Lab
) -> None:
    """And the seat beside still meets the fault."""
    page = joined(student, classroom)
    progress = page.locator("#arrived")
    expect(progress).to_have_text("0 of 12 steps are done; the data of 0 is there.")
    press(page.locator("#hint-buy summary"))

    shop = shop_of(page, page.get_by_role("link", name=re.compile("^Open the shop")).first)
    assert order(shop) == "Uh, oh!"
    press(shop.get_by_role("link", name="Back to the lesson").first)
    expect(shop).to_have_url(page.url)
    shop.close()

    # All the data arrives, and nothing but the step in the shop turns green.
    expect(progress).to_contain_text("the data of 9", timeout=ARRIVES)
    expect(page.locator("li.done")).to_have_count(1)
    expect(page.locator("#hint-buy")).to_have_attribute("open", "")
    assert marks(classroom, student, MarkKind.HINT) == {"buy"}
    assert marks(classroom, student, MarkKind.OPENED) == set()

    for step in ("session", "script", "dialog", "charge", "log", "version"):
        open_step(page, step)
    expect(progress).to_contain_text("9 of 12")

    trace = page.locator("#step-charge h3 a").get_attribute("href") or ""
    answer(page, "paymentservice", "v350.9", "network", trace)
    expect(page.locator("#verdict")).to_contain_text("2 of 4 parts are right.")
    expect(page.locator("#explanation")).to_have_count(0)
    answer(page, "paymentservice", "version = v350.10", "configuration", page.url.split("/work")[0] + trace)
    expect(page.locator("#verdict")).to_contain_text("That is it.")
    expect(page.locator("#explanation")).to_contain_text("test token")

    mend_and_order(page, "rollback")
    expect(page.locator("#step-rollback.done")).to_be_visible(timeout=ARRIVES)
    expect(progress).to_contain_text("10 of 12")
    mend_and_order(page, "endpoints")
    expect(page.locator("#step-endpoints.done")).to_be_visible(timeout=ARRIVES)
    press(page.locator("#step-compare h3 a"))
    expect(page.locator("body")).to_contain_text("v350.9")
    page.go_back()
    expect(progress).to_contain_text("12 of 12", timeout=ARRIVES)
    expect(page.locator("#guide")).to_contain_text("You are through.")

    meets_the_fault_beside(browser, classroom)


def meets_the_fault_beside(browser: Browser, classroom: Lab) -> None:
    """Another student's order fails, and the repair is not said to be in force for that seat."""
    with closing(browser.new_context()) as beside:
        beside.set_default_timeout(20_000)
        other = joined(beside, classroom)
        shop = shop_of(other, other.get_by_role("link", name=re.compile("^Open the shop")).first)
        assert order(shop) == "Uh, oh!"
        expect(other.locator("#repair-rollback")).not_to_contain_text("In force")


def open_step(page: Page, step: str) -> None:
    """Follow the link of a step and come back to a lesson that has it as done."""
    link = page.locator(f"#step-{step} h3 a")
    path = link.get_attribute("href") or ""
    press(link)
    page.wait_for_url(f"**{path}")
    page.go_back()
    expect(page.locator(f"#step-{step}.done")).to_be_visible(timeout=ARRIVES)


def answer(page: Page, service: str, tag: str, kind: str, evidence: str) -> None:
    """Fill in the form and press Enter in its last field."""
    for label, value in (("Service", service), ("Version or tag", tag)):
        page.get_by_label(label, exact=True).fill(value)
    page.get_by_label("Kind of fault").select_option(kind)
    page.get_by_label("Evidence").fill(evidence)
    page.get_by_label("Evidence").press("Enter")
    page.wait_for_load_state()


def mend_and_order(page: Page, step: str) -> None:
    """Make the repair of a step, and order once the services have followed."""
    press(page.locator(f"#repair-{step}").get_by_role("button", name="Repair it for my seat"))
    expect(page.locator(f"#repair-{step}")).to_contain_text("In force for your seat")
    shop = shop_of(page, page.locator(f"#step-{step} h3 a"))
    # The services look for a change of the flags every 0.4 seconds, and nothing says when they have.
    assert "Your order is complete!" in (order(shop) for _ in range(4))
    shop.close()
