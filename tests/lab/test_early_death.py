"""A process may die before the fork server has reported its id; the supervisor must not wait for it."""

from __future__ import annotations

from pathlib import Path

from lab.plan.lab_plan import LabPlan, ProcessPlan
from lab.supervision.process import State
from lab.supervision.supervisor import Supervisor


class Silent:
    """A reporter without output."""

    def progress(self, text: str) -> None:
        """Nothing."""

    def event(self, text: str) -> None:
        """Nothing."""

    def ready(self, seconds: float, detail: str) -> None:
        """Nothing."""


def test_a_death_that_comes_before_the_process_id_counts(tmp_path: Path) -> None:
    """The exit is kept until the id arrives, and then it is a death like any other."""
    plan = ProcessPlan(name="hasty", module="none", environment={}, ready="/healthz", address="127.0.0.1:1")
    supervisor = Supervisor(LabPlan(run_dir=tmp_path, processes=(plan,), environment={}), Silent())
    entry = supervisor._processes["hasty"]
    entry.started(0.0)
    unused_pid = 2**22 + 1

    supervisor._ended(unused_pid, 256)
    supervisor._has_pid(entry, unused_pid)

    assert entry.state is State.RESTARTING
    assert (entry.pid, entry.restarts) == (None, 1)
