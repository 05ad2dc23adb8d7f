"""A whole lab whose orders begin to fail: an alert fires, is sent, outlives a kill, and ends when mended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from loadgen.requests_client import RequestsClient
from loadgen.student import CHECKOUT_FIELDS, DEFAULT_PRODUCT
from runtime import local_http
from tests.alerting.receiver import Receiver, receiving
from tests.helpers import REPO, eventually

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
WITHIN_S = 60.0


class Lab:
    """A lab of its own, by its commands and its API."""

    def __init__(self, folder: Path, webhook: str) -> None:
        self.folder = folder
        self.environment = {**os.environ, "LAB_RUN_DIR": str(folder), "ALERT_WEBHOOK_URL": webhook}

    def command(self, *words: str) -> None:
        done = subprocess.run(
            [sys.executable, "-m", "lab", *words],
            cwd=REPO,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.folder / "status.json").read_text("utf-8"))
        return found

    def api(self, path: str) -> Any:
        return local_http.json_of(f"{self.status()['urls']['observer']}/api/v1{path}", timeout_s=10)

    def pid(self, name: str) -> int:
        return next(int(row["pid"] or 0) for row in self.status()["processes"] if row["name"] == name)

    def alerts(self, state: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.api(f"/alerts?detector=orders-failing&state={state}")["alerts"]
        return found


@contextmanager
def orders(shop: str) -> Iterator[None]:
    """Somebody orders again and again."""
    stop = threading.Event()

    def order() -> None:
        while not stop.wait(0.5):
            client = RequestsClient(timeout_s=5.0)
            form = {"product_id": DEFAULT_PRODUCT, "quantity": "1"}
            client.send("POST", f"{shop}/cart", name="", headers={}, data=form)
            client.send("POST", f"{shop}/cart/checkout", name="", headers={}, data=CHECKOUT_FIELDS)
            client.close()

    shopper = threading.Thread(target=order, daemon=True)
    shopper.start()
    try:
        yield
    finally:
        stop.set()
        shopper.join(10)


@contextmanager
def running(folder: Path, receiver: Receiver) -> Iterator[Lab]:
    lab = Lab(folder, receiver.url)
    try:
        lab.command("up", "--detach", "--free-ports", "--no-load", "--incident", "none")
        yield lab
    finally:
        lab.command("down")


def test_an_alert_tells_of_failing_orders_from_begin_to_end(tmp_path: Path) -> None:
    """The same alert before and after kill -9; begin and end arrive at the webhook and in the logs."""
    with receiving() as receiver, running(tmp_path, receiver) as lab, orders(lab.status()["urls"]["shop"]):
        lab.command("incident", "invalid-token")
        eventually(lambda: lab.alerts("firing"), "the alert fires", within_s=WITHIN_S)
        [alert] = lab.alerts("firing")
        killed = lab.pid("alerting")
        os.kill(killed, signal.SIGKILL)
        eventually(lambda: lab.pid("alerting") not in (0, killed), "a new process", within_s=WITHIN_S)
        evaluations = alert["evaluations"]
        eventually(
            lambda: lab.alerts("firing")[0]["evaluations"] > evaluations + 1, "passes", within_s=WITHIN_S
        )
        assert [each["alert_id"] for each in lab.alerts("firing")] == [alert["alert_id"]]
        assert lab.api(alert["links"]["trace"])["trace_id"] in alert["links"]["trace"]

        lab.command("incident", "none")
        eventually(lambda: lab.alerts("resolved"), "the alert ends", within_s=WITHIN_S)
        sent = eventually(
            lambda: [each for each in receiver.bodies if each["status"] == "resolved"], "its end"
        )
        logs = eventually(lambda: lab.api("/logs?attr=event.name:alert.resolved")["logs"], "its event")

    assert sent[0]["alerts"][0]["labels"]["alertname"] in ("orders-failing", "charges-refused")
    assert logs[0]["service"] == "alerting"
