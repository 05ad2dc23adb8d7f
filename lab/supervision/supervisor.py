"""Keeps every process of a plan alive, from one thread: start, wait until ready, restart, stop.

Owns the children, their log files and the status file. Knows no service: what
it does is in the plan. All waiting is on the monotonic clock.

    start ─► every process (in the order of `after`) ─► ready ─► proof ─► READY
      a death ─► restart with back-off        SIGTERM, SIGINT ─► stop everything
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from typing import Protocol

from lab.errors import LabError, StartError, UsageError
from lab.state import logfiles
from lab.state.statusfile import Helper, StatusFile
from lab.supervision import child_setup, shutdown, spawn
from lab.supervision.helpers import Task, Tasks
from lab.supervision.process import LabPlan, Process, State
from lab.supervision.spawner import Spawner

START_TIMEOUT_S = 90.0
TICK_S = 1.0
DEATHS_UNTIL_GIVING_UP = 4
USAGE_EXIT = 2


class Reporter(Protocol):
    """Whoever tells people what happens."""

    def progress(self, text: str) -> None:
        """What is being done now, while starting."""

    def event(self, text: str) -> None:
        """Something worth a line, any time."""

    def ready(self, seconds: float, detail: str) -> None:
        """The lab is ready, `seconds` after it was asked for."""


class Supervisor:
    """One run of one plan. `run` returns when everything has stopped; call it in the main thread."""

    def __init__(self, plan: LabPlan, reporter: Reporter, *, asked_at: float | None = None) -> None:
        self._plan = plan
        self._reporter = reporter
        self._asked_at = time.monotonic() if asked_at is None else asked_at
        self._processes = {entry.name: Process(entry, wanted=entry.wanted) for entry in plan.processes}
        self._selector = selectors.DefaultSelector()
        self._spawner = Spawner(plan, self._selector)
        self._tasks = Tasks(plan, self._selector, self._spawner.spawn)
        self._status = StatusFile(plan, self._processes)
        # Whose readiness a living task asks for: one that dies again and again is asked for once.
        self._asking: set[str] = set()
        # Processes that died before the fork server's word of them came, with their exit status.
        self._died_untold: dict[int, int] = {}
        self._stopping = False
        self._proving = False
        self._proved = "" if plan.probe else "no proof was asked for"
        self._ready = False
        self._failure: LabError | None = None
        self._next_tick = 0.0
        # The wait for a first set-up is not the processes' fault.
        self._start_deadline = time.monotonic() + START_TIMEOUT_S

    # -- life ---------------------------------------------------------------------------------

    def run(self) -> None:
        """Start everything and keep it until a signal; raises LabError when it does not become ready."""
        with self._signals():
            try:
                while not self._stopping:
                    self._step()
            finally:
                self._stop()
        if self._failure is not None:
            raise self._failure

    def _step(self) -> None:
        now = time.monotonic()
        self._start_due(now)
        if not self._ready:
            self._pursue_readiness(now)
        if now >= self._next_tick:
            self._next_tick = now + TICK_S
            for name in logfiles.rotate(self._plan.log_dir):
                self._reporter.event(f"{name} was full and was moved aside")
        self._write_status(now)
        for key, _ in self._selector.select(max(0.0, self._next_wake(now) - now)):
            key.data()
        self._reap()

    def _write_status(self, now: float) -> None:
        try:
            self._status.write_if_due(now, ready=self._is_ready(), helpers=self._helpers())
        except LabError as error:
            # A disk that fills up while the lab runs must not end it.
            if not self._ready:
                raise
            self._reporter.event(str(error))

    def _next_wake(self, now: float) -> float:
        due = [self._next_tick, self._status.next_write(now), self._spawner.next_wake()]
        due += [entry.next_start_at for entry in self._processes.values() if entry.state is State.RESTARTING]
        return min(due)

    def _is_ready(self) -> bool:
        return (
            self._ready
            and not self._stopping
            and all(entry.state is State.READY for entry in self._processes.values() if entry.plan.gates)
        )

    def _helpers(self) -> list[Helper]:
        helpers: list[Helper] = [("supervisor", os.getpid(), 0)]
        if self._spawner.available:
            helpers.append(("forkserver", self._spawner.pid, self._spawner.restarts))
        return helpers

    # -- starting -----------------------------------------------------------------------------

    def _start_due(self, now: float) -> None:
        if self._spawner.keep_alive(now):
            self._status.touch()
        started = []
        for entry in self._processes.values():
            if not entry.wanted or entry.state not in (State.OFF, State.WAITING, State.RESTARTING):
                continue
            if entry.state is State.RESTARTING and now < entry.next_start_at:
                continue
            # Load must not compete with the proof that the lab works.
            held = not entry.plan.gates and not self._ready
            if held or any(self._processes[name].state is not State.READY for name in entry.plan.after):
                entry.state = State.WAITING if entry.state is State.OFF else entry.state
                continue
            self._start(entry, now)
            started.append(entry)
        if started:
            self._status.touch()
            self._ask_readiness(started)

    def _start(self, entry: Process, now: float) -> None:
        plan = entry.plan
        entry.started(now)
        job = spawn.Job(plan.name, plan.module, (), plan.environment)
        log = logfiles.open_log(self._plan.log_dir, plan.name)
        try:
            self._spawner.spawn(job, log, log, plan.fresh, lambda pid: self._has_pid(entry, pid))
        except OSError as error:
            self._reporter.event(f"{plan.name} could not be started: {error.strerror or error}")
            entry.died(now)
        finally:
            os.close(log)

    def _has_pid(self, entry: Process, pid: int) -> None:
        entry.pid = pid
        status = self._died_untold.pop(pid, None)
        if status is not None:
            self._service_ended(entry, pid, status)
            return
        if not entry.plan.ready and entry.state is State.STARTING:
            entry.state = State.READY
        self._status.touch()

    # -- becoming ready -----------------------------------------------------------------------

    def _ask_readiness(self, entries: list[Process]) -> None:
        questions = {
            entry.plan.name: [entry.plan.ready, entry.plan.address]
            for entry in entries
            if entry.plan.ready and entry.plan.name not in self._asking
        }
        if questions:
            self._asking |= set(questions)
            self._tasks.start(
                Task(
                    "readiness",
                    "lab.supervision.health_check",
                    (json.dumps(questions),),
                    self._answered,
                    self._readiness_ended,
                )
            )

    def _answered(self, name: str) -> None:
        self._asking.discard(name)
        # A process may answer before the fork server's word of it was read.
        self._spawner.collect()
        entry = self._processes.get(name)
        if entry is not None and entry.state is State.STARTING and entry.pid is not None:
            entry.state = State.READY
            self._status.touch()

    def _readiness_ended(self, task: Task) -> None:
        """Whoever is still starting after its question ended (its asker was killed) is asked again."""
        asked = set(json.loads(task.arguments[0]))
        self._asking -= asked
        left = [e for e in self._processes.values() if e.plan.name in asked and e.state is State.STARTING]
        if left and not self._stopping:
            self._ask_readiness(left)

    def _pursue_readiness(self, now: float) -> None:
        gating = [entry for entry in self._processes.values() if entry.plan.gates and entry.wanted]
        waiting = [entry for entry in gating if entry.state is not State.READY]
        hopeless = next((entry for entry in waiting if entry.deaths_in_a_row >= DEATHS_UNTIL_GIVING_UP), None)
        if hopeless is not None:
            self._give_up(self._does_not_start(hopeless.plan.name))
        elif now > self._start_deadline and not self._proving:
            self._give_up(self._does_not_start(waiting[0].plan.name if waiting else "forkserver"))
        elif not waiting and self._proved:
            self._become_ready(self._proved)
        elif self._proving or any(entry.plan.proves for entry in waiting):
            self._reporter.progress(_progress(len(gating), len(waiting)))
        elif self._plan.probe:
            self._proving = True
            self._tasks.start(
                Task(
                    "probe", "lab.run.readiness_proof", self._plan.probe, self._proof_line, self._proof_ended
                )
            )

    def _does_not_start(self, name: str) -> StartError:
        words = logfiles.last_words(self._plan.log_dir, name)
        log = self._plan.log_dir / f"{name}.log"
        return StartError(f"{name} does not start: {words or 'it says nothing'}", f"Its whole log: {log}")

    def _proof_line(self, line: str) -> None:
        with contextlib.suppress(ValueError, KeyError, TypeError):
            answer = json.loads(line)
            if answer["passed"]:
                self._proved = answer["detail"]
            elif "detail" in answer:
                self._give_up(
                    StartError(
                        f"The lab runs, but the checkout that proves it: {answer['detail']}", answer["remedy"]
                    )
                )

    def _become_ready(self, detail: str) -> None:
        self._ready = True
        self._status.touch()
        # The file first: whoever is told asks it at once.
        self._status.write_now(ready=self._is_ready(), helpers=self._helpers())
        self._reporter.ready(time.monotonic() - self._asked_at, detail)

    def _proof_ended(self, task: Task) -> None:
        if task.pid is None:
            self._proving = False
        elif not self._proved and not self._stopping:
            self._give_up(self._does_not_start("probe"))

    def _give_up(self, error: LabError) -> None:
        self._failure = self._failure or error
        self._stopping = True

    # -- deaths -------------------------------------------------------------------------------

    def _reap(self) -> None:
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            self._ended(pid, status)

    def _ended(self, pid: int, status: int) -> None:
        # The process may have died before its id was told.
        self._spawner.collect()
        if pid == self._spawner.pid:
            self._reporter.event("the fork server ended and is started again; the services are not affected")
            self._lose_fork_server()
        elif self._tasks.ended(pid):
            return
        else:
            entry = next((entry for entry in self._processes.values() if entry.pid == pid), None)
            if entry is not None:
                self._service_ended(entry, pid, status)
            elif any(e.pid is None and e.state is State.STARTING for e in self._processes.values()):
                self._died_untold[pid] = status
            else:
                self._died_untold.clear()
        self._status.touch()

    def _lose_fork_server(self) -> None:
        """Only what it was just asked for must be asked again."""
        now = time.monotonic()
        self._spawner.lose(now)
        for entry in self._processes.values():
            if entry.state is State.STARTING and entry.pid is None:
                entry.died(now)
        self._tasks.abandon_unborn()

    def _service_ended(self, entry: Process, pid: int, status: int) -> None:
        shutdown.kill_group(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(status)
        name = entry.plan.name
        if not entry.wanted:
            entry.pid, entry.state = None, State.OFF
            return
        entry.died(time.monotonic())
        if code == USAGE_EXIT and not self._ready:
            error = self._does_not_start(name)
            self._give_up(UsageError(error.message, error.remedy))
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        self._reporter.event(f"{name} {how} and is started again (restart {entry.restarts})")

    # -- signals and stopping -----------------------------------------------------------------

    @contextlib.contextmanager
    def _signals(self):  # type: ignore[no-untyped-def]  # a context manager's own type says less than its name
        child_setup.adopt_orphans()
        reader, writer = socket.socketpair()
        reader.setblocking(False)
        writer.setblocking(False)
        self._selector.register(reader, selectors.EVENT_READ, lambda: self._drain(reader))
        handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        previous = {number: signal.signal(number, self._on_stop) for number in handled}
        previous[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._on_wanted)
        previous[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
        wakeup = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        try:
            yield
        finally:
            signal.set_wakeup_fd(wakeup)
            for number, handler in previous.items():
                signal.signal(number, handler)
            self._selector.close()
            reader.close()
            writer.close()

    @staticmethod
    def _drain(reader: socket.socket) -> None:
        with contextlib.suppress(BlockingIOError):
            while reader.recv(512):
                pass

    def _on_stop(self, *_: object) -> None:
        self._stopping = True

    def _on_wanted(self, *_: object) -> None:
        """Somebody changed what is wanted (`lab load`): a process that was off is to run."""
        for entry in self._processes.values():
            if not entry.wanted:
                entry.wanted = True
                self._status.touch()

    def _stop(self) -> None:
        self._reporter.progress("stopping")
        for entry in self._processes.values():
            entry.state = State.STOPPING if entry.pid else State.OFF
        with contextlib.suppress(LabError):
            self._status.write_now(ready=False, helpers=self._helpers())
        self._spawner.stop()
        first = [entry.pid for entry in self._processes.values() if entry.pid and not entry.plan.last]
        last = [entry.pid for entry in self._processes.values() if entry.pid and entry.plan.last]
        shutdown.stop_all(self._tasks.pids(), first, last)
        self._tasks.close()


def _progress(of: int, waiting: int) -> str:
    if waiting:
        return f"starting: {of - waiting} of {of} processes ready"
    return "every process is ready; following one checkout through the whole lab"
