"""The labels that shippingservice draws and, by a fault, never forgets, until its memory is over the limit.

The memory is really taken, and the process really killed: by itself, as the kernel kills who takes too much.
Bounded, so that no laptop suffers and no class loses its shop: by the flag's limit, by one label in
`EVERY_S` however many orders there are, and by forgetting all when the fault is over.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

EVERY_S = 10.0
FORGOTTEN_AFTER_S = 600.0
"""Nobody had the fault for so long: the memory is given back, as a leak would not."""
_MB = 1024**2


def _killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class KeptLabels:
    """What one process keeps; `kill` ends it and need not return."""

    def __init__(
        self, kill: Callable[[], None] = _killed, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kill = kill
        self._clock = clock
        self._lock = threading.Lock()
        self._kept: list[bytearray] = []
        self._newest_at = -FORGOTTEN_AFTER_S

    def keep(self, mb: int, limit_mb: int) -> None:
        """Keep a label of `mb` MB (0: of a caller without the fault); ends the process at `limit_mb`."""
        with self._lock:
            now = self._clock()
            age_s = now - self._newest_at
            if age_s > FORGOTTEN_AFTER_S:
                self._kept.clear()
            if not mb or age_s < EVERY_S:
                return
            self._newest_at = now
            # Written to, or the system would not give the memory yet.
            self._kept.append(bytearray(b"\xff") * (mb * _MB))
            over = self.kept_bytes() >= limit_mb * _MB
        if over:
            self._kill()

    def kept_bytes(self) -> int:
        """Returns how much is kept."""
        return sum(map(len, self._kept))
