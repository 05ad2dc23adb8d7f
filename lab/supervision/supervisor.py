"""Supervises every process of a plan from one thread: start, wait until ready, restart, stop.

Owns the children, their log files and the status file. Knows no service by name:
everything is in the plan. All waiting uses the monotonic clock.

    start ─► every process (in the order of `after`) ─► ready ─► proof ─► READY
      an exit ─► restart with back-off        SIGTERM, SIGINT ─► stop everything
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import socket
import time
from collections.abc import Sequence

from lab.errors import LabError, StartError, UsageError
from lab.plan.lab_plan import LabPlan
from lab.state import logfiles
from lab.state.statusfile import Row, StatusFile
from lab.supervision import child_setup, shutdown, spawn, start_failure
from lab.supervision.held_listener import HeldListener
from lab.supervision.helpers import Task, Tasks
from lab.supervision.process import Process, State
from lab.supervision.reporter import Reporter
from lab.supervision.spawn import ForkServer
from lab.supervision.spawner import Spawner

START_TIMEOUT_S = 90.0
TICK_S = 1.0
MAX_FAILURES = 4
USAGE_EXIT = 2


class Supervisor:
    """One run of one plan. `run` returns when everything has stopped; call it in the main thread."""

    def __init__(
        self,
        plan: LabPlan,
        reporter: Reporter,
        *,
        requested_at: float | None = None,
        forks: ForkServer | None = None,
    ) -> None:
        self._plan = plan
        self._reporter = reporter
        self._requested_at = time.monotonic() if requested_at is None else requested_at
        self._processes = {entry.name: Process(entry, enabled=entry.enabled) for entry in plan.processes}
        self._selector = selectors.DefaultSelector()
        self._spawner = Spawner(plan, self._selector, forks)
        self._tasks = Tasks(plan, self._selector, self._spawner.spawn)
        self._status = StatusFile(plan.run_dir, plan.urls)
        self._held: dict[str, HeldListener] = {}
        # Processes whose health a running task checks, so that a crash loop does not start several checks.
        self._being_checked: set[str] = set()
        # Process id -> exit status of processes that ended before the fork server reported their id.
        self._early_exits: dict[int, int] = {}
        self._stopping = False
        self._proving = False
        self._proved = "" if plan.proof else "no proof was requested"
        self._ready = False
        self._failure: LabError | None = None
        self._next_tick = 0.0
        # Counted from here: the time of a first set-up is not part of it.
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
            self._advance_readiness(now)
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
            self._status.write_if_due(now, ready=self._is_ready(), rows=self._rows())
        except LabError as error:
            # A full disk must not end a lab that runs.
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
            and all(entry.may_be_asked for entry in self._processes.values() if entry.plan.gates)
        )

    def _rows(self) -> list[Row]:
        rows = [
            Row(entry.plan.name, entry.pid, entry.state.value, entry.restarts, entry.plan.address or None)
            for entry in self._processes.values()
        ]
        rows.append(Row("supervisor", os.getpid(), State.READY.value, 0))
        if self._spawner.available:
            state = State.READY if self._spawner.pid else State.RESTARTING
            rows.append(Row("forkserver", self._spawner.pid, state.value, self._spawner.restarts))
        return rows

    # -- starting -----------------------------------------------------------------------------

    def _start_due(self, now: float) -> None:
        if self._spawner.keep_alive(now):
            self._status.touch()
        due = []
        # Those first that the readiness proof waits for.
        for entry in sorted(self._processes.values(), key=lambda entry: not entry.plan.proves):
            if not entry.enabled or entry.state not in (State.OFF, State.WAITING, State.RESTARTING):
                continue
            if entry.state is State.RESTARTING and now < entry.next_start_at:
                continue
            if entry.plan.on_demand and entry.state is State.OFF and self._listen_for(entry):
                continue
            # Load must not compete with the readiness proof.
            held = not entry.plan.gates and not self._ready
            if held or any(self._processes[name].state is not State.READY for name in entry.plan.after):
                entry.state = State.WAITING if entry.state is State.OFF else entry.state
                continue
            due.append(entry)
        if due:
            self._status.touch()
            # Before they are there: it notices each as soon as it answers.
            self._check_readiness(due)
            for entry in due:
                self._start(entry, now)

    def _listen_for(self, entry: Process) -> bool:
        """Listen in place of a process until somebody connects; False where that is not possible."""

        def ask() -> None:
            entry.state = State.WAITING

        with contextlib.suppress(OSError):
            self._held[entry.plan.name] = HeldListener(entry.plan.address, self._selector, ask)
            entry.state = State.ON_DEMAND
            self._status.touch()
            return True
        return False

    def _start(self, entry: Process, now: float) -> None:
        plan = entry.plan
        entry.started(now)
        held = self._held.get(plan.name)
        job = spawn.Job(plan.name, plan.module, (), plan.environment, held.fileno() if held else None)
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
        status = self._early_exits.pop(pid, None)
        if status is not None:
            self._service_ended(entry, pid, status)
            return
        if not entry.plan.ready and entry.state is State.STARTING:
            entry.state = State.READY
        self._status.touch()

    # -- becoming ready -----------------------------------------------------------------------

    def _check_readiness(self, entries: list[Process]) -> None:
        checks = {
            entry.plan.name: [entry.plan.ready, entry.plan.address]
            for entry in entries
            if entry.plan.ready and entry.plan.name not in self._being_checked
        }
        if checks:
            self._being_checked |= set(checks)
            self._tasks.start(
                Task(
                    "readiness",
                    "lab.supervision.health_check",
                    (json.dumps(checks),),
                    self._became_healthy,
                    self._readiness_ended,
                )
            )

    def _became_healthy(self, name: str) -> None:
        self._being_checked.discard(name)
        # A process may answer before the fork server's reply was read.
        self._spawner.collect()
        entry = self._processes.get(name)
        if entry is not None and entry.state is State.STARTING and entry.pid is not None:
            entry.state = State.READY
            self._status.touch()

    def _readiness_ended(self, task: Task) -> None:
        """Check again what is still starting although its health check ended (it was killed)."""
        checked = set(json.loads(task.arguments[0]))
        self._being_checked -= checked
        left = [e for e in self._processes.values() if e.plan.name in checked and e.state is State.STARTING]
        if left and not self._stopping:
            self._check_readiness(left)

    def _advance_readiness(self, now: float) -> None:
        gating = [entry for entry in self._processes.values() if entry.plan.gates and entry.enabled]
        waiting = [entry for entry in gating if not entry.may_be_asked]
        failing = next((entry for entry in waiting if entry.consecutive_failures >= MAX_FAILURES), None)
        if failing is not None:
            self._give_up(self._does_not_start(failing.plan.name))
        elif now > self._start_deadline and not self._proving and not self._is_carrying_over(waiting):
            self._give_up(self._does_not_start(waiting[0].plan.name if waiting else "forkserver"))
        elif not waiting and self._proved:
            self._become_ready(self._proved)
        elif self._proving or any(entry.plan.proves for entry in waiting):
            self._reporter.progress(_progress(len(gating), len(waiting)))
        elif self._plan.proof:
            self._proving = True
            proof = self._plan.proof
            self._tasks.start(
                Task("probe", proof.module, proof.arguments, self._proof_line, self._proof_ended)
            )

    def _is_carrying_over(self, waiting: Sequence[Process]) -> bool:
        return any(logfiles.is_carrying_over(self._plan.log_dir, entry.plan.name) for entry in waiting)

    def _does_not_start(self, name: str) -> StartError:
        return start_failure.explained(self._plan.log_dir, name)

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
        # The status file first: callers read it as soon as they learn that the lab is ready.
        self._status.write_now(ready=self._is_ready(), rows=self._rows())
        self._reporter.ready(time.monotonic() - self._requested_at, detail)

    def _proof_ended(self, task: Task) -> None:
        if task.pid is None:
            self._proving = False
        elif not self._proved and not self._stopping:
            self._give_up(self._does_not_start("probe"))

    def _give_up(self, error: LabError) -> None:
        self._failure = self._failure or error
        self._stopping = True

    # -- exits --------------------------------------------------------------------------------

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
        # The process may have ended before its id arrived.
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
                self._early_exits[pid] = status
            else:
                self._early_exits.clear()
        self._status.touch()

    def _lose_fork_server(self) -> None:
        """Request again what was requested from the lost server but not confirmed."""
        now = time.monotonic()
        self._spawner.lose(now)
        for entry in self._processes.values():
            if entry.state is State.STARTING and entry.pid is None:
                entry.died(now)
        self._tasks.drop_unstarted()

    def _service_ended(self, entry: Process, pid: int, status: int) -> None:
        shutdown.kill_group(pid, signal.SIGKILL)
        code = os.waitstatus_to_exitcode(status)
        name = entry.plan.name
        if not entry.enabled:
            entry.pid, entry.state = None, State.OFF
            return
        entry.died(time.monotonic())
        if code == USAGE_EXIT and not self._ready:
            error = self._does_not_start(name)
            self._give_up(UsageError(error.message, error.remedy))
        how = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
        again = "" if self._stopping else f" and is started again (restart {entry.restarts})"
        self._reporter.event(f"{name} {how}{again}")

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
        previous[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._on_enable_all)
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

    def _on_enable_all(self, *_: object) -> None:
        """Enable the processes that are off: `lab load` sends SIGUSR1 for that."""
        for entry in self._processes.values():
            if not entry.enabled:
                entry.enabled = True
                self._status.touch()

    def _stop(self) -> None:
        self._reporter.progress("stopping")
        for entry in self._processes.values():
            entry.state = State.STOPPING if entry.pid else State.OFF
        with contextlib.suppress(LabError):
            self._status.write_now(ready=False, rows=self._rows())
        self._spawner.stop()
        for held in self._held.values():
            held.close()
        first = [entry.pid for entry in self._processes.values() if entry.pid and not entry.plan.last]
        last = [entry.pid for entry in self._processes.values() if entry.pid and entry.plan.last]
        shutdown.stop_all(self._tasks.pids(), first, last)
        self._tasks.close()


def _progress(of: int, waiting: int) -> str:
    if waiting:
        return f"starting: {of - waiting} of {of} processes ready"
    return "every process is ready; following one checkout through the whole lab"
