"""Replaces a file's content atomically, so that a reader sees the old or the new one and no part of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from lab.errors import unwritable


def write_atomically(path: Path, text: str) -> None:
    """Replace the content of `path`. Raises LabError when its folder cannot be written."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        partial.write_text(text, "utf-8")
        partial.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise unwritable(path.parent, error) from error
