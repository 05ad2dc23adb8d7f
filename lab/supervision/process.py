"""What the supervisor knows of one process: its plan, its state, when it may be started again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

FIRST_DELAY_S = 0.05
LONGEST_DELAY_S = 5.0
# Whoever stays up this long is forgiven its earlier deaths.
STABLE_AFTER_S = 10.0


class State(StrEnum):
    """How far a process is. `off` is a process that nobody wants now."""

    OFF = "off"
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"


@dataclass(frozen=True, slots=True)
class ProcessPlan:
    """A process to keep alive: `python -m module` with this environment.

    `ready` is `grpc`, an HTTP path asked on `address` (host:port), or empty for a process that is
    ready once it runs. `after` names processes that must be ready first. `fresh` forbids forking.
    `gates` says whether the lab counts as ready only with it, `proves` whether the proof must wait for it;
    `last` keeps it until the others have stopped.
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
    wanted: bool = True


@dataclass(frozen=True, slots=True)
class LabPlan:
    """Everything one lab runs: its folders, its processes, and what its fork server imports."""

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
    """The changing side of a plan. Times are of the monotonic clock, in seconds."""

    plan: ProcessPlan
    state: State = State.OFF
    pid: int | None = None
    restarts: int = 0
    deaths_in_a_row: int = 0
    started_at: float = 0.0
    next_start_at: float = 0.0
    wanted: bool = True

    def died(self, now: float) -> None:
        """Note a death and decide when to start again: at once the first time, then ever later."""
        if now - self.started_at >= STABLE_AFTER_S:
            self.deaths_in_a_row = 0
        delay = min(FIRST_DELAY_S * 2.0**self.deaths_in_a_row, LONGEST_DELAY_S)
        self.deaths_in_a_row += 1
        self.pid = None
        self.restarts += 1
        self.state = State.RESTARTING
        self.next_start_at = now + delay

    def started(self, now: float) -> None:
        """Note a start that was asked for; the process id may come later."""
        self.state = State.STARTING
        self.started_at = now
