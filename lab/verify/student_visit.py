"""Sends a shopper down the student's path: a real browser where there is one, a browserless one elsewhere.

A driver answers with one JSON object, described in incidents/README.md; what
it saw is judged by the incident's checks and not here.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from lab.paths import ROOT
from lab.verify.visit_result import CannotVisit, Visit
from runtime.chromium import find_browser

DRIVERS = ("auto", "browser", "script")
SCRIPT_TIMEOUT_S = 60.0


def choose_driver(wish: str) -> tuple[str, str]:
    """`browser` or `script`, and why in a few words; CannotVisit if a browser is demanded in vain."""
    path = find_browser()
    if wish == "script":
        return "script", "a shopper without a browser, as asked"
    if path and find_spec("playwright"):
        return "browser", f"a real browser, {path}"
    missing = "no Chromium was found" if not path else "Playwright is not installed"
    if wish == "browser":
        raise CannotVisit(
            f"A real browser was asked for, but {missing}.",
            "Install Chromium, or name one in CHROMIUM_PATH; --driver script does without.",
        )
    return "script", f"a shopper without a browser, because {missing}"


def visit(driver: str, shop: str, seat: str, entry: str) -> Visit:
    """Walk the path and tell what was seen. `entry` is the address that gives the shopper its seat."""
    if driver == "browser":
        from lab.verify.browser_visit import browse

        return browse(str(find_browser()), shop, seat, entry)
    return _scripted(shop, seat, entry)


def _scripted(shop: str, seat: str, entry: str) -> Visit:
    command = [sys.executable, "-m", "loadgen.student", "--shop", shop, "--seat", seat, "--entry", entry]
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=SCRIPT_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise CannotVisit(
            f"The shopper did not finish within {SCRIPT_TIMEOUT_S:g} s.",
            f"Does {shop} answer? See `python3 -m lab status`.",
        ) from error
    for line in reversed(done.stdout.splitlines()):
        try:
            return _from_student(json.loads(line))
        except (ValueError, AttributeError):
            continue
    reason = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
    raise CannotVisit(f"The shopper could not shop at {shop}: {reason}.", "See `python3 -m lab status`.")


def _from_student(told: Mapping[str, Any]) -> Visit:
    """The student's line as a visit: the same words for what both drivers see."""
    seen: dict[str, Any] = {
        "driver": "script",
        "seat": told.get("seat"),
        "errors": [error.get("message") for error in told.get("script_errors") or ()],
        "cart": {"total": told.get("order_total")},
    }
    if told.get("error"):
        seen["problem"] = told["error"]
    checkout = told.get("checkout")
    if checkout:
        linked = checkout.get("trace_id")
        timing = f"traceparent of {linked}" if linked else None
        seen["checkout"] = {
            "status": checkout.get("status"),
            "heading": checkout.get("heading"),
            "order_id": checkout.get("order_id"),
            "total_paid": checkout.get("total_paid"),
            "server_timing": timing,
        }
    return seen
