"""The connections of an HTTP server: how many, how long each may take, and who goes when there are too many.

Owns the life of a connection. Knows the server library (waitress) and no application.

A connection is idle, sends a header, sends a body, waits for its answer or takes it. Each state but the
waiting has a time limit. When there are too many, the one goes that costs its owner least: first those that
were refused, then those that never sent a request, then idle ones, then those whose request arrives slowly.
"""

from __future__ import annotations

import errno
import logging
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from waitress.channel import HTTPChannel
from waitress.server import TcpWSGIServer

from runtime.http_parsing import Refusal, RequestParser, empty_request

LEAST_BYTES_PER_S = 64 * 1024
"""A body that arrives faster than this may take longer than the limit."""
_ACCEPTS_AT_ONCE = 64
_CLOSED_AT_ONCE = 64
"""Connections that never sent a request, when there are too many: oldest first."""
_MOST_PIPELINED = 32
"""Requests that one connection may have sent ahead of their answers: each costs a hundred times its bytes."""
_LINGER_S = 2.0
"""How long what is still sent is thrown away after a refusal: a reset would destroy the answer on its way."""
_RETRY_AFTER_S = 1
_LOG_EVERY_S = 30.0
_OUT_OF_FILES = (errno.EMFILE, errno.ENFILE)
_log = logging.getLogger("runtime.connections")

_SLOW_HEADER = "The header of the request did not arrive in time."
_SLOW_BODY = "The body of the request did not arrive in time."
_TOO_MUCH = "Too much is being sent at once: send it again in a moment."


@dataclass(frozen=True, slots=True)
class Times:
    """How long a connection may take, in seconds."""

    header_s: float
    body_s: float
    """To send a body, plus a second for each 64 KiB of it."""
    idle_s: float
    answer_s: float
    """To take an answer that is ready."""


class Budget:
    """Bytes of bodies held in memory, over all connections; used from several threads."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._held: dict[int, int] = {}
        self._total = 0
        self._lock = threading.Lock()

    def hold(self, owner: int, held: int) -> bool:
        """Note that an owner holds so many bytes now; returns whether all of them are within the budget."""
        with self._lock:
            self._total += held - self._held.pop(owner, 0)
            if held:
                self._held[owner] = held
            return self._total <= self._most


class Channel(HTTPChannel):  # type: ignore[misc]  # waitress ships no types
    """One connection, with what the limits need to know of it."""

    parser_class = RequestParser
    request: Any

    def __init__(self, server: Listener, sock: socket.socket, addr: Any, adj: Any, map: Any = None) -> None:
        self.since = time.monotonic()
        """When the present state began."""
        self.answered = 0
        self.lingering = False
        self._answer_since: float | None = None
        super().__init__(server, sock, addr, adj, map=map)

    @property
    def held_bytes(self) -> int:
        """Bytes of bodies that wait here or are being read."""
        arriving: list[Any] = [self.request] if self.request is not None else []
        return sum(request.body_bytes_received for request in (*self.requests, *arriving))

    @property
    def arriving(self) -> bool:
        """Whether a part of a request is here and nothing else is to do."""
        return self.request is not None and not self.requests and not self.will_close

    @property
    def idle(self) -> bool:
        """Whether nothing is being sent, computed or answered."""
        return not (self.requests or self.total_outbufs_len or self.request is not None or self.will_close)

    def handle_read(self) -> None:
        """Take what has arrived."""
        try:
            data = self.socket.recv(self.adj.recv_bytes)
        except BlockingIOError:
            # The event belonged to a connection that was closed, and whose number this one got.
            return
        except OSError:
            self.handle_close()
            return
        if not data:
            self.handle_close()
        elif not self.lingering:
            self.last_activity = time.time()
            self.received(data)
            self.server.note_body(self)

    def received(self, data: bytes) -> bool:
        """Take bytes; they may begin, continue or end requests."""
        was_arriving = self.request is not None
        taken = bool(super().received(data))
        if len(self.requests) > _MOST_PIPELINED:
            with self.requests_lock:
                del self.requests[_MOST_PIPELINED:]
                self.requests[-1].headers["CONNECTION"] = "close"
        if self.request is not None and not was_arriving:
            self.since = time.monotonic()
        return taken

    def service(self) -> None:
        """Answer one request, in a worker thread."""
        super().service()
        self.answered += 1
        self.since = time.monotonic()
        self.server.budget.hold(id(self), self.held_bytes)

    def refuse(self, refusal: Refusal) -> None:
        """Answer what is arriving with a refusal, which also closes the connection."""
        with self.requests_lock:
            if self.request is not None:
                self.request.close()
            self.request = None
            self.requests.append(empty_request(self.adj, refusal))
        self.server.add_task(self)

    def handle_write(self) -> None:
        """Send what is ready; before a closing connection is closed, wait for the other side to stop."""
        if self.close_when_flushed and not self.will_close and not self.requests:
            self._flush_exception(self._flush_some)
            if self.socket is None:
                # The other side was gone, and sending has closed the connection.
                return
            if not self.total_outbufs_len and not self.will_close:
                self._linger()
                return
        super().handle_write()

    def _linger(self) -> None:
        self.close_when_flushed = False
        self.lingering = True
        self.since = time.monotonic()
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            self.will_close = True

    def handle_close(self) -> None:
        """Close the connection and forget what it sent."""
        if self.request is not None:
            self.request.close()
            self.request = None
        self.server.budget.hold(id(self), 0)
        super().handle_close()

    def check_time(self, now: float, times: Times) -> None:
        """Close or refuse the connection if its state has lasted too long."""
        waits = now - self.since
        if self.will_close or (self.lingering and waits > _LINGER_S):
            # At once, for a socket into which nothing more fits is never told to close.
            self.handle_close()
        elif self.lingering:
            return
        elif self.total_outbufs_len:
            self._answer_since = self._answer_since or now
            if now - self._answer_since > times.answer_s:
                self.handle_close()
            return
        elif self.arriving:
            self._check_arrival(waits, times)
        elif self.idle and waits > (times.idle_s if self.answered else min(times.header_s, times.idle_s)):
            self.will_close = True
        self._answer_since = None

    def _check_arrival(self, waits: float, times: Times) -> None:
        if not self.request.headers_finished:
            if waits > times.header_s:
                self.refuse(Refusal(408, _SLOW_HEADER))
        elif waits > times.body_s + self.request.body_bytes_received / LEAST_BYTES_PER_S:
            self.refuse(Refusal(408, _SLOW_BODY))


class Listener(TcpWSGIServer):  # type: ignore[misc]  # waitress ships no types
    """Accepts connections and enforces the limits; one for each address that is listened on."""

    channel_class = Channel
    next_channel_cleanup: float

    def __init__(
        self, application: Any, map: Any, *, times: Times, most_connections: int, budget: Budget, **more: Any
    ) -> None:
        self.times = times
        self.budget = budget
        self._most_connections = most_connections
        self._logged_at = float("-inf")
        super().__init__(application, map, **more)

    def readable(self) -> bool:
        """Whether to accept; always, for room is made by closing others."""
        now = time.time()
        if now >= self.next_channel_cleanup:
            self.next_channel_cleanup = now + self.adj.cleanup_interval
            self.maintenance(now)
        return bool(self.accepting)

    def maintenance(self, _now: float) -> None:
        """Close the connections whose time is over."""
        now = time.monotonic()
        for channel in list(self.active_channels.values()):
            channel.check_time(now, self.times)

    def accept(self) -> Any:
        """The next connection and its address; None if there is none."""
        try:
            return super().accept()
        except OSError as error:
            if error.errno not in _OUT_OF_FILES:
                raise
            self._make_room("there are no file descriptors left")
            return None

    def handle_accept(self) -> None:
        """Accept the connections that wait, and make room for them where there is none."""
        for _ in range(_ACCEPTS_AT_ONCE):
            before = len(self._map)
            super().handle_accept()
            if len(self._map) == before:
                return
            if len(self.active_channels) > self._most_connections:
                self._make_room(f"there are more than {self._most_connections} connections")

    def _make_room(self, why: str) -> None:
        newest = next(reversed(self.active_channels.values()), None)
        victim = min(
            (each for each in self.active_channels.values() if each is not newest and not each.will_close),
            key=_cost_of_losing,
            default=None,
        )
        # With all of them at work the newest one goes: those before it came first.
        if victim is None or _cost_of_losing(victim)[0] == _AT_WORK:
            victim = newest
        now = time.monotonic()
        if now - self._logged_at > _LOG_EVERY_S:
            self._logged_at = now
            _log.warning("connections are closed to make room for others: %s", why)
        victims = [] if victim is None else [victim]
        if victim is not None and _cost_of_losing(victim)[0] <= _NEVER_SPOKE:
            # Looking through thousands for each new one would keep it waiting for seconds.
            victims += self._more_that_never_spoke(newest)
        for each in victims:
            # Closed at its next turn: closing it here would free its number while events of it are pending.
            each.will_close = True

    def _more_that_never_spoke(self, newest: Channel | None) -> Iterator[Channel]:
        found = (
            each
            for each in self.active_channels.values()
            if each is not newest and not each.will_close and _cost_of_losing(each)[0] <= _NEVER_SPOKE
        )
        return islice(found, _CLOSED_AT_ONCE)

    def note_body(self, channel: Channel) -> None:
        """Count the bytes of a body that has grown; above the budget the body that came first is refused."""
        if self.budget.hold(id(channel), channel.held_bytes):
            return
        oldest = min(self._arriving_bodies(), key=lambda each: each.since, default=None)
        if oldest is not None:
            oldest.refuse(Refusal(503, _TOO_MUCH, _RETRY_AFTER_S))
            self.budget.hold(id(oldest), 0)

    def _arriving_bodies(self) -> Iterator[Channel]:
        return (
            each
            for each in self.active_channels.values()
            if each.arriving and each.request.body_bytes_received
        )


_NEVER_SPOKE, _AT_WORK = 1, 4


def _cost_of_losing(channel: Channel) -> tuple[int, float]:
    """A rank, least first, and within it the time since when the connection has been in its state."""
    if channel.lingering:
        return 0, channel.since
    if channel.idle:
        return (2 if channel.answered else _NEVER_SPOKE), channel.since
    if channel.arriving:
        return 3, channel.since
    return _AT_WORK, channel.since
