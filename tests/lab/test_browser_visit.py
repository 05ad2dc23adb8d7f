"""The visit of a real browser, at a shop that is a handful of pages."""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from lab.verify import student_visit
from lab.verify.visit_result import CannotVisit
from runtime.chromium import find_browser
from tests.helpers import required_in_ci

pytestmark = pytest.mark.browser

PAGES = {
    "/": '<main><h1>Shop</h1><a href="/product/1">A typewriter</a></main>',
    "/product/1": """<main><h1>Typewriter</h1>
        <form action="/cart" method="post"><button type="submit">Add</button></form></main>""",
    "/cart": """<main><h1>Cart</h1><b id="order-total"> USD 67.99 </b>
        <form action="/cart/checkout" method="post"><button type="submit">Order</button></form></main>
        <script>undefined.price</script>""",
}
CONFIRMATION = '<main><h1>Thank you</h1><b id="order-id">o-1</b><b id="total-paid">USD 75.00</b></main>'


class _Shop(BaseHTTPRequestHandler):
    without_products = False

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        self._answer("<main><h1>Closed</h1></main>" if self.without_products else PAGES.get(path, ""))

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/cart":
            self.send_response(303)
            self.send_header("Location", "/cart")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._answer(CONFIRMATION)

    def _answer(self, text: str) -> None:
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Server-Timing", 'traceparent;desc="00-ab-cd-01"')
        self.send_header("Set-Cookie", "_splunk_rum_sid=x; Path=/")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(name="shop")
def _shop() -> Iterator[str]:
    if find_browser() is None or importlib.util.find_spec("playwright") is None:
        required_in_ci("no Chromium, or no Playwright")
    _Shop.without_products = False
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Shop)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_browser_follows_the_path_and_reports_each_page(shop: str) -> None:
    """Status, heading and Server-Timing of every page, script errors, the cookie and the order."""
    seen = student_visit.visit("browser", shop, "anna", f"{shop}/?seat=anna")

    assert "problem" not in seen
    assert (seen["driver"], seen["seat"], seen["session_cookie"]) == ("browser", "anna", True)
    assert seen["browser"].startswith("Chromium ")
    assert seen["shop"] == {
        "url": f"{shop}/?seat=anna",
        "status": 200,
        "heading": "Shop",
        "server_timing": 'traceparent;desc="00-ab-cd-01"',
    }
    assert seen["product"]["heading"] == "Typewriter"
    assert seen["cart"]["total"] == "USD 67.99"
    assert len(seen["errors"]) == 1
    assert "price" in seen["errors"][0]
    checkout = seen["checkout"]
    assert (checkout["heading"], checkout["order_id"], checkout["total_paid"]) == (
        "Thank you",
        "o-1",
        "USD 75.00",
    )
    assert checkout["in_place"] is False


def test_a_page_without_the_next_step_ends_the_visit(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the page's name and the reason; what was seen before stays."""
    from lab.verify import browser_visit

    # Long enough for the first page beside other work.
    monkeypatch.setattr(browser_visit, "STEP_TIMEOUT_MS", 4_000)
    _Shop.without_products = True
    seen = student_visit.visit("browser", shop, "anna", f"{shop}/")

    assert seen["shop"]["heading"] == "Closed"
    assert seen["problem"].startswith("product page: ")
    assert "checkout" not in seen


def test_a_browser_that_does_not_start_is_one_sentence(shop: str) -> None:
    """With the driver that needs none."""
    from lab.verify import browser_visit

    with pytest.raises(CannotVisit, match="The browser /bin/false could not be driven") as raised:
        browser_visit.browse("/bin/false", shop, "anna", shop)

    assert "--driver script" in raised.value.remedy
