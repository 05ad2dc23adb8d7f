"""Signals of the supervisor, and the waves in which processes are stopped."""

from __future__ import annotations

import os
import signal

import pytest

from lab.errors import UsageError
from lab.state import runfile
from lab.supervision import shutdown
from tests.lab.fakes.kernel import KILLED, Clock, Kernel
from tests.lab.fakes.supervisor_bench import CODE_2, SupervisorBench as Bench, deliver, plan


def test_sigusr1_enables_the_load(bench: Bench) -> None:
    """`lab load` sends it; afterwards the process is kept alive like any other."""
    bench.supervise(plan("one", ready=""), plan("loadgen", enabled=False, gates=False, ready=""))
    seen: list[str] = []

    def enable() -> None:
        seen.append(bench.rows()["loadgen"]["state"])
        deliver(signal.SIGUSR1)

    def stop() -> None:
        seen.append(bench.rows()["loadgen"]["state"])
        deliver(signal.SIGTERM)

    bench.clock.at(2.0, enable)
    bench.clock.at(4.0, stop)
    bench.supervisor.run()

    assert seen == ["off", "ready"]
    assert bench.spawner.of("loadgen")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_stop_signal_ends_everything_and_restores_the_handlers(bench: Bench, number: int) -> None:
    """The state in the status file is stopping, and no process is left."""
    before = {each: signal.getsignal(each) for each in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)}
    bench.supervise(plan("one"), plan("collector", last=True))
    bench.clock.at(1.0, lambda: deliver(number))
    bench.supervisor.run()

    assert bench.kernel.living() == []
    assert bench.rows()["one"]["state"] == "stopping"
    assert bench.recorder.steps[-1] == "stopping"
    assert {each: signal.getsignal(each) for each in before} == before


def test_a_lab_that_does_not_become_ready_raises_after_it_has_stopped(bench: Bench) -> None:
    """The error comes when nothing is left."""
    bench.supervise(plan("one"))
    bench.clock.at(0.5, lambda: bench.spawner.end(bench.spawner.of("one")[0], CODE_2))
    with pytest.raises(UsageError):
        bench.supervisor.run()

    assert bench.kernel.living() == []


def test_the_collector_stops_last(bench: Bench) -> None:
    """It receives what the others export while they stop."""
    bench.supervise(plan("one", ready=""), plan("two", ready=""), plan("collector", ready="", last=True))
    bench.recorder.on_ready = lambda: bench.clock.at(1.0, lambda: deliver(signal.SIGTERM))
    bench.supervisor.run()
    terms = {pid: at for at, pid, number in bench.kernel.log if number == signal.SIGTERM}
    by_name = {each.job.name: each.pid for each in bench.spawner.started}

    assert terms[by_name["collector"]] > max(terms[by_name["one"]], terms[by_name["two"]])


@pytest.fixture(name="kernel")
def _kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    clock = Clock()
    kernel = Kernel(clock, monkeypatch)
    monkeypatch.setattr(shutdown, "time", clock)
    monkeypatch.setattr(shutdown, "children", kernel.living)
    return kernel


def test_a_stop_takes_as_long_as_the_slowest_process(kernel: Kernel) -> None:
    """And no longer; tasks are killed at once."""
    task, quick, slow, last = kernel.start(None), kernel.start(0.1), kernel.start(1.0), kernel.start(0.2)
    began = kernel.clock.now
    shutdown.stop_all([task], [quick, slow], [last])

    assert kernel.living() == []
    assert kernel.clock.now - began == pytest.approx(1.2, abs=0.1)
    assert kernel.processes[task].signals == [KILLED]
    assert KILLED not in kernel.processes[last].signals


def test_a_stop_takes_five_seconds_at_most(kernel: Kernel) -> None:
    """Processes that ignore SIGTERM are killed after their wave, and so is a child that was not named."""
    stubborn, last, orphan = kernel.start(None), kernel.start(None), kernel.start(None)
    began = kernel.clock.now
    shutdown.stop_all([], [stubborn], [last])

    assert kernel.living() == []
    assert kernel.clock.now - began <= 5.0
    first_kill = next(at for at, pid, number in kernel.log if (pid, number) == (stubborn, KILLED))
    assert first_kill - began == pytest.approx(shutdown.FIRST_WAVE_S, abs=0.05)
    assert kernel.processes[orphan].signals[-1] == KILLED


def test_a_second_signal_shortens_the_wait(kernel: Kernel) -> None:
    """A second Ctrl-C kills what has not stopped; it never interrupts the cleaning up."""
    stubborn = kernel.start(None)
    began = kernel.clock.now
    kernel.clock.at(0.3, lambda: deliver(signal.SIGINT))
    shutdown.stop_all([], [stubborn], [])

    assert kernel.living() == []
    assert kernel.clock.now - began < 1.0


def test_our_own_group_is_never_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that shares it, because it had no time to leave, is killed alone."""
    sent: list[int] = []
    monkeypatch.setattr(os, "killpg", lambda pid, _: sent.append(pid))
    shutdown.kill_group(os.getpgrp(), signal.SIGKILL)

    assert sent == []


def test_our_children_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """On Linux; elsewhere there is no list of them."""
    assert all(isinstance(pid, int) for pid in shutdown.children())
    monkeypatch.setattr("sys.platform", "darwin")
    assert shutdown.children() == []


def test_a_run_file_is_none_of_the_supervisors_business(bench: Bench) -> None:
    """It writes the status file only; the lock and the run file belong to the launch."""
    bench.become_ready(plan("one"))

    assert runfile.read(bench.folder) is None
