"""Prepares the environment that a verb needs, once, and re-executes the command inside it.

Standard library only. When the stamp in `.venv` is current (`lab.setup.venv_stamp`), this costs a
few milliseconds and no network.
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import cli, paths
from lab.setup.venv_stamp import is_prepared

# Set for the re-executed command: set-up has just been checked.
CHECKED = "LAB_SETUP_CHECKED"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def main(argv: Sequence[str]) -> int:
    """Choose the verb, install what it needs, run it; returns the exit code."""
    verb = cli.choose(argv)
    rest = list(argv[1:])
    if not verb.passes_on:
        cli.parse(verb, rest)
    needs = level_needed(verb.needs, rest)
    checked = os.environ.pop(CHECKED, "") and paths.inside_environment()
    if needs == cli.NOTHING or checked:
        return cli.run(verb, rest)
    if not is_prepared(needs):
        code = _prepare(needs)
        # Without the browser driver, verify still works with its browserless student.
        if code and not (needs == cli.BROWSER and is_prepared(cli.LAB)):
            return code
    if not paths.inside_environment():
        _reexecute(argv)
    return cli.run(verb, rest)


def level_needed(level: str, arguments: Sequence[str]) -> str:
    """Return the level to install: nothing for `--help`, no browser driver where there is no browser."""
    if level != cli.DEV and any(word in ("-h", "--help") for word in arguments):
        return cli.NOTHING
    if level == cli.BROWSER and find_browser() is None:
        return cli.LAB
    return level


def find_browser() -> Path | None:
    """Return the path of a Chromium or Chrome, or None; CHROMIUM_PATH names one outside PATH."""
    named = os.environ.get("CHROMIUM_PATH")
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return Path(found)
    return next((Path(path) for path in MAC_BROWSERS if os.access(path, os.X_OK)), None)


def _prepare(level: str) -> int:
    from lab import terminal
    from lab.errors import LabError
    from lab.setup import environment

    try:
        environment.prepare(level)
    except LabError as error:
        return terminal.fail(error)
    except KeyboardInterrupt:
        terminal.note("\nSet-up was stopped; the next run goes on from here.")
        return 130
    return 0


def _reexecute(argv: Sequence[str]) -> None:
    python = os.fspath(paths.environment_python())
    sys.stdout.flush()
    sys.stderr.flush()
    os.environ[CHECKED] = "1"
    os.execv(python, [python, "-m", "lab", *argv])  # noqa: S606 - the same command, inside the environment
