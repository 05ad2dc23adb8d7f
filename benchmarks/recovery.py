"""Time to recover after kill -9 of each process except the supervisor, under load.

`python -m benchmarks.recovery`. Recovered means: the lab reports ready, an order
succeeds, and every screen answers. Meanwhile a witness posts spans and logs to the
collector; all that were acknowledged must be found at the end. Exit code 1 when a
recovery took longer than five seconds or something was lost.
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import labs
from benchmarks.measure import median, table, wait_until
from benchmarks.result_line import ResultLine
from benchmarks.witness import Witness
from loadgen.requests_client import RequestsClient
from loadgen.student import CHECKOUT_FIELDS, DEFAULT_PRODUCT

TARGET_S = 5.0
_PATIENCE_S = 30.0
_SCREENS = ("/", "/rum", "/apm", "/logs", "/workshop")
_NOT_KILLED = ("supervisor",)
_AT_REST = ("ready", "off", "on demand")


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of each recovery by process; the witness's acknowledged traces and those that are missing."""

    seconds: Sequence[tuple[str, float]]
    acknowledged: int
    lost: Sequence[str]

    def slowest_s(self) -> float:
        """The longest recovery."""
        return max(seconds for _, seconds in self.seconds)

    def passed(self) -> bool:
        """Whether each took at most `TARGET_S` and nothing was lost."""
        return self.slowest_s() <= TARGET_S and self.acknowledged > 0 and not self.lost


def measure(lab: labs.Lab) -> Result:
    """Kill each process in turn. Raises SystemExit when the lab does not recover."""
    witness = Witness(lab.url("otlp_http"))
    _wake(lab)
    wait_until(lambda: is_working(lab), "the lab works before the first kill", _PATIENCE_S)
    witness.start()
    try:
        seconds = [(name, _kill(lab, name)) for name in lab.pids() if name not in _NOT_KILLED]
    finally:
        witness.stop()
    return Result(seconds, len(witness.acknowledged), witness.missing(lab.url("observer")))


def _wake(lab: labs.Lab) -> None:
    """Have the processes that are started on demand run, so that they are killed, too."""
    for row in lab.status()["processes"]:
        if row["state"] == "on demand":
            host, _, port = row["address"].rpartition(":")
            socket.create_connection((host, int(port)), timeout=_PATIENCE_S).close()
            wait_until(lambda name=row["name"]: name in lab.pids(), f"{row['name']} runs", _PATIENCE_S)  # type: ignore[misc]  # a lambda's default has no type


def _kill(lab: labs.Lab, name: str) -> float:
    """Seconds from the signal until the lab has recovered."""
    pid = lab.pids()[name]
    started = time.monotonic()
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: lab.pids().get(name) not in (None, pid) and is_working(lab),
        f"shop and screens work after kill -9 of {name}",
        _PATIENCE_S,
    )
    return time.monotonic() - started


def is_working(lab: labs.Lab) -> bool:
    """Whether the lab is ready, an order succeeds, and every screen answers."""
    status = lab.status()
    if not status["ready"] or any(row["state"] not in _AT_REST for row in status["processes"]):
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
    """A line for each process, and the witness's counts."""
    rows = [(name, f"{seconds:.2f}", f"{seconds / TARGET_S:.2f}") for name, seconds in result.seconds]
    return "\n".join(
        [
            table(("killed", "recovered after s", "of 5 s"), rows),
            "",
            f"acknowledged meanwhile: {result.acknowledged} traces with a log line each; "
            f"lost: {len(result.lost)} {', '.join(result.lost[:5])}".rstrip(),
        ]
    )


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`; `quick` only lowers the load."""
    with labs.running("--incident", "none", "--users", "3" if quick else "10") as lab:
        result = measure(lab)
    write_line(report(result))
    slowest = max(result.seconds, key=lambda each: each[1])
    return [
        ResultLine(
            "time to recover after kill -9 of a process, median",
            f"{median(seconds for _, seconds in result.seconds):.2f} s",
            f"{median(seconds for _, seconds in result.seconds) / TARGET_S:.2f} of 5 s",
        ),
        ResultLine(
            f"the slowest ({slowest[0]})",
            f"{result.slowest_s():.2f} s",
            f"{result.slowest_s() / TARGET_S:.2f} of 5 s",
        ),
        ResultLine(
            "acknowledged spans and logs that were lost",
            str(len(result.lost)),
            f"{len(result.lost) / max(1, result.acknowledged):.2f}",
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 1 if it took too long or something was lost."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.recovery", description=__doc__)
    parser.add_argument("--users", type=int, default=10, help="simulated users (default %(default)s)")
    arguments = parser.parse_args(argv)
    with labs.running("--incident", "none", "--users", str(arguments.users)) as lab:
        result = measure(lab)
    print(report(result))
    return 0 if result.passed() else 1


if __name__ == "__main__":
    sys.exit(main())
