"""Labs for benchmarks, started by the command line and stopped at the end.

Knows the command line and the status document; must not know what is measured.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import cpu_s, get_json
from lab.paths import ROOT
from lab.state.procfs import pss_bytes

START_WITHIN_S = 120.0
_READY = re.compile(r"Ready after ([0-9.]+) s")
_DROPPED = "Telemetry was dropped"


@dataclass(frozen=True, slots=True)
class Lab:
    """A running lab. `ready_s` is the time to ready that `lab up` printed."""

    folder: Path
    ready_s: float

    def status(self) -> dict[str, Any]:
        """The status document, without its memory figures."""
        found: dict[str, Any] = json.loads((self.folder / "status.json").read_text("utf-8"))
        return found

    def url(self, name: str) -> str:
        """`shop`, `observer` or `otlp_http`."""
        return str(self.status()["urls"][name]).rstrip("/")

    def pids(self) -> dict[str, int]:
        """Name -> process id of the running processes."""
        return {row["name"]: row["pid"] for row in self.status()["processes"] if row["pid"]}

    def memory_bytes(self) -> dict[str, int]:
        """Name -> proportional set size, where the system reports it."""
        measured = {name: pss_bytes(pid) for name, pid in self.pids().items()}
        return {name: size for name, size in measured.items() if size}

    def cpu_s(self) -> float:
        """Seconds of CPU of all processes so far."""
        return cpu_s(self.pids().values())

    def collector(self) -> dict[str, Any]:
        """The collector's own counts since its start."""
        found: dict[str, Any] = get_json(self.url("otlp_http") + "/stats")
        return found

    def stored(self) -> dict[str, int]:
        """Number of items in the store by kind, and of rejected ones, from the API."""
        status = get_json(self.url("observer") + "/api/v1/status")
        return {**status["counts"], "rejected": status["rejected"]}

    def drop_notices(self) -> list[str]:
        """The log lines about dropped telemetry, each with its process."""
        found = []
        for log in sorted((self.folder / "logs").glob("*.log*")):
            lines = log.read_text("utf-8", "replace").splitlines()
            found += [f"{log.stem}: {line.strip()}" for line in lines if _DROPPED in line]
        return found

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`python -m lab …` for this lab."""
        return _command(self.folder, *words)


@contextmanager
def running(*options: str, checkout: Path = ROOT) -> Iterator[Lab]:
    """A lab on free ports with these options of `lab up`. Raises SystemExit when it does not start.

    `checkout` is another revision's in which `python3 -m lab up` was called once.
    """
    with tempfile.TemporaryDirectory(prefix="hipster-lab-bench-") as folder:
        path = Path(folder)
        _unwind_on_sigterm()
        try:
            started = _command(path, "up", "--detach", "--free-ports", *options, checkout=checkout)
            ready = _READY.search(started.stdout)
            if started.returncode or not ready:
                raise SystemExit(f"the lab did not start: {(started.stderr or started.stdout).strip()}")
            yield Lab(path, float(ready[1]))
        finally:
            _command(path, "down", checkout=checkout)


def python_of(checkout: Path) -> str:
    """The interpreter that runs a checkout's programs. Raises SystemExit where it has none."""
    if checkout == ROOT:
        return sys.executable
    python = checkout / ".venv" / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{checkout} has no environment yet: run `python3 -m lab up` in it once")
    return str(python)


def _unwind_on_sigterm() -> None:
    """Turn SIGTERM into SystemExit, so that every `finally` runs and the lab is stopped."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))


def _command(folder: Path, *words: str, checkout: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python_of(checkout), "-m", "lab", *words],
        cwd=checkout,
        env={**os.environ, "LAB_RUN_DIR": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=START_WITHIN_S,
        check=False,
    )
