"""`lab down`: stops the lab of this clone and every process of it."""

from __future__ import annotations

import argparse
import os
import signal
import time

from lab import paths, terminal
from lab.errors import LabError
from lab.state import runfile, statusfile
from runtime.installation import OF_THIS_FOLDER

WITHIN_S = 8.0


def configure(parser: argparse.ArgumentParser) -> None:
    """There are no options."""
    parser.description = f"Stop the lab that runs{OF_THIS_FOLDER}. The store keeps its data."


def run(_: argparse.Namespace) -> int:
    """Stop the supervisor by SIGTERM; after `WITHIN_S` end it and its processes by SIGKILL."""
    running = runfile.read(paths.run_dir())
    if running is None:
        terminal.write_line(f"No lab is running{OF_THIS_FOLDER}.")
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
    status = statusfile.stored(paths.run_dir()) or {"processes": []}
    return [row["pid"] for row in status["processes"] if row["pid"] and row["name"] != "supervisor"]
