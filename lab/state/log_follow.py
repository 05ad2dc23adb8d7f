"""Follows the log files of a running lab, line by line, across rotation."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from lab import terminal
from lab.state import logfiles

PAUSE_S = 0.25


def follow(folder: Path, names: Sequence[str], *, from_start: bool = True, raw: bool = False) -> None:
    """Print new lines of these processes (all when empty) until interrupted."""
    offsets: dict[Path, int] = {}
    first = not from_start
    while True:
        for path in chosen(folder, names):
            with contextlib.suppress(OSError):
                size = path.stat().st_size
                known = offsets.get(path, size if first else 0)
                # A file that shrank was rotated.
                offsets[path] = _print_from(path, 0 if size < known else known, raw)
        first = False
        time.sleep(PAUSE_S)


def chosen(folder: Path, names: Sequence[str]) -> list[Path]:
    """The log files of these processes; of all when no name is given."""
    return [path for path in sorted(folder.glob("*.log")) if not names or path.stem in names]


def _print_from(path: Path, offset: int, raw: bool) -> int:
    with path.open("rb") as file:
        file.seek(offset)
        data = file.read()
    whole = data.rfind(b"\n") + 1
    for line in data[:whole].decode("utf-8", "replace").splitlines():
        if line.strip():
            terminal.write_line(line if raw else logfiles.readable(line, path.stem))
    return offset + whole
