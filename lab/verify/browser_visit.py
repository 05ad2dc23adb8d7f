"""Follows the student's path in a real headless Chromium. Knows the shop's pages and nothing else."""

from __future__ import annotations

import os
import time
from typing import Any

from playwright.sync_api import Browser, Error as PlaywrightError, Page, Response, sync_playwright

from lab.child_environment import Purpose, environment_of
from lab.verify.visit_result import CannotVisit, Visit
from runtime.installation import COMMAND

STEP_TIMEOUT_MS = 15_000
# A checkout may take four attempts at a payment service that does not respond.
CHECKOUT_TIMEOUT_MS = 40_000
# The agent sends every half second; leaving the page then sends the rest.
LINGER_MS = 700
_LONGEST_TEXT = 300


def browse(executable: str, shop: str, seat: str, entry: str) -> Visit:
    """Visit shop, product, cart and checkout; returns what each page showed. A failed step ends the visit.

    Raises CannotVisit when the browser cannot be driven.
    """
    seen: dict[str, Any] = {"driver": "browser", "seat": seat, "errors": []}
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(
                executable_path=executable, args=_arguments(), env=dict(environment_of(Purpose.PROCESS))
            )
            try:
                seen["browser"] = f"Chromium {browser.version}"
                _follow_path(browser, shop, entry, seen)
            finally:
                browser.close()
    except PlaywrightError as error:
        raise CannotVisit(
            f"The browser {executable} could not be driven: {_short(error)}.",
            f"Try `{COMMAND} doctor`; --driver script needs no browser.",
        ) from error
    return seen


def _arguments() -> list[str]:
    # Chromium requests updates even on a blank page; the lab must not depend on the network.
    arguments = ["--disable-dev-shm-usage", "--disable-background-networking", "--no-first-run"]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")
    return arguments


def _follow_path(browser: Browser, shop: str, entry: str, seen: dict[str, Any]) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 900}, locale="en-US")
    page.set_default_timeout(STEP_TIMEOUT_MS)
    page.on("pageerror", lambda error: seen["errors"].append(_short(error)))
    for name, step in (("shop", _enter), ("product", _product), ("cart", _cart), ("checkout", _checkout)):
        try:
            seen[name] = step(page, shop if name != "shop" else entry)
        except PlaywrightError as error:
            seen["problem"] = f"{name} page: {_short(error)}"
            break
    try:
        seen["session_cookie"] = any(
            cookie.get("name") == "_splunk_rum_sid" for cookie in page.context.cookies()
        )
        page.wait_for_timeout(LINGER_MS)
        page.goto("about:blank")
    except PlaywrightError as error:
        seen.setdefault("problem", f"leaving the shop: {_short(error)}")


def _enter(page: Page, entry: str) -> dict[str, Any]:
    return _page(page, page.goto(entry, wait_until="load"))


def _product(page: Page, _: str) -> dict[str, Any]:
    with page.expect_navigation(wait_until="load") as arrived:
        page.locator('main a[href^="/product/"]').first.click()
    return _page(page, arrived.value)


def _cart(page: Page, _: str) -> dict[str, Any]:
    with page.expect_navigation(url="**/cart", wait_until="load") as arrived:
        page.locator('form[action="/cart"] [type=submit]').click()
    return {**_page(page, arrived.value), "total": page.locator("#order-total").inner_text().strip()}


def _checkout(page: Page, _: str) -> dict[str, Any]:
    before = page.url
    started = time.monotonic()
    with page.expect_response(
        lambda answer: answer.request.method == "POST" and answer.url.endswith("/cart/checkout"),
        timeout=CHECKOUT_TIMEOUT_MS,
    ) as arrived:
        page.locator('form[action="/cart/checkout"] [type=submit]').click()
    duration_ms = round((time.monotonic() - started) * 1000, 1)
    # The answer replaces <main>, or, without fetch, the whole page: either way the form is gone.
    page.locator('form[action="/cart/checkout"]').wait_for(state="detached")
    order = page.locator("#order-id")
    paid = page.locator("#total-paid")
    return {
        **_page(page, arrived.value),
        "in_place": page.url == before,
        "duration_ms": duration_ms,
        "order_id": order.inner_text().strip() if order.count() else None,
        "total_paid": paid.inner_text().strip() if paid.count() else None,
    }


def _page(page: Page, answer: Response | None) -> dict[str, Any]:
    heading = page.locator("main h1")
    return {
        "url": page.url,
        "status": answer.status if answer else None,
        "heading": heading.first.inner_text().strip() if heading.count() else None,
        "server_timing": answer.header_value("server-timing") if answer else None,
    }


def _short(error: BaseException) -> str:
    text = " ".join(str(getattr(error, "message", "") or error).split())
    return text[:_LONGEST_TEXT]
