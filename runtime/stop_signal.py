"""Waiting for SIGTERM or SIGINT, the two signals that end a process of the lab."""

from __future__ import annotations

import os
import signal
from types import FrameType

_NUMBERS = (signal.SIGTERM, signal.SIGINT)


class StopSignal:
    """Receives SIGTERM and SIGINT from its construction on. Construct it in the main thread.

    The number of a signal is written to a pipe by the interpreter itself (`set_wakeup_fd`) and not by
    a handler in Python: that could only run between two instructions of the main thread, and never
    would for a signal that arrives just before the main thread blocks.
    """

    def __init__(self) -> None:
        self._read, write = os.pipe()
        os.set_blocking(write, False)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        for number in _NUMBERS:
            signal.signal(number, _ignore)

    def wait(self) -> None:
        """Block until one of the signals has arrived."""
        while os.read(self._read, 1)[0] not in _NUMBERS:
            pass


def _ignore(_number: int, _frame: FrameType | None) -> None:
    """Replaces the default action, which would end the process."""
