"""One writer for each store, across processes."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from store.api import StoreUnavailable
from store.sqlite import store_file


class WriterLock:
    """A locked file beside the store; the system unlocks it when the process dies."""

    def __init__(self, path: Path) -> None:
        """Lock the store at `path`; raise StoreUnavailable if another writer holds it."""
        self._store = path
        self._path = path.with_name(path.name + ".lock")
        # A writer that was just stopped may need a moment to close.
        self._file = self._acquire(store_file.BUSY_TIMEOUT_S)

    def renew(self) -> None:
        """Lock again if the locked file was deleted, with its folder or alone.

        Raises StoreUnavailable if another writer came first, or no file can be made.
        """
        held = os.fstat(self._file)
        try:
            found = self._path.stat()
        except PermissionError:
            return
        except OSError:
            found = None
        if found is not None and (found.st_dev, found.st_ino) == (held.st_dev, held.st_ino):
            return
        fresh = self._acquire(0.0)
        os.close(self._file)
        self._file = fresh

    def release(self) -> None:
        """Unlock the store."""
        os.close(self._file)

    def _acquire(self, wait_s: float) -> int:
        try:
            self._store.parent.mkdir(parents=True, exist_ok=True)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise store_file.unavailable(self._store, error) from error
        deadline_s = time.monotonic() + wait_s
        while not _try(file):
            if time.monotonic() >= deadline_s:
                holder = os.pread(file, 32, 0).decode(errors="replace").strip()
                os.close(file)
                raise StoreUnavailable(
                    f"{self._store} already has a writer (process {holder or 'unknown'}): "
                    "stop that one, or name another path.",
                    "locked",
                )
            time.sleep(0.05)
        os.ftruncate(file, 0)
        os.pwrite(file, str(os.getpid()).encode(), 0)
        return file


def _try(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
