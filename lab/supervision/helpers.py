"""Short-lived helper processes whose output lines the supervisor handles."""

from __future__ import annotations

import contextlib
import os
import selectors
from collections.abc import Callable
from dataclasses import dataclass, field

from lab.plan.lab_plan import LabPlan
from lab.state import logfiles
from lab.supervision.spawn import Job

Spawn = Callable[[Job, int, int, bool, Callable[[int], None]], None]


@dataclass(slots=True, eq=False)
class Task:
    """`python -m module arguments`: `on_line` gets each line of its output, `on_end` is called at the end."""

    name: str
    module: str
    arguments: tuple[str, ...]
    on_line: Callable[[str], None]
    on_end: Callable[[Task], None]
    pid: int | None = None
    pipe: int = -1
    rest: bytes = field(default=b"")


class Tasks:
    """The running tasks. A task ends when its output ends, so no line is lost."""

    def __init__(self, plan: LabPlan, selector: selectors.BaseSelector, spawn: Spawn) -> None:
        self._plan = plan
        self._selector = selector
        self._spawn = spawn
        self._running: list[Task] = []

    def start(self, task: Task) -> None:
        """Start a task. Raises OSError when no process can be started."""
        reader, writer = os.pipe()
        os.set_blocking(reader, False)
        log = logfiles.open_log(self._plan.log_dir, task.name)
        task.pipe = reader
        self._running.append(task)
        self._selector.register(reader, selectors.EVENT_READ, lambda: self._read(task))
        try:
            job = Job(f"lab-{task.name}", task.module, task.arguments, self._plan.environment)
            self._spawn(job, writer, log, False, lambda pid: setattr(task, "pid", pid))
        finally:
            os.close(writer)
            os.close(log)

    def ended(self, pid: int) -> bool:
        """Whether this process was a task; the end of a task is handled when its output ends."""
        return any(task.pid == pid for task in self._running)

    def pids(self) -> list[int]:
        """The process ids of the running tasks."""
        return [task.pid for task in self._running if task.pid]

    def drop_unstarted(self) -> None:
        """End the tasks whose fork was requested but never confirmed with a process id."""
        for task in [task for task in self._running if task.pid is None]:
            self._finish(task)

    def close(self) -> None:
        """Close every pipe without calling any handler."""
        for task in self._running:
            os.close(task.pipe)
        self._running.clear()

    def _read(self, task: Task) -> None:
        if task not in self._running:
            return
        try:
            data = os.read(task.pipe, 65_536)
        except BlockingIOError:
            return
        *lines, task.rest = (task.rest + data).split(b"\n")
        for line in lines:
            task.on_line(line.decode("utf-8", "replace"))
        if not data:
            self._finish(task)

    def _finish(self, task: Task) -> None:
        if task not in self._running:
            return
        self._running.remove(task)
        with contextlib.suppress(KeyError):
            self._selector.unregister(task.pipe)
        os.close(task.pipe)
        task.on_end(task)
