"""Time from a fault until its alert fires, and from its end until the alert is resolved.

`python -m benchmarks.alerts`. A lab whose shop is healthy gets an order twice a second; then its incident is
switched on, and off again. Counted from the moment at which the flags changed. In every second round the
process that evaluates is killed (-9) as soon as the fault begins, and as soon as it ends. Exit code 1 when an
alert fires later than `FIRES_S` or is resolved later than `RESOLVES_S`, or when killing costs more than
`KILLED_S` more.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from benchmarks import labs
from benchmarks.measure import cpu_s, get_json, median, table, wait_until
from benchmarks.result_line import ResultLine
from lab.state.run_folder import FLAGS
from loadgen.requests_client import RequestsClient
from loadgen.student import CHECKOUT_FIELDS, DEFAULT_PRODUCT

FIRES_S = 10.0
RESOLVES_S = 30.0
KILLED_S = 5.0
RULE = "orders-failing"
_PATIENCE_S = 60.0
_ORDER_EVERY_S = 0.5
_BETWEEN_S = 8.0
_FAULT, _HEALTHY = "invalid-token", "none"


@dataclass(frozen=True, slots=True)
class Round:
    """Seconds of one round; `early_s` is how long before the fault the alert claims to have begun."""

    killed: bool
    fires_s: float
    resolves_s: float
    early_s: float


@dataclass(frozen=True, slots=True)
class Result:
    """All rounds, and what the evaluating process costs."""

    rounds: Sequence[Round]
    memory_bytes: int
    cpu_share: float

    def slowest(self, name: str, *, killed: bool) -> float:
        """The longest of these times."""
        return max((getattr(each, name) for each in self.rounds if each.killed == killed), default=0.0)

    def passed(self) -> bool:
        """Whether every bound was kept."""
        quick = all(
            each.fires_s <= FIRES_S + KILLED_S * each.killed
            and each.resolves_s <= RESOLVES_S + KILLED_S * each.killed
            for each in self.rounds
        )
        return quick and bool(self.rounds)


def measure(lab: labs.Lab, rounds: int) -> Result:
    """Measure so many rounds without and with a kill. Raises SystemExit when an alert does not come."""
    pid = lab.pids()["alerting"]
    begun, used = time.monotonic(), cpu_s([pid])
    with _orders(lab.url("shop")):
        wait_until(lambda: _group(lab)["state"] == "ok", "orders are evaluated as ok", _PATIENCE_S)
        threading.Event().wait(_BETWEEN_S)
        share = (cpu_s([pid]) - used) / (time.monotonic() - begun)
        memory = lab.memory_bytes().get("alerting", 0)
        found = [_round(lab, killed=bool(place % 2)) for place in range(2 * rounds)]
    return Result(found, memory, share)


def _round(lab: labs.Lab, *, killed: bool) -> Round:
    begun = _switch(lab, _FAULT)
    if killed:
        os.kill(lab.pids()["alerting"], signal.SIGKILL)
    fired, alert = _until(lab, "firing", begun)
    threading.Event().wait(_BETWEEN_S)
    ended = _switch(lab, _HEALTHY)
    if killed:
        os.kill(lab.pids()["alerting"], signal.SIGKILL)
    resolved, _ = _until(lab, "ok", ended)
    threading.Event().wait(_BETWEEN_S)
    return Round(killed, fired, resolved, begun - alert["started_unix_nano"] / 1e9)


def _switch(lab: labs.Lab, incident: str) -> float:
    """The moment (Unix seconds) at which the flags of this incident were written."""
    done = lab.command("incident", incident)
    if done.returncode:
        raise SystemExit(f"the incident did not begin: {done.stderr.strip()}")
    return (lab.folder / FLAGS).stat().st_mtime


def _until(lab: labs.Lab, state: str, since: float) -> tuple[float, dict[str, Any]]:
    """Seconds since a moment until the rule is in this state, and its alert."""
    found: list[dict[str, Any]] = []

    def is_there() -> bool:
        if _group(lab)["state"] != state:
            return False
        found[:] = get_json(f"{lab.url('observer')}/api/v1/alerts?detector={RULE}&limit=1")["alerts"]
        return bool(found)

    wait_until(is_there, f"the rule {RULE} is {state}", _PATIENCE_S)
    return time.time() - since, found[0]


def _group(lab: labs.Lab) -> dict[str, Any]:
    rules = get_json(f"{lab.url('observer')}/api/v1/detectors")["detectors"]
    groups: list[Any] = next((rule["groups"] for rule in rules if rule["name"] == RULE), [])
    return dict(groups[0]) if groups else {"state": "no_data"}


@contextmanager
def _orders(shop: str) -> Iterator[None]:
    """Order again and again, whatever the shop answers."""
    stop = threading.Event()

    def order() -> None:
        while not stop.wait(_ORDER_EVERY_S):
            client = RequestsClient(timeout_s=5.0)
            form = {"product_id": DEFAULT_PRODUCT, "quantity": "1"}
            client.send("POST", f"{shop}/cart", name="", headers={}, data=form)
            client.send("POST", f"{shop}/cart/checkout", name="", headers={}, data=CHECKOUT_FIELDS)
            client.close()

    shopper = threading.Thread(target=order, name="orders", daemon=True)
    shopper.start()
    try:
        yield
    finally:
        stop.set()
        shopper.join(10)


def report(result: Result) -> str:
    """A line for each round, and the cost of the process."""
    rows = [
        (
            "killed" if each.killed else "left alone",
            f"{each.fires_s:.1f}",
            f"{each.resolves_s:.1f}",
            f"{-each.early_s:.1f}",
        )
        for each in result.rounds
    ]
    return "\n".join(
        [
            table(("the process that evaluates", "fires after s", "resolved after s", "began after s"), rows),
            "",
            f"its memory: {result.memory_bytes / 1e6:.1f} MB (PSS), its CPU: {100 * result.cpu_share:.1f} %",
        ]
    )


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`; `quick` makes one round of each kind."""
    with labs.running("--incident", _HEALTHY, "--no-load") as lab:
        result = measure(lab, 1 if quick else 2)
    write_line(report(result))
    lines = []
    for killed, words in ((False, ""), (True, ", the evaluating process killed")):
        for name, what, bound in (
            ("fires_s", "from a fault to its alert", FIRES_S),
            ("resolves_s", "from its end to the end of the alert", RESOLVES_S),
        ):
            found = [getattr(each, name) for each in result.rounds if each.killed == killed]
            limit = bound + KILLED_S * killed
            lines.append(
                ResultLine(
                    f"{what}{words}",
                    f"{median(found):.1f} s (at most {max(found):.1f} s)",
                    f"{max(found) / limit:.2f} of {limit:g} s",
                )
            )
    return lines


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 if a bound was not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.alerts", description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="of each kind (default %(default)s)")
    arguments = parser.parse_args(argv)
    with labs.running("--incident", _HEALTHY, "--no-load") as lab:
        result = measure(lab, arguments.rounds)
    print(report(result))
    return 0 if result.passed() else 1


if __name__ == "__main__":
    raise SystemExit(main())
