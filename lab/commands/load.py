"""`lab load`: shows, changes and stops the simulated users, through Locust's own web interface."""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import time
from typing import Any

from lab import paths, terminal
from lab.errors import LabError, NotRunning, UsageError
from lab.state import runfile, statusfile
from runtime import local_http

START_WITHIN_S = 20.0

DESCRIPTION = """\
Without options: show the load. With --users: change it (and start it where the lab was
started with --no-load). Locust's own page shows more; its address is printed."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument("--users", type=int, metavar="N", help="change the number of simulated users to N")
    parser.add_argument(
        "--rate", type=float, default=5.0, metavar="R", help="simulated users started per second (default: 5)"
    )
    parser.add_argument("--stop", action="store_true", help="stop all simulated users")
    parser.add_argument("--json", action="store_true", help="print Locust's own statistics as JSON")


def run(args: argparse.Namespace) -> int:
    """Show, change or stop the load. Raises NotRunning, UsageError or LabError."""
    if args.users is not None and (args.users < 0 or args.stop):
        raise UsageError("--users takes a number of 0 or more, and not together with --stop.")
    if not 0 < args.rate < math.inf:
        raise UsageError("--rate takes a number above 0.")
    if args.stop or args.users == 0:
        _request(address(), "/stop", {})
        terminal.write_line("Load stopped.")
        return 0
    if args.users is not None:
        locust = address(start=True)
        _request(locust, "/swarm", {"user_count": args.users, "spawn_rate": args.rate})
        terminal.write_line(
            f"Load changed to {terminal.counted(args.users, 'simulated user')}. Locust's page: {locust}"
        )
        return 0
    locust = address()
    figures = _request(locust, "/stats/requests")
    terminal.write_line(json.dumps(figures, indent=2) if args.json else summary(figures, locust))
    return 0


def address(*, start: bool = False) -> str:
    """Locust's web address; `start` starts it where it is off. Raises NotRunning or LabError."""
    row = _row()
    if row["state"] == "off":
        if not start:
            raise LabError("The lab runs without load.", "Start it with: python3 -m lab load --users 10")
        running = runfile.read(paths.run_dir())
        if running is None:
            raise NotRunning
        os.kill(running.pid, signal.SIGUSR1)
    deadline = time.monotonic() + START_WITHIN_S
    while row["state"] != "ready":
        if time.monotonic() > deadline:
            raise LabError("Locust does not start.", "See: python3 -m lab logs loadgen")
        time.sleep(0.1)
        row = _row()
    return f"http://{row['address']}"


def summary(figures: dict[str, Any], locust: str) -> str:
    """Locust's figures in a few lines."""
    total: dict[str, Any] = next(
        (row for row in figures.get("stats", []) if row.get("name") == "Aggregated"), {}
    )
    return (
        f"{terminal.counted(figures.get('user_count', 0), 'simulated user')} "
        f"({figures.get('state', 'unknown')}), "
        f"{figures.get('total_rps', 0):.1f} requests/s, "
        f"{100 * figures.get('fail_ratio', 0):.0f} % of {total.get('num_requests', 0)} failed\n"
        f"Locust's page: {locust}"
    )


def _row() -> dict[str, Any]:
    for row in statusfile.read(paths.run_dir())["processes"]:
        if row["name"] == "loadgen":
            return dict(row)
    raise NotRunning


def _request(locust: str, path: str, form: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        found = local_http.json_of(locust + path, form, timeout_s=10)
    except local_http.LocalHttpError as error:
        raise LabError(f"Locust does not answer on {locust}.", "See: python3 -m lab logs loadgen") from error
    return found if isinstance(found, dict) else {}
