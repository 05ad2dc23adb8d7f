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
        self._path = path.with_name(path.name + ".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise store_file.unavailable(path, error) from error
        # A writer that was just stopped may need a moment to close.
        deadline_s = time.monotonic() + store_file.BUSY_TIMEOUT_S
        while not self._try():
            if time.monotonic() > deadline_s:
                holder = os.pread(self._file, 32, 0).decode(errors="replace").strip()
                os.close(self._file)
                raise StoreUnavailable(
                    f"{path} already has a writer (process {holder or 'unknown'}): "
                    "stop that one, or name another path."
                )
            time.sleep(0.05)
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, str(os.getpid()).encode(), 0)

    def _try(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        return True

    def release(self) -> None:
        """Unlock the store."""
        os.close(self._file)
