"""Waiting for SIGTERM or SIGINT, the two signals that end a process of the lab."""

from __future__ import annotations

import os
import signal
from types import FrameType


class StopSignal:
    """Receives SIGTERM and SIGINT from its construction on. Construct it in the main thread.

    A pipe and not a `threading.Event`: a handler runs between two instructions of the main thread,
    which may just hold the lock inside the event.
    """

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._arrived)

    def _arrived(self, _number: int, _frame: FrameType | None) -> None:
        try:
            os.write(self._write, b"x")
        except BlockingIOError:
            return

    def wait(self) -> None:
        """Block until one of the signals has arrived."""
        os.read(self._read, 1)
