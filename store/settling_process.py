"""A settler as a process of its own, beside the one that writes.

It ends with the process that started it, whose end closes its standard input; it is started again if it dies.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from typing import Final

from runtime.installation import ROOT

_AGAIN_S: Final = 10.0
_END_S: Final = 5.0


class SettlingProcess:
    """Keeps one settler running."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stopped = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="settling", daemon=True)
        self._thread.start()

    @property
    def pid(self) -> int | None:
        """The process, None while there is none."""
        process = self._process
        return process.pid if process is not None and process.poll() is None else None

    def close(self) -> None:
        """End it. Idempotent."""
        self._stopped.set()
        self._thread.join(2 * _END_S)

    def _keep(self) -> None:
        while not self._stopped.is_set():
            # The address has a password, and a list of processes shows arguments.
            self._process = subprocess.Popen(
                [sys.executable, "-m", "store.settle", "--with-parent"],
                cwd=ROOT,
                env={**os.environ, "STORE_URL": self._url},
                stdin=subprocess.PIPE,
            )
            while self._process.poll() is None:
                if self._stopped.wait(0.5):
                    self._end(self._process)
                    return
            self._stopped.wait(_AGAIN_S)

    def _end(self, process: subprocess.Popen[bytes]) -> None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            process.wait(_END_S)
        except subprocess.TimeoutExpired:
            # What it has not published is never read.
            process.kill()
            process.wait()
