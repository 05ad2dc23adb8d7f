"""Whether a SQLite file can be written, asked before it is opened.

SQLite opens a file that may not be written for reading, says nothing, and gives the log and the index
that it makes beside it the same mode: once the file may be written again, they still may not.
"""

from __future__ import annotations

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

_BESIDE = ("-wal", "-shm")


def see_that_it_can_be_written(path: Path) -> None:
    """Raise PermissionError, naming the file, where the file at this path may not be written.

    Its log and its index are given the mode of the file, where they are this user's.
    """
    if not path.exists():
        return
    _ask(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    for suffix in _BESIDE:
        beside = path.with_name(path.name + suffix)
        if beside.exists() and not os.access(beside, os.W_OK):
            with suppress(OSError):
                beside.chmod(mode)
            _ask(beside)


def _ask(path: Path) -> None:
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
