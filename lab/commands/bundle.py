"""`lab bundle`: writes one file that sets up the lab on another machine without a network."""

from __future__ import annotations

import argparse
from pathlib import Path

from lab import paths, terminal
from lab.setup import bundle_writing
from runtime.installation import COMMAND

DESCRIPTION = f"""\
Write one file that sets up the lab on a machine of the same system, architecture and
Python (3.11 here means 3.11 there) without a network, for instance from a USB stick.

It holds the files that git tracks, as they are in this folder, the Python packages and the
files for the browser. On the other machine: unpack it, and `{COMMAND} up`."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help=f"file or folder to write to (default: {bundle_writing.default_name()} in the current folder)",
    )
    parser.add_argument("--with-tests", action="store_true", help="also what the tests need (80 MB more)")


def run(args: argparse.Namespace) -> int:
    """Write the bundle and print how to use it. Raises SetupError, UsageError or LabError."""
    file = bundle_writing.destination(args.file)
    project = bundle_writing.project_of(paths.ROOT)
    level = bundle_writing.level_of(with_tests=args.with_tests)
    progress = terminal.Progress()
    try:
        written = bundle_writing.write(file, level, project, progress)
    finally:
        progress.close()
    for line in bundle_writing.summary(written, project):
        terminal.write_line(line)
    return 0
