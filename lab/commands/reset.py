"""`lab reset`: deletes the data of a lab that is stopped."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from lab import paths, terminal
from lab.state import data_folder, runfile
from lab.state.run_folder import ALERTS, CARTS, CLASS, GENERATIONS, LOGS, SEAT_SECRET, STORE, TOKEN
from runtime.installation import IS_INSTALLED, OF_THIS_FOLDER

_INSTALLED = "the downloaded files for pages" if IS_INSTALLED else "the installed environment (.venv)"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.description = f"Delete telemetry, alerts, carts, logs and the class of the lab{OF_THIS_FOLDER}."
    parser.add_argument("--data", type=Path, metavar="DIR", help="a data folder given to `up --data`")
    parser.add_argument("--all", action="store_true", help=f"delete {_INSTALLED}, too")


def run(args: argparse.Namespace) -> int:
    """Delete them. Raises AlreadyRunning while the lab runs."""
    run_dir = paths.run_dir()
    claim = runfile.Claim(run_dir)
    try:
        data = (args.data or paths.data_dir()).absolute()
        removed = data_folder.remove_files(data, (STORE, CARTS, CLASS, ALERTS)) + _remove_folder(
            run_dir / LOGS
        )
        for name in (SEAT_SECRET, TOKEN, GENERATIONS):
            (run_dir / name).unlink(missing_ok=True)
        if args.all:
            removed += _remove_folder(paths.web_dir() if IS_INSTALLED else paths.ENVIRONMENT)
    finally:
        claim.release()
    terminal.write_line(f"Freed {removed / 1e6:.1f} MB.")
    return 0


def _remove_folder(folder: Path) -> int:
    freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    shutil.rmtree(folder, ignore_errors=True)
    return freed
