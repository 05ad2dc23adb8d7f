"""The status file: printed by `lab status --json`, read by the observer for addresses. Standard library only.

The document is `{"ready", "urls", "processes": [{"name", "pid", "state", "restarts", "address",
"pss_bytes"}]}`; its fields are an interface.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lab.errors import NotRunning
from lab.state import runfile
from lab.state.atomic_write import write_atomically
from lab.state.procfs import pss_bytes
from lab.state.run_folder import STATUS

# Measuring memory walks page tables, so the file's figures are refreshed rarely; `read` measures anew.
REFRESH_S = 15.0
SHORTEST_INTERVAL_S = 0.1


@dataclass(frozen=True, slots=True)
class Row:
    """One process of the document, without its memory. `pid` and `address` are None where there is none."""

    name: str
    pid: int | None
    state: str
    restarts: int
    address: str | None = None


def document(urls: Mapping[str, str], rows: Iterable[Row], *, ready: bool, measure: bool) -> dict[str, Any]:
    """The status document; `pss_bytes` is null unless measured."""
    processes = [
        {**asdict(row), "pss_bytes": pss_bytes(row.pid) if row.pid and measure else None} for row in rows
    ]
    return {"ready": ready, "urls": dict(urls), "processes": processes}


def stored(run_dir: Path) -> dict[str, Any] | None:
    """The document as it was last written; None when there is none, or no whole one."""
    try:
        found = json.loads((run_dir / STATUS).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def read(run_dir: Path) -> dict[str, Any]:
    """The document of the running lab, memory measured now. Raises NotRunning."""
    status = stored(run_dir) if runfile.read(run_dir) else None
    if status is None:
        raise NotRunning
    for row in status["processes"]:
        row["pss_bytes"] = pss_bytes(row["pid"]) if row["pid"] else None
    return status


class StatusFile:
    """Writes the document when something changed, and every `REFRESH_S` to refresh its figures."""

    def __init__(self, run_dir: Path, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self._path = run_dir / STATUS
        self._dirty = True
        self._written_at = float("-inf")
        self._was_ready = False

    def touch(self) -> None:
        """Mark the document as changed."""
        self._dirty = True

    def next_write(self, now: float) -> float:
        """When to call `write_if_due` next, on the monotonic clock."""
        return (
            max(now, self._written_at + SHORTEST_INTERVAL_S) if self._dirty else self._written_at + REFRESH_S
        )

    def write_if_due(self, now: float, *, ready: bool, rows: Iterable[Row]) -> None:
        """Write if it changed or has aged `REFRESH_S`. Raises LabError when the folder cannot be written."""
        changed = self._dirty or ready != self._was_ready
        old = now - self._written_at >= REFRESH_S
        if (changed and now - self._written_at >= SHORTEST_INTERVAL_S) or old:
            self._written_at = now
            self.write_now(ready=ready, rows=rows, measure=old)

    def write_now(self, *, ready: bool, rows: Iterable[Row], measure: bool = False) -> None:
        """Write it unconditionally."""
        self._dirty = False
        self._was_ready = ready
        content = document(self._urls, rows, ready=ready, measure=measure)
        write_atomically(self._path, json.dumps(content, indent=1))
