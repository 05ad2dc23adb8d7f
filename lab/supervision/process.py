"""One supervised process: its state, and when it is restarted."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lab.plan.lab_plan import ProcessPlan

FIRST_DELAY_S = 0.05
LONGEST_DELAY_S = 5.0
_DOUBLINGS = 8  # past the longest delay; an unbounded power of two overflows after hours of failures
# After this uptime the count of consecutive failures starts from zero.
STABLE_AFTER_S = 10.0


def restart_delay_s(failures: int) -> float:
    """Seconds to wait before a restart that follows this many failures in a row."""
    return min(FIRST_DELAY_S * 2.0 ** min(failures, _DOUBLINGS), LONGEST_DELAY_S)


class State(StrEnum):
    """The state of a process; `off` is one that is not enabled, `on demand` one that nobody has asked yet."""

    OFF = "off"
    ON_DEMAND = "on demand"
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    RESTARTING = "restarting"
    STOPPING = "stopping"


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

    @property
    def may_be_asked(self) -> bool:
        """Whether a call to its address is answered."""
        return self.state in (State.READY, State.ON_DEMAND)

    def died(self, now: float) -> None:
        """Record the end of the process and schedule a restart with exponential back-off."""
        if now - self.started_at >= STABLE_AFTER_S:
            self.consecutive_failures = 0
        self.next_start_at = now + restart_delay_s(self.consecutive_failures)
        self.consecutive_failures += 1
        self.pid = None
        self.restarts += 1
        self.state = State.RESTARTING

    def started(self, now: float) -> None:
        """Record a requested start; the process id may arrive later."""
        self.state = State.STARTING
        self.started_at = now
