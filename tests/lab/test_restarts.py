"""What follows an exit: back-off, early exits, wrong settings, the fork server's death, a full disk."""

from __future__ import annotations

import pytest

from lab.errors import LabError, UsageError
from lab.state import logfiles, statusfile
from lab.supervision import process as process_module, supervisor as supervisor_module
from lab.supervision.process import State
from tests.lab.fakes.kernel import KILLED
from tests.lab.fakes.supervisor_bench import CODE_1, CODE_2, PROOF, SupervisorBench as Bench, plan


def test_restarts_back_off_up_to_five_seconds(bench: Bench) -> None:
    """0.05 s, then twice as long each time; forgiven after ten seconds of life."""
    bench.become_ready(plan("steady"), plan("bad", gates=False))
    bench.step(2)
    entry = bench.supervisor._processes["bad"]
    waits = []
    for _ in range(9):
        bench.spawner.end(bench.spawner.of("bad")[-1], CODE_1)
        bench.step()
        ended_at = bench.clock.now
        while entry.state is State.RESTARTING:
            bench.step()
        waits.append(round(entry.started_at - ended_at, 3))

    assert waits == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert bench.rows()["bad"]["restarts"] == 9
    assert bench.recorder.events[-1] == "bad ended with exit code 1 and is started again (restart 9)"
    assert entry.consecutive_failures == 9
    bench.clock.sleep(process_module.STABLE_AFTER_S)
    bench.spawner.end(bench.spawner.of("bad")[-1], KILLED)
    bench.step()
    assert entry.consecutive_failures == 1
    assert "bad was killed by signal 9" in bench.recorder.events[-1]


@pytest.mark.parametrize(
    ("failures", "delay_s"), [(0, 0.05), (1, 0.1), (6, 3.2), (7, 5.0), (1_023, 5.0), (10**6, 5.0)]
)
def test_the_delay_is_bounded_however_often_a_process_fails(failures: int, delay_s: float) -> None:
    """A process that fails for hours must not overflow a power of two."""
    assert process_module.restart_delay_s(failures) == pytest.approx(delay_s)


def test_the_lab_is_not_ready_while_a_gating_process_restarts(bench: Bench) -> None:
    """And ready again afterwards, without a second report."""
    bench.become_ready(plan("one"))
    bench.spawner.end(bench.spawner.of("one")[0], KILLED)
    bench.step(2)
    status = statusfile.stored(bench.folder)
    assert status is not None
    assert status["ready"] is False
    bench.step(3)
    bench.answer_health()
    bench.step(2)
    status = statusfile.stored(bench.folder)

    assert status is not None
    assert status["ready"] is True
    assert len(bench.recorder.ready_details) == 1


def test_an_exit_before_the_process_id_arrives_counts(bench: Bench) -> None:
    """A process may end before the fork server's reply is read."""
    bench.spawner.delays_pids = True
    bench.supervise(plan("one", ready=""))
    bench.step()
    bench.spawner.end(bench.spawner.of("one")[0], CODE_1)
    bench.step()
    assert bench.supervisor._processes["one"].state is State.STARTING
    bench.spawner.delays_pids = False
    bench.spawner.collect()

    entry = bench.supervisor._processes["one"]
    assert (entry.state, entry.restarts) == (State.RESTARTING, 1)


def test_an_adopted_orphan_is_reaped_and_forgotten(bench: Bench) -> None:
    """A grandchild that ended is not kept as an early exit of anything."""
    bench.become_ready(plan("one"))
    bench.kernel.end(bench.kernel.start())
    bench.step()

    assert bench.supervisor._early_exits == {}
    assert bench.recorder.events == []


def test_exit_code_2_while_starting_is_a_wrong_setting(bench: Bench) -> None:
    """The lab ends at once, with code 2 and the process's own sentence."""
    bench.supervise(plan("one"), plan("two"))
    bench.step()
    (bench.folder / "logs" / "two.log").write_text("Error: PORT must be a number\n", "utf-8")
    bench.spawner.end(bench.spawner.of("two")[0], CODE_2)
    bench.step()

    failure = bench.supervisor._failure
    assert isinstance(failure, UsageError)
    assert failure.exit_code == 2
    assert "two does not start: Error: PORT must be a number" in failure.message


def test_exit_code_2_of_a_running_lab_is_a_restart(bench: Bench) -> None:
    """A setting that was good once does not become wrong."""
    bench.become_ready(plan("one"))
    bench.spawner.end(bench.spawner.of("one")[0], CODE_2)
    bench.step()

    assert bench.supervisor._failure is None
    assert bench.supervisor._processes["one"].state is State.RESTARTING


def test_a_process_that_fails_four_times_while_starting_ends_the_lab(bench: Bench) -> None:
    """Nothing was ready, so nothing is lost."""
    bench.supervise(plan("one"))
    for count in range(1, supervisor_module.MAX_FAILURES + 1):
        while len(bench.spawner.of("one")) < count:
            bench.step()
        bench.spawner.end(bench.spawner.of("one")[-1], CODE_1)
        bench.step()
    bench.step()

    assert str(bench.supervisor._failure).startswith("one does not start: it wrote no output")


def test_a_process_that_cannot_be_forked_is_tried_again(bench: Bench) -> None:
    """A machine without free processes is an event, not an end."""
    bench.spawner.fails = {"one"}
    bench.supervise(plan("one", ready=""))
    bench.step()
    assert bench.recorder.events == ["one could not be started: Resource temporarily unavailable"]
    bench.spawner.fails = set()
    bench.step(3)

    assert bench.rows()["one"]["state"] == "ready"


def test_the_death_of_the_fork_server_harms_no_service(bench: Bench) -> None:
    """What it had not confirmed is requested again; a proof that it never started, too."""
    bench.become_ready(plan("one"), plan("late", gates=False))
    bench.step()
    bench.answer_health()
    bench.spawner.delays_pids = True
    bench.spawner.end(bench.spawner.of("late")[0], KILLED)
    while len(bench.spawner.of("late")) < 2:
        bench.step()
    assert bench.spawner.pid is not None
    bench.kernel.end(bench.spawner.pid, KILLED)
    bench.step()
    bench.spawner.delays_pids = False

    assert "the fork server ended" in bench.recorder.events[-1]
    assert bench.supervisor._processes["late"].state is State.RESTARTING
    while len(bench.spawner.of("late")) < 3:
        bench.step()
    assert len(bench.spawner.of("one")) == 1
    assert bench.rows()["forkserver"]["restarts"] == 1


def test_an_unconfirmed_proof_is_started_again(bench: Bench) -> None:
    """The fork server may die between its request and its reply."""
    bench.supervise(plan("shop"), proof=PROOF)
    bench.step()
    bench.spawner.delays_pids = True
    [check] = bench.spawner.of("lab-readiness")
    check.write("shop")
    bench.step(2)
    assert bench.spawner.of("lab-probe")
    assert bench.spawner.pid is not None
    bench.kernel.end(bench.spawner.pid, KILLED)
    bench.step()
    bench.spawner.delays_pids = False
    bench.step(2)

    assert len(bench.spawner.of("lab-probe")) == 2
    assert bench.supervisor._failure is None


def test_a_full_log_is_reported(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a second the logs are looked at."""
    monkeypatch.setattr(logfiles, "rotate", lambda _: ["one.log"])
    bench.supervise(plan("one"))
    bench.step()

    assert bench.recorder.events == ["one.log was full and was moved aside"]


def test_a_full_disk_ends_a_start_but_not_a_lab_that_runs(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A running lab reports it and goes on."""
    bench.become_ready(plan("one"))

    def full(*_: object) -> None:
        raise LabError("The disk is full.")

    monkeypatch.setattr(statusfile, "write_atomically", full)
    bench.clock.sleep(statusfile.REFRESH_S + 1)
    bench.step()
    assert bench.recorder.events == ["The disk is full."]
    bench.supervisor._ready = False
    bench.clock.sleep(statusfile.REFRESH_S + 1)
    with pytest.raises(LabError, match="full"):
        bench.step()


def test_a_system_without_a_fork_server_has_no_row_for_it(bench: Bench) -> None:
    """As on macOS."""
    bench.spawner.available = False
    bench.become_ready(plan("one"))

    assert set(bench.rows()) == {"one", "supervisor"}
