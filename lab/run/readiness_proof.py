"""The readiness proof: places one real order and looks for it in every pipeline through the public API.

`python -m lab.run.readiness_proof SHOP_URL OBSERVER_URL STATUS [ENTRY]` prints one JSON line:
`{"passed", "detail", "remedy"}`. STATUS is the expected HTTP status of the checkout.
It runs the browserless student by its module name and queries the observer; it knows
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

from incidents.flagd_document import PROBE
from lab.plan.lab_plan import ModuleCall
from runtime import seats
from runtime.installation import COMMAND

SEAT = PROBE
STUDENT = "loadgen.student"
WITHIN_S = 30.0
PAUSE_S = 0.02


@dataclass(frozen=True, slots=True)
class Evidence:
    """Telemetry of the order: its name, whether it has arrived, and the process whose log says why not."""

    name: str
    log: str
    has_arrived: Callable[[], bool]


class Observer:
    """A client of the observer's JSON API."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    def get(self, path: str, **query: str) -> dict[str, Any]:
        """The JSON object at a path; empty while there is none (unknown id, not listening yet)."""
        # Imported here, as the supervisor, which imports this module for `call`, keeps what it imports.
        from runtime import local_http

        address = f"{self._url}{path}?{urllib.parse.urlencode(query)}"
        try:
            found = local_http.json_of(address, timeout_s=5)
        except local_http.LocalHttpError:
            return {}
        return found if isinstance(found, dict) else {}


def call(shop: str, observer: str, status: int, seat_secret: str) -> ModuleCall:
    """The call of this module for a lab; in a class (`seat_secret` not empty) with a signed entry."""
    entry = (seats.link("", SEAT, seat_secret),) if seat_secret else ()
    return ModuleCall("lab.run.readiness_proof", (shop, observer, str(status), *entry))


def main(argv: Sequence[str]) -> int:
    """Run the proof once and print its result."""
    shop, observer, expected, *entry = argv
    try:
        result = look_for(Observer(observer), shop_once(shop, *entry), int(expected))
    except LookupError as error:
        result = _refusal(str(error), f"{COMMAND} logs probe")
    sys.stdout.write(json.dumps(result) + "\n")
    sys.stdout.flush()
    return 0 if result["passed"] else 1


def shop_once(shop: str, entry: str = "") -> dict[str, Any]:
    """Place an order without a browser; returns the JSON object that `loadgen.student` printed.

    `entry` is the path and query of a signed seat link, which a class requires.
    Raises LookupError when it printed none.
    """
    output = io.StringIO()
    sys.argv = [STUDENT, "--shop", shop, "--seat", SEAT, "--entry", entry]
    with contextlib.redirect_stdout(output):
        try:
            runpy.run_module(STUDENT, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code
        else:
            code = 0
    for line in reversed(output.getvalue().splitlines()):
        with contextlib.suppress(ValueError):
            account = json.loads(line)
            if isinstance(account, dict):
                return account
    raise LookupError(f"the student could not shop (exit code {code})")


def look_for(observer: Observer, account: dict[str, Any], expected: int) -> dict[str, Any]:
    """Poll until every pipeline shows this checkout, at most `WITHIN_S`; returns the result to print."""
    checkout = account.get("checkout")
    if not checkout:
        return _refusal(f"the student could not shop: {account.get('error')}", f"{COMMAND} logs frontend")
    if checkout["status"] != expected:
        detail = f"the order was answered with {checkout['status']} instead of {expected}"
        return _refusal(detail, f"{COMMAND} logs frontend checkoutservice")
    session, trace = account.get("session_id"), checkout.get("trace_id")
    if not session or not trace:
        detail = "the shop's pages carry no RUM agent" if not session else "its answer has no Server-Timing"
        return _refusal(detail, f"{COMMAND} logs frontend")
    # In the order in which each can be seen, so that the first one missing is the cause.
    expected_evidence = (
        Evidence("the trace of its checkout", "paymentservice", lambda: _has_trace(observer, trace)),
        Evidence("a log line of that trace", "paymentservice", lambda: _has_logs(observer, trace)),
        Evidence("its browser session", "collector", lambda: _has_session(observer, session, trace)),
    )
    deadline = time.monotonic() + WITHIN_S
    for evidence in expected_evidence:
        while not evidence.has_arrived():
            if time.monotonic() > deadline:
                detail = f"{evidence.name} did not arrive within {WITHIN_S:.0f} s"
                return _refusal(detail, f"{COMMAND} logs {evidence.log}")
            time.sleep(PAUSE_S)
    return {"passed": True, "detail": f"session {session}, trace {trace}", "remedy": ""}


def _refusal(detail: str, command: str) -> dict[str, Any]:
    return {"passed": False, "detail": f"{detail}.", "remedy": f"See: {command}"}


def _has_session(observer: Observer, session: str, trace: str) -> bool:
    """Whether an event of the session links to that trace."""
    events = observer.get(f"/api/v1/rum/sessions/{session}").get("events", [])
    return any((event.get("apm") or {}).get("trace_id") == trace for event in events)


def _has_trace(observer: Observer, trace: str) -> bool:
    """Whether the trace reaches from the storefront to the charge."""
    spans = observer.get(f"/api/v1/apm/traces/{trace}").get("spans", [])
    return {"frontend", "checkoutservice", "paymentservice"} <= {span.get("service") for span in spans}


def _has_logs(observer: Observer, trace: str) -> bool:
    return bool(observer.get("/api/v1/logs", trace_id=trace, since="15m").get("logs"))


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
