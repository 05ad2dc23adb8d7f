"""Kill -9 of every process but the supervisor, one after the other, under load: how long until all is whole?

`python -m benchmarks.recovery`. Whole means: the lab says ready, an order goes
through the shop, and every screen answers. All the while a witness posts spans and
logs to the collector; whatever was answered with success must be found at the end.
Exit code 1 when a recovery took longer than five seconds or something was lost.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import labs
from benchmarks.measure import median, table, wait_until
from benchmarks.parts import Line
from benchmarks.witness import Witness
from loadgen.requests_client import RequestsClient
from loadgen.student import CHECKOUT_FIELDS, DEFAULT_PRODUCT

TARGET_S = 5.0
_PATIENCE_S = 30.0
_SCREENS = ("/", "/rum", "/apm", "/logs", "/workshop")
_SPARED = ("supervisor",)


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of each recovery by process; what the witness was promised and what of it is missing."""

    seconds: Sequence[tuple[str, float]]
    acknowledged: int
    lost: Sequence[str]

    def slowest_s(self) -> float:
        """The longest recovery."""
        return max(seconds for _, seconds in self.seconds)

    def passed(self) -> bool:
        """Whether all were quick and nothing was lost."""
        return self.slowest_s() <= TARGET_S and self.acknowledged > 0 and not self.lost


def measure(lab: labs.Lab) -> Result:
    """Kill each in turn. Raises SystemExit when one does not come back at all."""
    witness = Witness(lab.url("otlp_http"))
    wait_until(lambda: is_whole(lab), "the lab is whole before the first accident", _PATIENCE_S)
    witness.start()
    try:
        seconds = [(name, _kill(lab, name)) for name in lab.pids() if name not in _SPARED]
    finally:
        witness.stop()
    return Result(seconds, len(witness.acknowledged), witness.missing(lab.url("observer")))


def _kill(lab: labs.Lab, name: str) -> float:
    """Seconds from the signal until all is whole again."""
    pid = lab.pids()[name]
    begun = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: lab.pids().get(name) not in (None, pid) and is_whole(lab),
        f"shop and screens are whole after kill -9 of {name}",
        _PATIENCE_S,
    )
    return time.monotonic() - begun


def is_whole(lab: labs.Lab) -> bool:
    """Whether the lab is ready, an order goes through, and the screens answer."""
    status = lab.status()
    if not status["ready"] or any(row["state"] not in ("ready", "off") for row in status["processes"]):
        return False
    client = RequestsClient(timeout_s=3.0)
    try:
        shop, observer = lab.url("shop"), lab.url("observer")
        form = {"product_id": DEFAULT_PRODUCT, "quantity": "1"}
        answers = [
            client.send("POST", f"{shop}/cart", name="", headers={}, data=form),
            client.send("POST", f"{shop}/cart/checkout", name="", headers={}, data=CHECKOUT_FIELDS),
            *(client.send("GET", f"{observer}{path}", name="", headers={}) for path in _SCREENS),
        ]
    finally:
        client.close()
    return all(answer.status == 200 for answer in answers)


def report(result: Result) -> str:
    """A line for each process, and what the witness says."""
    rows = [(name, f"{seconds:.2f}", f"{seconds / TARGET_S:.2f}") for name, seconds in result.seconds]
    return "\n".join(
        [
            table(("killed", "whole after s", "of 5 s"), rows),
            "",
            f"acknowledged meanwhile: {result.acknowledged} traces with a log line each; "
            f"lost: {len(result.lost)} {', '.join(result.lost[:5])}".rstrip(),
        ]
    )


def run(quick: bool, say: Callable[[str], object]) -> list[Line]:
    """The part of `python -m benchmarks`; as quick as it is either way."""
    with labs.running("--incident", "none", "--users", "3" if quick else "10") as lab:
        result = measure(lab)
    say(report(result))
    slowest = max(result.seconds, key=lambda each: each[1])
    return [
        Line(
            "whole again after kill -9 of any one, median",
            f"{median(seconds for _, seconds in result.seconds):.2f} s",
            f"{median(seconds for _, seconds in result.seconds) / TARGET_S:.2f} of 5 s",
        ),
        Line(
            f"the slowest ({slowest[0]})",
            f"{result.slowest_s():.2f} s",
            f"{result.slowest_s() / TARGET_S:.2f} of 5 s",
        ),
        Line(
            "acknowledged spans and logs that were lost",
            str(len(result.lost)),
            f"{len(result.lost) / max(1, result.acknowledged):.2f}",
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 if it took too long or something was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=__doc__)
    parser.add_argument("--users", type=int, default=10, help="shoppers meanwhile (default %(default)s)")
    arguments = parser.parse_args(argv)
    with labs.running("--incident", "none", "--users", str(arguments.users)) as lab:
        result = measure(lab)
    print(report(result))
    return 0 if result.passed() else 1


if __name__ == "__main__":
    sys.exit(main())
