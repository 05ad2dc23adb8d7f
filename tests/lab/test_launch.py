"""Starting a lab: its preparation, in front with its messages, and in the background."""

from __future__ import annotations

import os
import re
import resource
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import terminal
from lab.errors import StartError, UsageError
from lab.plan import planning
from lab.plan.lab_plan import LabPlan
from lab.plan.options import Options
from lab.run import launch, messages, readiness_proof
from lab.state import class_file, log_follow, run_folder, runfile, seat_secret
from runtime import seats
from runtime.seat_generations import SeatGenerations
from tests.helpers import eventually
from tests.lab.fakes.launched import FakeSupervisor, no_supervisor, options


class Silent:
    """A reporter without output."""

    def progress(self, text: str) -> None:
        pass

    def event(self, text: str) -> None:
        pass

    def ready(self, seconds: float, detail: str) -> None:
        pass


@pytest.fixture(autouse=True)
def _supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_supervisor(monkeypatch):
        yield


# -- the preparation


def test_a_lab_is_prepared_before_it_is_supervised(run_dir: Path) -> None:
    """Its folder, its flags, its run file and the call of its proof; old logs are removed."""
    (run_dir / "logs").mkdir()
    for name in ("observer.log", "observer.log.1", "supervisor.log"):
        (run_dir / "logs" / name).write_text("old", "utf-8")
    found: list[runfile.RunFile | None] = []

    def reporter(built: LabPlan, _: Options) -> Silent:
        found.append(runfile.read(run_dir))
        return Silent()

    launch.supervise(options(run_dir, incident="price-typo", host="127.0.0.1"), reporter)
    [built], [run] = FakeSupervisor.plans, found

    assert run is not None
    assert (run.pid, run.incident, run.seats) == (os.getpid(), "price-typo", False)
    assert (run_dir / run_folder.FLAGS).exists()
    assert list((run_dir / "logs").iterdir()) == []
    assert built.proof is not None
    assert built.proof.arguments == (built.urls["shop"], built.urls["observer"], "200")
    assert runfile.read(run_dir) is None, "the lock and the run file end with the lab"


def test_the_log_of_a_detached_supervisor_is_kept(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is its standard output, and being written already."""
    (run_dir / "logs").mkdir()
    for name in ("observer.log", "supervisor.log"):
        (run_dir / "logs" / name).write_text("text", "utf-8")
    own = (run_dir / "logs" / "supervisor.log").stat()
    monkeypatch.setattr(os, "fstat", lambda _: own)
    launch._remove_old_logs(run_dir / "logs")

    assert [path.name for path in (run_dir / "logs").iterdir()] == ["supervisor.log"]


def test_the_proof_of_a_class_enters_by_a_signed_link(run_dir: Path) -> None:
    """The secret that signs it is the one of the shop."""
    launch.supervise(options(run_dir, class_mode=True), lambda *_: Silent())
    [built] = FakeSupervisor.plans
    secret = seat_secret.read(run_dir)
    by_name = {process.name: process.environment for process in built.processes}

    assert built.proof is not None
    assert built.proof.arguments[2:] == ("500", seats.link("", readiness_proof.SEAT, secret))
    assert by_name["frontend"]["SEAT_SECRET"] == secret


def test_what_was_freed_stays_void_after_a_restart(run_dir: Path) -> None:
    """The shop's file is written from the class's at each start, and what left the roster is said."""
    chosen = options(run_dir, class_mode=True, roster=("Anna", "Ben"))
    launch.supervise(chosen, lambda *_: Silent())
    with class_file.opened(chosen.data) as store:
        store.free("anna")
    (run_dir / run_folder.GENERATIONS).unlink()
    again = options(run_dir, class_mode=True, roster=("Anna",))
    launch.supervise(again, lambda *_: Silent())
    first, second = FakeSupervisor.plans
    frontend = next(process for process in second.processes if process.name == "frontend")
    known = SeatGenerations(Path(frontend.environment["SEAT_GENERATIONS_FILE"]))

    assert (known.of("anna"), known.of("ben"), known.of("cem")) == (1, 1, 0)
    assert first.notes == ()
    assert second.notes == ("1 seat; Ben left it: links and cookies of before are void",)
    assert "Ben left it" in messages.ready_block(second, again, 1.0, detached=True)


def test_a_seed_starts_with_an_empty_store(run_dir: Path) -> None:
    """Without one the store is kept."""
    store = run_dir / "data" / run_folder.STORE
    store.parent.mkdir()
    store.write_text("rows", "utf-8")
    launch.supervise(options(run_dir), lambda *_: Silent())
    assert store.exists()
    launch.supervise(options(run_dir, seed=7), lambda *_: Silent())
    assert not store.exists()


def test_an_unknown_incident_is_refused_and_the_lock_released(run_dir: Path) -> None:
    """Before anything is written."""
    with pytest.raises(UsageError, match="no-such"):
        launch.supervise(options(run_dir, incident="no-such"), lambda *_: Silent())
    runfile.Claim(run_dir).release_lock_only()

    assert not (run_dir / run_folder.FLAGS).exists()


def test_a_store_of_another_version_has_a_remedy(run_dir: Path) -> None:
    """The observer's error says that its schema is another one."""
    FakeSupervisor.failure = StartError("observer does not start: it was written with schema 3", "See: log")
    with pytest.raises(StartError) as raised:
        launch.supervise(options(run_dir), lambda *_: Silent())

    assert "lab reset" in raised.value.remedy


def test_the_limit_of_open_files_is_raised_as_far_as_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A class keeps many connections open; a limit that may not be raised stays."""
    limits: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "setrlimit", lambda _, limit: limits.append(limit))
    for soft, hard in ((256, 4096), (256, resource.RLIM_INFINITY), (100_000, 200_000)):
        monkeypatch.setattr(resource, "getrlimit", lambda _, pair=(soft, hard): pair)
        launch._allow_open_files()

    assert limits == [(4096, 4096), (launch.OPEN_FILES, resource.RLIM_INFINITY)]


@pytest.mark.parametrize("value", ["12.5", "soon", None])
def test_the_time_of_the_command_comes_from_the_first_process(
    monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    """Without a usable one the time counts from now."""
    if value is None:
        monkeypatch.delenv(launch.REQUESTED_AT, raising=False)
    else:
        monkeypatch.setenv(launch.REQUESTED_AT, value)

    assert (launch.requested_at() == 12.5) == (value == "12.5")


# -- in front


def test_a_lab_in_front_prints_its_addresses(
    run_dir: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Progress once per step, events with their time, the block of addresses, and its end."""
    monkeypatch.setattr(log_follow, "follow", lambda *_, **__: None)
    assert launch.foreground(options(run_dir, users=7), show_logs=True) == 0
    printed = capsys.readouterr()
    [built] = FakeSupervisor.plans

    assert printed.err == "starting\n"
    assert "one ended" in printed.out
    assert "Ready after 1.2 s" in printed.out
    assert f"shop        {built.urls['shop']}/?seat=YOURNAME" in printed.out
    assert "(Locust, 7 simulated users)" in printed.out
    assert "Ctrl-C stops everything." in printed.out
    assert printed.out.endswith("Stopped.\n")


def test_the_addresses_of_a_class(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No seat can be chosen in the address, the command for links is named; without load no Locust."""
    monkeypatch.setattr("lab.plan.host_addresses.own_address", lambda: "10.0.0.7")
    chosen = options(run_dir, class_mode=True, roster=("Anna",), load=False, host="0.0.0.0")
    built = planning.build(chosen, run_dir, seat_secret="secret", environment={})
    block = messages.ready_block(built, chosen, 1.0, detached=True)

    assert "YOURNAME" not in block
    assert "python3 -m lab class" in block
    assert "Locust" not in block
    assert f"  shop        {built.urls['shop'].replace('127.0.0.1', '10.0.0.7')}\n" in block
    observer = built.urls["observer"].replace("127.0.0.1", "10.0.0.7")
    assert f"join        {observer}/join   code " in block
    assert f"desk        {observer}/desk   passcode " in block
    assert "http://127.0.0.1" in block.split("OTLP")[1], "telemetry comes from the shop alone"
    with_load = messages.ready_block(built, options(run_dir, host="0.0.0.0", users=1), 1.0, detached=True)
    assert re.search(r"load        http://127\.0\.0\.1:\d+ \(Locust, 1 simulated user\)", with_load)
    assert "http://10.0.0.7" in with_load.split("OTLP")[1]
    assert block.endswith("Stop it with: python3 -m lab down")


def test_the_logs_of_a_lab_in_front_follow_in_a_thread(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`lab up --logs`: the supervisor is not held up by them."""
    followed: list[Any] = []
    monkeypatch.setattr(log_follow, "follow", lambda *given: followed.append(given))
    monkeypatch.setattr(terminal, "is_interactive", lambda _: False)
    chosen = options(run_dir)
    built = planning.build(chosen, run_dir, environment={})
    messages.OnTerminal(built, chosen, show_logs=True)

    eventually(lambda: followed == [(built.log_dir, [])], "the logs are followed")
