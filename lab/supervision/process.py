"""One supervised process: its plan, its state, and when it is restarted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

FIRST_DELAY_S = 0.05
LONGEST_DELAY_S = 5.0
# After this uptime the count of consecutive failures starts from zero.
STABLE_AFTER_S = 10.0


class State(StrEnum):
    """The state of a process; `off` is one that is not enabled."""

    OFF = "off"
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """A process to keep alive: `python -m module` with this environment.

    `ready` is `grpc`, an HTTP path requested from `address` (host:port), or empty for a process that is
    ready once it runs. `after` names processes that must be ready first. `fresh` forbids forking.
    `gates`: the lab is ready only with it. `proves`: the readiness proof waits for it. `last`: it is
    stopped after the others. `enabled`: it is started with the lab.
    """

    name: str
    module: str
    environment: Mapping[str, str]
    address: str = ""
    ready: str = ""
    after: tuple[str, ...] = ()
    fresh: bool = False
    gates: bool = True
    proves: bool = True
    last: bool = False
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class LabPlan:
    """One lab: its folders, its processes, and what its fork server imports."""

    run_dir: Path
    processes: tuple[ProcessPlan, ...]
    environment: Mapping[str, str]
    urls: Mapping[str, str] = field(default_factory=dict)
    preload: tuple[str, ...] = ()
    # Arguments of `python -m lab.run.readiness_proof`; empty: ready needs no proof (tests of the supervisor).
    probe: tuple[str, ...] = ()

    @property
    def log_dir(self) -> Path:
        """Where each process's output goes, as `<name>.log`."""
        return self.run_dir / "logs"


@dataclass(slots=True)
class Process:
    """The runtime state of a plan. Times are seconds of the monotonic clock."""

    plan: ProcessPlan
    state: State = State.OFF
    pid: int | None = None
    restarts: int = 0
    consecutive_failures: int = 0
    started_at: float = 0.0
    next_start_at: float = 0.0
    enabled: bool = True

    def died(self, now: float) -> None:
        """Record the end of the process and schedule a restart with exponential back-off."""
        if now - self.started_at >= STABLE_AFTER_S:
            self.consecutive_failures = 0
        delay = min(FIRST_DELAY_S * 2.0**self.consecutive_failures, LONGEST_DELAY_S)
        self.consecutive_failures += 1
        self.pid = None
        self.restarts += 1
        self.state = State.RESTARTING
        self.next_start_at = now + delay

    def started(self, now: float) -> None:
        """Record a requested start; the process id may arrive later."""
        self.state = State.STARTING
        self.started_at = now
