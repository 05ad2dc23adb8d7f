"""`lab logs`: prints and follows the log files of the processes."""

from __future__ import annotations

import argparse

from lab import paths, terminal
from lab.errors import LabError
from lab.state import log_follow, logfiles
from runtime.installation import COMMAND, OF_THIS_FOLDER

DESCRIPTION = f"""\
Print the last log lines of the lab{OF_THIS_FOLDER}. The files remain after the lab has stopped,
until the next start. Each file is bounded; its previous generation is `NAME.log.1`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="processes, such as paymentservice (default: all)"
    )
    parser.add_argument("-f", "--follow", action="store_true", help="print new lines until Ctrl-C")
    parser.add_argument(
        "-n", "--lines", type=int, default=20, help="number of last lines per process (default: 20)"
    )
    parser.add_argument("--raw", action="store_true", help="print the lines unchanged (JSON)")


def run(args: argparse.Namespace) -> int:
    """Print the last lines and, with --follow, new ones. Raises LabError for a name without a log."""
    folder = paths.run_dir() / "logs"
    files = log_follow.chosen(folder, args.names)
    absent = sorted(set(args.names) - {path.stem for path in files})
    if absent or not files:
        known = ", ".join(path.stem for path in log_follow.chosen(folder, [])) or "none yet"
        raise LabError(
            f"There is no log of {', '.join(absent)}." if absent else "There are no logs yet.",
            f"There are: {known}." if absent else f"Start one with: {COMMAND} up",
        )
    for path in files:
        for line in logfiles.tail(path, max(args.lines, 0)):
            terminal.write_line(line if args.raw else logfiles.readable(line, path.stem))
    if args.follow:
        log_follow.follow(folder, args.names, from_start=False, raw=args.raw)
    return 0
