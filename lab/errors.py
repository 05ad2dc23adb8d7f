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

from runtime.installation import COMMAND, IS_INSTALLED, OF_THIS_FOLDER

_OR_ANOTHER = "" if IS_INSTALLED else " or a clone"


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
        super().__init__(f"No lab is running{OF_THIS_FOLDER}.", f"Start one with: {COMMAND} up")


class AlreadyRunning(LabError):
    """A lab of this clone is running already; `pid` None while it is starting or stopping."""

    def __init__(self, pid: int | None) -> None:
        super().__init__(
            f"A lab is already running{OF_THIS_FOLDER} (process {pid})."
            if pid
            else f"A lab is already starting or stopping{OF_THIS_FOLDER}.",
            f"See it with `{COMMAND} status`, stop it with `{COMMAND} down`.",
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
            f"Make it writable, or use a folder (--data){_OR_ANOTHER} where you may.",
        )
    return LabError(f"{folder} cannot be used: {error.strerror}.", "Choose another folder.")
