"""A class at human pace: response times, dropped telemetry, and the correlation of every failed checkout.

`python -m benchmarks.students`. Starts a lab of its own without other load. Exit
code 1 when pages are slow (95 in 100 must take less than 500 ms), telemetry was
dropped, or a link from seat to log line is broken.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from benchmarks import labs
from benchmarks.classroom import CHECKOUT, PAGES, Classroom, Observations, Pace
from benchmarks.correlation import broken_links
from benchmarks.measure import cpu_s, quantile, table, wait_until
from benchmarks.result_line import ResultLine

TARGET_P95_MS = 500.0
_SETTLED_WITHIN_S = 20.0


@dataclass(frozen=True, slots=True)
class Telemetry:
    """Counts of a class's telemetry: sent, received, stored, refused."""

    beacons_failed: int
    rejected: int
    refused_requests: int
    received_spans: int
    stored_spans: int
    browser_spans_sent: int
    notices: Sequence[str]

    def problems(self) -> list[str]:
        """One line per kind of loss; empty when nothing was lost."""
        found = list(self.notices)
        if self.beacons_failed:
            found.append(f"{self.beacons_failed} beacons were not accepted")
        if self.rejected:
            found.append(f"the collector rejected {self.rejected} items")
        if self.refused_requests:
            found.append(f"the collector refused {self.refused_requests} requests")
        if self.stored_spans != self.received_spans:
            found.append(
                f"the store holds {self.stored_spans} spans of {self.received_spans} that were received"
            )
        return found


@dataclass(frozen=True, slots=True)
class Result:
    """One class, measured and checked."""

    students: int
    seconds: float
    observed: Observations
    telemetry: Telemetry
    broken: Sequence[str]
    failed_orders: int
    cores: Mapping[str, float]
    """Name of a process -> cores that it kept busy; `students` is this program itself."""

    def passed(self) -> bool:
        """Whether pages were fast, nothing was lost and every failed checkout is correlated."""
        return (
            self.observed.pages_p95_ms() < TARGET_P95_MS
            and not self.observed.failed_pages()
            and not self.telemetry.problems()
            and not self.broken
            and self.failed_orders > 0
        )


def measure(students: int, seconds: float, pace: Pace, write_line: Callable[[str], object]) -> Result:
    """Run a class for `seconds`, then check its telemetry. Raises SystemExit when no lab starts."""
    with labs.running("--no-load") as lab:
        before = lab.stored()["spans"] - lab.collector()["received"]["spans"]
        classroom = Classroom(lab.url("shop"), pace)
        started, used = time.monotonic(), _cpu(lab)
        classroom.admit(students)
        time.sleep(seconds)
        measured_s = time.monotonic() - started
        cores = {name: (now - used.get(name, 0)) / measured_s for name, now in _cpu(lab).items()}
        observed = classroom.stop()
        write_line(f"{len(observed.orders)} orders were placed; following each …")
        telemetry = _telemetry(lab, observed, before)
        failed = [placed for placed in observed.orders if placed.order.status >= 500]
        broken = broken_links(lab.url("observer"), failed)
    return Result(students, measured_s, observed, telemetry, broken, len(failed), cores)


def _cpu(lab: labs.Lab) -> dict[str, float]:
    """Seconds of CPU of every process so far."""
    return {name: cpu_s([pid]) for name, pid in {**lab.pids(), "students": os.getpid()}.items()}


def _telemetry(lab: labs.Lab, observed: Observations, before: int) -> Telemetry:
    """The counts, taken when the number of stored spans no longer changes."""
    last = -1

    def quiet() -> bool:
        nonlocal last
        now = lab.stored()["spans"]
        still, last = now == last, now
        return still

    wait_until(quiet, "the last spans are stored", _SETTLED_WITHIN_S, pause_s=1.0)
    collector = lab.collector()
    return Telemetry(
        beacons_failed=observed.beacons_failed,
        rejected=sum(collector["rejected"].values()),
        refused_requests=sum(collector["refused_requests"].values()),
        received_spans=collector["received"]["spans"],
        stored_spans=lab.stored()["spans"] - before,
        browser_spans_sent=observed.spans_sent,
        notices=lab.drop_notices(),
    )


def report(result: Result) -> str:
    """The result as a table and a few sentences."""
    observed = result.observed
    rows = []
    for name in (*PAGES, CHECKOUT, "/v1/rum"):
        took = observed.milliseconds(name)
        rows.append(
            (
                name,
                str(len(took)),
                *(f"{quantile(took, share):.0f}" for share in (0.5, 0.95, 0.99)),
                f"{max(took, default=0):.0f}",
            )
        )
    pages = observed.milliseconds(*PAGES)
    rows.append(
        (
            "every page",
            str(len(pages)),
            *(f"{quantile(pages, share):.0f}" for share in (0.5, 0.95, 0.99)),
            f"{max(pages, default=0):.0f}",
        )
    )
    head = ("", "requests", "p50 ms", "p95 ms", "p99 ms", "slowest ms")
    lines = [
        f"{result.students} students for {result.seconds:.0f} s, {observed.sessions} RUM sessions",
        "",
        table(head, rows),
        "",
        f"pages that failed: {observed.failed_pages()}",
        f"cores used: {_cores(result.cores)}",
        f"spans received {result.telemetry.received_spans}, stored {result.telemetry.stored_spans}; "
        f"from browsers {result.telemetry.browser_spans_sent} in {observed.beacons_sent} beacons",
        f"telemetry dropped: {'; '.join(result.telemetry.problems()) or 'none'}",
        f"failed checkouts: {result.failed_orders}, "
        f"correlated end to end: {result.failed_orders - len(result.broken)}",
    ]
    return "\n".join([*lines, *(f"  broken: {line}" for line in result.broken[:20])])


def _cores(cores: Mapping[str, float]) -> str:
    """The cores of the whole lab and of each process, busiest first, as text."""
    lab = sum(used for name, used in cores.items() if name != "students")
    busiest = sorted(cores.items(), key=lambda item: -item[1])
    return (
        f"lab {lab:.2f} (" + ", ".join(f"{name} {used:.2f}" for name, used in busiest if used >= 0.01) + ")"
    )


def lines(result: Result) -> list[ResultLine]:
    """The rows of the common table."""
    return [
        ResultLine(
            f"p95 of pages, {result.students} students",
            f"{result.observed.pages_p95_ms():.0f} ms",
            f"{result.observed.pages_p95_ms() / TARGET_P95_MS:.2f} of 500 ms",
        ),
        ResultLine(
            "failed checkouts correlated end to end",
            f"{result.failed_orders - len(result.broken)} of {result.failed_orders}",
            f"{1 - len(result.broken) / max(1, result.failed_orders):.2f}",
        ),
        ResultLine(
            "spans stored of those received",
            f"{result.telemetry.stored_spans}",
            f"{result.telemetry.stored_spans / max(1, result.telemetry.received_spans):.2f}",
        ),
    ]


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`."""
    result = measure(20 if quick else 100, 20.0 if quick else 90.0, _pace(quick), write_line)
    write_line(report(result))
    return lines(result)


def _pace(quick: bool) -> Pace:
    return Pace(1.0, 3.0) if quick else Pace()


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; 1 if a target was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.students", description=__doc__)
    parser.add_argument("--students", type=int, default=100, help="number of students (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=90.0, help="duration (default %(default)s)")
    parser.add_argument("--think", type=float, nargs=2, default=(5.0, 15.0), metavar=("FROM", "TO"))
    arguments = parser.parse_args(argv)
    result = measure(arguments.students, arguments.seconds, Pace(*arguments.think), print)
    print(report(result))
    return 0 if result.passed() else 1


if __name__ == "__main__":
    sys.exit(main())
