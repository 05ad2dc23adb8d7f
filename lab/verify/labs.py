"""Which lab to verify: the one that runs, or one started for the purpose and stopped afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from dataclasses import replace
from typing import Any

from lab import runfile
from lab import seats
from lab.errors import LabError
from lab.errors import StartError
from lab.paths import ROOT
from lab.paths import run_dir
from lab.verify.seats import SECRET_VARIABLE

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 15.0


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where the shop and the screens answer, without a slash at the end.

    `seat_secret` signs seat links; empty for an open class, None where only the environment can tell.
    """

    shop: str
    observer: str
    seat_secret: str | None = None


@dataclass(frozen=True, slots=True)
class RunningLab:
    """A lab that runs: its addresses and the incident that it was started with."""

    addresses: Addresses
    incident: str


def running_lab() -> RunningLab | None:
    """The lab of this clone, or None. LabError when it runs but is not ready."""
    run = runfile.read(run_dir())
    if run is None:
        return None
    where = _addresses(_status(dict(os.environ)))
    secret = seats.secret(run_dir()) if run.seats else ""
    return RunningLab(replace(where, seat_secret=secret), run.incident)


@contextmanager
def own_lab(incident: str) -> Iterator[Addresses]:
    """A lab for this purpose alone: free ports, a data folder of its own, no load; stopped at the end."""
    with tempfile.TemporaryDirectory(prefix="hipster-lab-verify-") as folder:
        environment = {**os.environ, "LAB_RUN_DIR": f"{folder}/run"}
        environment.pop(SECRET_VARIABLE, None)
        wish = ["--detach", "--free-ports", "--no-load", "--data", f"{folder}/data", "--incident", incident]
        try:
            started = _lab(["up", *wish], environment, START_TIMEOUT_S)
            if started.returncode != 0:
                reason = " ".join((started.stderr or started.stdout).split()) or "it did not say why"
                raise StartError(
                    f"No lab could be started for {incident}: {reason}.", "Try `python3 -m lab doctor`."
                )
            yield _addresses(_status(environment))
        finally:
            _lab(["down"], environment, STOP_TIMEOUT_S)


def _status(environment: dict[str, str]) -> dict[str, Any]:
    told = _lab(["status", "--json"], environment, STOP_TIMEOUT_S)
    try:
        status = json.loads(told.stdout)
        ready = bool(status["ready"])
    except (ValueError, LookupError, TypeError) as error:
        reason = " ".join(told.stderr.split()) or "no JSON"
        raise LabError(
            f"`lab status` could not be read: {reason}.", "Try `python3 -m lab status`."
        ) from error
    if not ready:
        raise LabError("The lab is running but not ready.", "See `python3 -m lab status`, and try again.")
    return dict(status)


def _addresses(status: dict[str, Any]) -> Addresses:
    urls = status["urls"]
    return Addresses(shop=str(urls["shop"]).rstrip("/"), observer=str(urls["observer"]).rstrip("/"))


def _lab(
    arguments: list[str], environment: dict[str, str], timeout_s: float
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
            f"`lab {arguments[0]}` did not end within {timeout_s:g} s.", "See `python3 -m lab status`."
        ) from error
