"""A spawner for the supervisor whose processes are data of `kernel`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import inf

from lab.supervision.spawn import Job
from tests.lab.fakes.kernel import Kernel


@dataclass
class Started:
    """A job that was started: its process and a copy of its output file."""

    job: Job
    pid: int
    output: int
    fresh: bool

    def write(self, *lines: str) -> None:
        """The process prints lines."""
        os.write(self.output, "".join(f"{line}\n" for line in lines).encode())


class FakeSpawner:
    """See `lab.supervision.spawner.Spawner`. Process ids are held back while `delays_pids`."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self.available = True
        self.pid: int | None = None
        self.restarts = 0
        self.started: list[Started] = []
        self.delays_pids = False
        self.fails: set[str] = set()
        self._late: list[tuple[Callable[[int], None], int]] = []

    def next_wake(self) -> float:
        """Never."""
        return inf

    def keep_alive(self, now: float) -> bool:
        """Start the fork server if there is none."""
        if self.pid is not None:
            return False
        self.pid = self._kernel.start()
        return True

    def spawn(self, job: Job, stdout: int, stderr: int, fresh: bool, on_pid: Callable[[int], None]) -> None:
        """Start a job; raises OSError for the names in `fails`."""
        if job.name in self.fails:
            raise OSError(11, "Resource temporarily unavailable")
        pid = self._kernel.start()
        self.started.append(Started(job, pid, os.dup(stdout), fresh))
        if self.delays_pids:
            self._late.append((on_pid, pid))
        else:
            on_pid(pid)

    def collect(self) -> None:
        """Deliver the process ids that have arrived."""
        if self.delays_pids:
            return
        late, self._late = self._late, []
        for on_pid, pid in late:
            on_pid(pid)

    def lose(self, now: float) -> None:
        """The fork server has ended, and with it the ids that were held back."""
        self.pid = None
        self.restarts += 1
        self._late.clear()

    def stop(self) -> None:
        """Deliver the ids that have arrived."""
        self.collect()

    def of(self, name: str) -> list[Started]:
        """What was started under this name, first to last."""
        return [one for one in self.started if one.job.name == name]

    def end(self, started: Started, status: int = 0) -> None:
        """A started process ends: its output is closed, then its parent learns of it."""
        os.close(started.output)
        self.started[self.started.index(started)].output = -1
        self._kernel.end(started.pid, status)

    def close(self) -> None:
        """Close the outputs that are still open."""
        for output in self._outputs():
            os.close(output)

    def _outputs(self) -> Iterable[int]:
        return [one.output for one in self.started if one.output >= 0]
