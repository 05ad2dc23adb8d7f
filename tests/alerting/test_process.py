"""The process as a whole: a metric rises and falls, its receiver is told, whatever happens meanwhile."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.alerting.receiver import Receiver, receiving
from tests.alerting.telemetry import Telemetry, rule_text, telemetry
from tests.helpers import REPO, eventually, free_port
from tests.store.build import SECOND, T0
from tests.store.build_metrics import point, series

pytestmark = pytest.mark.timeout(120)


@contextmanager
def _process(folder: Path, store_path: Path, receiver: Receiver) -> Iterator[subprocess.Popen[bytes]]:
    port = free_port()
    environment = {
        "PORT": str(port),
        "STORE_PATH": str(store_path),
        "ALERTS_DB": str(folder / "alerts.db"),
        "DETECTORS_DIR": str(folder / "rules"),
        "ALERT_INTERVAL_S": "0.2",
        "ALERT_WEBHOOK_URL": receiver.url,
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url.partition("/hook")[0],
        "OBSERVER_URL": "http://screens.example:8090",
    }
    with (folder / "alerting.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "alerting"],
            cwd=REPO,
            env={**os.environ, **environment},
            stdout=log,
            stderr=log,
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait(10)


def _of(receiver: Receiver, path: str) -> list[Any]:
    taken = list(zip(list(receiver.paths), list(receiver.bodies), strict=False))
    return [body for at, body in taken if at.startswith(path)]


def _depth(shop: Telemetry, value: float) -> None:
    """A point of now."""
    now_s = (time.time_ns() - T0) / SECOND
    shop.points([point(series("queue.depth", attributes={"queue": "mail"}), now_s, value)])


def _reaches(shop: Telemetry, receiver: Receiver, value: float, status: str) -> dict[str, Any]:
    """The message of this status, while the metric has this value."""

    def found() -> dict[str, Any] | None:
        _depth(shop, value)
        return next((each for each in _of(receiver, "/hook") if each["status"] == status), None)

    message = eventually(found, f"a message that says {status}", within_s=40)
    assert message
    return message


def test_a_receiver_is_told_begin_and_end_over_a_kill(tmp_path: Path) -> None:
    """Twice it refuses, then it takes the begin; the process is killed; the next one sends the end."""
    (tmp_path / "rules").mkdir()
    signal = {"kind": "metric", "metric": "queue.depth", "measure": "max", "by": ["queue"]}
    text = rule_text(signal, {"above": 5, "window": "10s"}, title="The queue is long")
    (tmp_path / "rules" / "queue-long.toml").write_text(text)
    with telemetry(tmp_path) as shop, receiving(lambda number: 503 if number < 3 else 200) as receiver:
        with _process(tmp_path, shop.path, receiver):
            begun = _reaches(shop, receiver, 10, "firing")
        with _process(tmp_path, shop.path, receiver):
            over = _reaches(shop, receiver, 1, "resolved")
            eventually(lambda: len(_of(receiver, "/v1/logs")) >= 2, "the log events")
        logs = [
            record["eventName"]
            for body in _of(receiver, "/v1/logs")
            for scope in body["resourceLogs"][0]["scopeLogs"]
            for record in scope["logRecords"]
        ]
    # A kill between a receiver's answer and its being noted sends a message twice, never not at all.
    assert list(dict.fromkeys(logs)) == ["alert.firing", "alert.resolved"]
    statuses = [each["status"] for each in _of(receiver, "/hook")]
    assert list(dict.fromkeys(statuses)) == ["firing", "resolved"]
    assert begun["version"] == over["version"] == "4"
    assert begun["groupKey"] == over["groupKey"] == '{}:{alertname="queue-long"}'
    assert begun["groupLabels"] == {"alertname": "queue-long"}
    assert begun["commonLabels"] == {"alertname": "queue-long", "severity": "critical", "queue": "mail"}
    assert begun["commonAnnotations"]["summary"] == "The queue is long"
    assert begun["externalURL"] == "http://screens.example:8090"
    (first,), (last,) = begun["alerts"], over["alerts"]
    assert (first["status"], last["status"]) == ("firing", "resolved")
    assert first["fingerprint"] == last["fingerprint"]
    assert first["startsAt"] == last["startsAt"]
    assert first["endsAt"] == "0001-01-01T00:00:00Z"
    assert datetime.fromisoformat(last["endsAt"]) > datetime.fromisoformat(last["startsAt"])
    assert first["generatorURL"].startswith("http://screens.example:8090/alerts/")
