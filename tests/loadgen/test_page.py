"""What is read from pages, and what running the cart's script comes to."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from loadgen.page import Page, Total, render
from tests.loadgen.shop import SCRIPT

CART: dict[str, Any] = {
    "currency": "USD",
    "decimals": 2,
    "shipping": "11220000000",
    "lines": [{"id": "A", "quantity": 1}, {"id": "B", "quantity": 2}],
    "products": {"A": {"Price": "789500000000"}, "B": {"Price": "124000000000"}},
}
URL = "http://shop/cart"


def total(misspelt: bool = False, **changes: Any) -> Total:
    return Total("USD 0.00", {**CART, **changes}, misspelt, "http://shop/static/js/cart-total.js")


def test_a_healthy_script_shows_the_exact_total() -> None:
    rendered = render(total(), SCRIPT)
    assert (rendered.shown, rendered.logged, rendered.thrown) == ("USD 1048.72", (), None)


def test_a_total_below_a_unit_keeps_its_zeros() -> None:
    assert render(total(shipping="50000000", lines=[]), SCRIPT).shown == "USD 0.05"


def test_the_misspelt_script_logs_throws_and_leaves_the_total() -> None:
    rendered = render(total(misspelt=True), SCRIPT)
    assert rendered.shown == "USD 0.00"
    assert [error.message for error in rendered.logged] == [
        "Uncaught TypeError: Cannot read property 'Prcie' of undefined"
    ]
    assert rendered.logged[0].type == "String"
    assert rendered.thrown
    assert rendered.thrown.message == "Cannot read properties of undefined (reading 'Prcie')"
    assert rendered.thrown.stack.splitlines() == [
        "TypeError: Cannot read properties of undefined (reading 'Prcie')",
        "    at getProductPrice (http://shop/static/js/cart-total.js:5:36)",
        "    at renderFinalPrice (http://shop/static/js/cart-total.js:9:17)",
        "    at http://shop/static/js/cart-total.js:12:1",
    ]


def test_an_unknown_script_still_names_the_file() -> None:
    rendered = render(total(misspelt=True), "")
    assert rendered.thrown
    assert "cart-total.js" in rendered.thrown.stack


def test_a_cart_that_cannot_be_read_is_an_error_not_a_crash() -> None:
    rendered = render(total(lines=[{"id": "?"}]), SCRIPT)
    assert rendered.shown == "USD 0.00"
    assert rendered.thrown


def test_the_total_is_read_from_the_page() -> None:
    data = escape(json.dumps(CART))
    html = f"""<output class="x" id="order-total" data-price-typo="true" data-cart="{data}">USD 0.00</output>
    <script src="/static/js/cart-total.js?v=1&amp;w=2"></script>"""
    found = Page(URL, html).total
    assert found == Total("USD 0.00", CART, True, "http://shop/static/js/cart-total.js?v=1&w=2")


def test_pages_without_a_total_or_its_script_have_none() -> None:
    assert Page(URL, "<h1>Empty</h1>").total is None
    assert Page(URL, '<output id="order-total" data-cart="{}">x</output>').total is None
    broken = '<output id="order-total" data-cart="{">x</output><script src="cart-total.js"></script>'
    assert Page(URL, broken).total is None


def test_the_agent_is_there_only_with_its_script_and_options() -> None:
    script = '<script src="/static/splunk-otel-web.js?v=1"></script>'
    options = '<script type="application/json" id="rum-config">{"beaconEndpoint":"/v1/rum"}</script>'
    config = Page(URL, script + options).agent_config
    assert config
    assert config.beacon_endpoint == "/v1/rum"
    for html in (script, options, script + options.replace("{", "["), script + options.replace("beacon", "")):
        assert Page(URL, html).agent_config is None


def test_forms_are_read_as_a_browser_would_send_them() -> None:
    html = """<form id="other"><input name="no" value="no"></form>
    <form id="checkout" method="POST" action="/cart/checkout"><input name="a" value="1 &amp; 2">
    <input type=submit name=s>
    <select name="m"><option value="1">x</option><option value="2" selected>y</option></select>
    <select name="n"><option value="7">x</option></select></form>"""
    form = Page(URL, html).form("checkout")
    assert form
    assert (form.method, form.action) == ("post", "http://shop/cart/checkout")
    assert form.fields == {"a": "1 & 2", "m": "2", "n": "7"}
    assert Page(URL, html).form("nowhere") is None


def test_pages_with_a_seat_panel_listen_to_clicks() -> None:
    assert Page(URL, '<details class="seat"><summary>').listens_to_clicks
    assert Page(URL, '<details open class="x seat y">').listens_to_clicks
    assert not Page(URL, '<p class="seat-fixed">').listens_to_clicks


def test_headings_orders_and_products() -> None:
    page = Page(
        URL,
        """<h1 tabindex="-1">Uh, <em>oh!</em> &amp; so</h1><code id="order-id"> 12-ab </code>
        <dd id="total-paid">USD 1.00</dd><a href="/product/A1">x</a><a href="/product/A1">x</a>""",
    )
    assert (page.heading, page.order_id, page.total_paid) == ("Uh, oh! & so", "12-ab", "USD 1.00")
    assert page.products() == ["A1"]
    assert Page(URL, "").heading == ""
