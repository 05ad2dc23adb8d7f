"""`lab store salvage`: saves what is readable of a damaged store file into another one."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from lab import paths
from lab.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand and its options."""
    parser.description = "Work on files of the store. The lab may run, unless --into names its own file."
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    salvage = actions.add_parser(
        "salvage",
        help="save what is readable of a damaged store file",
        description=(
            "Read a damaged store file page by page, write every span, log and metric point that is as it "
            "was written into another store, and say how many were saved and lost. The damaged file is not "
            "changed."
        ),
        allow_abbrev=False,
    )
    salvage.add_argument("file", type=Path, metavar="FILE", help="the damaged file, as the lab set it aside")
    salvage.add_argument(
        "--into",
        type=Path,
        metavar="FILE",
        help="the store that takes what is saved, made if it is missing; with the lab stopped, it may be the "
        "lab's own (default: FILE.salvaged)",
    )


def run(args: argparse.Namespace) -> int:
    """Salvage; 1 when a file cannot be used. Raises UsageError for a missing file."""
    if not args.file.is_file():
        raise UsageError(
            f"There is no file {args.file}.", "Give the path of a store file that was set aside as damaged."
        )
    words = [str(args.file.absolute())]
    if args.into is not None:
        words += ["--into", str(args.into.absolute())]
    # By its module's name, as every process: the lab does not know how a store is kept.
    done = subprocess.run([sys.executable, "-m", "store.salvage", *words], cwd=paths.ROOT, check=False)
    return done.returncode
