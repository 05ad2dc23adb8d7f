"""`lab load`: shows, changes, starts and stops the simulated users through Locust."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab.errors import LabError, NotRunning, UsageError
from lab.state import locust as locust_module
from runtime.local_http import LocalHttpError
from tests.lab.conftest import Running, call, row


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


class _Pause:
    """A pause in which something happens, and no time passes."""

    def __init__(self, happens: Callable[[], object]) -> None:
        self._happens = happens

    def wait(self, _seconds: float) -> None:
        self._happens()


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
    running([row("loadgen", "off"), row("supervisor", pid=os.getpid())])
    signals: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "kill", lambda pid, number: signals.append((pid, number)))
    monkeypatch.setattr(locust_module, "_pause", _Pause(lambda: running([LOADGEN])))
    assert call("load", "--users", "3") == 0

    assert signals == [(os.getpid(), signal.SIGUSR1)]
    assert locust[0][0] == "http://127.0.0.1:8089/swarm"


def test_a_locust_that_does_not_start_is_one_sentence(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that shows its log."""
    running([row("loadgen", "restarting")])
    monkeypatch.setattr(locust_module, "START_WITHIN_S", -1.0)
    with pytest.raises(LabError, match="does not start") as raised:
        call("load")

    assert "logs loadgen" in raised.value.remedy


def test_a_locust_that_does_not_answer_is_one_sentence(
    running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A refused connection and an answer that is not JSON alike."""
    running([LOADGEN])

    def refuse(*_: object, **__: object) -> Any:
        raise LocalHttpError("connection refused")

    monkeypatch.setattr("runtime.local_http.json_of", refuse)
    with pytest.raises(LabError, match=r"Locust does not answer on http://127\.0\.0\.1:8089\."):
        call("load")
    running([row("frontend")])
    with pytest.raises(NotRunning):
        call("load")


@pytest.mark.parametrize("words", [["--stop"], ["--users", "0"]])
def test_stopping_a_load_that_is_off_is_no_error(
    running: Running, locust: list[tuple[str, Any]], capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    """The command line and the desk agree: nothing runs, so nothing is asked."""
    running([row("loadgen", "off")])
    assert call("load", *words) == 0

    assert locust == []
    assert capsys.readouterr().out == "Load stopped.\n"
