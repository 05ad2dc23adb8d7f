"""Starts, changes and stops the simulated users, through Locust's own web interface."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

from lab.errors import LabError
from runtime import local_http

START_WITHIN_S = 20.0
_RATE = 5.0
_pause = threading.Event()


def change(status_file: Path, users: int) -> None:
    """Run this many users, 0 for none; starts Locust where it is off. Raises LabError."""
    row = _row(status_file, "loadgen")
    if row["state"] == "off":
        if not users:
            return
        os.kill(int(_row(status_file, "supervisor")["pid"]), signal.SIGUSR1)
    deadline = time.monotonic() + START_WITHIN_S
    while row["state"] != "ready":
        if time.monotonic() > deadline:
            raise LabError("Locust does not start.", "See: python3 -m lab logs loadgen")
        _pause.wait(0.1)
        row = _row(status_file, "loadgen")
    locust = f"http://{row['address']}"
    try:
        if users:
            local_http.json_of(f"{locust}/swarm", {"user_count": users, "spawn_rate": _RATE}, timeout_s=10)
        else:
            local_http.json_of(f"{locust}/stop", {}, timeout_s=10)
    except local_http.LocalHttpError as error:
        raise LabError(f"Locust does not answer on {locust}.", "See: python3 -m lab logs loadgen") from error


def _row(status_file: Path, name: str) -> dict[str, Any]:
    try:
        rows = json.loads(status_file.read_text("utf-8"))["processes"]
        return dict(next(row for row in rows if row["name"] == name))
    except (OSError, ValueError, KeyError, TypeError, StopIteration) as error:
        raise LabError(f"The lab's status does not name {name}.", "Is the lab running?") from error
