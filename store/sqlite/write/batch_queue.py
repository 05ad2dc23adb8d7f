"""The bounded queue of batches that wait to be written, and each one's result. Thread-safe."""

from __future__ import annotations

import threading
from collections import deque
from operator import attrgetter
from typing import Final

from store.api import StoreBusy, StoreError
from store.rows import Batch

MAX_ITEMS: Final = 100_000
"""Spans and logs in the queue; beyond this a write fails with StoreBusy."""
_MAX_BYTES: Final = 256 * 1024 * 1024
_POINT_BYTES: Final = 250
"""What a data point takes in memory, on average."""
_MAX_GROUP: Final = 20_000
"""Spans and logs of one commit, above which no further batch joins it."""
_RAW: Final = attrgetter("raw")


class Pending:
    """A batch in the queue, and its result."""

    __slots__ = ("batch", "done", "error", "size_bytes")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.size_bytes = sum(map(len, map(_RAW, batch.spans))) + sum(map(len, map(_RAW, batch.logs)))
        self.size_bytes += _POINT_BYTES * len(batch.metrics)
        self.done = threading.Event()
        self.error: StoreError | None = None

    def answer(self, error: StoreError | None) -> None:
        """Let the sender go on."""
        self.error = error
        self.done.set()


class BatchQueue:
    """Batches in order of arrival."""

    def __init__(self, max_items: int = MAX_ITEMS) -> None:
        self._max_items = max_items
        self._batches: deque[Pending] = deque()
        self._items = 0
        self._bytes = 0
        self._changed = threading.Condition()
        self.closing = False
        """Set by `close`: nothing is put in any more."""

    def __len__(self) -> int:
        return len(self._batches)

    def put(self, pending: Pending) -> bool:
        """Append a batch, unless the queue is closing (False). Raises StoreBusy when it is full."""
        with self._changed:
            if self.closing:
                return False
            full = self._items + len(pending.batch) > self._max_items
            heavy = self._bytes + pending.size_bytes > _MAX_BYTES
            # A batch that is larger than the queue is taken while the queue is empty.
            if self._batches and (full or heavy):
                raise StoreBusy(
                    f"{self._items:,} items wait to be written already: send this batch again later."
                )
            self._batches.append(pending)
            self._count(pending, 1)
            self._changed.notify()
        return True

    def withdraw(self, pending: Pending) -> bool:
        """Take a batch out again; False if it is not there any more."""
        with self._changed:
            try:
                self._batches.remove(pending)
            except ValueError:
                return False
            self._count(pending, -1)
        return True

    def take(self) -> list[Pending]:
        """The oldest batches, as many as one commit should have."""
        group: list[Pending] = []
        items = 0
        with self._changed:
            while self._batches and items < _MAX_GROUP:
                pending = self._batches.popleft()
                group.append(pending)
                items += len(pending.batch)
                self._count(pending, -1)
        return group

    def wait(self, timeout_s: float) -> None:
        """Wait until there is a batch, or the queue closes, or the time is over."""
        with self._changed:
            if not self._batches and not self.closing:
                self._changed.wait(timeout_s)

    def close(self) -> bool:
        """Put nothing in any more; False if it was closing already."""
        with self._changed:
            was_open = not self.closing
            self.closing = True
            self._changed.notify()
        return was_open

    def _count(self, pending: Pending, sign: int) -> None:
        self._items += sign * len(pending.batch)
        self._bytes += sign * pending.size_bytes
