"""A visitor's tab in a real browser: its page, what it sent, what it complained of."""

from __future__ import annotations

from typing import Any

from tests.frontend.test_story import CART


class Tab:
    """One visitor's tab: its page, what it sent, what it complained of."""

    def __init__(self, browser: Any, url: str, **context: Any) -> None:
        self.url = url
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}, **context})
        self.page = self.context.new_page()
        self.page.set_default_timeout(10_000)
        self.said: list[str] = []
        self.thrown: list[Any] = []
        self.requests: list[Any] = []
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.thrown.append(error))
        self.page.on("request", lambda request: self.requests.append(request))

    def goto(self, path: str) -> None:
        self.page.goto(self.url + path)

    def fill_cart(self) -> None:
        """Put the original's example into the cart and open it."""
        for product_id, quantity in CART[:-1]:
            form = {"product_id": product_id, "quantity": str(quantity)}
            self.context.request.post(f"{self.url}/cart", form=form, max_redirects=0)
        product_id, quantity = CART[-1]
        self.goto(f"/product/{product_id}")
        self.page.select_option("#quantity", str(quantity))
        self.page.click("#add-to-cart button")
        self.page.wait_for_url("**/cart")

    def posts(self, path: str) -> list[Any]:
        """The POST requests to `path` so far."""
        return [sent for sent in self.requests if sent.method == "POST" and sent.url == self.url + path]

    def focused(self) -> str:
        """The text of the element that has the focus."""
        return str(self.page.evaluate("document.activeElement.textContent"))
