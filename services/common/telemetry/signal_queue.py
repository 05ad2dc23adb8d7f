"""A bound on the items of one signal that wait, and the count of what became of the rest."""

from __future__ import annotations

import threading
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of one signal's items since the start."""

    sent: int
    dropped: int
    waiting: int


class SignalQueue:
    """The ledger of a batch processor's queue, which drops without counting.

    `enter` before an item is queued, `settle` after a batch was tried for good. Safe
    for any number of threads.
    """

    def __init__(self, name: str, capacity: int) -> None:
        self.name = name
        self.capacity = capacity
        self._changed = threading.Condition(threading.Lock())
        self._closed = False
        self._sent = self._dropped = self._waiting = 0

    @property
    def dropped(self) -> int:
        """How many items were lost so far."""
        return self._dropped

    def counts(self) -> Counts:
        """Returns the numbers so far."""
        with self._changed:
            return Counts(self._sent, self._dropped, self._waiting)

    def enter(self, count: int = 1) -> bool:
        """Returns whether `count` more items may wait; if not, they count as dropped."""
        with self._changed:
            if self._closed or self._waiting + count > self.capacity:
                self._dropped += count
                return False
            self._waiting += count
            return True

    def settle(self, count: int, sent: bool) -> None:
        """Count `count` waiting items as sent, or as dropped."""
        with self._changed:
            if self._closed:
                return
            self._waiting -= count
            if sent:
                self._sent += count
            else:
                self._dropped += count
            self._changed.notify_all()

    def wait_until_empty(self, timeout_s: float) -> bool:
        """Returns whether nothing waits any more, within `timeout_s`."""
        with self._changed:
            return self._changed.wait_for(lambda: self._waiting == 0, timeout_s)

    def close(self) -> None:
        """Count whatever waits, and whatever comes from now on, as dropped."""
        with self._changed:
            self._dropped += self._waiting
            self._waiting = 0
            self._closed = True
            self._changed.notify_all()
