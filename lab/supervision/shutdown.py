"""Stops processes by their ids: SIGTERM in two waves, then SIGKILL, within a bounded time."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

FIRST_WAVE_S = 2.5
LAST_WAVE_S = 1.5
KILLED_S = 0.8


def kill(pid: int, number: int) -> None:
    """Signal one process, if it is still there."""
    with contextlib.suppress(OSError):
        os.kill(pid, number)


def kill_group(pid: int, number: int) -> None:
    """Signal the process group of a process, if any member is left."""
    with contextlib.suppress(OSError):
        if pid != os.getpgrp():
            os.killpg(pid, number)


def stop_all(tasks: Iterable[int], first: Sequence[int], last: Sequence[int]) -> None:
    """Stop our children: tasks by SIGKILL, `first` and then `last` by SIGTERM, the rest by SIGKILL.

    Takes at most five seconds; a second stop signal to this process shortens the wait.
    """
    hurry = _Hurry()
    with hurry:
        for pid in tasks:
            kill_group(pid, signal.SIGKILL)
        _wave(first, FIRST_WAVE_S, hurry)
        _wave(last, LAST_WAVE_S, hurry)
        left = {*first, *last, *children()}
        for pid in left:
            kill_group(pid, signal.SIGKILL)
            kill(pid, signal.SIGKILL)
        _reap_until(set(), KILLED_S, hurry, everyone=True)


def children() -> list[int]:
    """The ids of this process's living children, adopted ones included (Linux; empty elsewhere)."""
    if sys.platform != "linux":
        return []
    found: list[int] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError, ValueError):
            found += [int(pid) for pid in (task / "children").read_text("ascii").split()]
    return found


class _Hurry:
    """Records further stop signals: the first one shortens the wait, none interrupts it."""

    def __init__(self) -> None:
        self.requested = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> _Hurry:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned

    def _note(self, *_: object) -> None:
        self.requested = True


def _wave(pids: Sequence[int], within_s: float, hurry: _Hurry) -> None:
    for pid in pids:
        kill(pid, signal.SIGTERM)
    if pids:
        _reap_until(set(pids), within_s, hurry)
    for pid in pids:
        kill_group(pid, signal.SIGKILL)


def _reap_until(remaining: set[int], within_s: float, hurry: _Hurry, *, everyone: bool = False) -> None:
    deadline = time.monotonic() + within_s
    while (remaining or everyone) and time.monotonic() < deadline and not (hurry.requested and not everyone):
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        remaining.discard(pid)
        if pid == 0:
            time.sleep(0.01)
