"""Errors of the command line: one sentence, and what to do about it.

    LabError
    ├── SetupError        the environment could not be made
    ├── UsageError        the command line is invalid
    │   └── Conflict      it would end something that runs, and was not told to
    ├── NotRunning        no lab of this clone is running
    ├── AlreadyRunning    a lab of this clone is running
    └── StartError        the lab was started and did not become ready

The command line prints `message` and `remedy` and exits with `exit_code`.
"""

from __future__ import annotations

import errno
from pathlib import Path


class LabError(Exception):
    """A failure with a remedy.

    `message` is one sentence saying what happened, `remedy` one saying what to do (may be empty).
    """

    exit_code = 1

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class SetupError(LabError):
    """The environment could not be made."""


class UsageError(LabError):
    """The command line is invalid."""

    exit_code = 2


class Conflict(UsageError):
    """What is asked for would end something that runs, and was not told to."""


class NotRunning(LabError):
    """No lab of this clone is running."""

    def __init__(self) -> None:
        super().__init__("No lab is running from this folder.", "Start one with: python3 -m lab up")


class AlreadyRunning(LabError):
    """A lab of this clone is running already; `pid` None while it is starting or stopping."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(
            f"A lab is already running from this folder (process {pid})."
            if pid
            else "A lab is already starting or stopping in this folder.",
            "See it with `python3 -m lab status`, stop it with `python3 -m lab down`.",
        )


class StartError(LabError):
    """The lab was started and did not become ready."""


def unwritable(folder: Path, error: OSError) -> LabError:
    """The error for a folder that cannot be written."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return LabError(
            f"The disk that holds {folder} is full.", "Free some space, or give --data another folder."
        )
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return LabError(
            f"{folder} cannot be written.",
            "Make it writable, or use a folder (--data) or a clone where you may.",
        )
    return LabError(f"{folder} cannot be used: {error.strerror}.", "Choose another folder.")
