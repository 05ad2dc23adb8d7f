"""A lab in the background: the process that the command starts, what passes between both, and its end."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab import paths
from lab.errors import AlreadyRunning, StartError
from lab.run import background, detached, early
from lab.state import runfile
from lab.supervision import child_setup
from tests.helpers import eventually
from tests.lab.fakes.kernel import FIRST_PID
from tests.lab.fakes.launched import no_supervisor, options

_FORK_SERVER = early.fork_server


@pytest.fixture(autouse=True)
def _supervisor(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with no_supervisor(monkeypatch):
        yield


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
