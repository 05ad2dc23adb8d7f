"""The proof behind the word *ready*: one real checkout, found again in every pipeline through the public API.

`python -m lab.run.readiness_proof SHOP_URL OBSERVER_URL STATUS [ENTRY]` prints one JSON line:
`{"passed", "detail", "remedy"}`. STATUS is what the checkout must be answered with.
It starts the browserless student by its module name and asks the observer; it knows
neither the store nor the services.
"""

from __future__ import annotations

import contextlib
import io
import json
import runpy
import sys
import time
import urllib.parse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from runtime import local_http

SEAT = "lab-probe"
STUDENT = "loadgen.student"
WITHIN_S = 30.0
PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Finding:
    """What is looked for, how to ask for it, and whose log to read when it does not come."""

    what: str
    log: str
    ask: Callable[[], bool]


class Observer:
    """The observer's JSON API, asked over HTTP."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """An answer; an empty one while there is none (unknown id, not listening yet)."""
        address = f"{self._url}{path}?{urllib.parse.urlencode(query)}"
        try:
            found = local_http.json_of(address, timeout_s=5)
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}


def main(argv: Sequence[str]) -> int:
    """Run the proof once and print its result."""
    shop, observer, expected, *entry = argv
    try:
        result = look_for(Observer(observer), shop_once(shop, *entry), int(expected))
    except LookupError as error:
        result = _refusal(str(error), "python3 -m lab logs probe")
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    return 0 if result["passed"] else 1


def shop_once(shop: str, entry: str = "") -> dict[str, Any]:
    """Walk the student's path without a browser; returns the student's own account of it.

    `entry` is the path that gives the seat where a class asks for a signed one.

    Raises LookupError when the student could not do it.
    """
    words = io.StringIO()
    sys.argv = [STUDENT, "--shop", shop, "--seat", SEAT, "--entry", entry]
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


def look_for(observer: Observer, account: dict[str, Any], expected: int) -> dict[str, Any]:
    """Poll until every pipeline shows this checkout, or the time is over."""
    checkout = account.get("checkout")
    if not checkout:
        return _refusal(f"the student could not shop: {account.get('error')}", "python3 -m lab logs frontend")
    if checkout["status"] != expected:
        said = f"the order was answered with {checkout['status']} where {expected} was due"
        return _refusal(said, "python3 -m lab logs frontend checkoutservice")
    session, trace = account.get("session_id"), checkout.get("trace_id")
    if not session or not trace:
        said = "the shop's pages carry no RUM agent" if not session else "its answer carries no Server-Timing"
        return _refusal(said, "python3 -m lab logs frontend")
    # In the order in which each can be seen, so that the first one missing is the cause.
    findings = (
        Finding("the trace of its checkout", "paymentservice", lambda: _has_trace(observer, trace)),
        Finding("a log line of that trace", "paymentservice", lambda: _has_logs(observer, trace)),
        Finding("its browser session", "collector", lambda: _has_session(observer, session, trace)),
    )
    deadline = time.monotonic() + WITHIN_S
    for finding in findings:
        while not finding.ask():
            if time.monotonic() > deadline:
                said = f"{finding.what} did not arrive within {WITHIN_S:.0f} s"
                return _refusal(said, f"python3 -m lab logs {finding.log}")
            time.sleep(PAUSE_S)
    return {"passed": True, "detail": f"session {session}, trace {trace}", "remedy": ""}


def _refusal(detail: str, command: str) -> dict[str, Any]:
    return {"passed": False, "detail": f"{detail}.", "remedy": f"See: {command}"}


def _has_session(observer: Observer, session: str, trace: str) -> bool:
    """The session's checkout is there and links to that trace."""
    events = observer.get(f"/api/v1/rum/sessions/{session}").get("events", [])
    return any((event.get("apm") or {}).get("trace_id") == trace for event in events)


def _has_trace(observer: Observer, trace: str) -> bool:
    """The trace reaches from the storefront to the charge."""
    spans = observer.get(f"/api/v1/apm/traces/{trace}").get("spans", [])
    return {"frontend", "checkoutservice", "paymentservice"} <= {span.get("service") for span in spans}


def _has_logs(observer: Observer, trace: str) -> bool:
    return bool(observer.get("/api/v1/logs", trace_id=trace, since="15m").get("logs"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
