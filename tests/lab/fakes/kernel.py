"""Time and processes without either: a clock that moves when something waits, and processes that are data."""

from __future__ import annotations

import os
import selectors
import signal
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

FIRST_PID = 2**22 + 1
"""Above the highest process id of Linux, so that a mistake can hit no real process."""
TERMINATED = signal.SIGTERM.value
KILLED = signal.SIGKILL.value


class Clock:
    """Stands in for the module `time`: `sleep` moves the clock and calls what is due."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def monotonic(self) -> float:
        """The time in seconds."""
        return self.now

    def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        end = self.now + seconds
        for entry in sorted((one for one in self._due if one[0] <= end), key=lambda one: one[0]):
            self._due.remove(entry)
            self.now = max(self.now, entry[0])
            entry[1]()
        self.now = end

    def at(self, seconds_from_now: float, action: Callable[[], None]) -> None:
        """Call `action` when that time has come."""
        self._due.append((self.now + seconds_from_now, action))


@dataclass
class FakeProcess:
    """A process: `stops_after_s` a SIGTERM (None: never), in a group of its own."""

    pid: int
    stops_after_s: float | None = 0.1
    signals: list[int] = field(default_factory=list)
    ended: bool = False


class Kernel:
    """Stands in for `os.kill`, `os.killpg` and `os.waitpid`. Every process is a child of ours."""

    def __init__(self, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = clock
        self.processes: dict[int, FakeProcess] = {}
        self.log: list[tuple[float, int, int]] = []
        """(seconds, process, signal) of each signal to a living process."""
        self._exits: list[tuple[int, int]] = []
        monkeypatch.setattr(os, "kill", self.kill)
        monkeypatch.setattr(os, "killpg", self.kill)
        monkeypatch.setattr(os, "waitpid", self._wait)

    def start(self, stops_after_s: float | None = 0.1) -> int:
        """A new process; returns its id."""
        pid = FIRST_PID + len(self.processes)
        self.processes[pid] = FakeProcess(pid, stops_after_s)
        return pid

    def living(self) -> list[int]:
        """The processes that have not ended."""
        return [process.pid for process in self.processes.values() if not process.ended]

    def end(self, pid: int, status: int = 0) -> None:
        """The process ends with this wait status."""
        process = self.processes[pid]
        if not process.ended:
            process.ended = True
            self._exits.append((pid, status))

    def kill(self, pid: int, number: int) -> None:
        """Deliver a signal."""
        process = self.processes.get(pid)
        if process is None or process.ended:
            raise ProcessLookupError
        self.log.append((self.clock.now, pid, number))
        process.signals.append(number)
        if number == KILLED:
            self.end(pid, KILLED)
        elif process.stops_after_s is not None:
            self.clock.at(process.stops_after_s, lambda: self.end(pid, number))

    def _wait(self, pid: int, options: int) -> tuple[int, int]:
        assert (pid, options) == (-1, os.WNOHANG), "only a look at any child is expected"
        if self._exits:
            return self._exits.pop(0)
        if not self.living():
            raise ChildProcessError
        return 0, 0


class Selector(selectors.DefaultSelector):
    """Waits by moving the clock; what is readable is returned at once."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """The ready files; without any the time passes."""
        found = super().select(0)
        if not found:
            self._clock.sleep(timeout or 0.0)
            found = super().select(0)
        return found
