"""Prepares the environment that a verb needs, once, and re-executes the command inside it.

Standard library only. When the stamp in `.venv` is current (`lab.setup.venv_stamp`), this costs a
few milliseconds and no network.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from lab import cli, paths
from lab.child_environment import Purpose, environment_of
from lab.setup.venv_stamp import is_prepared
from runtime.chromium import find_browser

# Set for the re-executed command: set-up has just been checked.
CHECKED = "LAB_SETUP_CHECKED"


def main(argv: Sequence[str]) -> int:
    """Choose the verb, install what it needs, run it; returns the exit code."""
    verb = cli.choose(argv)
    rest = list(argv[1:])
    if not verb.passes_on:
        cli.parse(verb, rest)
    needs = level_needed(verb.needs, rest)
    if paths.INSTALLED:
        return _run_installed(verb, needs, rest)
    checked = os.environ.pop(CHECKED, "") and paths.inside_environment()
    if needs == cli.NOTHING or checked:
        return cli.run(verb, rest)
    if not is_prepared(needs):
        code = _prepare(needs)
        # Without the browser driver, verify still works with its browserless student.
        if code and not (needs == cli.BROWSER and is_prepared(cli.LAB)):
            return code
    if not paths.inside_environment() and not (
        verb.begins_outside and verb.module().outside(cli.parse(verb, rest))
    ):
        _reexecute(argv)
    return cli.run(verb, rest)


def level_needed(level: str, arguments: Sequence[str]) -> str:
    """Return the level to install: nothing for `--help`, no browser driver where there is no browser."""
    if level != cli.DEV and any(word in ("-h", "--help") for word in arguments):
        return cli.NOTHING
    if level == cli.BROWSER and find_browser() is None:
        return cli.LAB
    return level


def _run_installed(verb: cli.Verb, needs: str, rest: Sequence[str]) -> int:
    """Run a verb of an installed tool, whose packages are there: only the files for pages may be missing."""
    from lab import terminal
    from lab.errors import LabError
    from lab.setup import installed_tool

    try:
        installed_tool.check(verb)
        if needs != cli.NOTHING:
            installed_tool.prepare()
    except LabError as error:
        return terminal.fail(error)
    except KeyboardInterrupt:
        terminal.note("\nSet-up was stopped; the next run goes on from here.")
        return 130
    return cli.run(verb, rest)


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
    variables = environment_of(Purpose.COMMAND)
    os.execve(python, [python, "-m", "lab", *argv], variables)  # noqa: S606 - the same command, inside
