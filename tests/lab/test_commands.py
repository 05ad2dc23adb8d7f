"""The verbs that inspect and change a running lab, against a run folder that seems to hold one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import cli, paths
from lab.commands import bench, doctor, down, incident, load, reset, seats, status, test, up, verify
from lab.errors import AlreadyRunning, LabError, NotRunning, UsageError
from lab.setup import machine_checks
from lab.setup.machine_checks import Finding
from lab.state import run_folder, runfile, seat_secret
from runtime import seats as seat_rule
from tests.lab.conftest import URLS, Running, row


def call(name: str, *words: str) -> int:
    """`lab name words`, in this process."""
    verb = cli.BY_NAME[name]
    return int(verb.module().run(cli.parse(verb, words)))


# -- status


def test_the_status_table_has_a_line_per_process(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """With its state, restarts and address, and the addresses to open below it."""
    running(
        [row("paymentservice", pid=os.getpid(), restarts=3, address="127.0.0.1:7001"), row("loadgen", "off")]
    )

    assert call("status") == 0
    head, first, second, *_, summary, urls = capsys.readouterr().out.splitlines()
    assert head.split() == ["PROCESS", "STATE", "PID", "RESTARTS", "ADDRESS", "MEMORY"]
    assert first.split()[:5] == ["paymentservice", "ready", str(os.getpid()), "3", "127.0.0.1:7001"]
    assert second.split() == ["loadgen", "off", "-", "0", "-", "-"]
    assert summary.startswith("Ready.")
    assert urls == f"shop {URLS['shop']}   observer {URLS['observer']}"


def test_status_of_a_lab_that_is_not_ready_exits_1(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a table and as JSON alike."""
    running([row("frontend", "starting")], ready=False)

    assert call("status") == 1
    assert "Not ready yet." in capsys.readouterr().out
    assert call("status", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert document == {"ready": False, "urls": URLS, "processes": [row("frontend", "starting")]}


@pytest.mark.parametrize(
    ("name", "words"),
    [("status", []), ("status", ["--json"]), ("load", []), ("seats", ["anna"]), ("incident", ["none"])],
)
def test_without_a_lab_the_error_says_how_to_start_one(run_dir: Path, name: str, words: list[str]) -> None:
    """One sentence, exit code 1."""
    with pytest.raises(NotRunning) as raised:
        call(name, *words)

    assert "lab up" in raised.value.remedy
    assert raised.value.exit_code == 1


# -- incident


def test_the_list_of_incidents_marks_the_running_one(
    running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """And without a lab none."""
    running(incident="price-typo")
    assert call("incident") == 0
    lines = capsys.readouterr().out.splitlines()

    assert [line.split()[1] for line in lines[:-2] if line.startswith("*")] == ["price-typo"]
    assert lines[-1] == "* runs now"
    assert "*" not in incident.listing("")


def test_an_incident_is_switched_by_its_flag_file(
    run_dir: Path, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """The services read the file; the run file and the next list have the new name."""
    running()
    assert call("incident", "none") == 0
    assert "none" in capsys.readouterr().out
    run = runfile.read(run_dir)

    assert run is not None
    assert run.incident == "none"
    assert json.loads((run_dir / run_folder.FLAGS).read_text("utf-8"))["flags"] is not None


def test_an_incidents_flags_are_printed_without_a_lab(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--json` changes nothing."""
    assert call("incident", "invalid-token", "--json") == 0

    assert json.loads(capsys.readouterr().out)["flags"]
    assert not (run_dir / run_folder.FLAGS).exists()


# -- seats


def test_seats_by_name_and_by_number(running: Running, capsys: pytest.CaptureFixture[str]) -> None:
    """In an open lab the links are unsigned."""
    running()
    assert call("seats", "Anna  Maria", "--count", "2") == 0

    assert capsys.readouterr().out.splitlines() == [
        f"Anna Maria\t{URLS['shop']}/?seat=Anna+Maria",
        f"seat-01\t{URLS['shop']}/?seat=seat-01",
        f"seat-02\t{URLS['shop']}/?seat=seat-02",
    ]


def test_seats_of_a_class_are_signed(
    run_dir: Path, running: Running, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the secret that is kept with the clone."""
    running(seats=True)
    secret = seat_secret.read_or_make(run_dir)
    assert call("seats", "anna", "--shop", "https://shop.example.org/") == 0

    expected = seat_rule.link("https://shop.example.org", "anna", secret)
    assert capsys.readouterr().out == f"anna\t{expected}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "No names were given."),
        (["--count", "0"], "--count takes a number from 1 to 999."),
        (["--count", "1000"], "--count takes a number from 1 to 999."),
        (["<b>"], "is not a seat name"),
        (["anna", "--shop", "nowhere"], "--shop: "),
    ],
)
def test_wrong_words_for_seats_are_refused(
    running: Running, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    """Before anything is printed."""
    running()
    with pytest.raises(UsageError, match=message):
        call("seats", *words)

    assert capsys.readouterr().out == ""


# -- load


@pytest.fixture(name="locust")
def _locust(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """The requests to Locust, which answers each with the same statistics."""
    sent: list[tuple[str, Any]] = []

    def json_of(url: str, form: Any = None, *, timeout_s: float) -> Any:
        sent.append((url, form))
        total = {"name": "Aggregated", "num_requests": 120}
        return {
            "user_count": 7,
            "state": "running",
            "total_rps": 3.25,
            "fail_ratio": 0.25,
            "stats": [{"name": "/"}, total],
        }

    monkeypatch.setattr("runtime.local_http.json_of", json_of)
    return sent


LOADGEN = row("loadgen", address="127.0.0.1:8089")


def test_load_shows_its_figures(
    running: Running, locust: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence, or as Locust's own JSON."""
    running([row("frontend"), LOADGEN])
    assert call("load") == 0
    assert capsys.readouterr().out.splitlines() == [
        "7 simulated users (running), 3.2 requests/s, 25 % of 120 failed",
        "Locust's page: http://127.0.0.1:8089",
    ]
    assert call("load", "--json") == 0

    assert json.loads(capsys.readouterr().out)["user_count"] == 7
    assert locust == [("http://127.0.0.1:8089/stats/requests", None)] * 2


@pytest.mark.parametrize(
    ("words", "request_", "text"),
    [
        (["--stop"], ("/stop", {}), "Load stopped."),
        (["--users", "0"], ("/stop", {}), "Load stopped."),
        (
            ["--users", "5", "--rate", "2.5"],
            ("/swarm", {"user_count": 5, "spawn_rate": 2.5}),
            "Load changed to 5 simulated users.",
        ),
    ],
)
def test_load_is_changed_through_locust(
    running: Running,
    locust: list[tuple[str, Any]],
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    request_: tuple[str, Any],
    text: str,
) -> None:
    """And the result is one plain sentence."""
    running([LOADGEN])
    assert call("load", *words) == 0

    path, form = request_
    assert locust == [(f"http://127.0.0.1:8089{path}", form)]
    assert capsys.readouterr().out.startswith(text)


@pytest.mark.parametrize(
    "words",
    [
        ["--users", "-1"],
        ["--users", "3", "--stop"],
        ["--users", "3", "--rate", "0"],
        ["--users", "3", "--rate", "inf"],
    ],
)
def test_a_load_that_makes_no_sense_is_refused(running: Running, words: list[str]) -> None:
    """Before a request to Locust."""
    running([LOADGEN])
    with pytest.raises(UsageError):
        call("load", *words)


def test_load_that_is_off_is_shown_as_such(running: Running) -> None:
    """With the command that starts it."""
    running([row("loadgen", "off")])
    with pytest.raises(LabError, match="without load") as raised:
        call("load")

    assert "lab load --users" in raised.value.remedy


def test_load_that_is_off_is_started_by_a_signal(
    run_dir: Path,
    running: Running,
    locust: list[tuple[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The supervisor gets SIGUSR1; the command waits until Locust is ready."""
    running([row("loadgen", "off")])
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    monkeypatch.setattr("lab.commands.load.time.sleep", lambda _: running([LOADGEN]))
    assert call("load", "--users", "3") == 0

    assert signals == [(os.getpid(), signal.SIGUSR1)]
    assert locust[0][0] == "http://127.0.0.1:8089/swarm"


def test_a_locust_that_does_not_start_is_one_sentence(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that shows its log."""
    running([row("loadgen", "restarting")])
    monkeypatch.setattr(load, "START_WITHIN_S", -1.0)
    with pytest.raises(LabError, match="does not start") as raised:
        call("load")

    assert "logs loadgen" in raised.value.remedy


def test_a_locust_that_does_not_answer_is_one_sentence(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused connection and an answer that is not JSON alike."""
    running([LOADGEN])

    def refuse(*_: object, **__: object) -> Any:
        raise ConnectionRefusedError

    monkeypatch.setattr("runtime.local_http.json_of", refuse)
    with pytest.raises(LabError, match=r"Locust does not answer on http://127\.0\.0\.1:8089\."):
        call("load")
    running([row("frontend")])
    with pytest.raises(NotRunning):
        call("load")


# -- reset


def fill(folder: Path) -> None:
    for path in (folder / "store.sqlite3", folder / "carts.sqlite3", folder / "notes.txt"):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 500_000)


def test_reset_is_refused_while_a_lab_runs(run_dir: Path) -> None:
    """Nothing is deleted."""
    fill(run_dir / "data")
    claim = runfile.Claim(run_dir)
    with pytest.raises(AlreadyRunning):
        call("reset")
    claim.release()

    assert (run_dir / "data" / "store.sqlite3").exists()


def test_reset_deletes_the_data_the_logs_and_the_seats(
    run_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """And leaves other files and the environment."""
    fill(run_dir / "data")
    seat_secret.read_or_make(run_dir)
    (run_dir / "logs").mkdir()
    (run_dir / "logs" / "observer.log").write_bytes(b"x" * 500_000)
    assert call("reset") == 0

    assert capsys.readouterr().out == "Freed 1.5 MB.\n"
    left = {path.relative_to(run_dir).as_posix() for path in run_dir.rglob("*") if path.is_file()}
    assert left == {"data/notes.txt", run_folder.LOCK}


def test_reset_of_everything_and_of_another_data_folder(
    run_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`--all` deletes the environment too, `--data` names the folder given to `up`."""
    monkeypatch.setattr(paths, "ENVIRONMENT", tmp_path / "env")
    fill(tmp_path / "env" / "lib")
    fill(tmp_path / "elsewhere")
    assert call("reset", "--all", "--data", str(tmp_path / "elsewhere")) == 0

    assert not (tmp_path / "env").exists()
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["notes.txt"]


# -- down


@pytest.fixture(name="signals")
def _signals(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The signals that `lab down` sends, to processes that do not exist."""
    sent: list[tuple[int, int]] = []
    monkeypatch.setattr("lab.commands.down.os.kill", lambda pid, number: sent.append((pid, number)))
    return sent


def test_down_without_a_lab_is_not_an_error(run_dir: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It may be called twice."""
    assert call("down") == 0
    assert "No lab is running" in capsys.readouterr().out


def test_down_asks_and_waits(
    running: Running,
    signals: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """One SIGTERM to the supervisor; the end is printed when it has ended."""
    running([row("observer", pid=77)])
    answers = iter([True, True, False, False])
    lives = iter([True])  # the first look, by which the lab is found
    monkeypatch.setattr(runfile.RunFile, "is_alive", lambda _: next(lives, None) or next(answers))
    monkeypatch.setattr("lab.commands.down.time.sleep", lambda _: None)
    assert call("down") == 0

    assert signals == [(os.getpid(), signal.SIGTERM)]
    assert capsys.readouterr().out == "Stopped.\n"


def test_down_ends_by_force_what_does_not_stop(
    running: Running,
    signals: list[tuple[int, int]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The supervisor first, then each of its processes."""
    running([row("observer", pid=77), row("loadgen", "off"), row("supervisor", pid=os.getpid())])
    monkeypatch.setattr(down, "WITHIN_S", 0.0)
    assert call("down") == 0

    assert signals == [
        (os.getpid(), signal.SIGTERM),
        (os.getpid(), signal.SIGKILL),
        (77, signal.SIGKILL),
    ]
    assert "by force" in capsys.readouterr().out


def test_down_of_another_users_lab_is_one_sentence(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """And a lab that ended in the meantime is not an error."""
    running()

    def refuse(*_: int) -> None:
        raise PermissionError

    monkeypatch.setattr("lab.commands.down.os.kill", refuse)
    with pytest.raises(LabError, match="belongs to another user"):
        call("down")

    def gone(*_: int) -> None:
        raise ProcessLookupError

    monkeypatch.setattr("lab.commands.down.os.kill", gone)
    down._signal(1, signal.SIGTERM)


# -- doctor, up and the verbs that run another program


@pytest.mark.parametrize(
    ("verdicts", "code", "summary"),
    [
        (["good", "note"], 0, "The lab can start here."),
        (["good", "bad"], 1, "1 problem prevents the lab from starting."),
        (["bad", "bad"], 1, "2 problems prevent the lab from starting."),
    ],
)
def test_doctor_prints_each_finding_with_its_remedy(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    verdicts: list[str],
    code: int,
    summary: str,
) -> None:
    """Its exit code is 1 when a lab could not start."""
    findings = [Finding("disk", verdict, "detail", "Free some.") for verdict in verdicts]
    monkeypatch.setattr(machine_checks, "all_findings", lambda: findings)

    assert call("doctor") == code
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == summary
    assert sum("Free some." in line for line in lines) == len(verdicts)
    assert set(doctor.MARKS) == {"good", "note", "bad"}


@pytest.mark.parametrize(("words", "name"), [(["--detach"], "detached"), (["--logs"], "foreground")])
def test_up_starts_in_front_or_in_the_background(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], name: str
) -> None:
    """With the options of the command line."""
    started: list[tuple[str, Any, Any]] = []

    def start(kind: str) -> Callable[..., int]:
        def record(options: Any, **more: Any) -> int:
            started.append((kind, options, more))
            return 0

        return record

    for kind in ("detached", "foreground"):
        monkeypatch.setattr(f"lab.run.launch.{kind}", start(kind))
    assert call("up", *words, "--users", "3", "--port", "shop=9000", "--seed", "4", "--no-load") == 0
    [(kind, options, more)] = started

    assert kind == name
    assert more == ({"show_logs": True} if name == "foreground" else {})
    assert (options.users, options.seed, options.load) == (3, 4, False)
    assert options.ports == {"frontend:http": 9000}
    assert options.data == run_dir / "data"


def test_up_refuses_a_negative_load() -> None:
    """Before anything starts."""
    with pytest.raises(UsageError, match="--users"):
        up.options_of(cli.parse(cli.BY_NAME["up"], ["--users", "-1"]))


@pytest.mark.parametrize(
    ("module", "words", "command"),
    [
        (bench, ["start", "--quick"], ["benchmarks", "start", "--quick"]),
        (test, ["tests/lab"], ["pytest", "tests/lab"]),
        (test, [], ["pytest", *test.WHOLE_SUITE]),
    ],
)
def test_other_programs_get_the_arguments_and_a_clean_environment(
    monkeypatch: pytest.MonkeyPatch, module: Any, words: list[str], command: list[str]
) -> None:
    """Not the run folder of the lab that runs here; their exit code is ours."""
    calls: list[tuple[list[str], dict[str, Any]]] = []

    def run(argv: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
        calls.append((argv, more))
        return subprocess.CompletedProcess(argv, 5)

    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setenv("LAB_RUN_DIR", "/elsewhere")
    monkeypatch.setenv("LAB_REQUESTED_AT", "1.5")
    assert module.run(words) == 5
    [(argv, more)] = calls

    assert argv == [sys.executable, "-m", *command]
    assert more["cwd"] == paths.ROOT
    assert not {"LAB_RUN_DIR", "LAB_REQUESTED_AT"} & set(more["env"])


def test_a_clone_without_benchmarks_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An image or a package has none."""
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    with pytest.raises(LabError, match="no benchmarks"):
        bench.run([])


def test_verify_gets_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unparsed, because it has a parser of its own."""
    monkeypatch.setattr("lab.verify.main", lambda argv: len(argv))

    assert verify.run(["--format", "json"]) == 2


def test_the_module_of_each_verb_has_its_two_functions() -> None:
    """`configure` and `run`, or only `run` where the arguments go to another program."""
    for verb in cli.VERBS:
        module = verb.module()
        assert callable(module.run)
        assert hasattr(module, "configure") != verb.passes_on
    assert {seats.__name__, status.__name__, reset.__name__} <= set(sys.modules)
