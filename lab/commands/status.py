"""`lab status`: what runs, where, in which state, with how much memory."""

from __future__ import annotations

import argparse
import json
from typing import Any

from lab import paths, terminal
from lab.errors import NotRunning
from lab.state import procfs, runfile


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.description = (
        "What the lab of this folder runs. Exit code 0 when ready, 1 when not (or not running)."
    )
    parser.add_argument("--json", action="store_true", help="the same for programs")


def run(args: argparse.Namespace) -> int:
    """Print the status; raises NotRunning."""
    status = current()
    if args.json:
        terminal.write_line(json.dumps(status, indent=2))
    else:
        terminal.write_line(table(status))
    return 0 if status["ready"] else 1


def current() -> dict[str, Any]:
    """The status document of the running lab, memory measured now. Raises NotRunning."""
    run_dir = paths.run_dir()
    if runfile.read(run_dir) is None:
        raise NotRunning
    try:
        status: dict[str, Any] = json.loads((run_dir / runfile.STATUS).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise NotRunning from error
    for row in status["processes"]:
        row["pss_bytes"] = procfs.pss_bytes(row["pid"]) if row["pid"] else None
    return status


def table(status: dict[str, Any]) -> str:
    """The status for people."""
    rows = [("PROCESS", "STATE", "PID", "RESTARTS", "ADDRESS", "MEMORY")]
    total = 0
    for row in status["processes"]:
        pss = row["pss_bytes"]
        total += pss or 0
        cells = (
            row["name"],
            row["state"],
            str(row["pid"] or "-"),
            str(row["restarts"]),
            row["address"] or "-",
            f"{pss / 1e6:.1f} MB" if pss else "-",
        )
        rows.append(cells)
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    ]
    urls = status["urls"]
    summary = "Ready." if status["ready"] else "Not ready yet."
    memory_text = f" {total / 1e6:.0f} MB in all." if total else ""
    lines += ["", f"{summary}{memory_text}", f"shop {urls['shop']}   observer {urls['observer']}"]
    return "\n".join(lines)
