"""The secret that signs the seat links of a class, kept with the clone. Standard library only."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path

from lab.errors import unwritable
from lab.state.run_folder import SEAT_SECRET

VARIABLE = "SEAT_SECRET"


def read(run_dir: Path) -> str:
    """The secret of this clone, or that of the variable SEAT_SECRET if set; empty when there is none."""
    given = os.environ.get(VARIABLE, "")
    if given:
        return given
    with contextlib.suppress(OSError):
        return (run_dir / SEAT_SECRET).read_text("ascii").strip()
    return ""


def read_or_make(run_dir: Path) -> str:
    """The same, made and kept when there is none: links stay valid after a restart. Raises LabError."""
    known = read(run_dir)
    if known:
        return known
    made = secrets.token_hex(32)
    try:
        file = os.open(run_dir / SEAT_SECRET, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(file, "w", encoding="ascii") as stream:
            stream.write(made)
    except OSError as error:
        raise unwritable(run_dir, error) from error
    return made
