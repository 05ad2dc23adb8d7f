"""The status document: printed by `lab status --json`, read by the observer for addresses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from lab.state.procfs import pss_bytes
from lab.state.runfile import STATUS, write_atomically
from lab.supervision.process import LabPlan, Process, State

# Measuring memory walks page tables, so the file's figures are refreshed rarely; `lab status` measures anew.
REFRESH_S = 15.0
SHORTEST_INTERVAL_S = 0.1

Helper = tuple[str, int | None, int]


def document(
    plan: LabPlan, processes: Iterable[Process], helpers: Iterable[Helper], *, ready: bool, measure: bool
) -> dict[str, Any]:
    """Return the status document (its fields are an interface); `pss_bytes` is null unless measured."""

    def row(name: str, pid: int | None, state: str, restarts: int, address: str | None) -> dict[str, Any]:
        pss = pss_bytes(pid) if pid and measure else None
        return {
            "name": name,
            "pid": pid,
            "state": state,
            "restarts": restarts,
            "address": address,
            "pss_bytes": pss,
        }

    rows = [
        row(entry.plan.name, entry.pid, entry.state.value, entry.restarts, entry.plan.address or None)
        for entry in processes
    ]
    for name, pid, restarts in helpers:
        state = State.READY if pid else State.RESTARTING
        rows.append(row(name, pid, state.value, restarts, None))
    return {"ready": ready, "urls": dict(plan.urls), "processes": rows}


class StatusFile:
    """Writes the document when something changed, and every `REFRESH_S` to refresh its figures."""

    def __init__(self, plan: LabPlan, processes: Mapping[str, Process]) -> None:
        self._plan = plan
        self._processes = processes
        self._path = plan.run_dir / STATUS
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

    def write_if_due(self, now: float, *, ready: bool, helpers: Iterable[Helper]) -> None:
        """Write if it changed or has aged `REFRESH_S`. Raises LabError when the folder cannot be written."""
        changed = self._dirty or ready != self._was_ready
        old = now - self._written_at >= REFRESH_S
        if (changed and now - self._written_at >= SHORTEST_INTERVAL_S) or old:
            self._written_at = now
            self.write_now(ready=ready, helpers=helpers, measure=old)

    def write_now(self, *, ready: bool, helpers: Iterable[Helper], measure: bool = False) -> None:
        """Write it unconditionally."""
        self._dirty = False
        self._was_ready = ready
        content = document(self._plan, self._processes.values(), helpers, ready=ready, measure=measure)
        write_atomically(self._path, json.dumps(content, indent=1))
