"""The proof behind the word *ready*: one real checkout, found again in every pipeline through the public API.

`python -m lab.probe SHOP_URL OBSERVER_URL failing|healthy` prints one JSON line:
`{"passed", "detail", "remedy"}`. It starts the browserless student by its module name
and asks the observer; it knows neither the store nor the services.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import runpy
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SEAT = "lab-probe"
STUDENT = "loadgen.student"
WITHIN_S = 20.0
PAUSE_S = 0.02
EXPECTED_STATUS = {"failing": 500, "healthy": 200}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked for, and whether it was found; `where` says where to look when it was not."""

    what: str
    where: str
    ask: Callable[[], bool]


class Observer:
    """The observer's JSON API, asked over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """An answer; an empty one while there is none (unknown id, not listening yet)."""
        address = f"{self._url}{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own http address
                found = json.load(answer)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def main(argv: Sequence[str]) -> int:
    """Run the proof once and print its result."""
    shop, observer, mood = argv
    began_unix_ns = time.time_ns()
    try:
        # The student is the lab's own machinery: the process list and the log say so by this name.
        checkout = shop_once(shop)
        result = look_for(Observer(observer), checkout, mood, began_unix_ns)
    except LookupError as error:
        result = {"passed": False, "detail": str(error), "remedy": "See: python3 -m lab logs probe"}
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    return 0 if result["passed"] else 1


def shop_once(shop: str) -> dict[str, Any]:
    """Walk the student's path without a browser; returns the student's own account of it.

    Raises LookupError when the student could not do it.
    """
    words = io.StringIO()
    sys.argv = [STUDENT, "--shop", shop, "--seat", SEAT]
    with contextlib.redirect_stdout(words):
        try:
            runpy.run_module(STUDENT, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code
        else:
            code = 0
    for line in reversed(words.getvalue().splitlines()):
        with contextlib.suppress(ValueError):
            account = json.loads(line)
            if isinstance(account, dict):
                return account
    raise LookupError(f"the student could not shop (exit code {code})")


def look_for(observer: Observer, checkout: dict[str, Any], mood: str, began_unix_ns: int) -> dict[str, Any]:
    """Poll until every pipeline shows this checkout, or the time is over."""
    status = checkout.get("checkout_status") or checkout.get("status")
    expected = EXPECTED_STATUS[mood]
    if status != expected:
        return {
            "passed": False,
            "detail": f"it was answered with {status}, not with {expected}.",
            "remedy": "See: python3 -m lab logs frontend",
        }
    trace: dict[str, str] = {}
    # Sorted by how early each can be seen.
    findings = [
        Finding(
            "the browser's session", "frontend's /v1/rum", lambda: _session(observer, trace, began_unix_ns)
        ),
        Finding("the trace of its checkout", "the services' exporters", lambda: _trace(observer, trace)),
        Finding("the log line of that trace", "the services' log exporters", lambda: _logs(observer, trace)),
    ]
    deadline = time.monotonic() + WITHIN_S
    for finding in findings:
        while not finding.ask():
            if time.monotonic() > deadline:
                return {
                    "passed": False,
                    "detail": f"{finding.what} did not arrive within {WITHIN_S:.0f} s.",
                    "remedy": f"Look at {finding.where}: python3 -m lab logs collector",
                }
            time.sleep(PAUSE_S)
    return {"passed": True, "detail": f"trace {trace['id']}", "remedy": ""}


def _session(observer: Observer, trace: dict[str, str], began_unix_ns: int) -> bool:
    """The newest session of the seat has the checkout's event, with its link to the backend."""
    listed = observer.get(
        "/api/v1/rum/sessions",
        attr=f"enduser.id:{SEAT}",
        **{"from": str(began_unix_ns), "to": str(time.time_ns() + 60_000_000_000)},
    )
    for session in listed.get("sessions", []):
        found = observer.get(f"/api/v1/rum/sessions/{session['session_id']}")
        for event in found.get("events", []):
            named = f"{event.get('name', '')} {event.get('detail', '')} {event.get('attributes', '')}"
            if event.get("kind") == "fetch" and "/cart/checkout" in named and event.get("apm"):
                trace["id"] = event["apm"]["trace_id"]
                return True
    return False


def _trace(observer: Observer, trace: dict[str, str]) -> bool:
    found = observer.get(f"/api/v1/apm/traces/{trace['id']}")
    services = {span.get("service") for span in found.get("spans", [])}
    return {"frontend", "checkoutservice", "paymentservice"} <= services


def _logs(observer: Observer, trace: dict[str, str]) -> bool:
    return bool(observer.get("/api/v1/logs", trace_id=trace["id"], since="15m").get("logs"))


if __name__ == "__main__":
    os.environ.pop("http_proxy", None)
    raise SystemExit(main(sys.argv[1:]))
