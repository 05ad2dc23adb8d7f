"""`lab logs`: what the processes write, readable, per process or all together."""

from __future__ import annotations

import argparse

from lab import paths, terminal
from lab.errors import LabError
from lab.state import log_follow, logfiles

DESCRIPTION = """\
Read what the processes of this folder's lab have written. The files stay after the lab has
stopped, until the next start. Each is bounded; the generation before is `NAME.log.1`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="processes, such as paymentservice (default: all)"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="go on with new lines until Ctrl-C")
    parser.add_argument("-n", "--lines", type=int, default=20, help="last lines of each (default: 20)")
    parser.add_argument("--raw", action="store_true", help="as written (JSON), not made readable")


def run(args: argparse.Namespace) -> int:
    """Print the last lines, and follow if asked. Raises LabError for a name without a log."""
    folder = paths.run_dir() / "logs"
    files = log_follow.chosen(folder, args.names)
    absent = sorted(set(args.names) - {path.stem for path in files})
    if absent or not files:
        known = ", ".join(path.stem for path in log_follow.chosen(folder, [])) or "none yet"
        raise LabError(
            f"There is no log of {', '.join(absent)}." if absent else "No lab has written logs here.",
            f"There are: {known}." if absent else "Start one with: python3 -m lab up",
        )
    for path in files:
        for line in logfiles.tail(path, max(args.lines, 0)):
            terminal.write_line(line if args.raw else logfiles.readable(line, path.stem))
    if args.follow:
        log_follow.follow(folder, args.names, from_start=False, raw=args.raw)
    return 0
