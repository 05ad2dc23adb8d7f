"""`lab gameday`: runs a schedule of incidents in the running lab, shows it, stops it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from lab import paths, terminal
from lab.errors import NotRunning, UsageError
from lab.state import class_file, runfile

DESCRIPTION = """\
Run the schedule in FILE: incidents begin and end at its times, without a word to the class; the
desk shows what runs and what comes. Markers appear on the students' charts when it is over.
One that runs already, or an exam of the same seats, is in its way and is ended with --replace only.
Without FILE: show the schedule that runs."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument("file", nargs="?", type=Path, metavar="FILE", help="the schedule, as TOML")
    parser.add_argument("--seed", type=int, metavar="N", help="makes its random choices repeatable")
    parser.add_argument(
        "--replace", action="store_true", help="end a game day that runs, or an exam of the same seats"
    )
    parser.add_argument("--stop", action="store_true", help="stop the schedule; what runs goes on")


def run(args: argparse.Namespace) -> int:
    """Begin, show or stop. Raises NotRunning, UsageError or LabError."""
    from lab.run import control_client

    run_dir = paths.run_dir()
    running = runfile.read(run_dir)
    if running is None:
        raise NotRunning
    if args.stop:
        terminal.write_line(control_client.act(run_dir, {"action": "gameday-stop"}))
        return 0
    if args.file is not None:
        try:
            content = args.file.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"{args.file} cannot be read: {error}.", "Give a TOML file.") from error
        action = {"action": "gameday", "content": content, "seed": args.seed, "replace": args.replace}
        terminal.write_line(control_client.act(run_dir, action))
    terminal.write_line(listing(Path(running.data), time.time_ns()))
    return 0


def listing(data: Path, now_unix_nano: int) -> str:
    """The schedule that runs, a line for each action with its time from now."""
    from classroom import schedule

    with class_file.opened(data) as store:
        plan = schedule(store)
    if plan is None:
        return "No schedule runs."
    lines = [plan.title + (" (over)" if plan.is_over else "")]
    for each in plan.actions:
        seconds = round((each.at_unix_nano - now_unix_nano) / 1e9)
        when = "done" if each.done else f"in {seconds // 60}:{seconds % 60:02}"
        seats = each.action.get("seats", "all")
        whom = "all" if seats == "all" else ", ".join(seats)
        lines.append(f"  {when:>9}  {each.incident:<18} {whom}")
    return "\n".join(lines)
