"""The tokens of a running lab, for its control interface and the states of flags; made anew at each start."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from lab.errors import unwritable
from lab.state.run_folder import TOKEN


def make(run_dir: Path, name: str = TOKEN) -> str:
    """Make a token and keep it in a file of this name, which only its owner can read. Raises LabError."""
    token = secrets.token_hex(32)
    path = run_dir / name
    try:
        # Removed first: a file that is there keeps its permissions.
        path.unlink(missing_ok=True)
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(token)
    except OSError as error:
        raise unwritable(run_dir, error) from error
    return token


def read(run_dir: Path, name: str = TOKEN) -> str:
    """The token of the running lab; empty when there is none."""
    with contextlib.suppress(OSError):
        return (run_dir / name).read_text("ascii").strip()
    return ""
