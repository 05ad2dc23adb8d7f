"""`lab store`: saves what is readable of a damaged file, prepares a ClickHouse store, and settles it."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from lab import paths
from lab.errors import UsageError


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the subcommand and its options."""
    parser.description = "Work on stores. The lab may run, unless --into of salvage names its own file."
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
    prepare = actions.add_parser(
        "prepare",
        help="make tables beside those of a ClickHouse store that answer faster",
        description=(
            "Say which tables are made beside those of OpenTelemetry's exporter and why, make them, and copy "
            "the spans that are there. Tables of others are not changed. May be ended and run again."
        ),
        allow_abbrev=False,
    )
    prepare.add_argument("--dry-run", action="store_true", help="say what would be made, and make nothing")
    settle = actions.add_parser(
        "settle",
        help="fill the tables of a prepared ClickHouse store, until it is ended",
        description=(
            "Compute what follows from whole traces, some minutes behind. Of several that run, on any "
            "machine, one works and the others wait for it to end. A lab's collector runs one by itself."
        ),
        allow_abbrev=False,
    )
    settle.add_argument("--once", action="store_true", help="end when nothing is left to settle")
    for each in (prepare, settle):
        each.add_argument(
            "url", nargs="?", metavar="URL",
            help="clickhouse://user:password@host:8123/database (default: STORE_URL, "
            "which no list of processes shows)",
        )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Do it; 1 when a store cannot be used. Raises UsageError for a missing file."""
    if args.action != "salvage":
        return _on_server(args)
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


def _on_server(args: argparse.Namespace) -> int:
    url = args.url or os.environ.get("STORE_URL", "")
    words = ["--dry-run"] if args.action == "prepare" and args.dry_run else []
    words += ["--once"] if args.action == "settle" and args.once else []
    done = subprocess.run(
        [sys.executable, "-m", f"store.{args.action}", *words],
        cwd=paths.ROOT,
        env={**os.environ, "STORE_URL": url},
        check=False,
    )
    return done.returncode
