"""`lab status` says what the collector refuses, since when and why; a lab that keeps nothing is not ready."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.state import run_folder
from runtime.wsgi import Limits, WsgiServer
from tests.lab.conftest import Json, Running, call, row

NOW = time.time_ns()
REFUSAL = {
    "reason": "disk_full",
    "words": "disk full",
    "message": "The disk is full: free some space.",
    "since_unix_nano": NOW - 60 * 10**9,
    "until_unix_nano": NOW,
    "counts": {"spans": 1234},
    "amount": "1,234 spans",
}
WELL: Json = {"store": {"writing": True}, "refusals": {"now": [], "past": []}, "notes": []}


@pytest.fixture(name="collector")
def _collector(running: Running, run_dir: Path) -> Iterator[Json]:
    """A lab that runs, whose collector answers with this document."""
    stats: Json = {}

    def app(_environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [("Content-Type", "application/json")])
        return [json.dumps(stats).encode()]

    server = WsgiServer(app, "127.0.0.1", 0, Limits(2))
    server.start()
    running([row("collector")])
    path = run_dir / run_folder.STATUS
    document = json.loads(path.read_text("utf-8"))
    document["urls"]["otlp_http"] = f"http://127.0.0.1:{server.port}"
    path.write_text(json.dumps(document), "utf-8")
    yield stats
    server.stop()


def test_where_all_is_well_nothing_is_said(collector: Json, capsys: pytest.CaptureFixture[str]) -> None:
    collector.update(WELL)
    assert call("status") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("shop ")


def test_a_refusal_is_said_with_its_remedy_and_is_not_ready(
    collector: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    collector.update({**WELL, "store": {"writing": False}, "refusals": {"now": [REFUSAL], "past": []}})
    assert call("status") == 1
    out = capsys.readouterr().out
    assert "Not ready: telemetry is refused." in out
    assert "disk full; 1,234 spans so far. The disk is full: free some space." in out
    assert call("status", "--json") == 1
    document = json.loads(capsys.readouterr().out)
    assert (document["ready"], document["telemetry"]["refusals"]["now"]) == (False, [REFUSAL])


def test_what_is_over_stays_visible_for_a_day(collector: Json, capsys: pytest.CaptureFixture[str]) -> None:
    old = {**REFUSAL, "words": "overload", "until_unix_nano": NOW - 2 * 86_400 * 10**9}
    notes = [{"at_unix_nano": NOW, "text": "The store was deleted."}]
    collector.update({**WELL, "refusals": {"now": [], "past": [REFUSAL, old]}, "notes": notes})
    assert call("status") == 0
    out = capsys.readouterr().out
    assert "1,234 spans were refused: disk full." in out
    assert "The store was deleted." in out
    assert "overload" not in out


def test_a_collector_that_does_not_answer_is_said(
    collector: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    """It is something else that answers there."""
    collector.update({"hello": "world"})
    assert call("status") == 1
    assert "The collector does not answer: nothing is received." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("state", "said"),
    [
        ("behind", "complete up to 7 s ago"),
        ("stopped", "the settling process has stopped or hangs"),
        ("anew", "computed anew from what is kept: so far complete up to 7 s ago"),
    ],
)
def test_how_far_settling_is_stands_there_while_it_is_not_complete(
    collector: Json,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    state: str,
    said: str,
) -> None:
    """What is sent is kept: the lab is ready."""
    monkeypatch.setattr(time, "time", lambda: NOW / 1e9)
    settling = {"state": state, "up_to_unix_nano": NOW - 7 * 10**9}
    collector.update({**WELL, "settling": settling})
    assert call("status") == 0
    assert said in capsys.readouterr().out.splitlines()[-1]
    assert call("status", "--json") == 0
    assert json.loads(capsys.readouterr().out)["telemetry"]["settling"] == settling
    collector.update({**WELL, "settling": {"state": "complete", "up_to_unix_nano": None}})
    assert call("status") == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("shop ")
