"""The storefront in a real browser, with the real agent and the real backends."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.frontend.mesh import Mesh, shop
from tests.frontend.tab import Tab
from tests.frontend.test_story import STORY, settled
from tests.helpers import eventually, required_in_ci

pytestmark = pytest.mark.browser

TYPO = "Cannot read properties of undefined (reading 'Prcie')"


@pytest.fixture
def broken(mesh: Mesh, tab: Tab) -> Tab:
    """A new visitor of the story's broken shop."""
    mesh.set_flags(**STORY)
    settled(mesh, typo=True)
    return tab


def test_the_typo_leaves_the_total_at_zero_and_the_agent_reports_it(mesh: Mesh, broken: Tab) -> None:
    broken.goto("/?seat=anna")
    broken.fill_cart()
    assert broken.page.inner_text("#order-total") == "USD 0.00"
    assert broken.thrown[-1].message == TYPO
    frames = [line.strip() for line in broken.thrown[-1].stack.splitlines()[1:]]
    assert [frame.split(" (")[0] for frame in frames[:2]] == ["at getProductPrice", "at renderFinalPrice"]
    assert f"{mesh.url}/static/js/cart-total.js" in frames[2]
    fixed = "error: Uncaught TypeError: Cannot read property 'Prcie' of undefined"
    assert fixed in broken.said
    thrown = eventually(
        lambda: mesh.beacons.named("onerror", enduser__id="anna"), "the TypeError is beaconed"
    )
    assert thrown[0]["tags"]["error.message"] == TYPO
    assert thrown[0]["tags"]["error.object"] == "TypeError"
    assert "getProductPrice" in thrown[0]["tags"]["error.stack"]
    assert thrown[0]["tags"]["location.href"] == f"{mesh.url}/cart"
    (said,) = [
        span for span in mesh.beacons.named("console.error") if "Prcie" in span["tags"]["error.message"]
    ][:1]
    assert said["timestamp"] <= thrown[0]["timestamp"]


def test_without_the_typo_the_same_script_shows_the_right_total(tab: Tab) -> None:
    tab.fill_cart()
    assert tab.page.inner_text("#order-total") == "USD 1061.21"
    tab.page.select_option("#currency_code", "JPY")
    eventually(lambda: tab.page.inner_text("#order-total").startswith("JPY"), "the total is in yen")
    assert tab.page.inner_text("#order-total") in tab.page.text_content("noscript")
    assert tab.thrown == []
    assert not [line for line in tab.said if line.startswith("error")]


def test_an_empty_cart_throws_nothing_even_with_the_typo(broken: Tab) -> None:
    broken.goto("/cart")
    assert "Your cart is empty" in broken.page.inner_text("main")
    assert broken.thrown == []


def test_one_click_is_one_order_in_one_trace(mesh: Mesh, broken: Tab) -> None:
    broken.goto("/?seat=bert")
    broken.fill_cart()
    broken.page.dblclick("#place-order")
    broken.page.wait_for_selector("#error-title")
    assert broken.focused() == "Uh, oh!"
    assert "Code(401) desc = Invalid request" in broken.page.inner_text(".cause")
    assert broken.page.title() == "Uh, oh! · Hipster Shop"
    (sent,) = broken.posts("/cart/checkout")
    assert sent.resource_type == "fetch"
    assert sent.response().status == 500
    (event,) = eventually(
        lambda: mesh.beacons.named("HTTP POST", enduser__id="bert", http__url=f"{mesh.url}/cart/checkout"),
        "the order's fetch is beaconed",
    )
    tags = event["tags"]
    assert tags["http.status_code"] == "500"
    spans = mesh.trace(tags["link.traceId"])
    (entry,) = [span for span in spans if f"{span.context.span_id:016x}" == tags["link.spanId"]]
    assert entry.name == "/cart/checkout"
    assert event["traceId"] == tags["link.traceId"]
    assert entry.parent is not None
    assert f"{entry.parent.span_id:016x}" == event["id"]
    workflows = {"ProductDetails", "AddToCart", "PlaceOrder"}
    eventually(lambda: {span["name"] for span in mesh.beacons.spans} >= workflows, "workflows are beaconed")
    broken.page.click("text=Back to your cart")
    broken.page.wait_for_selector("#place-order")
    assert broken.page.inner_text("#cart-count .number") == "4"


def test_an_order_takes_the_place_of_the_page(tab: Tab) -> None:
    tab.fill_cart()
    tab.page.click("#place-order")
    tab.page.wait_for_selector("#order-id")
    assert tab.focused() == "Your order is complete!"
    assert tab.page.inner_text("#total-paid") == "USD 1061.21"
    assert tab.page.is_hidden("#cart-count")
    assert len(tab.page.query_selector_all("main")) == 1
    assert tab.page.title() == "Order complete · Hipster Shop"
    tab.page.reload()
    assert "Your cart is empty" in tab.page.inner_text("main")
    tab.page.go_back()
    assert tab.page.url == f"{tab.url}/product/66VCHSJNUP"


def test_a_form_that_comes_back_keeps_the_total_and_can_be_sent_again(tab: Tab) -> None:
    tab.fill_cart()
    tab.page.select_option("#credit_card_expiration_year", index=0)
    tab.page.fill("#credit_card_number", "4432-8015-6152-0455")
    tab.page.click("#place-order")
    tab.page.wait_for_selector("#credit_card_number-problem")
    assert tab.focused() == "Please check your order"
    eventually(lambda: tab.page.inner_text("#order-total") == "USD 1061.21", "the total is right")
    assert tab.page.input_value("#credit_card_number") == ""
    tab.page.fill("#credit_card_number", "4432-8015-6152-0454")
    tab.page.fill("#credit_card_cvv", "672")
    tab.page.select_option("#credit_card_expiration_year", index=2)
    tab.page.click("#place-order")
    tab.page.wait_for_selector("#order-id")
    assert len(tab.posts("/cart/checkout")) == 2


def test_a_shop_that_does_not_answer_is_told_and_the_button_works_again(tab: Tab) -> None:
    tab.fill_cart()
    tab.page.route("**/cart/checkout", lambda route: route.abort())
    tab.page.click("#place-order")
    tab.page.wait_for_selector("#checkout-trouble:not([hidden])")
    assert "did not answer" in tab.page.inner_text("#checkout-trouble")
    tab.page.unroute("**/cart/checkout")
    assert tab.page.inner_text("#place-order") == "Place order"
    tab.page.click("#place-order")
    tab.page.wait_for_selector("#order-id")


def test_scripts_of_an_answer_do_not_run(tab: Tab) -> None:
    tab.fill_cart()
    hostile = "<main><h1>Hi</h1><script>window.ran = 1</script><img src=x onerror='window.ran = 2'></main>"
    tab.page.route("**/cart/checkout", lambda route: route.fulfill(body=hostile, content_type="text/html"))
    tab.page.click("#place-order")
    # Asked anew each time: the page's policy forbids what waits for a function to evaluate its text later.
    eventually(lambda: tab.page.inner_text("h1") == "Hi", "the answer's heading stands in the page")
    eventually(
        lambda: tab.page.evaluate("document.querySelector('main img').complete"), "the image was tried"
    )
    assert tab.page.evaluate("window.ran") is None
    assert tab.page.query_selector("main script") is None


def test_without_scripts_the_plain_form_orders(chromium: Any, mesh: Mesh, tab: Tab) -> None:
    plain = Tab(chromium, mesh.url, java_script_enabled=False)
    plain.fill_cart()
    assert "USD 1061.21" in plain.page.inner_text("noscript")
    plain.page.select_option("#currency_code", "EUR")
    plain.page.click("text=Set")
    assert "EUR" in plain.page.inner_text(".sums")
    plain.page.click("#place-order")
    plain.page.wait_for_selector("#order-id")
    assert plain.page.url == f"{mesh.url}/cart/checkout"
    plain.context.close()


def test_every_page_is_reported_in_one_session(mesh: Mesh, tab: Tab) -> None:
    def fetched() -> set[str]:
        spans = mesh.beacons.named("documentFetch", enduser__id="cleo")
        return {
            span["tags"]["http.url"].removeprefix(mesh.url)
            for span in spans
            if "link.traceId" in span["tags"]
        }

    visited = set()
    for path in ("/?seat=cleo", "/product/9SIQT8TOJO", "/product/NOPE", "/cart"):
        tab.goto(path)
        visited.add(path)
        # The agent tells of a page after its load event: whoever leaves in that very moment is not told of.
        eventually(lambda: fetched() == visited, f"{path} is beaconed with its link")
    # An earlier visitor's last beacon may arrive now: only hers count.
    hers = [span["tags"] for span in mesh.beacons.spans if span["tags"].get("enduser.id") == "cleo"]
    assert len({tags["splunk.rumSessionId"] for tags in hers}) == 1


def test_a_neighbours_link_begins_a_session_and_leaves_the_first_as_it_was(mesh: Mesh, tab: Tab) -> None:
    """The first tab stays open: what it does then is done, and reported, in the neighbour's name."""

    def sessions(seat: str) -> set[str]:
        found = [span["tags"] for span in mesh.beacons.spans if span["tags"].get("enduser.id") == seat]
        return {tags["splunk.rumSessionId"] for tags in found}

    def told(seat: str, path: str) -> list[Any]:
        return mesh.beacons.named("documentFetch", enduser__id=seat, http__url=mesh.url + path)

    tab.goto("/?seat=anna")
    eventually(lambda: told("anna", "/?seat=anna"), "the first page is beaconed")
    tab.fill_cart()
    eventually(lambda: told("anna", "/cart"), "the cart is beaconed")
    cart = tab.page.inner_text("#cart-count .number")
    (first,) = sessions("anna")
    second = tab.context.new_page()
    second.goto(f"{mesh.url}/?seat=bert")
    eventually(lambda: told("bert", "/?seat=bert"), "the neighbour's page is beaconed")
    assert cart == "4"
    assert second.is_hidden("#cart-count"), "the neighbour's cart is another"
    tab.page.bring_to_front()
    joined = eventually(
        lambda: (found := tab.page.evaluate("SplunkRum.getSessionId()")) != first and found,
        "the first tab goes over to the new session",
    )
    tab.page.click("#place-order")
    eventually(
        lambda: mesh.beacons.named("PlaceOrder", enduser__id="bert"),
        "its click is the neighbour's",
        within_s=30,
    )
    assert sessions("bert") == {joined}
    assert sessions("anna") == {first}


_LATE_WORD = """
const keep = Storage.prototype.setItem;
window.sayWhoseItIs = [];
Storage.prototype.setItem = function (...given) { window.sayWhoseItIs.push(() => keep.apply(this, given)); };
"""


def test_a_tab_that_is_told_late_whose_the_session_is_reports_the_neighbour(mesh: Mesh, tab: Tab) -> None:
    """Tabs see each other's cookies at once, what they keep later: on a busy machine, after the session."""
    tab.goto("/?seat=dora")
    tab.fill_cart()
    first = tab.page.evaluate("SplunkRum.getSessionId()")
    second = tab.context.new_page()
    second.add_init_script(_LATE_WORD)
    second.goto(f"{mesh.url}/?seat=emil")
    tab.page.bring_to_front()
    eventually(
        lambda: tab.page.evaluate("SplunkRum.getSessionId()") != first,
        "the first tab goes over to the new session",
    )
    assert tab.page.evaluate("SplunkRum.getGlobalAttributes()['enduser.id']") == "dora", "it was not told yet"
    second.evaluate("window.sayWhoseItIs.forEach((say) => say())")
    eventually(
        lambda: tab.page.evaluate("SplunkRum.getGlobalAttributes()['enduser.id']") == "emil",
        "the first tab reports the neighbour",
    )
    tab.page.click("#place-order")
    eventually(
        lambda: mesh.beacons.named("PlaceOrder", enduser__id="emil"),
        "its click is the neighbour's",
        within_s=30,
    )


def test_pages_keep_to_their_own_origin_and_policy(mesh: Mesh, tab: Tab) -> None:
    tab.goto("/")
    tab.fill_cart()
    tab.goto("/nowhere")
    eventually(lambda: mesh.beacons.named("documentLoad"), "a page is beaconed")
    assert {sent.url.split("/")[2] for sent in tab.requests} == {mesh.url.split("/")[2]}
    assert not [line for line in tab.said if "Content Security Policy" in line]


def test_the_seat_panel_works_by_keyboard(tab: Tab) -> None:
    tab.goto("/product/9SIQT8TOJO")
    tab.page.focus(".seat summary")
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.press("Escape")
    assert not tab.page.is_visible("#seat")
    tab.page.keyboard.press("Enter")
    tab.page.keyboard.press("Tab")
    tab.page.keyboard.type("dora")
    tab.page.keyboard.press("Enter")
    tab.page.wait_for_url("**/product/9SIQT8TOJO?seat=dora")
    assert "dora" in tab.page.inner_text(".seat summary")


def test_without_the_agent_the_shop_works_and_reports_nothing(
    chromium: Any, tmp_path: Path, web_dir: Path
) -> None:
    with shop(tmp_path, web_dir, RUM_ENABLED="false") as before_rum:
        quiet = Tab(chromium, before_rum.url)
        quiet.fill_cart()
        assert quiet.page.inner_text("#order-total") == "USD 1061.21"
        quiet.page.click("#place-order")
        quiet.page.wait_for_selector("#order-id")
        assert quiet.posts("/v1/rum") == []
        assert quiet.page.evaluate("typeof window.SplunkRum") == "undefined"
        assert quiet.thrown == []
        quiet.context.close()


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_pages_are_accessible_and_fit(chromium: Any, mesh: Mesh, tab: Tab, scheme: str, width: int) -> None:
    axe = Path(sys.prefix) / "web" / "axe.min.js"
    if not axe.is_file():
        required_in_ci("axe-core is not installed: run `python3 -m lab test` once")
    looking = Tab(
        chromium, mesh.url, color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True
    )

    def check(name: str) -> None:
        looking.page.add_script_tag(path=str(axe))
        found = looking.page.evaluate("axe.run().then(result => result.violations)")
        told = [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
        assert not told, f"{name}: {told}"
        surplus = looking.page.evaluate(
            "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        )
        assert surplus <= 0, f"{name} is {surplus} px too wide"

    looking.goto("/?seat=anna")
    check("home")
    looking.page.click(".seat summary")
    check("seat panel")
    looking.goto("/product/9SIQT8TOJO")
    check("product")
    looking.goto("/cart")
    check("empty cart")
    looking.goto("/product/NOPE")
    check("not found")
    looking.fill_cart()
    check("cart")
    looking.page.fill("#email", "nobody")
    looking.page.click("#place-order")
    looking.page.wait_for_selector(".problem")
    check("form with problems")
    if scheme == "dark":
        mesh.set_flags(**STORY)
        settled(mesh, typo=True)
    looking.page.fill("#email", "someone@example.com")
    looking.page.fill("#credit_card_number", "4432-8015-6152-0454")
    looking.page.fill("#credit_card_cvv", "672")
    looking.page.click("#place-order")
    looking.page.wait_for_selector("#error-title" if scheme == "dark" else "#order-title")
    check("failed order" if scheme == "dark" else "order")
    looking.context.close()
