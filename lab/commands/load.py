"""`lab load`: shows, changes and stops the simulated users, through Locust's own web interface."""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any

from lab import paths, terminal
from lab.errors import NotRunning, UsageError
from lab.state import locust, runfile
from lab.state.run_folder import STATUS

DESCRIPTION = """\
Without options: show the load. With --users: change it (and start it where the lab was
started with --no-load). Locust's own page shows more; its address is printed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument("--users", type=int, metavar="N", help="change the number of simulated users to N")
    parser.add_argument(
        "--rate",
        type=float,
        default=locust.RATE,
        metavar="R",
        help=f"simulated users started per second (default: {locust.RATE:g})",
    )
    parser.add_argument("--stop", action="store_true", help="stop all simulated users")
    parser.add_argument("--json", action="store_true", help="print Locust's own statistics as JSON")


def run(args: argparse.Namespace) -> int:
    """Show, change or stop the load. Raises NotRunning, UsageError or LabError."""
    if args.users is not None and (args.users < 0 or args.stop):
        raise UsageError("--users takes a number of 0 or more, and not together with --stop.")
    if not 0 < args.rate < math.inf:
        raise UsageError("--rate takes a number above 0.")
    status_file = _status_file()
    if args.stop or args.users == 0:
        locust.change(status_file, 0)
        terminal.write_line("Load stopped.")
        return 0
    if args.users is not None:
        page = locust.change(status_file, args.users, args.rate)
        users = terminal.counted(args.users, "simulated user")
        terminal.write_line(f"Load changed to {users}. Locust's page: {page}")
        return 0
    page = locust.address(status_file)
    figures = locust.ask(page, "/stats/requests")
    terminal.write_line(json.dumps(figures, indent=2) if args.json else summary(figures, page))
    return 0


def summary(figures: dict[str, Any], page: str) -> str:
    """Locust's figures in a few lines."""
    total: dict[str, Any] = next(
        (row for row in figures.get("stats", []) if row.get("name") == "Aggregated"), {}
    )
    return (
        f"{terminal.counted(figures.get('user_count', 0), 'simulated user')} "
        f"({figures.get('state', 'unknown')}), "
        f"{figures.get('total_rps', 0):.1f} requests/s, "
        f"{100 * figures.get('fail_ratio', 0):.0f} % of {total.get('num_requests', 0)} failed\n"
        f"Locust's page: {page}"
    )


def _status_file() -> Path:
    run_dir = paths.run_dir()
    if runfile.read(run_dir) is None:
        raise NotRunning
    return run_dir / STATUS
