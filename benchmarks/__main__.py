"""`python -m benchmarks`, also `lab bench`: runs every part, then prints one table.

Compare the ratios: each is of two figures of one run on one machine. The values
themselves depend on the machine.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import cast

from benchmarks.measure import machine, table
from benchmarks.result_line import ResultLine

Run = Callable[[bool, Callable[[str], object]], list[ResultLine]]


@dataclass(frozen=True, slots=True)
class Part:
    """A module with `run(quick, write_line)`, and about how many minutes it takes."""

    name: str
    help: str
    minutes: float

    def run(self, quick: bool) -> list[ResultLine]:
        """Its lines of the table. Raises SystemExit when it cannot be measured."""
        return cast(Run, import_module(f"benchmarks.{self.name}").run)(quick, print)


PARTS = (
    Part("start", "seconds to ready, memory of each process", 1.0),
    Part("checkouts", "checkouts per second and core, with and without telemetry", 2.0),
    Part("freshness", "from the end of a span to its appearance in the API", 1.0),
    Part("ingest", "spans committed per second, against decoding alone", 1.0),
    Part("metrics", "metric points per second, bytes per point, a chart over six hours", 3.0),
    Part("queries", "queries over six hours of a million spans, each against its bound", 3.0),
    Part("students", "a class of a hundred: response times, dropped telemetry, correlated checkouts", 2.0),
    Part("capacity", "the number of students that this machine serves in time", 5.0),
    Part("recovery", "time to recover after kill -9 of each process", 1.0),
    Part("kills", "random kills of collector, settler and observer under load", 3.0),
    Part("alerts", "from a fault to its alert, and from its end to the end of that", 4.0),
    Part("desk", "a refresh of the desk with a class of thirty: server time and bytes", 1.0),
    Part("hostile_class", "students' pages beside ghost beacons, guesses and unsigned links", 3.5),
    Part("starving", "ordinary pages beside ten costly readers, over a million spans", 6.0),
    Part("fuzz", "malformed and odd inputs to every listener", 12.0),
    Part("soak", "five minutes of a healthy shop: errors and growth", 6.5),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the chosen parts and print the table; 1 if one could not be measured."""
    arguments = _parser().parse_args(argv)
    names = arguments.part or [part.name for part in PARTS]
    found: list[ResultLine] = []
    failed = 0
    for part in PARTS:
        if part.name not in names:
            continue
        print(f"\n== {part.name}: {part.help}\n", flush=True)
        started = time.monotonic()
        try:
            found += part.run(arguments.quick)
        except SystemExit as problem:
            failed += 1
            found.append(ResultLine(part.name, "not measured", str(problem)))
            print(problem)
        print(f"\n({time.monotonic() - started:.0f} s)", flush=True)
    print(f"\n== on {machine()}, Python {sys.version.split()[0]}{', quick' if arguments.quick else ''}\n")
    print(table(("", "here", "ratio"), [(line.name, line.value, line.ratio) for line in found]))
    return 1 if failed else 0


def _parser() -> argparse.ArgumentParser:
    parts = "\n".join(f"  {part.name:<13} {part.help} (about {part.minutes:g} min)" for part in PARTS)
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        epilog=f"parts:\n{parts}\n\nEach has more options of its own: python -m benchmarks.<part> --help",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", nargs="*", type=_part_name, metavar="PART", help="default: every part")
    parser.add_argument(
        "--quick", action="store_true", help="seconds instead of minutes, with less exact figures"
    )
    return parser


def _part_name(text: str) -> str:
    if text not in [part.name for part in PARTS]:
        raise argparse.ArgumentTypeError(f"there is no part {text!r}")
    return text


if __name__ == "__main__":
    sys.exit(main())
