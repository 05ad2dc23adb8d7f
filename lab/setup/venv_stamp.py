"""The stamp in `.venv` that records what was installed, and whether that is still current.

Standard library only: it is read before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from lab import cli, paths

LEVELS = (cli.NOTHING, cli.LAB, cli.BROWSER, cli.DEV)
"""The levels of an environment; each includes those before it."""
STAMP = "lab-stamp.json"
LAYOUT = 1
"""Increased when every environment must be rebuilt though no lock changed."""


def requirements_file(level: str) -> Path:
    """The locked requirements of a level."""
    return paths.REQUIREMENTS / f"{level}.txt"


def fingerprint(level: str) -> dict[str, str]:
    """The values that make an environment current: its lock, its browser files, this folder."""
    from lab.setup import browser_files

    return {
        "layout": str(LAYOUT),
        "root": str(paths.ROOT),
        "requirements": _sha256(requirements_file(level)),
        "browser_files": _sha256(browser_files.MANIFEST),
    }


def is_prepared(level: str, environment: Path = paths.ENVIRONMENT) -> bool:
    """Whether the environment holds this level or a higher one, with the current locks."""
    stamp = read_stamp(environment)
    python = paths.environment_python(environment)
    if stamp is None or not os.access(python, os.X_OK):
        return False
    have = stamp.get("level", "")
    if have not in LEVELS or LEVELS.index(have) < LEVELS.index(level):
        return False
    return {key: stamp.get(key) for key in fingerprint(have)} == fingerprint(have)


def read_stamp(environment: Path) -> dict[str, str] | None:
    """The content of the stamp, or None."""
    try:
        stamp = json.loads((environment / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
