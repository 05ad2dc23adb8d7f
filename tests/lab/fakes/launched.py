"""What stands in for the supervisor where a lab is launched in a test, and the options of such a lab."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError
from lab.plan.lab_plan import LabPlan
from lab.plan.options import Options
from lab.run import early, launch


class FakeSupervisor:
    """Stands in for the supervisor: `during` is called instead of its run."""

    plans: list[LabPlan] = []  # noqa: RUF012  emptied by `no_supervisor`
    failure: LabError | None = None

    def __init__(self, built: LabPlan, reporter: Any, *, requested_at: float, forks: None) -> None:
        self.plans.append(built)
        self._reporter = reporter

    def run(self) -> None:
        """Report ready and end, or fail."""
        if self.failure:
            raise self.failure
        self._reporter.progress("starting")
        self._reporter.progress("starting")
        self._reporter.event("one ended")
        self._reporter.ready(1.25, "trace 1")


@contextmanager
def no_supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing is supervised, and no fork server starts."""
    FakeSupervisor.plans = []
    FakeSupervisor.failure = None
    monkeypatch.setattr(launch, "Supervisor", FakeSupervisor)
    monkeypatch.setattr(early, "fork_server", lambda _: None)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def options(run_dir: Path, **more: Any) -> Options:
    """Of a lab on any free ports."""
    return Options(**{"free_ports": True, "data": run_dir / "data", **more})
