"""How a lab becomes ready: the order of start, health checks, the proof, and what ends a start."""

from __future__ import annotations

import json
import os

from lab.errors import StartError
from lab.supervision import supervisor as supervisor_module
from tests.lab.fakes.kernel import KILLED
from tests.lab.fakes.supervisor_bench import CODE_1, PROOF, SupervisorBench as Bench, plan


def test_a_process_waits_for_those_that_it_needs(bench: Bench) -> None:
    """`after` is the order of start; the lab is ready when every gating process is."""
    bench.supervise(plan("one"), plan("two", after=("one",)))
    bench.step()
    assert [each.job.name for each in bench.spawner.started] == ["lab-readiness", "one"]
    assert bench.rows()["two"]["state"] == "waiting"
    bench.answer_health()
    assert bench.spawner.of("two")
    assert bench.recorder.ready_details == []
    bench.answer_health()

    assert bench.recorder.ready_details == ["no proof was requested"]
    assert {row["state"] for row in bench.rows().values()} == {"ready"}


def test_what_the_proof_waits_for_starts_first(bench: Bench) -> None:
    """And the health check before all, so that it notices each as soon as it answers."""
    plans = plan("observer", proves=False), plan("shop"), plan("control", proves=False), plan("cart")
    bench.supervise(*plans, proof=PROOF)
    bench.step()

    assert [each.job.name for each in bench.spawner.started] == [
        "lab-readiness",
        "shop",
        "cart",
        "observer",
        "control",
    ]
    assert list(bench.rows())[:4] == ["observer", "shop", "control", "cart"], "they are listed as planned"


def test_a_process_without_a_check_is_ready_once_it_runs(bench: Bench) -> None:
    """And no health check is started for it."""
    bench.supervise(plan("one", ready=""))
    bench.step(2)

    assert [each.job.name for each in bench.spawner.started] == ["one"]
    assert bench.rows()["one"]["state"] == "ready"


def test_the_proof_runs_when_what_it_needs_is_ready(bench: Bench) -> None:
    """Not before, once, and load waits until it has passed."""
    bench.supervise(plan("shop"), plan("observer", proves=False), plan("loadgen", gates=False), proof=PROOF)
    bench.step()
    assert not bench.spawner.of("lab-probe")
    [check] = bench.spawner.of("lab-readiness")
    check.write("shop")
    bench.step(2)
    [proof] = bench.spawner.of("lab-probe")
    assert (proof.job.module, proof.job.arguments) == (PROOF.module, PROOF.arguments)
    proof.write(json.dumps({"passed": True, "detail": "trace 1", "remedy": ""}))
    bench.spawner.end(proof)
    bench.step(2)
    assert bench.recorder.ready_details == [], "the observer is not ready yet"
    assert not bench.spawner.of("loadgen")
    check.write("observer")
    bench.step(3)

    assert bench.recorder.ready_details == ["trace 1"]
    assert bench.spawner.of("loadgen")
    assert len(bench.spawner.of("lab-probe")) == 1


def test_a_proof_that_fails_ends_the_lab_with_its_reason(bench: Bench) -> None:
    """And with its remedy; a line that is not a result is ignored."""
    bench.supervise(plan("shop"), proof=PROOF)
    bench.step()
    bench.answer_health()
    [proof] = bench.spawner.of("lab-probe")
    proof.write("a warning", json.dumps({"passed": False, "detail": "no trace.", "remedy": "See: logs"}))
    bench.step()

    failure = bench.supervisor._failure
    assert isinstance(failure, StartError)
    assert "no trace." in failure.message
    assert failure.remedy == "See: logs"


def test_a_proof_that_crashes_ends_the_lab(bench: Bench) -> None:
    """With the last line of its log."""
    bench.supervise(plan("shop"), proof=PROOF)
    bench.step()
    bench.answer_health()
    [proof] = bench.spawner.of("lab-probe")
    (bench.folder / "logs" / "probe.log").write_text("ImportError: no student\n", "utf-8")
    bench.spawner.end(proof, CODE_1)
    bench.step(2)

    assert "probe does not start: ImportError: no student" in str(bench.supervisor._failure)


def test_a_health_check_that_is_killed_is_repeated(bench: Bench) -> None:
    """For the processes that it had not yet found healthy."""
    bench.supervise(plan("one"), plan("two"))
    bench.step()
    [check] = bench.spawner.of("lab-readiness")
    check.write("one")
    bench.spawner.end(check, KILLED)
    bench.step(2)

    assert json.loads(bench.spawner.of("lab-readiness")[1].job.arguments[0]) == {"two": ["grpc", "two:1"]}
    bench.answer_health()
    assert bench.recorder.ready_details


def test_a_start_that_carries_an_old_file_over_may_take_longer(bench: Bench) -> None:
    """While the process says how far it is; after that the limit holds."""
    bench.supervise(plan("one"))
    bench.step()
    log = bench.folder / "logs" / "one.log"
    log.write_text("carried over so far: 2,000 spans\n", "utf-8")
    bench.clock.sleep(supervisor_module.START_TIMEOUT_S + 1)
    bench.step()
    assert bench.supervisor._failure is None
    os.utime(log, (1, 1))
    bench.step()
    assert isinstance(bench.supervisor._failure, StartError)


def test_a_start_that_takes_too_long_names_what_is_missing(bench: Bench) -> None:
    """After ninety seconds, with the reason from its log."""
    bench.supervise(plan("one"))
    bench.step()
    (bench.folder / "logs" / "one.log").write_text("port 50051 is in use\n", "utf-8")
    bench.clock.sleep(supervisor_module.START_TIMEOUT_S + 1)
    bench.step()

    failure = bench.supervisor._failure
    assert isinstance(failure, StartError)
    assert failure.message == "one does not start: port 50051 is in use"
    assert str(bench.folder / "logs" / "one.log") in failure.remedy


def test_progress_counts_the_ready_processes(bench: Bench) -> None:
    """While starting, and while the proof runs."""
    bench.supervise(plan("one"), plan("two"), proof=PROOF)
    bench.step(2)
    bench.answer_health()
    bench.step()

    assert "starting: 0 of 2 processes ready" in bench.recorder.steps
    assert "every process is ready; following one checkout through the whole lab" in bench.recorder.steps
