"""Process facts from /proc: memory, identity, session members. Standard library only."""

from __future__ import annotations

from pathlib import Path


def pss_bytes(pid: int) -> int | None:
    """A process's proportional set size in bytes; None where the system does not report it."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return None
    for line in text.splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return None


def start_ticks(pid: int) -> str:
    """The start time of a process in clock ticks, to detect reuse of its id; empty if unknown."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except OSError:
        return ""
    fields = text.rpartition(")")[2].split()
    # A zombie has ended, although its entry exists.
    return "" if fields[0] in "ZX" else fields[19]


def session_members(session: int) -> int:
    """How many living processes belong to a session (Linux; 0 elsewhere)."""
    count = 0
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        count += fields[0] not in "ZX" and int(fields[3]) == session
    return count
