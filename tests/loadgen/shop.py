"""A shop of one file, enough to shop in: pages, cart, checkout, beacons. It remembers what it was sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html import escape
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
SCRIPT = """"use strict";

function getProductPrice(cart, line, misspelt) {
  const product = cart.products[misspelt ? line.sku : line.id];
  return BigInt(misspelt ? product.Prcie : product.Price);
}

function renderFinalPrice() {
  totalNanos += getProductPrice(cart, line, misspelt) * BigInt(line.quantity);
}

renderFinalPrice();
"""


@dataclass
class Seen:
    """One request."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}


@dataclass
class FakeShop:
    """Faults can be switched while it runs."""

    misspelt: bool = True
    checkout_status: int = 500
    agent: bool = True
    server_timing: bool = True
    beacon_status: int = 200
    seen: list[Seen] = field(default_factory=list)
    carts: dict[str, dict[str, int]] = field(default_factory=dict)

    def beacons(self) -> list[dict[str, Any]]:
        """Every span that was beaconed, in order."""
        return [span for each in self.seen if each.path == "/v1/rum" for span in json.loads(each.body)]

    def of(self, method: str, path: str) -> list[Seen]:
        return [each for each in self.seen if (each.method, each.path) == (method, path)]

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        headers = {
            key[5:].lower().replace("_", "-"): value
            for key, value in environ.items()
            if key.startswith("HTTP_")
        }
        headers["content-type"] = environ.get("CONTENT_TYPE", "")
        seen = Seen(
            environ["REQUEST_METHOD"],
            environ["PATH_INFO"],
            environ.get("QUERY_STRING", ""),
            headers,
            environ["wsgi.input"].read(length),
        )
        self.seen.append(seen)
        status, extra, body = self._answer(seen)
        answer_headers = [("Content-Type", "text/html; charset=utf-8"), ("Content-Length", str(len(body)))]
        if self.server_timing:
            answer_headers.append(("Server-Timing", f'app;dur=1, traceparent;desc="00-{TRACE}-{SPAN}-01"'))
        start_response(f"{status} Whatever", answer_headers + extra)
        return [body]

    def _answer(self, seen: Seen) -> tuple[int, list[tuple[str, str]], bytes]:
        cookies = SimpleCookie(seen.headers.get("cookie", ""))
        visitor = cookies["visitor"].value if "visitor" in cookies else ""
        extra = []
        if not visitor:
            visitor = f"v{len(self.carts)}"
            extra = [("Set-Cookie", f"visitor={visitor}; Path=/")]
        cart = self.carts.setdefault(visitor, {})
        if seen.path == "/v1/rum":
            return self.beacon_status, [], b""
        if seen.path == "/static/js/cart-total.js":
            return 200, [], SCRIPT.encode()
        if (seen.method, seen.path) == ("POST", "/cart"):
            cart[seen.form["product_id"]] = int(seen.form["quantity"])
            return 302, [*extra, ("Location", "/cart")], b""
        if seen.path == "/setCurrency":
            return 302, [("Location", "/")], b""
        if seen.path == "/cart/checkout":
            return self.checkout_status, extra, self._order()
        if seen.path == "/cart":
            return 200, extra, self._cart(cart)
        return 200, extra, self._page("<h1>Hot <em>products</em></h1><a href='/product/AAA'>x</a>")

    def _order(self) -> bytes:
        if self.checkout_status >= 400:
            return self._page("<h1>Uh, oh!</h1>")
        return self._page(
            '<h1>Your order is complete!</h1><code id="order-id">o-1</code><dd id="total-paid">USD 10.49</dd>'
        )

    def _cart(self, cart: dict[str, int]) -> bytes:
        if not cart:
            return self._page("<h1>Your cart</h1>")
        data = {
            "currency": "USD",
            "decimals": 2,
            "shipping": "500000000",
            "lines": [{"id": key, "quantity": count} for key, count in cart.items()],
            "products": {key: {"Price": "4995000000"} for key in cart},
        }
        attributes = f'data-cart="{escape(json.dumps(data))}" data-price-typo="{json.dumps(self.misspelt)}"'
        return self._page(
            f"""<h1>Your cart</h1><output id="order-total" {attributes}>USD 0.00</output>
            <form method="post" action="/cart/checkout" id="checkout">
            <input name="email" value="someone@example.com"><input type="submit" name="go" value="x">
            <select name="month"><option value="1">1</option><option value="2" selected>2</option></select>
            <select name="year"><option value="2030">2030</option></select></form>
            <script src="/static/js/cart-total.js"></script>"""
        )

    def _page(self, main: str) -> bytes:
        options = {
            "beaconEndpoint": "/v1/rum",
            "rumAccessToken": "t 1",
            "applicationName": "hipster-shop",
            "deploymentEnvironment": "tests",
            "version": "1.2",
            "globalAttributes": {"enduser.id": "anna"},
        }
        agent = (
            '<script src="/static/splunk-otel-web.js"></script>'
            f'<script type="application/json" id="rum-config">{json.dumps(options)}</script>'
        )
        return f"<html><head>{agent if self.agent else ''}</head><body>{main}</body></html>".encode()


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


class ServedShop:
    """A fake shop on a loopback port, in a thread."""

    def __init__(self) -> None:
        self.shop = FakeShop()
        self._server: WSGIServer = make_server("127.0.0.1", 0, self.shop, handler_class=_Quiet)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
