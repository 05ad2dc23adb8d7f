"""The shop without the lab, one interpreter per process, with or without telemetry.

Uses the lab's own table of processes; must not know what is measured.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from benchmarks.measure import cpu_s, wait_until
from lab.paths import ROOT
from lab.plan import planning
from lab.plan.lab_plan import ProcessPlan
from lab.plan.options import Options
from lab.state import flag_file
from lab.supervision.health_check import is_ready

_READY_WITHIN_S = 60.0
_RECEIVING = ("collector",)
_LEFT_OUT = ("observer", "alerting", "loadgen", "control")


@dataclass(frozen=True, slots=True)
class Shop:
    """A running shop: its address, and its process ids by name."""

    url: str
    pids: Mapping[str, int]

    def shop_cpu_s(self) -> float:
        """CPU seconds of the shop's own processes."""
        return cpu_s(pid for name, pid in self.pids.items() if name not in _RECEIVING)

    def collector_cpu_s(self) -> float:
        """CPU seconds of the collector; 0 without one."""
        return cpu_s(pid for name, pid in self.pids.items() if name in _RECEIVING)


@contextmanager
def running(folder: Path, *, telemetry: bool, incident: str = "none") -> Iterator[Shop]:
    """The shop and, with telemetry, the collector, on free ports. Raises SystemExit if it does not start."""
    data = folder / "data"
    data.mkdir(parents=True)
    built = planning.build(Options(free_ports=True, data=data), folder)
    flag_file.write(folder, flag_file.find(incident))
    left_out = _LEFT_OUT if telemetry else (*_LEFT_OUT, *_RECEIVING)
    chosen = [process for process in built.processes if process.name not in left_out]
    switch = {} if telemetry else {"OTEL_SDK_DISABLED": "true"}
    with ExitStack() as stack:
        started = {process.name: stack.enter_context(_process(process, switch)) for process in chosen}
        for process in chosen:
            wait_until(partial(is_ready, process.ready, process.address), process.name, _READY_WITHIN_S)
        yield Shop(built.urls["shop"], {name: each.pid for name, each in started.items()})


@contextmanager
def _process(process: ProcessPlan, switch: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        [sys.executable, "-m", process.module],
        cwd=ROOT,
        env={**process.environment, **switch},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield started
    finally:
        stop([started])


def stop(processes: Sequence[subprocess.Popen[bytes]]) -> None:
    """Stop the processes by SIGTERM, after three seconds by SIGKILL."""
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
