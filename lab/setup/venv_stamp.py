"""The stamp in `.venv` that says what was installed, and whether that is still what is wanted.

Standard library only: it is read before anything is installed.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from lab import cli, paths

LEVELS = (cli.NOTHING, cli.LAB, cli.BROWSER, cli.DEV)
"""What an environment can hold; each has all that is before it."""
STAMP = "lab-stamp.json"
LAYOUT = 1
"""Raised when an environment must be made anew though nothing else changed."""


def requirements_file(level: str) -> Path:
    """The locked requirements of a level."""
    return paths.REQUIREMENTS / f"{level}.txt"


def fingerprint(level: str) -> dict[str, str]:
    """What must be as it was for an environment to be good: its lock, its browser files, this folder."""
    from lab.setup import browser_files

    return {
        "layout": str(LAYOUT),
        "root": str(paths.ROOT),
        "requirements": _sha256(requirements_file(level)),
        "browser_files": _sha256(browser_files.MANIFEST),
    }


def is_prepared(level: str, environment: Path = paths.ENVIRONMENT) -> bool:
    """Whether the environment holds this level, or a higher one, as the locks stand now."""
    stamp = read_stamp(environment)
    python = paths.environment_python(environment)
    if stamp is None or not os.access(python, os.X_OK):
        return False
    have = stamp.get("level", "")
    if have not in LEVELS or LEVELS.index(have) < LEVELS.index(level):
        return False
    return {key: stamp.get(key) for key in fingerprint(have)} == fingerprint(have)


def read_stamp(environment: Path) -> dict[str, str] | None:
    """What the last preparation left, or None."""
    try:
        stamp = json.loads((environment / STAMP).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
