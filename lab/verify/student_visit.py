"""Visits the shop on the student's path: with a real browser where there is one, else with a script.

A driver returns one JSON object, described in incidents/README.md; the incident's checks evaluate it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any

from lab.child_environment import Purpose, environment_of
from lab.paths import ROOT
from lab.verify.visit_result import CannotVisit, Visit
from runtime.chromium import find_browser
from runtime.installation import COMMAND

DRIVERS = ("auto", "browser", "script")
SCRIPT_TIMEOUT_S = 60.0


def choose_driver(requested: str) -> tuple[str, str]:
    """`browser` or `script`, and the reason in words. Raises CannotVisit when `browser` is not possible."""
    path = find_browser()
    if requested == "script":
        return "script", "a shopper without a browser, as requested"
    if path and find_spec("playwright"):
        return "browser", f"a real browser, {path}"
    missing = "no Chromium was found" if not path else "Playwright is not installed"
    if requested == "browser":
        raise CannotVisit(
            f"A real browser was requested, but {missing}.",
            "Install Chromium, or name one in CHROMIUM_PATH; --driver script needs none.",
        )
    return "script", f"a shopper without a browser, because {missing}"


def visit(driver: str, shop: str, seat: str, entry: str) -> Visit:
    """Make the visit and return what was seen. `entry` is the link that gives the seat."""
    if driver == "browser":
        from lab.verify.browser_visit import browse

        return browse(str(find_browser()), shop, seat, entry)
    return _scripted(shop, seat, entry)


def _scripted(shop: str, seat: str, entry: str) -> Visit:
    command = [sys.executable, "-m", "loadgen.student", "--shop", shop, "--seat", seat, "--entry", entry]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=environment_of(Purpose.PROCESS),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SCRIPT_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotVisit(
            f"The shopper did not finish within {SCRIPT_TIMEOUT_S:g} s.",
            f"Does {shop} answer? See `{COMMAND} status`.",
        ) from error
    for line in reversed(done.stdout.splitlines()):
        try:
            return _from_student(json.loads(line))
        except (ValueError, AttributeError):
            continue
    reason = (done.stderr.strip().splitlines() or ["it printed nothing"])[-1]
    raise CannotVisit(f"The shopper could not shop at {shop}: {reason}.", f"See `{COMMAND} status`.")


def _from_student(account: Mapping[str, Any]) -> Visit:
    """The line that `loadgen.student` printed as a visit, with the field names of both drivers."""
    seen: dict[str, Any] = {
        "driver": "script",
        "seat": account.get("seat"),
        "errors": [error.get("message") for error in account.get("script_errors") or ()],
        "cart": {"total": account.get("order_total")},
    }
    if account.get("error"):
        seen["problem"] = account["error"]
    checkout = account.get("checkout")
    if checkout:
        seen["checkout"] = {
            "status": checkout.get("status"),
            "heading": checkout.get("heading"),
            "duration_ms": checkout.get("duration_ms"),
            "order_id": checkout.get("order_id"),
            "total_paid": checkout.get("total_paid"),
            "server_timing": checkout.get("server_timing"),
        }
    return seen
