"""One session in a browser: folds, keys on closed rows, updates that leave open what is read."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from signals.model import SessionId
from tests.browser.conftest import Visitor, World
from tests.fixtures import seed
from tests.fixtures.world import MS, World as Telemetry, span
from tests.helpers import eventually

pytestmark = pytest.mark.browser

SESSION = f"/rum/sessions/{seed.SESSION}"
LATE = "5e551011d00000000000000000000001"
LATE_TRACE = "a11ce0000000000000000000d0ffee01"
UPDATE_MS = 15_000


def test_runs_of_resources_fold_by_click_and_key_and_stay_so_in_the_address(
    visit: Callable[..., Visitor],
) -> None:
    visitor = visit()
    page = visitor.go(SESSION)
    part = page.get_by_role("row", name="Resource GET /static/shop.js").first
    expect(part).to_be_hidden()
    page.get_by_role("row", name="3 resources").first.get_by_role("link").click()
    expect(part).to_be_visible()
    expect(page).to_have_url(re.compile("unfold="))
    page.reload()
    expect(part).to_be_visible()
    page.keyboard.press("]")
    expect(page.locator(".wf-row[hidden]")).to_have_count(0)
    page.keyboard.press("[")
    expect(part).to_be_hidden()
    expect(page).not_to_have_url(re.compile("unfold="))
    page.get_by_role("row", name="3 resources").first.focus()
    page.keyboard.press("ArrowRight")
    expect(part).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(part).to_be_hidden()
    visitor.blameless()


def test_the_first_error_is_one_click_away_and_in_view(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go(SESSION)
    page.get_by_role("link", name=re.compile("^TypeError")).first.click()
    expect(page.get_by_role("region", name="Stack of the error")).to_be_in_viewport()
    visitor.blameless()


def test_keys_act_on_the_trace_of_a_closed_row_and_escape_closes_one_by_one(
    visit: Callable[..., Visitor],
) -> None:
    """`t` did nothing on a closed row, and `l` led to the logs of the whole session."""
    visitor = visit()
    page = visitor.go(SESSION)
    rows = page.locator("[data-row][data-mark]")
    for n in range(2):
        rows.nth(n).get_by_role("link").first.click()
        expect(page.locator("[data-detail]")).to_have_count(n + 1)
    page.locator("h1").click()
    for left in (1, 0):
        page.keyboard.press("Escape")
        expect(page.locator("[data-detail]")).to_have_count(left)
    page.keyboard.press("E")
    page.keyboard.press("l")
    page.wait_for_url(f"**/logs?trace_id={seed.TRACE}*")
    page.go_back()
    page.get_by_role("row", name="Fetch POST /cart/checkout").focus()
    page.keyboard.press("t")
    page.wait_for_url(f"**/apm/traces/{seed.TRACE}*")
    visitor.blameless()


def test_updates_of_a_session_leave_open_what_is_read(visit: Callable[..., Visitor], world: World) -> None:
    """Nothing was said of what came, so a checkout's beacon was waited for for ever."""
    now = time.time_ns()
    early = Telemetry(now, first=now)
    here = {"location.href": f"{seed.SHOP}/cart"}
    for n in range(3):
        early.browser(LATE, 1, f"Step {n}", now + n * MS, **here)
    early.send(world.writer)
    eventually(lambda: world.reader.session(SessionId(LATE)), "the session that is read")
    visitor = visit()
    page = visitor.go(f"/rum/sessions/{LATE}")
    page.get_by_role("row", name="Step 0").get_by_role("link").click()
    page.get_by_role("row", name="Step 1").get_by_role("link").click()
    expect(page.locator("[data-detail]")).to_have_count(2)
    late = Telemetry(now, first=now + 100)
    asked = {"component": "fetch", "http.method": "POST", "http.url": f"{seed.SHOP}/cart/checkout"}
    link = {"http.status_code": 500, "link.traceId": LATE_TRACE, "link.spanId": "1a7e000000000002"}
    late.browser(LATE, 1, "HTTP POST", now + 9 * MS, _id="1a7e000000000001", _ms=4, **asked, **link, **here)
    late.browser(LATE, 1, "Step 3", now + 14 * MS, **here)
    late.send(world.writer)
    button = page.get_by_role("button", name="2 more events, 1 error · show")
    expect(button).to_be_visible(timeout=UPDATE_MS)
    expect(page.get_by_role("row", name="Step 3")).to_have_count(0)
    button.click()
    expect(page.get_by_role("row", name="Step 3")).to_be_visible()
    expect(page.locator("[data-detail]")).to_have_count(2)
    expect(page.locator(".first-error")).to_contain_text("POST /cart/checkout")

    page.get_by_role("row", name="Fetch POST /cart/checkout").get_by_role("link", name="APM").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("not here yet")
    behind = Telemetry(now)
    behind.backend("shop", [span(LATE_TRACE, "1a7e000000000002", "", "/cart/checkout", 2, now + 10 * MS, 3)])
    behind.send(world.writer)
    expect(dialog).to_contain_text("Performance Summary", timeout=UPDATE_MS)
    expect(dialog.get_by_role("link", name=LATE_TRACE)).to_be_focused()
    visitor.blameless()


def test_paper_is_light_whatever_theme_was_chosen(visit: Callable[..., Visitor]) -> None:
    """With the dark theme chosen, dark panels were printed."""
    visitor = visit()
    page = visitor.go(SESSION)
    page.get_by_role("button", name="Dark theme").click()
    for path in (SESSION, f"/apm/traces/{seed.TRACE}"):
        page = visitor.go(path)
        assert page.evaluate("document.documentElement.dataset.theme") == "dark"
        page.emulate_media(media="print")
        ground = page.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor")
        assert ground == "rgb(255, 255, 255)", f"{path} prints on {ground}"
        page.emulate_media(media="screen")


def test_the_heads_of_a_session_stay_in_view(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.go(SESSION)
    page.get_by_role("row", name="Fetch POST /cart/checkout").evaluate(
        "row => row.scrollIntoView({block: 'end'})"
    )
    for selector in (".wf-head", ".wf-page:last-child .wf-page-head", ".page-rail h2"):
        expect(page.locator(selector)).to_be_in_viewport()
    page.keyboard.press("e")
    seen = (
        "(() => { const row = document.activeElement, place = row.getBoundingClientRect();"
        " const top = document.elementFromPoint(place.left + 30, place.top + 4);"
        " return row.matches('[data-row]') && top?.closest('[data-row]') === row; })()"
    )
    eventually(lambda: page.evaluate(seen), "the row that has the focus lies clear of the heads")
