"""Ends processes by their ids, in waves, within a bounded time, and leaves none behind."""

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
    """Signal what a process has started in its own session, if anything is left of it."""
    with contextlib.suppress(OSError):
        if pid != os.getpgrp():
            os.killpg(pid, number)


def stop_all(tasks: Iterable[int], first: Sequence[int], last: Sequence[int]) -> None:
    """End our children: tasks at once, then `first` politely, then `last`, then by force whoever is left.

    Bounded by five seconds in all; a second signal to this process while waiting shortens it.
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
    """Notices further stop signals: the first one shortens the wait, and none interrupts it."""

    def __init__(self) -> None:
        self.asked = False
        self._previous: dict[int, object] = {}

    def __enter__(self) -> _Hurry:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._previous[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal returned

    def _note(self, *_: object) -> None:
        self.asked = True


def _wave(pids: Sequence[int], within_s: float, hurry: _Hurry) -> None:
    for pid in pids:
        kill(pid, signal.SIGTERM)
    if pids:
        _reap_until(set(pids), within_s, hurry)
    for pid in pids:
        kill_group(pid, signal.SIGKILL)


def _reap_until(wanted: set[int], within_s: float, hurry: _Hurry, *, everyone: bool = False) -> None:
    deadline = time.monotonic() + within_s
    while (wanted or everyone) and time.monotonic() < deadline and not (hurry.asked and not everyone):
        try:
            pid, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        wanted.discard(pid)
        if pid == 0:
            time.sleep(0.01)
