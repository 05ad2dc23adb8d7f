"""A supervisor over a fake clock and fake processes, driven step by step."""

from __future__ import annotations

import json
import selectors
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.plan.lab_plan import LabPlan, ModuleCall, ProcessPlan
from lab.state import statusfile
from lab.supervision import child_setup, shutdown, supervisor as supervisor_module
from lab.supervision.supervisor import Supervisor
from tests.lab.fakes.kernel import Clock, Kernel, Selector
from tests.lab.fakes.spawner import FakeSpawner

PROOF = ModuleCall("proof.module", ("shop", "200"))
CODE_1 = 1 << 8
CODE_2 = 2 << 8


class Recorder:
    """A reporter that keeps what it gets."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.events: list[str] = []
        self.ready_details: list[str] = []
        self.on_ready: Callable[[], None] = lambda: None

    def progress(self, text: str) -> None:
        self.steps.append(text)

    def event(self, text: str) -> None:
        self.events.append(text)

    def ready(self, seconds: float, detail: str) -> None:
        self.ready_details.append(detail)
        self.on_ready()


class SupervisorBench:
    """A supervisor over fakes, driven step by step."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.clock = Clock()
        self.kernel = Kernel(self.clock, monkeypatch)
        self.spawner = FakeSpawner(self.kernel)
        self.recorder = Recorder()
        monkeypatch.setattr(supervisor_module, "time", self.clock)
        monkeypatch.setattr(shutdown, "time", self.clock)
        monkeypatch.setattr(shutdown, "children", self.kernel.living)
        monkeypatch.setattr(supervisor_module, "Spawner", lambda *_: self.spawner)
        monkeypatch.setattr(selectors, "DefaultSelector", partial(Selector, self.clock))
        monkeypatch.setattr(child_setup, "adopt_orphans", lambda: True)

    def supervise(self, *processes: ProcessPlan, proof: ModuleCall | None = None) -> Supervisor:
        plan = LabPlan(self.folder, processes, {}, urls={"shop": "http://shop.test"}, proof=proof)
        self.supervisor = Supervisor(plan, self.recorder)
        return self.supervisor

    def step(self, times: int = 1) -> None:
        """Some rounds of the loop; each waits until the next event is due."""
        for _ in range(times):
            self.supervisor._step()

    def rows(self) -> dict[str, dict[str, Any]]:
        """The status file's rows by name."""
        status = statusfile.stored(self.folder)
        assert status is not None
        return {row["name"]: row for row in status["processes"]}

    def answer_health(self) -> None:
        """Every health check that runs finds its processes healthy and ends."""
        for check in self.spawner.of("lab-readiness"):
            if check.output >= 0:
                check.write(*json.loads(check.job.arguments[0]))
                self.spawner.end(check)
        self.step(2)

    def become_ready(self, *processes: ProcessPlan) -> None:
        """Start these processes, which all are healthy, without a proof."""
        self.supervise(*processes)
        self.step()
        self.answer_health()
        assert self.recorder.ready_details


def plan(name: str, **more: Any) -> ProcessPlan:
    """A process that is checked by gRPC at an address of its own."""
    return ProcessPlan(name, f"fake.{name}", {}, **{"ready": "grpc", "address": f"{name}:1", **more})


def deliver(number: int) -> None:
    """Call the handler of a signal, as the interpreter does between two instructions."""
    handler = signal.getsignal(number)
    assert callable(handler)
    handler(number, None)
