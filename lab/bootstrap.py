"""Makes the environment a verb needs, once, and re-executes the command inside it.

Owns `.venv` and the stamp in it that says what was installed. Standard library
only. When the stamp holds, this costs a few milliseconds and no network.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from lab import cli
from lab import paths

LEVELS = (cli.NOTHING, cli.LAB, cli.BROWSER, cli.DEV)
STAMP = "lab-stamp.json"
# Tells the re-executed command that set-up was done a moment ago.
CHECKED = "LAB_SETUP_CHECKED"
LAYOUT = 1
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_BROWSERS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)


def main(argv: Sequence[str]) -> int:
    """Choose the verb, make sure that what it needs is installed, carry it out."""
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
        # Without the browser's driver there is still the walk without a browser.
        if code and not (needs == cli.BROWSER and is_prepared(cli.LAB)):
            return code
    if not paths.inside_environment():
        _reexecute(argv)
    return cli.run(verb, rest)


def level_needed(wanted: str, arguments: Sequence[str]) -> str:
    """The level to install: nothing for mere help, and no browser driver where there is no browser."""
    if wanted != cli.DEV and any(word in ("-h", "--help") for word in arguments):
        return cli.NOTHING
    if wanted == cli.BROWSER and find_browser() is None:
        return cli.LAB
    return wanted


def find_browser() -> Path | None:
    """A Chromium or Chrome of this machine; CHROMIUM_PATH names one that is elsewhere."""
    named = os.environ.get("CHROMIUM_PATH")
    if named:
        return Path(named) if os.access(named, os.X_OK) else None
    for name in BROWSERS:
        found = shutil.which(name)
        if found:
            return Path(found)
    return next((Path(path) for path in MAC_BROWSERS if os.access(path, os.X_OK)), None)


def requirements_file(level: str) -> Path:
    """The locked requirements of a level."""
    return paths.REQUIREMENTS / f"{level}.txt"


def fingerprint(level: str) -> dict[str, str]:
    """What must be as it was for an environment to be good: its lock, its browser files, this folder."""
    from lab import browser_files

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


def _prepare(level: str) -> int:
    from lab import environment
    from lab import terminal
    from lab.errors import LabError

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


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
