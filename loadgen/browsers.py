"""`python -m loadgen.browsers`: a few real browsers that shop, where Playwright is installed.

Each is a Chromium with the real agent in the real page; a browser costs as much as
hundreds of the sessions of `loadgen.rum_beacons`, so at most four run. Every trip is a
new visitor, and declares itself synthetic.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from loadgen.shopper import SYNTHETIC_ATTRIBUTE, SYNTHETIC_HEADER, SYNTHETIC_TYPE
from runtime.chromium import find_browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MAX_BROWSERS = 4
_ARGUMENTS = (
    "--disable-dev-shm-usage",
    # Chromium contacts its vendor by itself; a lab must not leave the machine.
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1",
)
_LABEL_SESSION = f"""
document.addEventListener("DOMContentLoaded", () => {{
  if (window.SplunkRum && window.SplunkRum.setGlobalAttributes) {{
    const known = window.SplunkRum.getGlobalAttributes ? window.SplunkRum.getGlobalAttributes() : {{}};
    window.SplunkRum.setGlobalAttributes({{ ...known, "{SYNTHETIC_ATTRIBUTE}": "{SYNTHETIC_TYPE}" }});
  }}
}});
"""
_TIMEOUT_MS = 20_000


class NoBrowser(Exception):
    """No browser can be started; the message names what to install."""


def trip(browser: Browser, shop_url: str, rng: random.Random, pause_s: float) -> str:
    """Home, a product or two, cart, place order. Returns the heading of the page after that."""
    context = browser.new_context(extra_http_headers={SYNTHETIC_HEADER: "browser"})
    context.set_default_timeout(_TIMEOUT_MS)
    # An init script runs before the page's own: the session is labelled as soon as the agent is up.
    context.add_init_script(_LABEL_SESSION)
    try:
        page = context.new_page()
        page.goto(shop_url)
        for _ in range(rng.randint(1, 2)):
            _add_some_product(page, shop_url, rng, pause_s)
        page.wait_for_timeout(pause_s * 1000)
        with page.expect_response(lambda response: response.url.endswith("/cart/checkout")):
            page.click("#place-order")
        page.wait_for_selector("#place-order", state="detached")
        heading: str = page.inner_text("h1")
        # The agent sends beacons twice a second.
        page.wait_for_timeout(1000)
        return heading
    finally:
        context.close()


def _add_some_product(page: Page, shop_url: str, rng: random.Random, pause_s: float) -> None:
    page.goto(shop_url)
    page.wait_for_timeout(pause_s * 1000)
    links = page.locator('main a[href^="/product/"]')
    links.nth(rng.randrange(links.count())).click()
    page.wait_for_selector("#add-to-cart")
    page.wait_for_timeout(pause_s * 1000)
    page.click("#add-to-cart button")
    page.wait_for_selector("#checkout")


def shop(
    shop_url: str,
    stop: threading.Event,
    rng: random.Random,
    *,
    trips: int,
    pause_s: float,
    log: Callable[[str], None],
) -> int:
    """Make `trips` trips with one browser, or with 0 go on until `stop` is set.

    Returns the number of trips that were finished. Raises NoBrowser.
    """
    try:
        from playwright.sync_api import Error, sync_playwright
    except ImportError as error:
        raise NoBrowser("Playwright is not installed: pip install 'hipster-lab[browser]'") from error
    finished = 0
    arguments = [*_ARGUMENTS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find_browser(), args=arguments)
        except Error as error:
            remedy = "install Chromium, or run: python -m playwright install chromium"
            raise NoBrowser(f"no browser can be started: {remedy}") from error
        try:
            while not stop.is_set() and (not trips or finished < trips):
                try:
                    log(trip(browser, shop_url, rng, pause_s))
                    finished += 1
                except Error as error:
                    log(f"a trip was cut short: {error.message.splitlines()[0]}")
                    stop.wait(5.0)
        finally:
            browser.close()
    return finished


def main(argv: Sequence[str] | None = None) -> int:
    """Run the browsers. 0 when all trips were made, 1 if none could be, 2 without a browser."""
    arguments = _parser().parse_args(argv)
    stop, lock = threading.Event(), threading.Lock()
    finished: list[int] = []
    problems: list[str] = []

    def log(line: str) -> None:
        with lock:
            sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
            sys.stdout.flush()

    def run_browser(number: int) -> None:
        rng = random.Random(None if arguments.seed is None else f"{arguments.seed}:browser:{number}")
        try:
            finished.append(
                shop(arguments.shop, stop, rng, trips=arguments.trips, pause_s=arguments.pause, log=log)
            )
        except NoBrowser as problem:
            problems.append(str(problem))

    threads = [threading.Thread(target=run_browser, args=(number,)) for number in range(arguments.count)]
    for thread in threads:
        thread.start()
    # SIGTERM ends it as Ctrl-C does: the browsers close.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        for thread in threads:
            thread.join()
    except KeyboardInterrupt:
        stop.set()
        for thread in threads:
            thread.join()
    if problems:
        sys.stderr.write(f"{problems[0]}\n")
        return 2
    return 0 if sum(finished) else 1


def _count(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MAX_BROWSERS:
        raise argparse.ArgumentTypeError(f"1 to {MAX_BROWSERS} browsers are allowed")
    return number


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m loadgen.browsers", description="Shop with a few real, headless browsers."
    )
    parser.add_argument("--shop", required=True, help="address of the shop, such as http://127.0.0.1:8080")
    parser.add_argument("--count", type=_count, default=1, help=f"browsers, at most {MAX_BROWSERS}")
    parser.add_argument("--trips", type=int, default=0, help="trips of each; 0 goes on until Ctrl-C")
    parser.add_argument("--pause", type=float, default=1.5, help="seconds between steps")
    parser.add_argument("--seed", type=int, help="makes what they do repeatable")
    return parser


if __name__ == "__main__":
    sys.exit(main())
