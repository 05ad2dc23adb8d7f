"""`lab detectors`: lists the rules of alerts, and checks files of rules before they are used."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from lab import paths
from lab.errors import UsageError

_FOLDER = "DETECTORS_DIR"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = (
        "List the rules by which alerts fire: those that ship, and those of the folder DETECTORS_DIR. "
        "Exit code 1 when a file cannot be used."
    )
    parser.add_argument(
        "--check", type=Path, nargs="+", metavar="FILE", help="check these files, wherever they are"
    )


def run(args: argparse.Namespace) -> int:
    """Print a line for each rule; 1 when one cannot be used. Raises UsageError for a missing file."""
    files = [str(path.absolute()) for path in args.check or ()]
    for path in args.check or ():
        if not path.is_file():
            raise UsageError(f"There is no file {path}.", "Give the path of a rule: detectors/NAME.toml.")
    folder = os.environ.get(_FOLDER) or paths.rules_dir()
    words = ["--folder", str(Path(folder).expanduser().absolute())] if folder and not files else []
    # By its module's name, as every process: the lab does not know what a rule is.
    done = subprocess.run(
        [sys.executable, "-m", "alerting.check", *words, *files], cwd=paths.ROOT, check=False
    )
    return done.returncode
