"""Reads the state of this machine: files and the output of its own programs, never as root.

The only part of the checks that touches the machine, so that tests put another one in its place.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from lab.child_environment import Purpose, environment_of

_TIMEOUT_S = 5


@dataclass(frozen=True, slots=True)
class Output:
    """What a program printed (both streams) and its exit code."""

    code: int
    text: str


class MachineReader:
    """This machine."""

    @property
    def system(self) -> str:
        """`linux`, `darwin` or another value of `sys.platform`."""
        return sys.platform

    @property
    def is_wsl(self) -> bool:
        """Whether this is a Linux inside Windows."""
        return "microsoft" in platform.release().lower()

    @property
    def is_root(self) -> bool:
        """Whether root's files and programs can be read."""
        return os.geteuid() == 0

    def text(self, path: str) -> str | None:
        """The content of a file, or None when it is absent or may not be read."""
        try:
            return Path(path).read_text("utf-8", "replace")
        except OSError:
            return None

    def names(self, folder: str) -> list[str]:
        """The names in a folder, sorted; none when it is absent."""
        try:
            return sorted(path.name for path in Path(folder).iterdir())
        except OSError:
            return []

    def run(self, *command: str) -> Output | None:
        """The output of a program, or None when it is not installed or does not answer in five seconds."""
        try:
            done = subprocess.run(
                command,
                env={**environment_of(Purpose.DOWNLOAD), "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return Output(done.returncode, done.stdout)
