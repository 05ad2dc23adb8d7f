"""`lab reset`: wipe what the lab has stored."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from lab import paths, terminal
from lab.errors import LabError
from lab.state import runfile


def configure(parser: argparse.ArgumentParser) -> None:
    """Name the options."""
    parser.description = "Delete the telemetry, the carts, the logs and the seats of this folder's lab."
    parser.add_argument("--data", type=Path, metavar="DIR", help="a data folder given to `up --data`")
    parser.add_argument("--all", action="store_true", help="the installed environment too (.venv)")


def run(args: argparse.Namespace) -> int:
    """Delete them. Raises AlreadyRunning while the lab runs."""
    run_dir = paths.run_dir()
    claim = runfile.Claim(run_dir)
    try:
        data = (args.data or run_dir / "data").absolute()
        removed = _remove(data) + _remove_folder(run_dir / "logs")
        (run_dir / "seat-secret").unlink(missing_ok=True)
        if args.all:
            removed += _remove_folder(paths.ENVIRONMENT)
    finally:
        claim.release()
    terminal.write_line(f"Freed {removed / 1e6:.1f} MB.")
    return 0


def _remove(data: Path) -> int:
    """Only our own files: a folder that a user named may hold others."""
    freed = 0
    for pattern in ("store.sqlite3*", "carts.sqlite3*"):
        for path in data.glob(pattern):
            try:
                freed += path.stat().st_size
                path.unlink()
            except OSError as error:
                raise LabError(f"{path} could not be deleted: {error.strerror}.") from error
    return freed


def _remove_folder(folder: Path) -> int:
    freed = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    shutil.rmtree(folder, ignore_errors=True)
    return freed
