"""Starts processes for the supervisor, forked where that is possible, and keeps the fork server alive."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable
from math import inf

from lab.plan.lab_plan import LabPlan
from lab.state import logfiles
from lab.supervision import shutdown
from lab.supervision.process import restart_delay_s
from lab.supervision.spawn import ForkServer, Job, start_fresh

OnPid = Callable[[int], None]


class Spawner:
    """Holds at most one fork server. Process ids arrive asynchronously, when it has replied."""

    def __init__(
        self, plan: LabPlan, selector: selectors.BaseSelector, begun: ForkServer | None = None
    ) -> None:
        """`begun` is a fork server that was started before there was a plan."""
        self._plan = plan
        self._begun = begun
        self._selector = selector
        self._available = ForkServer.is_available()
        self._server: ForkServer | None = None
        self._deaths = 0
        self._next_start_at = -inf
        # Request number of the current server -> callback for the process id.
        self._awaiting: dict[int, OnPid] = {}

    @property
    def pid(self) -> int | None:
        """The fork server's process id; None while there is none."""
        return self._server.pid if self._server else None

    @property
    def available(self) -> bool:
        """Whether this system supports a fork server."""
        return self._available

    @property
    def restarts(self) -> int:
        """How often the fork server was restarted."""
        return self._deaths

    def next_wake(self) -> float:
        """When `keep_alive` must be called again, on the monotonic clock."""
        return self._next_start_at if self._available and self._server is None else inf

    def keep_alive(self, now: float) -> bool:
        """Start the fork server if it is due; returns whether it was started now."""
        if not self._available or self._server is not None or now < self._next_start_at:
            return False
        self._server, self._begun = self._begun or self._new_server(), None
        self._selector.register(self._server, selectors.EVENT_READ, self.collect)
        return True

    def _new_server(self) -> ForkServer:
        log = logfiles.open_log(self._plan.log_dir, "forkserver")
        try:
            return ForkServer.start(self._plan.preload, self._plan.environment, log)
        finally:
            os.close(log)

    def spawn(self, job: Job, stdout: int, stderr: int, fresh: bool, on_pid: OnPid) -> None:
        """Start a process; `on_pid` is called with its id, now or later. Raises OSError."""
        if fresh or self._server is None:
            on_pid(start_fresh(job, stdout, stderr))
        else:
            self._awaiting[self._server.request(job, stdout, stderr)] = on_pid

    def collect(self) -> None:
        """Deliver the process ids that have arrived."""
        if self._server is None:
            return
        for request, pid in self._server.replies():
            # Two answers come if the process between was killed right after its own.
            if on_pid := self._awaiting.pop(request, None):
                on_pid(pid)

    def lose(self, now: float) -> None:
        """Handle the end of the fork server. Its services live on as our own children."""
        if self._server is None:
            return
        self.collect()
        self._selector.unregister(self._server)
        self._server.close()
        self._server = None
        self._awaiting.clear()
        self._next_start_at = now + restart_delay_s(self._deaths)
        self._deaths += 1

    def stop(self) -> None:
        """Stop forking; a process whose id never arrived is found among our children."""
        self.collect()
        if self._server is not None:
            shutdown.kill(self._server.pid, signal.SIGKILL)
            self._selector.unregister(self._server)
            self._server.close()
