"""`lab reset`: deletes the data of a lab that is stopped."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from lab import paths, terminal
from lab.state import data_folder, runfile
from lab.state.run_folder import ALERTS, CARTS, CLASS, DATA, GENERATIONS, LOGS, SEAT_SECRET, STORE, TOKEN


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = "Delete telemetry, alerts, carts, logs and the class of this folder's lab."
    parser.add_argument("--data", type=Path, metavar="DIR", help="a data folder given to `up --data`")
    parser.add_argument("--all", action="store_true", help="delete the installed environment (.venv), too")


def run(args: argparse.Namespace) -> int:
    """Delete them. Raises AlreadyRunning while the lab runs."""
    run_dir = paths.run_dir()
    claim = runfile.Claim(run_dir)
    try:
        data = (args.data or run_dir / DATA).absolute()
        removed = data_folder.remove_files(data, (STORE, CARTS, CLASS, ALERTS)) + _remove_folder(
            run_dir / LOGS
        )
        for name in (SEAT_SECRET, TOKEN, GENERATIONS):
            (run_dir / name).unlink(missing_ok=True)
        if args.all:
            removed += _remove_folder(paths.ENVIRONMENT)
    finally:
        claim.release()
    terminal.write_line(f"Freed {removed / 1e6:.1f} MB.")
    return 0


def _remove_folder(folder: Path) -> int:
    freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    shutil.rmtree(folder, ignore_errors=True)
    return freed
