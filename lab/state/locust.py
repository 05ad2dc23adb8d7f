"""The simulated users of a running lab: starts Locust where it is off, and asks its own web interface.

The command line and the desk both change the load here. Standard library and `runtime` only.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from lab.errors import LabError, NotRunning
from runtime import local_http
from runtime.installation import COMMAND

START_WITHIN_S = 20.0
RATE = 5.0
"""Simulated users started per second, unless another rate is asked for."""
_ASK_EVERY_S = 0.1
_ANSWER_WITHIN_S = 10
_LOADGEN, _SUPERVISOR = "loadgen", "supervisor"
_pause = threading.Event()


def change(status_file: Path, users: int, rate: float = RATE) -> str:
    """Run this many users, 0 for none; starts Locust where it is off. Returns its web address.

    The address is empty where Locust is off and stays so. Raises LabError, NotRunning.
    """
    if not users:
        if is_off(status_file):
            return ""
        locust = address(status_file)
        ask(locust, "/stop", {})
        return locust
    locust = address(status_file, start=True)
    ask(locust, "/swarm", {"user_count": users, "spawn_rate": rate})
    return locust


def is_off(status_file: Path) -> bool:
    """Whether the lab runs without load. Raises NotRunning."""
    return bool(_row(status_file, _LOADGEN)["state"] == "off")


def address(status_file: Path, *, start: bool = False) -> str:
    """Locust's web address; `start` starts it where it is off. Raises NotRunning or LabError."""
    row = _row(status_file, _LOADGEN)
    if row["state"] == "off":
        if not start:
            raise LabError("The lab runs without load.", f"Start it with: {COMMAND} load --users 10")
        os.kill(int(_row(status_file, _SUPERVISOR)["pid"]), signal.SIGUSR1)
    deadline = time.monotonic() + START_WITHIN_S
    while row["state"] != "ready":
        if time.monotonic() > deadline:
            raise LabError("Locust does not start.", f"See: {COMMAND} logs loadgen")
        _pause.wait(_ASK_EVERY_S)
        row = _row(status_file, _LOADGEN)
    return f"http://{row['address']}"


def ask(locust: str, path: str, form: dict[str, Any] | None = None) -> dict[str, Any]:
    """The JSON that Locust answers, sent a form where one is given. Raises LabError."""
    try:
        found = local_http.json_of(locust + path, form, timeout_s=_ANSWER_WITHIN_S)
    except local_http.LocalHttpError as error:
        raise LabError(f"Locust does not answer on {locust}.", f"See: {COMMAND} logs loadgen") from error
    return found if isinstance(found, dict) else {}


def _row(status_file: Path, name: str) -> dict[str, Any]:
    try:
        rows = json.loads(status_file.read_text("utf-8"))["processes"]
        return dict(next(row for row in rows if row["name"] == name))
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise NotRunning from error
