"""`lab status` says when nobody evaluates the rules of alerts, and `lab detectors` what is wrong with one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.commands.status import alerting_lines
from runtime.wsgi import Limits, WsgiServer
from tests.alerting.test_rules import GOOD
from tests.lab.conftest import Json, Running, call, row


@pytest.fixture(name="evaluating")
def _evaluating(running: Running) -> Iterator[Json]:
    """A lab that runs, whose evaluating process answers with this document."""
    stats: Json = {"last_pass_unix_nano": time.time_ns(), "firing": 0, "problems": 0, "trouble": ""}

    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(stats).encode()]

    server = WsgiServer(app, "127.0.0.1", 0, Limits(2))
    server.start()
    running([row("alerting", address=f"127.0.0.1:{server.port}")])
    yield stats
    server.stop()


def test_where_rules_are_evaluated_and_nothing_fires_nothing_is_said(
    evaluating: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last line is that of the addresses; the JSON has what the process says."""
    assert call("status") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("shop ")
    assert call("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["alerting"] == evaluating


def test_what_fires_and_what_keeps_rules_from_being_evaluated_is_said(
    evaluating: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    """One alert, a file that cannot be used, a store that does not answer."""
    evaluating.update({"firing": 1, "problems": 2, "trouble": "The store is locked."})
    assert call("status") == 0
    printed = capsys.readouterr().out

    assert "1 alert firing." in printed
    assert "Rule files that cannot be used: 2." in printed
    assert "Rules are evaluated, but: The store is locked." in printed


@pytest.mark.parametrize("state", ["restarting", "ready"])
def test_a_process_that_is_away_is_said(
    running: Running, state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whether it is being started again or does not answer."""
    running([row("alerting", state, address="127.0.0.1:1")])
    call("status")

    assert "Rules are not evaluated: alerting does not answer." in capsys.readouterr().out


def test_a_late_evaluation_is_said() -> None:
    """With how long ago the last one was."""
    assert alerting_lines({"last_pass_unix_nano": 100 * 10**9}, 130.0) == [
        "",
        "Rules are evaluated late: the last time was 30 s ago.",
    ]


def test_rules_are_listed(capfd: pytest.CaptureFixture[str]) -> None:
    """Those that ship, with what each measures."""
    assert call("detectors") == 0
    printed = capfd.readouterr().out

    assert "Orders are failing: error_share of frontend /cart/checkout above 0.02 over 25 s" in printed


def test_a_file_of_rules_is_checked_before_it_is_used(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and a sentence for what is wrong."""
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text(GOOD)
    bad.write_text(GOOD.replace("above", "abvoe"))

    assert call("detectors", "--check", str(good)) == 0
    assert call("detectors", "--check", str(good), str(bad)) == 1
    assert "! bad.toml: condition.above: has no threshold" in capfd.readouterr().out


def test_a_folder_of_ones_own_is_listed_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """As the process that evaluates reads it."""
    (tmp_path / "mine.toml").write_text(GOOD)
    monkeypatch.setenv("DETECTORS_DIR", str(tmp_path))

    assert call("detectors") == 0
    assert "mine" in capfd.readouterr().out
