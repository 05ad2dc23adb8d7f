"""`lab import`: sends files of telemetry into the running lab."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from lab import paths
from lab.errors import NotRunning, UsageError
from lab.state import runfile, statusfile

DESCRIPTION = """\
Send files of telemetry into the running lab: Jaeger's JSON (a download of its screens, or an
answer of its API), Zipkin's JSON of version 2, OTLP's JSON (one document, or one on each line),
also compressed with gzip. Times are kept, unless all of them are moved together.
A file from which nothing can be read ends with exit code 1; the others are imported."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = DESCRIPTION
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE", help="what to import")
    parser.add_argument(
        "--shift-to-now",
        action="store_true",
        help="move the times of all files together, so that the newest is now",
    )


def run(args: argparse.Namespace) -> int:
    """Import; 1 when a file cannot be used. Raises NotRunning, or UsageError for a missing file."""
    missing = [str(path) for path in args.files if not path.is_file()]
    if missing:
        raise UsageError(f"There is no file {missing[0]}.", "Give the paths of files to import.")
    run_dir = paths.run_dir()
    if runfile.read(run_dir) is None:
        raise NotRunning
    urls = statusfile.read(run_dir)["urls"]
    words = ["--collector", urls["otlp_http"], "--observer", urls["observer"]]
    words += ["--shift-to-now"] if args.shift_to_now else []
    files = [str(path.absolute()) for path in args.files]
    # By its module's name, as every process: the lab does not know how telemetry is read.
    command = [sys.executable, "-m", "collector.import_files", *words, "--", *files]
    return subprocess.run(command, cwd=paths.ROOT, check=False).returncode
