"""A visitor of the shop: pages, forms and one-click orders, and the RUM session of them.

Uses any HTTP client that satisfies `Client`, so that the scripted student and the
load's virtual users behave alike.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urljoin, urlsplit

from loadgen.agent import Browser, Exchange, ScriptError
from loadgen.page import Page, render
from loadgen.rum_beacons import PageView, RumSession, by_id

SYNTHETIC_HEADER = "X-Synthetic"
SYNTHETIC_ATTRIBUTE = "user_agent.synthetic.type"
SYNTHETIC_TYPE = "test"
LONG_TASK_MS = 50
"""From here on browsers report a task as long."""


def now_us() -> int:
    """Microseconds since the epoch."""
    return time.time_ns() // 1000


@dataclass(frozen=True, slots=True)
class Reply:
    """The response after redirects; status 0 means that there was none."""

    status: int
    url: str
    text: str = ""
    server_timing: str = ""
    error: str = ""


class Client(Protocol):
    """Sends requests and keeps cookies; does not raise when there is no response."""

    def send(
        self,
        method: str,
        url: str,
        *,
        name: str,
        headers: Mapping[str, str],
        data: Mapping[str, str] | bytes | None = None,
    ) -> Reply:
        """Send a request; `name` is the name under which it is counted."""

    def set_cookie(self, name: str, value: str) -> None:
        """Set a cookie as a script of the page does."""


@dataclass(frozen=True, slots=True)
class Order:
    """The result of a click on *Place order*."""

    status: int
    heading: str
    order_id: str
    total_shown: str
    """The total that the cart page showed before."""
    total_paid: str
    trace_id: str
    """The backend's trace, from `Server-Timing`; empty without one."""
    span_id: str
    rum_trace_id: str
    """The trace that the agent started for the fetch; empty without an agent."""
    rum_span_id: str
    duration_ms: float
    server_timing: str = ""
    """That header of the answer, whatever it says."""
    error: str = ""


class Shopper:
    """One visitor with one browser tab."""

    def __init__(
        self,
        shop_url: str,
        client: Client,
        rng: random.Random,
        *,
        synthetic: bool,
        ids: random.Random | None = None,
        browser: Browser | None = None,
        clock_us: Callable[[], int] = now_us,
        wait_s: Callable[[float], None] = time.sleep,
    ) -> None:
        """`rng` makes the choices, `ids` the ids, so that a repeated walk has other ids.

        `wait_s` passes the time in which a script blocks the page.
        """
        self.shop_url = shop_url.rstrip("/")
        self._client = client
        self._rng = rng
        self._clock_us = clock_us
        self._wait_s = wait_s
        self._browser = browser or Browser()
        self._synthetic = synthetic
        self._headers = {SYNTHETIC_HEADER: "loadgen"} if synthetic else {}
        self._headers |= {"User-Agent": self._browser.user_agent, "Accept-Language": "en-US,en;q=0.9"}
        attributes = {SYNTHETIC_ATTRIBUTE: SYNTHETIC_TYPE} if synthetic else {}
        self.rum = RumSession(self._browser, ids or random.Random(), clock_us, attributes)
        self.page: Page | None = None
        self.view: PageView | None = None
        """The agent in the current page; None where the page has none."""
        self.total_shown = ""
        self.script_errors: list[ScriptError] = []
        self.beacons_sent = 0
        self.beacons_failed = 0
        self.spans_sent = 0
        self._scripts: dict[str, str] = {}
        self._shown_us = clock_us()

    def visit(self, path: str, name: str = "") -> Reply:
        """Open a page by its address."""
        return self._navigate("GET", path, name or path, None)

    def submit(self, path: str, fields: Mapping[str, str], name: str = "") -> Reply:
        """Send a form and show the page that it leads to."""
        return self._navigate("POST", path, name or path, fields)

    def add_to_cart(self, product_id: str, quantity: int) -> Reply:
        """Press *Add to cart* on the product's page, which must be the current one."""
        if self.view:
            self._click("button", by_id("add-to-cart", "/button"))
            action = self.view.action("submit", "form", by_id("add-to-cart"), interactive=False)
            now = self._clock_us()
            viewed_us = now - self._shown_us
            self.view.custom("ProductDetails", {"workflow.name": "ProductDetails"}, self._shown_us, viewed_us)
            self.view.custom("AddToCart", {"workflow.name": "AddToCart"}, now, parent=action)
            action.end()
        return self.submit("/cart", {"product_id": product_id, "quantity": str(quantity)}, "/cart [add]")

    def place_order(self, fields: Mapping[str, str]) -> Order:
        """One click, one `fetch` of the order; the page stays and shows the response."""
        url = urljoin(self.shop_url, "/cart/checkout")
        headers, fetch, action = dict(self._headers), None, None
        if self.view:
            self._click("button", by_id("place-order"))
            action = self.view.action("submit", "form", by_id("checkout"), interactive=False)
            fetch = action.fetch()
            headers |= fetch.headers
            action.end()
        start_us = self._clock_us()
        reply = self._client.send(
            "POST", url, name="/cart/checkout", headers=headers | {"Accept": "text/html"}, data=fields
        )
        exchange = self._exchange(reply, start_us, "POST")
        page = Page(reply.url, reply.text)
        if self.view and fetch and action:
            fetch.end(exchange)
            tags = {"workflow.name": "PlaceOrder"}
            if reply.status >= 400 or not reply.status:
                tags["error"] = "true"
            self.view.custom("PlaceOrder", tags, start_us, exchange.duration_us, parent=action)
            self.view.vital("inp", self._rng.choice((16, 24, 32, 48, 64)) + self._blocked_by_click_ms())
        link = exchange.link()
        self.flush()
        return Order(
            status=reply.status,
            heading=page.heading,
            order_id=page.order_id,
            total_shown=self.total_shown,
            total_paid=page.total_paid,
            trace_id=link.get("link.traceId", ""),
            span_id=link.get("link.spanId", ""),
            rum_trace_id=fetch.trace_id if fetch else "",
            rum_span_id=fetch.span_id if fetch else "",
            duration_ms=exchange.duration_us / 1000,
            server_timing=reply.server_timing,
            error=reply.error,
        )

    def _click(self, element: str, xpath: str) -> None:
        """The span of a click, if the page listens to clicks; it lasts while a script blocks the page."""
        if self.view and self.page and self.page.listens_to_clicks:
            click = self.view.action("click", element, xpath)
            self._block(self.view, self._blocked_by_click_ms())
            click.end()

    def _blocked_by_click_ms(self) -> int:
        return self.page.vendor.click_ms if self.page and self.page.vendor else 0

    def _block(self, view: PageView, block_ms: int) -> None:
        """Pass the time in which a script has the main thread, which is a long task if it is long enough."""
        start_us = self._clock_us()
        self._wait_s(block_ms / 1000)
        if block_ms >= LONG_TASK_MS:
            view.long_task(start_us, block_ms)

    def flush(self) -> None:
        """Send the queued spans. A beacon that fails is lost, as with the real agent."""
        if not self.view:
            return
        url = urljoin(self.view.url, self.view.config.beacon_url)
        while spans := self.rum.pending:
            reply = self._client.send(
                "POST",
                url,
                name="/v1/rum",
                headers={**self._headers, "Content-Type": "text/plain;charset=UTF-8", "Accept": "*/*"},
                data=self.rum.beacon(),
            )
            if 200 <= reply.status < 300:
                self.beacons_sent += 1
                self.spans_sent += spans - self.rum.pending
            else:
                self.beacons_failed += 1

    def _navigate(self, method: str, path: str, name: str, fields: Mapping[str, str] | None) -> Reply:
        referrer = self.page.url if self.page else ""
        headers = self._headers | {"Accept": "text/html,application/xhtml+xml"}
        if referrer:
            headers["Referer"] = referrer
        if self.view:
            self._hide()
        start_us = self._clock_us()
        reply = self._client.send(
            method, urljoin(self.shop_url + "/", path), name=name, headers=headers, data=fields
        )
        self.page, self.view, self.total_shown = None, None, ""
        if reply.status:
            self._show(reply, start_us, referrer)
        return reply

    def _show(self, reply: Reply, start_us: int, referrer: str) -> None:
        """Start the agent of the document that arrived, run its script, fire its load event."""
        self.page = Page(reply.url, reply.text)
        config = self.page.agent_config
        first = not self.rum.announced
        if config:
            # The method of the agent's `documentFetch` is always GET, whatever the request was.
            self.view = self.rum.open_page(config, self._exchange(reply, start_us, "GET"), referrer)
            for cookie, value in self.rum.cookies().items():
                self._client.set_cookie(cookie, value)
        self._run_total()
        self._run_vendor(self.page)
        self._shown_us = self._clock_us()
        if self.view:
            if first:
                self.view.long_task(self._clock_us(), self._rng.randint(51, 140))
            self.view.loaded()
            self.flush()

    def _run_total(self) -> None:
        total = self.page.total if self.page else None
        if total is None:
            return
        rendered = render(total, self._script(total.script_url))
        self.total_shown = rendered.shown
        for error in rendered.logged:
            self.script_errors.append(error)
            if self.view:
                self.view.logged(error)
        if rendered.thrown:
            self.script_errors.append(rendered.thrown)
            if self.view:
                self.view.thrown(rendered.thrown)

    def _run_vendor(self, page: Page) -> None:
        if page.vendor:
            self._script(page.vendor.url)
            if self.view:
                self._block(self.view, page.vendor.load_ms)

    def _script(self, url: str) -> str:
        """The page's script, fetched once and then cached."""
        if url not in self._scripts:
            start_us = self._clock_us()
            name = urlsplit(url).path
            reply = self._client.send("GET", url, name=name, headers={**self._headers, "Accept": "*/*"})
            if self.view:
                self.view.resource(self._exchange(reply, start_us, "GET"))
            if reply.status != 200:
                return ""
            self._scripts[url] = reply.text
        return self._scripts[url]

    def _hide(self) -> None:
        """Leave the page: send the vitals that the agent reports then."""
        if self.view:
            self.view.vital("lcp", self._rng.randint(60, 420))
            self.view.vital("cls", round(self._rng.random() * 0.08, 4))
            self.flush()

    def _exchange(self, reply: Reply, start_us: int, method: str) -> Exchange:
        return Exchange(
            url=reply.url,
            start_us=start_us,
            end_us=max(start_us, self._clock_us()),
            status=reply.status,
            body_bytes=len(reply.text.encode()),
            server_timing=reply.server_timing,
            method=method,
        )

    def leave(self) -> None:
        """Close the tab."""
        self._hide()
        self.page, self.view = None, None
