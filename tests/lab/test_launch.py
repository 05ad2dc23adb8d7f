"""Starting a lab: its preparation, in front with its messages, and in the background."""

from __future__ import annotations

import io
import json
import os
import re
import resource
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import paths, terminal
from lab.errors import AlreadyRunning, LabError, StartError, UsageError
from lab.plan import planning
from lab.plan.lab_plan import LabPlan
from lab.plan.options import Options
from lab.run import background, detached, early, launch, messages, readiness_proof
from lab.state import class_file, log_follow, run_folder, runfile, seat_secret
from lab.supervision import child_setup
from runtime import seats
from runtime.seat_generations import SeatGenerations
from tests.helpers import eventually
from tests.lab.fakes.kernel import FIRST_PID

_FORK_SERVER = early.fork_server


class Silent:
    """A reporter without output."""

    def progress(self, text: str) -> None:
        pass

    def event(self, text: str) -> None:
        pass

    def ready(self, seconds: float, detail: str) -> None:
        pass


class FakeSupervisor:
    """Stands in for the supervisor: `during` is called instead of its run."""

    plans: list[LabPlan] = []  # noqa: RUF012  emptied for every test by the fixture
    failure: LabError | None = None

    def __init__(self, built: LabPlan, reporter: Any, *, requested_at: float, forks: None) -> None:
        self.plans.append(built)
        self._reporter = reporter

    def run(self) -> None:
        """Report ready and end, or fail."""
        if self.failure:
            raise self.failure
        self._reporter.progress("starting")
        self._reporter.progress("starting")
        self._reporter.event("one ended")
        self._reporter.ready(1.25, "trace 1")


@pytest.fixture(autouse=True)
def _supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    FakeSupervisor.plans = []
    FakeSupervisor.failure = None
    monkeypatch.setattr(launch, "Supervisor", FakeSupervisor)
    monkeypatch.setattr(early, "fork_server", lambda _: None)
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def options(run_dir: Path, **more: Any) -> Options:
    return Options(**{"free_ports": True, "data": run_dir / "data", **more})


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


# -- in the background


class Background:
    """Stands in for the background process of `lab up --detach`: it writes these lines to its pipe."""

    def __init__(self, lines: Iterable[Any]) -> None:
        self._lines = list(lines)
        self.given = ""
        self.stopped: list[int] = []

    def start(self, given: str, pipe: int, _log: int, _run_dir: Path) -> int:
        self.given = given
        for line in self._lines:
            os.write(pipe, json.dumps(line).encode() + b"\n")
        return FIRST_PID


def test_the_command_returns_when_the_background_is_ready(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its progress is shown meanwhile; the options arrive as they were."""
    process = Background([{"progress": "starting"}, {"ready": "Ready: http://shop.test"}])
    monkeypatch.setattr(background, "_start", process.start)
    chosen = options(run_dir, seed=3, store="clickhouse://user:s3cret@db.example/otel")
    assert background.detached(chosen) == 0
    printed = capsys.readouterr()

    assert printed.out == "Ready: http://shop.test\n"
    assert printed.err == "starting\n"
    assert background.options_from_json(process.given) == chosen


@pytest.mark.parametrize(
    ("lines", "message", "remedy"),
    [
        ([{"failed": "Port 8080 is in use.", "remedy": "Stop it."}], "Port 8080 is in use.", "Stop it."),
        ([{"progress": "starting"}], "The lab ended before it was ready.", "logs supervisor"),
    ],
)
def test_a_background_that_fails_is_an_error(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, lines: list[Any], message: str, remedy: str
) -> None:
    """With its own reason, or with the log to read."""
    monkeypatch.setattr(background, "_start", Background(lines).start)
    with pytest.raises(StartError) as raised:
        background.detached(options(run_dir))

    assert raised.value.message == message
    assert remedy in raised.value.remedy


def _interrupted(_: object) -> int:
    raise KeyboardInterrupt


_REPORT = """
import json, os, sys
from lab.run import early
fds = [int(number) for number in os.listdir("/proc/self/fd") if int(number) > 2]
print(json.dumps({
    "given": sys.stdin.read(), "arguments": sys.argv[1:], "session": os.getsid(0) == os.getpid(),
    "folder": os.getcwd(), "python": sys.executable, "forks": os.environ.get(early.HANDED_OVER, ""),
    "open": [number for number in fds if os.path.exists(f"/proc/self/fd/{number}")],
    "other": "X_OF_THE_CALLER" in os.environ,
}), flush=True)
os.write(int(sys.argv[1]), b'{"ready": "yes"}\\n')
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_background_is_a_process_of_its_own_with_what_it_needs(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A session of its own, the environment's Python, its options where no list of processes shows them.

    Its fork server is there before it; nothing of the caller's is open or set.
    """
    execute = os.execve

    def execute_report(python: str, words: list[str], variables: dict[str, str]) -> None:
        execute(python, [python, "-c", _REPORT, *words[3:]], variables)

    monkeypatch.setattr(os, "execve", execute_report)
    monkeypatch.setattr(early, "fork_server", _FORK_SERVER)
    monkeypatch.setattr(early, "PRELOAD", ())
    monkeypatch.setenv("X_OF_THE_CALLER", "1")
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    chosen = options(run_dir, store="clickhouse://user:s3cret@db.example/otel")
    assert background.detached(chosen) == 0
    os.close(reader)
    os.close(writer)
    assert capsys.readouterr().out == "yes\n"
    log = run_dir / "logs" / "supervisor.log"
    eventually(lambda: log.read_text("utf-8").endswith("}\n"), "the background process reports")
    report = json.loads(log.read_text("utf-8"))

    assert background.options_from_json(report["given"]) == chosen
    assert "s3cret" not in " ".join(report["arguments"])
    assert report["session"]
    assert report["folder"] == str(paths.ROOT)
    assert report["python"] == str(paths.lab_python())
    forks, _ = report["forks"].split(":")
    assert sorted(report["open"]) == sorted([int(report["arguments"][0]), int(forks)])
    assert not report["other"]


def test_a_background_that_cannot_begin_says_why(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its log; the command does not wait for it, and does not go on twice."""
    monkeypatch.setattr(paths, "lab_python", lambda: run_dir / "no-such-python")
    monkeypatch.setattr(early, "for_the_next_program", lambda _: {})
    with pytest.raises(StartError, match="ended before it was ready"):
        background.detached(options(run_dir))

    assert "no-such-python" in (run_dir / "logs" / "supervisor.log").read_text("utf-8")


def test_ctrl_c_while_waiting_stops_the_background(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets SIGTERM and some seconds."""
    started: list[int] = []

    def start(*_: object) -> int:
        started.append(os.posix_spawn("/bin/sleep", ["sleep", "60"], {}))
        return started[0]

    monkeypatch.setattr(background, "_start", start)
    monkeypatch.setattr(background, "_follow", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        background.detached(options(run_dir))

    with pytest.raises(ProcessLookupError):
        os.kill(started[0], 0)


def test_a_background_that_does_not_stop_is_left_after_some_seconds(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The command ends: its end is not the other's."""
    monkeypatch.setattr(background, "STOP_WITHIN_S", 0.0)
    monkeypatch.setattr(os, "kill", lambda *_: None)
    monkeypatch.setattr(os, "waitpid", lambda *_: (0, 0))
    background._stop(FIRST_PID)


def test_a_second_lab_is_refused_without_a_background_process(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At once, in the command itself."""
    monkeypatch.setattr(background, "_start", Background([]).start)
    claim = runfile.Claim(run_dir)
    with pytest.raises(AlreadyRunning):
        background.detached(options(run_dir))
    claim.release()


def lines_of(reader: int) -> list[Any]:
    with os.fdopen(reader, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def test_the_background_process_reports_over_its_pipe(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until it is ready; afterwards it writes to its log only."""
    monkeypatch.setattr(child_setup, "name_process", lambda _: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO(background.as_json(options(run_dir))))
    reader, writer = os.pipe()
    assert detached.main([str(writer)]) == 0
    first, last = lines_of(reader)

    assert first == {"progress": "starting"}
    assert "Stop it with: python3 -m lab down" in last["ready"]
    log = capsys.readouterr().out
    assert "one ended" in log
    assert "ready after 1.2 s (trace 1)" in log


def test_the_background_process_reports_why_it_failed(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """To the waiting command and to its log, with the exit code of the error."""
    monkeypatch.setattr(child_setup, "name_process", lambda _: None)
    monkeypatch.setattr(sys, "stdin", io.StringIO(background.as_json(options(run_dir, incident="no-such"))))
    reader, writer = os.pipe()
    assert detached.main([str(writer)]) == 2
    os.close(writer)
    [line] = lines_of(reader)

    assert "no-such" in line["failed"]
    assert line["remedy"].startswith("Use one of")
    assert "no-such" in capsys.readouterr().out
    detached.send(writer, "a caller that has gone")
    detached.send(-1, "no caller")
