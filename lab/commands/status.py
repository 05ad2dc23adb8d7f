"""`lab status`: shows every process with its state, address and memory."""

from __future__ import annotations

import argparse
import json
from typing import Any

from lab import paths, terminal
from lab.state import statusfile


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "Show the processes of this folder's lab. Exit code 0 when ready, 1 when not (or not running)."
    )
    parser.add_argument("--json", action="store_true", help="print the status as JSON")


def run(args: argparse.Namespace) -> int:
    """Print the status; 0 when ready, else 1. Raises NotRunning."""
    status = statusfile.read(paths.run_dir())
    if args.json:
        terminal.write_line(json.dumps(status, indent=2))
    else:
        terminal.write_line(table(status))
    return 0 if status["ready"] else 1


def table(status: dict[str, Any]) -> str:
    """The status document as a table, with a summary and the addresses below it."""
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
    memory_text = f" {total / 1e6:.0f} MB in total." if total else ""
    lines += ["", f"{summary}{memory_text}", f"shop {urls['shop']}   observer {urls['observer']}"]
    return "\n".join(lines)
