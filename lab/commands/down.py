"""`lab down`: stop the lab of this clone and leave nothing behind."""

from __future__ import annotations

import argparse
import json
import os
import signal
import time

from lab import paths, terminal
from lab.errors import LabError
from lab.state import runfile

WITHIN_S = 8.0


def configure(parser: argparse.ArgumentParser) -> None:
    """It has no options."""
    parser.description = "Stop the lab that runs from this folder. The store keeps what it holds."


def run(_: argparse.Namespace) -> int:
    """Ask the supervisor to stop and wait until it has; then by force."""
    running = runfile.read(paths.run_dir())
    if running is None:
        terminal.write_line("No lab is running from this folder.")
        return 0
    processes = _processes()
    _signal(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + WITHIN_S
    while running.is_alive() and time.monotonic() < deadline:
        time.sleep(0.02)
    if running.is_alive():
        _signal(running.pid, signal.SIGKILL)
        for pid in processes:
            _signal(pid, signal.SIGKILL)
        terminal.write_line("The lab did not stop by itself and was ended by force.")
        return 0
    terminal.write_line("Stopped.")
    return 0


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
    except PermissionError as error:
        raise LabError(
            f"The lab (process {pid}) belongs to another user.", "Stop it as the user who started it."
        ) from error


def _processes() -> list[int]:
    try:
        status = json.loads((paths.run_dir() / runfile.STATUS).read_text("utf-8"))
    except (OSError, ValueError):
        return []
    return [row["pid"] for row in status["processes"] if row["pid"] and row["name"] != "supervisor"]
