"""What sends to whom a test says: the shop with its failing checkout, or one request of each signal."""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import requests

from lab.plan import planning
from lab.plan.options import Options
from lab.state import flag_file
from lab.supervision.health_check import is_ready
from tests.helpers import eventually, running

NOT_OF_THE_SHOP = ("collector", "observer", "alerting", "control", "loadgen")
READY_S = 120


def start_shop(stack: ExitStack, folder: Path, otlp: str, beacons: str) -> str:
    """The storefront's address: every process sends to `otlp`, and the storefront relays to `beacons`."""
    flag_file.write(folder, flag_file.find("invalid-token"))
    plan = planning.build(Options(free_ports=True, data=folder), folder, environment=os.environ)
    processes = [process for process in plan.processes if process.name not in NOT_OF_THE_SHOP]
    for process in processes:
        environment = {
            **process.environment,
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
            "RUM_BEACON_URL": f"{beacons}/v1/rum",
        }
        stack.enter_context(running(process.module, environment, log=folder / f"{process.name}.log"))
    for process in processes:
        eventually(
            partial(is_ready, process.ready, process.address), f"{process.name} is ready", within_s=READY_S
        )
    return plan.urls["shop"]


def failed_order(shop: str) -> dict[str, Any]:
    """What a visitor saw whose order failed."""
    command = [sys.executable, "-m", "loadgen.student", "--shop", shop, "--seat", "anna"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    found: dict[str, Any] = json.loads(result.stdout.splitlines()[-1])
    assert found["checkout"]["status"] >= 500
    return found


def send_all(otlp: str, *, failed: bool = True) -> str:
    """A trace of one span, a log and a metric, as an application sends them; the trace's id."""
    trace_id, now = secrets.token_hex(16), time.time_ns()
    service = {"attributes": [{"key": "service.name", "value": {"stringValue": f"from-{trace_id}"}}]}
    span = {
        "traceId": trace_id, "spanId": secrets.token_hex(8), "name": "work", "kind": 2,
        "startTimeUnixNano": str(now - 10**6), "endTimeUnixNano": str(now),
        "status": {"code": 2 if failed else 0},
    }  # fmt: skip
    log = {"timeUnixNano": str(now), "traceId": trace_id, "body": {"stringValue": f"line of {trace_id}"}}
    point = {"timeUnixNano": str(now), "asDouble": 1.5}
    metric = {"name": f"gauge.{trace_id}", "gauge": {"dataPoints": [point]}}
    bodies: dict[str, dict[str, Any]] = {
        "traces": {"resourceSpans": [{"resource": service, "scopeSpans": [{"spans": [span]}]}]},
        "logs": {"resourceLogs": [{"resource": service, "scopeLogs": [{"logRecords": [log]}]}]},
        "metrics": {"resourceMetrics": [{"resource": service, "scopeMetrics": [{"metrics": [metric]}]}]},
    }
    for signal, body in bodies.items():
        assert requests.post(f"{otlp}/v1/{signal}", json=body, timeout=20).status_code == 200
    return trace_id
