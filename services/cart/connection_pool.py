"""A bounded pool of database connections: who finds none waits, really, and the metrics say so.

A connection is opened when it is needed first and kept. The wait for one is in no span: it is before the
statement. Knows neither SQL nor carts.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from opentelemetry.metrics import Histogram, Meter

from services.common.errors import Unavailable
from services.common.telemetry import histogram, observe

_NAME = "db.client.connection.pool.name"
_STATE = "db.client.connection.state"
_IDLE_FOR_S = 600.0
"""A pool that nobody asked for so long takes back what was not given back."""


class Numbers(NamedTuple):
    """How a pool is now: connections lent, ready and allowed, callers that wait, and that waited in vain."""

    used: int
    idle: int
    most: int
    pending: int
    timeouts: int


def wait_time(meter: Meter) -> Histogram:
    """Returns the histogram of all pools of a process."""
    return histogram(meter, "db.client.connection.wait_time")


class ConnectionPool:
    """At most `size` connections made by `connect`; a caller waits up to `patience_s` for one.

    A connection that a caller keeps (`lend(keep=True)`) counts as in use until somebody has waited in vain:
    then the pool takes back the one that was kept longest, as pools do with connections that a program lost.
    """

    def __init__(
        self, name: str, connect: Callable[[], Any], size: int, patience_s: float, waits: Histogram
    ) -> None:
        self.name = name
        self._connect = connect
        self._size = size
        self._patience_s = patience_s
        self._waits = waits
        self._attributes = {_NAME: name}
        self._changed = threading.Condition()
        self._idle: list[Any] = []
        self._kept: deque[Any] = deque()
        self._open = self._pending = self._timeouts = 0
        self._asked_at = time.monotonic()

    @contextmanager
    def lend(self, *, keep: bool = False) -> Iterator[Any]:
        """Gives a connection of which nobody else has the use; with `keep` it is not given back.

        Raises Unavailable where none was free in time.
        """
        connection = self._taken()
        try:
            yield connection
        finally:
            with self._changed:
                if keep:
                    self._kept.append(connection)
                else:
                    self._idle.append(connection)
                    self._changed.notify()

    def _taken(self) -> Any:
        began = time.monotonic()
        with self._changed:
            self._asked_at = began
            self._pending += 1
            try:
                connection = self._free(began + self._patience_s)
                if connection is None:
                    self._timeouts += 1
                    connection = self._taken_back()
            finally:
                self._pending -= 1
        self._waits.record(time.monotonic() - began, self._attributes)
        return connection

    def _free(self, deadline: float) -> Any:
        """A connection that is ready or new; None where there was none until the deadline."""
        while not self._idle:
            if self._open < self._size:
                opened = self._connect()
                self._open += 1
                return opened
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return None
            self._changed.wait(left_s)
        return self._idle.pop()

    def _taken_back(self) -> Any:
        if not self._kept:
            raise Unavailable(f"no connection of the pool {self.name} was free in {self._patience_s:g} s")
        return self._kept.popleft()

    def numbers(self) -> Numbers:
        """Returns how it is now."""
        with self._changed:
            if self._kept and time.monotonic() - self._asked_at > _IDLE_FOR_S:
                self._idle.extend(self._kept)
                self._kept.clear()
            idle = len(self._idle)
            return Numbers(self._open - idle, idle, self._size, self._pending, self._timeouts)

    def close(self) -> None:
        """Close every connection that nobody uses."""
        with self._changed:
            for connection in (*self._idle, *self._kept):
                connection.close()
            self._open -= len(self._idle) + len(self._kept)
            self._idle.clear()
            self._kept.clear()


def observe_pools(meter: Meter, pools: Callable[[], tuple[ConnectionPool, ...]]) -> None:
    """Make what `pools` returns part of every export."""

    def each(read: Callable[[Numbers], float]) -> Callable[[], list[tuple[float, Mapping[str, str | int]]]]:
        return lambda: [(read(pool.numbers()), {_NAME: pool.name}) for pool in pools()]

    def connections() -> Iterator[tuple[float, Mapping[str, str | int]]]:
        for pool in pools():
            now = pool.numbers()
            for state, value in (("used", now.used), ("idle", now.idle)):
                yield value, {_NAME: pool.name, _STATE: state}

    observe(meter, "db.client.connection.count", connections)
    observe(meter, "db.client.connection.max", each(lambda now: now.most))
    observe(meter, "db.client.connection.timeouts", each(lambda now: now.timeouts))
    observe(meter, "db.client.connection.pending_requests", each(lambda now: now.pending))
