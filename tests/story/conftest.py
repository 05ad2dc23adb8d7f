"""The lab that the tests of the story share."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from tests.helpers import REPO, eventually
from tests.story.bench import Bench
from tests.story.proxies import Gate, proxy


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A ready lab whose links can be broken from outside."""
    folder = tmp_path_factory.mktemp("lab")
    run_dir = folder / "run"

    def status() -> dict[str, Any]:
        found: dict[str, Any] = json.loads((run_dir / "status.json").read_text("utf-8"))
        return found

    def payment() -> str:
        return next(str(row["address"]) for row in status()["processes"] if row["name"] == "paymentservice")

    with (
        proxy(lambda: status()["urls"]["shop"]) as shop,
        proxy(lambda: status()["urls"]["otlp_http"]) as telemetry,
        contextlib.closing(Gate(payment)) as door,
    ):
        changes = {
            "data": str(folder / "data"),
            "environments": {
                "paymentservice": {"OTEL_EXPORTER_OTLP_ENDPOINT": telemetry.url},
                "checkoutservice": {"PAYMENT_SERVICE_ADDR": door.address},
            },
        }
        lab = subprocess.Popen(
            [sys.executable, "-m", "tests.story.detour", json.dumps(changes)],
            cwd=REPO,
            env={**os.environ, "LAB_RUN_DIR": str(run_dir)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

        def ready() -> bool:
            if lab.poll() is not None:
                pytest.fail(f"the lab ended while starting: {lab.stderr.read() if lab.stderr else ''}")
            return bool(status()["ready"])

        try:
            eventually(ready, "the lab is ready", within_s=40)
            yield Bench(run_dir, shop, telemetry, door, status()["urls"])
        finally:
            lab.send_signal(signal.SIGTERM)
            lab.communicate(timeout=15)
