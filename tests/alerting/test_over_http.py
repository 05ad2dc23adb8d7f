"""Screens on another machine have the same alerts, by questions to the process that keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from alerting import AlertError, AlertFile, AlertQuery, DistantAlertFile
from alerting.over_http import METHODS, encoded
from tests.alerting.telemetry import NOW_S, Desk, rule_text
from tests.helpers import eventually, free_port, running

pytestmark = pytest.mark.timeout(120)
TOKEN = "of-the-test"
NOW = 10**18


@pytest.fixture(name="pair")
def _pair(desk: Desk, tmp_path: Path) -> Iterator[tuple[AlertFile, DistantAlertFile]]:
    """A file with an alert, and the same file asked over HTTP."""
    signal = {"kind": "requests", "measure": "error_share", "service": "frontend"}
    desk.rule("failing", rule_text(signal, {"above": 0.1, "window": "20s"}))
    desk.telemetry.requests(at_s=[NOW_S - 5, NOW_S - 3], errors=2)
    desk.evaluate()
    desk.database.close()
    port = free_port()
    environment = {
        "PORT": str(port), "ALERTS_DB": str(desk.path), "ALERTS_TOKEN": TOKEN, "ALERT_INTERVAL_S": "60",
        "STORE_PATH": str(desk.telemetry.path), "DETECTORS_DIR": str(desk.rules),
    }  # fmt: skip
    with running("alerting", environment, log=tmp_path / "alerting.log"):
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: requests.get(f"{url}/stats", timeout=5).json()["passes"], "a pass", within_s=60)
        distant = DistantAlertFile(url, TOKEN)
        yield desk.file, distant
        distant.close()


def test_every_answer_is_that_of_the_file(pair: tuple[AlertFile, DistantAlertFile]) -> None:
    """Questions, changes, and what was changed: by either, seen by both."""
    file, distant = pair
    [alert], more = distant.alerts(AlertQuery(states=frozenset({"firing"})), NOW)
    assert not more
    assert distant.acknowledge(alert.alert_id, "Ann", "I look", alert.started_unix_nano + 1) is not None
    silence = distant.silence("failing", 2 * NOW, "Ann", "known", alert.started_unix_nano, {"a": "b"})
    for name, *arguments in (
        ("alerts", AlertQuery(), NOW),
        ("alerts", AlertQuery(severities=frozenset({"critical"}), limit=1), NOW),
        ("alert", alert.alert_id, NOW),
        ("alert", "none", NOW),
        ("history", alert.alert_id, 50),
        ("counts", NOW),
        ("detectors", NOW),
        ("detector", "failing", NOW),
        ("silences", NOW),
        ("evaluator", NOW),
    ):
        # A sequence may be a list here and a tuple there.
        assert encoded(getattr(distant, name)(*arguments)) == encoded(getattr(file, name)(*arguments)), name
    assert distant.alert(alert.alert_id, NOW) == file.alert(alert.alert_id, NOW)
    assert distant.detector("failing", NOW) == file.detector("failing", NOW)
    assert list(distant.silences(NOW)) == [silence]
    assert distant.counts(NOW).acknowledged == 1
    assert distant.end_silence(silence.silence_id, NOW)
    assert not file.end_silence(silence.silence_id, NOW)


def test_nobody_asks_without_the_token(pair: tuple[AlertFile, DistantAlertFile]) -> None:
    """Neither a question nor a change; and none of it is answered with another method's arguments."""
    url, wrong = pair[1].url, {"Authorization": "Bearer wrong"}
    own = {"Authorization": f"Bearer {TOKEN}"}
    for name in METHODS:
        assert requests.post(url + name, data="{}", headers=wrong, timeout=5).status_code == 403
        assert requests.post(url + name, data="{}", timeout=5).status_code == 403
        for hostile in ("", "[]", '{"odd": 1}', json.dumps({"now_unix_nano": "x"})):
            assert requests.post(url + name, data=hostile, headers=own, timeout=5).status_code == 400
    assert requests.post(url + "close", data="{}", headers=own, timeout=5).status_code == 404
    with pytest.raises(AlertError, match="token"):
        DistantAlertFile(url.removesuffix("/alerts/"), "wrong").counts(NOW)


def test_a_process_that_is_away_is_an_error_with_a_remedy() -> None:
    """As of a file that fails; the screens say so."""
    with pytest.raises(AlertError) as raised:
        DistantAlertFile(f"http://127.0.0.1:{free_port()}", TOKEN).counts(NOW)
    assert "alerting" in raised.value.remedy
