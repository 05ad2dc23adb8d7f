"""Terminal output: plain lines, a progress line on a terminal, errors with a remedy.

Standard library only. Colour is used only on a terminal without NO_COLOR, and
never carries a meaning that the words do not.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from lab.errors import LabError

_CODES = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


def is_interactive(stream: TextIO | None = None) -> bool:
    """Whether this stream (standard output by default) is a terminal."""
    stream = stream or sys.stdout
    return not stream.closed and stream.isatty() and os.environ.get("TERM") != "dumb"


def uses_colour(stream: TextIO | None = None) -> bool:
    """Whether colour may be used: a terminal, and NO_COLOR unset."""
    return is_interactive(stream) and not os.environ.get("NO_COLOR")


def paint(text: str, style: str, stream: TextIO | None = None) -> str:
    """`text` in a style of `bold dim red green yellow cyan`, where colour may be used."""
    if not uses_colour(stream):
        return text
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def counted(number: int, noun: str) -> str:
    """`1 user`, `2 users`: a number with its noun, which takes an s."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def write_line(text: str = "") -> None:
    """Write one line (or block) to standard output; a closed reader is not an error.

    Raises LabError when it cannot be written otherwise, as on a full disk.
    """
    try:
        with contextlib.suppress(BrokenPipeError, ValueError):
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
    except OSError as error:
        reason = error.strerror or str(error)
        raise LabError(f"The output could not be written: {reason}.", "Send it elsewhere.") from error


def note(text: str) -> None:
    """Write one line to standard error: progress and warnings, so that standard output stays parseable."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(text + "\n")
        sys.stderr.flush()


def fail(error: LabError) -> int:
    """Print an error with its remedy on standard error; returns its exit code."""
    note(paint(error.message, "red", sys.stderr))
    if error.remedy:
        note(error.remedy)
    return error.exit_code


class Progress:
    """A line that is rewritten on a terminal, and one line per step elsewhere."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = is_interactive(self._stream)
        self._open = False

    def step(self, text: str) -> None:
        """Show the current step."""
        with contextlib.suppress(OSError, ValueError):
            if self._live:
                self._stream.write(f"\r\x1b[2K{text}")
                self._open = True
            else:
                self._stream.write(text + "\n")
            self._stream.flush()

    def close(self) -> None:
        """Clear the rewritten line, so that the next output starts at the margin."""
        if self._open:
            with contextlib.suppress(OSError, ValueError):
                self._stream.write("\r\x1b[2K")
                self._stream.flush()
            self._open = False
