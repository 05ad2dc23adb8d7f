"""`python -m benchmarks.footprint`: memory and CPU of each process that starts by itself, as in a container.

`lab up` forks all of them from one process that has imported what they need; a container starts an
interpreter of its own. The requests of the Helm chart come from here.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.measure import get_json, machine
from lab.paths import ROOT
from lab.plan import planning
from lab.plan.lab_plan import LabPlan, ProcessPlan
from lab.plan.options import Options
from lab.state import flag_file
from lab.supervision.health_check import is_ready

READY_WITHIN_S = 180.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Footprint:
    """One process: millicores while the load ran, and the most memory that it ever had, in MB of 1,000 kB."""

    name: str
    millicores: float
    peak_mb: float


def measure(users: int, seconds: float, pace: float) -> tuple[list[Footprint], float]:
    """Every process under a load, and its requests a second. Raises RuntimeError if one does not start."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        plan = _plan(Path(folder), users)
        pids = {
            process.name: stack.enter_context(_running(process, Path(folder), pace))
            for process in plan.processes
            if process.name != "control"
        }
        for process in plan.processes:
            if process.name in pids:
                _await(process)
        figures = next(process for process in plan.processes if process.name == "loadgen").address
        time.sleep(10)
        before, began, asked = _cpu_s(pids), time.monotonic(), _requests(figures)
        time.sleep(seconds)
        passed, after, answered = time.monotonic() - began, _cpu_s(pids), _requests(figures)
        found = [
            Footprint(name, (after[name] - before[name]) / passed * 1_000, _peak_mb(pid))
            for name, pid in pids.items()
        ]
    return found, (answered - asked) / passed


def _plan(folder: Path, users: int) -> LabPlan:
    flag_file.write(folder, flag_file.find("invalid-token"))
    return planning.build(Options(free_ports=True, data=folder, users=users), folder, environment=os.environ)


@contextmanager
def _running(process: ProcessPlan, folder: Path, pace: float) -> Iterator[int]:
    environment = {**process.environment, "LOADGEN_PACE": str(pace), "LOADGEN_SPAWN_RATE": "10"}
    with (folder / f"{process.name}.log").open("wb") as log:
        started = subprocess.Popen(
            [sys.executable, "-m", process.module], cwd=ROOT, env=environment, stdout=log, stderr=log
        )
        try:
            yield started.pid
        finally:
            started.terminate()
            started.wait(20)


def _await(process: ProcessPlan) -> None:
    kind = "grpc" if process.ready == "grpc" else process.ready
    until = time.monotonic() + READY_WITHIN_S
    while not is_ready(kind, process.address):
        if time.monotonic() > until:
            raise RuntimeError(f"{process.name} does not get ready")
        time.sleep(0.2)


def _requests(address: str) -> int:
    stats: list[dict[str, int | str]] = get_json(f"http://{address}/stats/requests")["stats"]
    return sum(int(row["num_requests"]) for row in stats if row["name"] == "Aggregated")


def _cpu_s(pids: Mapping[str, int]) -> dict[str, float]:
    return {name: _ticks(pid) / _TICKS_PER_S for name, pid in pids.items()}


def _ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def _peak_mb(pid: int) -> float:
    """Of the process and of the readers that an observer starts, each with its own peak."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return sum(_peak_kib(each) for each in (str(pid), *children)) * 1_024 / 1e6


def _peak_kib(pid: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text("utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line for each process and a sum."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.footprint", description=__doc__)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--pace", type=float, default=1.0, help="think times are divided by this")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args(argv)
    found, rate = measure(arguments.users, arguments.seconds, arguments.pace)
    if arguments.json:
        print(json.dumps([[each.name, each.millicores, each.peak_mb] for each in found]))
        return 0
    print(f"{machine()}\n{arguments.users} users, {rate:.1f} requests/s")
    for each in found:
        print(f"{each.name:24} {each.millicores:7.0f} m {each.peak_mb:7.0f} MB")
    print(f"{'sum':24} {sum(e.millicores for e in found):7.0f} m {sum(e.peak_mb for e in found):7.0f} MB")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
