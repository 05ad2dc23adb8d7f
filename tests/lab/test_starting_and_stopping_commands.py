"""`lab up`, `down`, `doctor`, and the verbs that run another program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import cli, paths
from lab.commands import bench, doctor, down, reset, seats, status, test, up, verify
from lab.errors import LabError, UsageError
from lab.setup import machine_checks
from lab.setup.findings import Finding
from lab.state import runfile
from tests.lab.conftest import Running, call, row


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


@pytest.mark.parametrize(
    ("verdicts", "code", "summary"),
    [
        (["ok", "warning"], 0, "The lab can start here."),
        (["ok", "problem"], 1, "1 problem prevents the lab from starting."),
        (["problem", "problem"], 1, "2 problems prevent the lab from starting."),
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
    assert set(doctor.STYLES) == {"ok", "warning", "problem"}


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

    monkeypatch.setattr("lab.run.early.of_this_program", lambda _: None)
    monkeypatch.setattr("lab.run.background.detached", start("detached"))
    monkeypatch.setattr("lab.run.launch.foreground", start("foreground"))
    assert call("up", *words, "--users", "3", "--port", "shop=9000", "--seed", "4", "--no-load") == 0
    [(kind, options, more)] = started

    assert kind == name
    assert more == ({"show_logs": True, "forks": None} if name == "foreground" else {})
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
