"""The lab to verify: the one that runs, or one that is started for this and stopped afterwards."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from lab.child_environment import Purpose, environment_of
from lab.errors import LabError, StartError
from lab.paths import ROOT, run_dir
from lab.state import runfile, seat_secret
from runtime.installation import COMMAND

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 15.0
READY_WITHIN_S = 6.0
READY_PAUSE_S = 0.3
_pause = threading.Event()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Base addresses of shop and screens, without a slash at the end.

    `seat_secret` signs seat links; empty for an open lab.
    """

    shop: str
    observer: str
    seat_secret: str = ""


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A lab that runs: its addresses and its incident."""

    addresses: Addresses
    incident: str


def running_lab(notify: Callable[[str], None]) -> RunningLab | None:
    """The lab of this clone, or None.

    One that is not ready gets `READY_WITHIN_S`, and is then verified as it is: the reason
    may be the very link that is broken.
    """
    run = runfile.read(run_dir())
    if run is None:
        return None
    deadline = time.monotonic() + READY_WITHIN_S
    status = _status(caller_environment())
    while not status["ready"] and time.monotonic() < deadline:
        _pause.wait(READY_PAUSE_S)
        status = _status(caller_environment())
    if not status["ready"]:
        fine = ("ready", "off", "on demand")
        waiting = [row["name"] for row in status["processes"] if row["state"] not in fine]
        notify(
            f"The lab is not ready ({', '.join(waiting) or 'no process is waiting'}); verifying it anyway."
        )
    secret = seat_secret.read(run_dir()) if run.seats else ""
    return RunningLab(replace(_addresses(status), seat_secret=secret), run.incident)


@contextmanager
def own_lab(incident: str) -> Iterator[Addresses]:
    """A lab for one verification: free ports, a data folder of its own, no load; stopped at the end.

    Raises StartError when it does not become ready.
    """
    with own_lab_environment(incident, "--incident", incident) as environment:
        yield addresses_of(environment)


@contextmanager
def own_lab_environment(purpose: str, *options: str) -> Iterator[dict[str, str]]:
    """The same with these options of `lab up`; yields the environment by which `lab_command` reaches it.

    `purpose` says in an error what it was to be started for. Raises StartError.
    """
    with tempfile.TemporaryDirectory(prefix="hipster-lab-verify-") as folder:
        environment = {**caller_environment(), "LAB_RUN_DIR": f"{folder}/run"}
        environment.pop(seat_secret.VARIABLE, None)
        fixed = ["--detach", "--free-ports", "--no-load", "--data", f"{folder}/data"]
        with _unwinding_on_sigterm():
            try:
                started = _lab(["up", *fixed, *options], environment, START_TIMEOUT_S)
                if started.returncode != 0:
                    raise StartError(
                        f"No lab could be started for {purpose}: {last_line(started)}",
                        f"See it happen with: {COMMAND} up {' '.join(options)}",
                    )
                yield environment
            finally:
                _lab(["down"], environment, STOP_TIMEOUT_S)


def caller_environment() -> dict[str, str]:
    """The environment by which `lab_command` reaches the lab of this folder."""
    return environment_of(Purpose.COMMAND)


def addresses_of(environment: Mapping[str, str]) -> Addresses:
    """The addresses of a lab, by its own status. Raises LabError."""
    return _addresses(_status(environment))


def lab_command(arguments: list[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """`python -m lab …` with its output. Raises LabError when it does not end."""
    return _lab(arguments, environment, STOP_TIMEOUT_S)


@contextmanager
def _unwinding_on_sigterm() -> Iterator[None]:
    """Turn SIGTERM into SystemExit, so that every `finally` runs and the lab is stopped."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, _: object) -> None:
        raise SystemExit(128 + number)

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The last error of a command, without its progress, as one line."""
    lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return " ".join(lines[-2:]) or "it gave no reason."


def _status(environment: Mapping[str, str]) -> dict[str, Any]:
    result = _lab(["status", "--json"], environment, STOP_TIMEOUT_S)
    try:
        status: dict[str, Any] = json.loads(result.stdout)
        if not {"ready", "urls", "processes"} <= set(status):
            raise ValueError("a field is missing")
    except (ValueError, TypeError) as error:
        raise LabError(
            f"`{COMMAND} status` could not be read: {last_line(result)}", f"Try `{COMMAND} status`."
        ) from error
    return status


def _addresses(status: dict[str, Any]) -> Addresses:
    urls = status["urls"]
    return Addresses(shop=str(urls["shop"]).rstrip("/"), observer=str(urls["observer"]).rstrip("/"))


def _lab(
    arguments: list[str], environment: Mapping[str, str], timeout_s: float
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(
            [sys.executable, "-m", "lab", *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise LabError(
            f"`{COMMAND} {arguments[0]}` did not end within {timeout_s:g} s.", f"See `{COMMAND} status`."
        ) from error
