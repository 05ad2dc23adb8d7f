"""The number of students at human pace for whom 95 in 100 pages take less than 500 ms.

`python -m benchmarks.capacity`. One lab; students are added in groups until pages are
too slow or the last group is in. They run on the same machine, and their share of its
CPU is reported.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import labs
from benchmarks.classroom import PAGES, Classroom, Pace
from benchmarks.measure import cpu_s, quantile, table
from benchmarks.result_line import ResultLine
from benchmarks.students import TARGET_P95_MS

GROUPS = (50, 100, 150, 200, 250, 300, 400, 500)


@dataclass(frozen=True, slots=True)
class Step:
    """The figures with this number of students."""

    students: int
    pages: int
    p50_ms: float
    p95_ms: float
    failed: int
    lab_cores: float
    class_cores: float

    @property
    def held(self) -> bool:
        """Whether pages were fast enough and none failed."""
        return self.pages > 0 and not self.failed and self.p95_ms < TARGET_P95_MS


def measure(groups: Sequence[int], settle_s: float, measure_s: float, pace: Pace) -> list[Step]:
    """One step per group, up to the first that is too slow. Raises SystemExit when no lab starts."""
    steps: list[Step] = []
    with labs.running("--no-load") as lab:
        classroom = Classroom(lab.url("shop"), pace)
        for group in groups:
            classroom.admit(group - len(classroom.students))
            time.sleep(settle_s)
            steps.append(_step(lab, classroom, measure_s))
            if not steps[-1].held:
                break
        classroom.stop()
    return steps


def _step(lab: labs.Lab, classroom: Classroom, seconds: float) -> Step:
    observed = classroom.observed
    started, first = time.monotonic(), len(observed.answers)
    lab_cpu, own_cpu = lab.cpu_s(), cpu_s([os.getpid()])
    time.sleep(seconds)
    took_s = time.monotonic() - started
    pages = [answer for answer in observed.answers[first:] if answer.name in PAGES]
    return Step(
        len(classroom.students),
        len(pages),
        quantile([page.milliseconds for page in pages], 0.5),
        quantile([page.milliseconds for page in pages], 0.95),
        sum(1 for page in pages if not 200 <= page.status < 400),
        (lab.cpu_s() - lab_cpu) / took_s,
        (cpu_s([os.getpid()]) - own_cpu) / took_s,
    )


def held(steps: Sequence[Step]) -> int:
    """The largest number of students in time; 0 if the first group was too large."""
    return max((step.students for step in steps if step.held), default=0)


def report(steps: Sequence[Step]) -> str:
    """A line for each group."""
    rows = [
        (
            str(step.students),
            str(step.pages),
            f"{step.p50_ms:.0f}",
            f"{step.p95_ms:.0f}",
            str(step.failed),
            f"{step.lab_cores:.2f}",
            f"{step.class_cores:.2f}",
            "yes" if step.held else "no",
        )
        for step in steps
    ]
    head = ("students", "pages", "p50 ms", "p95 ms", "failed", "lab's cores", "students' cores", "held")
    return table(head, rows)


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`."""
    steps = measure((10, 20), 3.0, 6.0, Pace(1.0, 3.0)) if quick else measure(GROUPS, 16.0, 20.0, Pace())
    write_line(report(steps))
    more = "" if not steps[-1].held else " or more"
    cores = max((step.lab_cores / step.students * 100 for step in steps), default=0.0)
    return [
        ResultLine(
            "students at human pace with p95 of pages under 500 ms",
            f"{held(steps)}{more}",
            f"{cores:.2f} cores per hundred students",
        )
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capacity", description=__doc__)
    parser.add_argument(
        "--groups", type=int, nargs="+", default=GROUPS, help="numbers of students, step by step"
    )
    parser.add_argument(
        "--seconds", type=float, default=20.0, help="measured per group (default %(default)s)"
    )
    arguments = parser.parse_args(argv)
    print(report(measure(arguments.groups, 16.0, arguments.seconds, Pace())))
    return 0


if __name__ == "__main__":
    sys.exit(main())
