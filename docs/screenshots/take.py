"""Takes the screenshots of README and docs from a running lab.

    python3 -m lab up --detach
    .venv/bin/python docs/screenshots/take.py

Follows the lesson in a real Chromium and writes one PNG per step beside this file, light and
dark. Uses the public pages and the JSON API only.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, expect, sync_playwright

from runtime.chromium import find_browser

HERE = Path(__file__).resolve().parent
REPO = HERE.parent.parent
SEAT = "anna"
STEP_TIMEOUT_MS = 20_000
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE localhost , EXCLUDE 127.0.0.1"

Shoot = Callable[[Page, str], None]


def main(argv: Sequence[str] | None = None) -> int:
    """Take every screenshot; returns the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--shop", help="address of the shop (default: the running lab's)")
    parser.add_argument("--observer", help="address of the screens (default: the running lab's)")
    parser.add_argument("--to", type=Path, default=HERE, help="folder for the screenshots")
    parser.add_argument("--themes", default="light,dark", help="light, dark or both")
    args = parser.parse_args(argv)
    urls = {} if args.shop and args.observer else _lab_urls()
    shop, screens = args.shop or urls["shop"], args.observer or urls["observer"]
    chromium = find_browser()
    if chromium is None:
        sys.stderr.write("No Chromium was found: install one, or name it in CHROMIUM_PATH.\n")
        return 1
    args.to.mkdir(parents=True, exist_ok=True)
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(chromium), args=[*sandbox, OFFLINE])
        session = _place_order(browser, shop, screens, args.to)
        for theme in args.themes.split(","):
            context = browser.new_context(
                viewport={"width": 1440, "height": 900}, color_scheme=theme, reduced_motion="reduce"
            )
            context.set_default_timeout(STEP_TIMEOUT_MS)
            _follow_lesson(context.new_page(), screens, session, _shooter(args.to, theme))
            context.close()
        browser.close()
    return 0


def _lab_urls() -> dict[str, str]:
    answer = subprocess.run(
        [sys.executable, "-m", "lab", "status", "--json"],
        cwd=REPO,
        capture_output=True,
        text=True,
        check=True,
    )
    urls: dict[str, str] = json.loads(answer.stdout)["urls"]
    return urls


def _shooter(folder: Path, theme: str) -> Shoot:
    def shoot(page: Page, name: str) -> None:
        page.wait_for_load_state("networkidle") if "live" not in page.url else None
        page.screenshot(path=folder / f"{name}-{theme}.png")

    return shoot


def _place_order(browser: Any, shop: str, screens: str, folder: Path) -> str:
    """Place an order that fails; returns the address of its session once that has arrived."""
    context = browser.new_context(viewport={"width": 1200, "height": 860})
    context.set_default_timeout(STEP_TIMEOUT_MS)
    page = context.new_page()
    page.goto(f"{shop}/?seat={SEAT}")
    page.screenshot(path=folder / "shop.png")
    page.locator('main a[href^="/product/"]').first.click()
    page.get_by_role("button", name="Add to cart").click()
    page.locator("#order-total").wait_for()
    page.screenshot(path=folder / "shop-cart.png")
    page.get_by_role("button", name="Place order").click()
    page.locator('form[action="/cart/checkout"]').wait_for(state="detached")
    page.screenshot(path=folder / "shop-error.png")
    address = f"{screens}/api/v1/rum/sessions?attr=enduser.id:{SEAT}&since=5m"
    for _ in range(60):
        found = context.request.get(address).json()["sessions"]
        if found and found[0]["errors"]:
            events = context.request.get(f"{screens}/api/v1/rum/sessions/{found[0]['session_id']}").json()
            if any(event["name"] == "POST /cart/checkout" for event in events["events"]):
                context.close()
                return f"{screens}/rum/sessions/{found[0]['session_id']}"
        page.wait_for_timeout(250)
    raise SystemExit(f"the session of {SEAT} has not arrived: is the lab ready?")


def _follow_lesson(page: Page, screens: str, session: str, shoot: Shoot) -> None:
    for path, name in (
        (f"/?seat={SEAT}&live=0", "home"),
        ("/rum?live=0", "rum"),
        ("/rum/tags?metric=js_errors&live=0", "rum-tags"),
        (f"/rum/sessions?attr=enduser.id:{SEAT}&live=0", "sessions"),
        ("/apm?live=0", "map"),
        ("/apm/tags?service=paymentservice&tag=version&live=0", "apm-tags"),
        (f"/workshop?seat={SEAT}&live=0", "workshop"),
    ):
        page.goto(screens + path)
        shoot(page, name)
    page.goto(session)
    error = page.get_by_role("row", name=re.compile("Uncaught error"))
    error.get_by_role("link").click()
    page.get_by_role("region", name="Stack of the error").scroll_into_view_if_needed()
    shoot(page, "session-error")
    error.get_by_role("link").click()
    row = page.get_by_role("row", name="Fetch POST /cart/checkout").last
    row.scroll_into_view_if_needed()
    shoot(page, "session")
    row.get_by_role("link", name=re.compile("^APM")).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Performance Summary", timeout=STEP_TIMEOUT_MS)
    shoot(page, "dialog")
    dialog.locator("a[data-key=trace]").click()
    page.wait_for_url("**/apm/traces/**")
    shoot(page, "trace")
    page.get_by_role("row", name=re.compile("paymentservice.*Charge")).first.locator(
        ".flag.origin"
    ).first.click()
    expect(page.locator("body")).to_contain_text("Invalid request")
    shoot(page, "span")
    page.locator(".related").get_by_role("link", name=re.compile("^Logs")).first.click()
    page.get_by_role("link", name=re.compile("Failed payment processing")).first.click()
    expect(page.locator("#log-detail")).to_contain_text("Invalid API Token")
    shoot(page, "logs")


if __name__ == "__main__":
    raise SystemExit(main())
