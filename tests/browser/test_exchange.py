"""Parts exchanged in place: what links name with modifiers, copied, without htmx; what is said of them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from signals.model import SessionId
from store.api import TraceQuery, Window
from tests.browser.conftest import Visitor, World
from tests.fixtures import seed
from tests.fixtures.world import MS, World as Telemetry, span
from tests.helpers import eventually

pytestmark = pytest.mark.browser

SESSION = f"/rum/sessions/{seed.SESSION}"
TRACE_LOGS = f"/logs?trace_id={seed.TRACE}"
UPDATE_MS = 15_000


def test_the_link_that_is_copied_after_a_log_is_chosen_is_the_logs(visit: Callable[..., Visitor]) -> None:
    visitor = visit(permissions=["clipboard-read", "clipboard-write"])
    page = visitor.go(TRACE_LOGS)
    page.get_by_role("link", name=re.compile("Failed payment")).first.click()
    expect(page.locator("#log-detail")).to_contain_text(seed.TOKEN)
    page.keyboard.press("y")
    expect(page.locator(".toast")).to_contain_text("copied")
    copied = page.evaluate("navigator.clipboard.readText()")
    query = parse_qs(urlsplit(copied).query)
    assert set(query) == {"log", "trace_id", "from", "to"}
    colleague = visit()
    colleague.page.goto(copied)
    expect(colleague.page.locator("#log-detail")).to_contain_text(seed.TOKEN)
    visitor.blameless()


def test_a_click_with_a_modifier_is_the_browsers(visit: Callable[..., Visitor]) -> None:
    """htmx would swallow it: a log could not be opened in a tab of its own, nor saved."""
    visitor = visit()
    page = visitor.go(TRACE_LOGS)
    link = page.get_by_role("link", name=re.compile("Failed payment"))
    with page.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    expect(opened.value.locator("#log-detail")).to_contain_text(seed.TOKEN)
    with page.expect_download() as saved:
        link.click(modifiers=["Alt"])
    assert "log=" in saved.value.url
    expect(page.locator("#log-detail")).to_be_hidden()
    assert page.url.endswith(TRACE_LOGS)
    visitor.blameless()


def test_without_htmx_every_link_leads_there_as_a_page(visit: Callable[..., Visitor]) -> None:
    visitor = visit()
    page = visitor.page
    page.route("**/htmx.min.js*", lambda route: route.abort())
    visitor.go(TRACE_LOGS)
    page.get_by_role("link", name=re.compile("Failed payment")).click()
    page.wait_for_url("**log=**")
    expect(page.locator("#log-detail")).to_contain_text(seed.TOKEN)
    visitor.go(SESSION)
    page.get_by_role("row", name="3 resources").first.get_by_role("link").click()
    expect(page.get_by_role("row", name="Resource GET /static/shop.js").first).to_be_visible()
    page.get_by_role("row", name="Uncaught error TypeError").get_by_role("link").first.click()
    expect(page.get_by_role("region", name="Stack of the error")).to_contain_text("renderFinalPrice")
    page.get_by_role("row", name="Fetch POST /cart/checkout").get_by_role("link", name="APM").click()
    page.wait_for_url(f"**{SESSION}/apm/**")
    expect(page.locator("main")).to_contain_text("Performance Summary")
    page.keyboard.press("?")
    page.wait_for_url("**/-/keys")
    page.goto(f"{visitor.base}{SESSION}?apm={seed.CHECKOUT_EVENT}")
    expect(page.locator("main")).to_contain_text("Performance Summary")
    assert [said for said in visitor.complaints if "ERR_FAILED" not in said] == []


def test_what_a_dialog_awaits_is_said_and_keeps_the_focus(
    visit: Callable[..., Visitor], world: World
) -> None:
    """`Look again` was silent while nothing came, and so was what came."""
    now = time.time_ns()
    session, trace, child = f"5e58{now:028x}", f"7e58{now:028x}", f"{now:016x}"
    late = Telemetry(now, first=now)
    asked = {"component": "fetch", "http.method": "POST", "http.url": f"{seed.SHOP}/cart/checkout"}
    link = {"http.status_code": 500, "link.traceId": trace, "link.spanId": child}
    here = {"location.href": f"{seed.SHOP}/cart"}
    late.browser(session, 1, "HTTP POST", now, _ms=4, **asked, **link, **here)
    late.send(world.writer)
    eventually(lambda: world.reader.session(SessionId(session)), "the session that is read")
    visitor = visit()
    page = visitor.go(f"/rum/sessions/{session}")
    page.get_by_role("row", name="POST").get_by_role("link", name=re.compile("^APM")).first.click()
    dialog = page.get_by_role("dialog", name="POST /cart/checkout")
    expect(dialog).to_contain_text("not here yet")
    expect(dialog.get_by_role("link", name=re.compile("^Trace"))).to_be_focused()
    dialog.get_by_role("link", name="Look again").click()
    expect(page.locator("#say")).to_have_text("Not here yet.")
    expect(dialog).to_contain_text("Looking again every 2 seconds", timeout=UPDATE_MS)
    expect(dialog.get_by_role("link", name="Look again")).to_be_focused()
    behind = Telemetry(now)
    behind.backend("shop", [span(trace, child, "", "/cart/checkout", 2, now + 1 * MS, 3)])
    behind.send(world.writer)
    expect(page.locator("#say")).to_have_text("The backend trace has arrived.", timeout=UPDATE_MS)
    expect(dialog).to_contain_text("Performance Summary")
    expect(dialog.get_by_role("link", name=trace)).to_be_focused()
    assert page.title().startswith("Session"), "a dialog does not name the page"
    visitor.blameless()


def test_a_dialog_that_does_not_come_says_so(visit: Callable[..., Visitor]) -> None:
    """By the words of the error page, or by words of its own where nothing answers."""
    visitor = visit()
    page = visitor.go(SESSION)
    link = page.get_by_role("row", name="Fetch POST /cart/checkout").get_by_role("link", name="APM")
    page.route(f"**{SESSION}/apm/*", lambda route: route.abort())
    link.click()
    expect(page.get_by_role("dialog")).to_contain_text("could not be loaded")
    expect(page.locator("#say")).to_contain_text("could not be loaded")
    page.keyboard.press("Escape")
    page.unroute(f"**{SESSION}/apm/*")
    page.route(f"**{SESSION}/apm/*", lambda route: route.continue_(url=f"{visitor.base}/nowhere"))
    link.click()
    expect(page.get_by_role("dialog")).to_contain_text("There is no page at /nowhere")
    page.keyboard.press("Escape")
    page.unroute(f"**{SESSION}/apm/*")
    link.click()
    expect(page.get_by_role("dialog")).to_contain_text("Performance Summary")


def test_a_log_that_does_not_come_is_loaded_as_a_page(visit: Callable[..., Visitor]) -> None:
    """The page itself says what is wrong."""
    visitor = visit()
    page = visitor.go(TRACE_LOGS)
    page.route(
        "**/logs?*log=*",
        lambda route: route.continue_() if route.request.is_navigation_request() else route.abort(),
    )
    page.get_by_role("link", name=re.compile("Failed payment")).click()
    page.wait_for_url("**log=**")
    expect(page.locator("#log-detail")).to_contain_text(seed.TOKEN)


def test_the_newest_of_two_logs_is_shown(visit: Callable[..., Visitor]) -> None:
    """A slow answer of the one that was chosen first took the place of the second."""
    visitor = visit()
    page = visitor.go(TRACE_LOGS)
    held = []
    first = page.get_by_role("link", name="PlaceOrder received")
    number = parse_qs(urlsplit(first.get_attribute("href") or "").query)["log"][0]
    page.route(f"**/logs?*log={number}*", lambda route: held.append(route))
    first.click()
    eventually(lambda: page.evaluate("1") and held, "the first request")
    page.get_by_role("link", name=re.compile("Failed payment")).click()
    expect(page.locator("#log-detail")).to_contain_text(seed.TOKEN)
    assert f"log={number}" not in page.url
    visitor.blameless()


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_show_more_adds_the_rows_of_the_next_page(
    visit: Callable[..., Visitor], world: World, order: str
) -> None:
    """What was read stays above; without script the same link is the next page."""
    now = time.time_ns()
    more = Telemetry(now)
    for number in range(120):
        trace, own = f"5a0e{now + number:028x}", f"{now + number:016x}"
        more.backend(f"many-{order}", [span(trace, own, "", "GET /many", 2, now - number * MS, 1)])
    more.send(world.writer)
    window = Window(now - 3600 * 10**9, now + 1)
    query = TraceQuery(window, service=f"many-{order}", limit=200)
    eventually(lambda: len(world.reader.find_traces(query).items) == 120, "the traces of three pages")
    visitor = visit()
    page = visitor.go(f"/apm/traces?service=many-{order}&sort={order}&since=1h")
    rows = page.locator("[data-added-to] > tr")
    expect(rows).to_have_count(50)
    first = rows.first.inner_text()
    page.get_by_role("link", name="Show more").click()
    expect(rows).to_have_count(100)
    page.get_by_role("link", name="Show more").click()
    expect(rows).to_have_count(120)
    expect(page.get_by_role("link", name="Show more")).to_have_count(0)
    expect(page.locator("#pager")).to_contain_text("120 traces in all")
    assert rows.first.inner_text().split()[0] == first.split()[0]
    assert (
        len(
            set(
                page.locator("[data-added-to] > tr a[href*='/apm/traces/5a0e']").evaluate_all(
                    "links => links.map(link => link.pathname)"
                )
            )
        )
        == 120
    )
    visitor.blameless()
