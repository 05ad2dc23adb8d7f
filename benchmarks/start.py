"""Time from the command to ready, compared with importing and binding only; memory when ready.

The shop is broken as it is by default, and its readiness proof waits for the broken checkout's own retries;
*healthy* is the same shop without its fault.
`python -m benchmarks.start`. *Bare*: the same modules imported by as many
interpreters at once, each of which binds a socket and ends. `--against FOLDER` starts the labs of another
revision's checkout in turns with these.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import labs
from benchmarks.measure import median, table
from benchmarks.result_line import ResultLine
from lab.paths import ROOT
from lab.plan import topology

_BIND = "import socket, {module}.server; socket.create_server(('127.0.0.1', 0)).close()"
_IMPORT_ALL = "import socket, {modules}; socket.create_server(('127.0.0.1', 0)).close()"
_FORKED = tuple(service for service in topology.SERVICES if not service.fresh)


@dataclass(frozen=True, slots=True)
class Result:
    """Seconds of each run, and the memory of the last lab."""

    ready_s: Sequence[float]
    healthy_s: Sequence[float]
    bare_s: Sequence[float]
    once_s: Sequence[float]
    memory_bytes: Mapping[str, int]
    former_ready_s: Sequence[float] = ()
    former_healthy_s: Sequence[float] = ()


def measure(runs: int, against: Path | None = None) -> Result:
    """Measure the bare start, the lab and that of the checkout `against` in turn.

    Raises SystemExit when a lab does not start.
    """
    ready, healthy, bare, once = [], [], [], []
    former_ready, former_healthy = [], []
    memory: Mapping[str, int] = {}
    # The first import after a change compiles, which would distort the first measurement.
    _timed([_IMPORT_ALL.format(modules=", ".join(topology.PRELOAD))])
    for _ in range(runs):
        bare.append(_timed([_BIND.format(module=service.module) for service in _FORKED]))
        once.append(_timed([_IMPORT_ALL.format(modules=", ".join(topology.PRELOAD))]))
        with labs.running("--no-load") as lab:
            ready.append(lab.ready_s)
            memory = lab.memory_bytes()
        with labs.running("--no-load", "--incident", "none") as lab:
            healthy.append(lab.ready_s)
        if against:
            former_ready.append(_ready_s(against))
            former_healthy.append(_ready_s(against, "--incident", "none"))
    return Result(ready, healthy, bare, once, memory, former_ready, former_healthy)


def _ready_s(checkout: Path, *options: str) -> float:
    with labs.running("--no-load", *options, checkout=checkout) as lab:
        return lab.ready_s


def _timed(programs: Sequence[str]) -> float:
    """Seconds until interpreters with these programs, all started at once, have ended."""
    began = time.monotonic()
    started = [subprocess.Popen([sys.executable, "-c", program], cwd=ROOT) for program in programs]
    codes = [process.wait() for process in started]
    if any(codes):
        raise SystemExit("a module could not be imported")
    return time.monotonic() - began


def report(result: Result) -> str:
    """Times and memory as two tables."""
    ready = median(result.ready_s)
    times = [
        ("to ready, with the readiness proof", f"{ready:.2f}", "1.00"),
        (
            "the same, healthy",
            f"{median(result.healthy_s):.2f}",
            f"{ready / median(result.healthy_s):.2f}",
        ),
        (
            f"import and bind, {len(_FORKED)} interpreters at once",
            f"{median(result.bare_s):.2f}",
            f"{ready / median(result.bare_s):.2f}",
        ),
        (
            "import everything, one interpreter",
            f"{median(result.once_s):.2f}",
            f"{ready / median(result.once_s):.2f}",
        ),
    ]
    former = zip(("that of the other revision", "the same, healthy"), _former(result), strict=False)
    times += [(name, f"{former_s:.2f}", f"{now_s / former_s:.2f}") for name, (now_s, former_s) in former]
    total = sum(result.memory_bytes.values()) or 1
    memory = [
        (name, f"{size / 1e6:.1f}", f"{size / total:.3f}")
        for name, size in sorted(result.memory_bytes.items(), key=lambda item: -item[1])
    ]
    memory.append(("all", f"{total / 1e6:.0f}", "1.000"))
    return "\n\n".join(
        [
            table(("", "seconds", "ready, relative"), times),
            table(("process", "PSS MB", "share"), memory),
        ]
    )


def _former(result: Result) -> list[tuple[float, float]]:
    """Seconds to ready and the other revision's, of the broken and of the healthy shop."""
    if not result.former_ready_s:
        return []
    return [
        (median(result.ready_s), median(result.former_ready_s)),
        (median(result.healthy_s), median(result.former_healthy_s)),
    ]


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`."""
    result = measure(1 if quick else 5)
    write_line(report(result))
    ready = median(result.ready_s)
    total = sum(result.memory_bytes.values())
    largest = max(result.memory_bytes, key=lambda name: result.memory_bytes[name], default="")
    return [
        ResultLine(
            "seconds to ready",
            f"{ready:.2f} s",
            f"{ready / median(result.bare_s):.2f} times import and bind",
        ),
        ResultLine("the same", "", f"{ready / median(result.once_s):.2f} times one import of everything"),
        ResultLine(
            "seconds to ready, healthy shop",
            f"{median(result.healthy_s):.2f} s",
            f"{median(result.healthy_s) / median(result.bare_s):.2f} times import and bind",
        ),
        ResultLine(
            f"memory of {len(result.memory_bytes)} processes, no load (PSS)",
            f"{total / 1e6:.0f} MB",
            f"{largest}: {result.memory_bytes.get(largest, 0) / max(1, total):.2f} of it",
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start", description=__doc__)
    parser.add_argument(
        "--runs", type=int, default=5, help="runs, of which the median counts (default %(default)s)"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FOLDER",
        help="another revision's checkout, in which `python3 -m lab up` was called once: start it, too",
    )
    arguments = parser.parse_args(argv)
    print(report(measure(arguments.runs, arguments.against)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
