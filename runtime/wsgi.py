"""A WSGI application served by waitress: bind, threads, limits, and a stop that answers what was accepted."""

from __future__ import annotations

import contextlib
import resource
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.task import ThreadedTaskDispatcher

from runtime.connections import Budget, Listener, Times
from runtime.listener_settings import BODY_S, HEADER_S, IDLE_S, MOST_CONNECTIONS
from runtime.listening import CannotListen

STOP_WITHIN_S = 0.5
"""How long a stop waits for running requests; the lab gives a process five seconds in all."""
_POLL_S = 0.01
_MAINTENANCE_S = 1
"""How often time limits are looked at."""
_BODIES_BYTES = 64 * 1024**2
_RECEIVED_BYTES = 64 * 1024
"""At once from one connection."""
_ANSWER_IN_MEMORY_BYTES = 16 * 1024**2
"""An answer that is fetched too slowly waits beyond this size."""
_OTHER_FILES = 128
"""Descriptors for everything but connections: the store's, log files, calls to others."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes on. The defaults fit a class of 200 whose browsers share one address."""

    threads: int
    """Requests answered at once."""
    body_bytes: int = 1024 * 1024
    """Largest request body. It is held in memory until the application has read it."""
    connections: int = MOST_CONNECTIONS
    """Open at once; above it the one goes that costs its owner least."""
    header_s: float = HEADER_S
    body_s: float = BODY_S
    idle_s: float = IDLE_S
    answer_s: float = 120.0
    """To take an answer that is ready."""
    header_bytes: int = 32 * 1024

    @property
    def bodies_bytes(self) -> int:
        """Bodies held in memory at once; above it the one that came first is refused."""
        return max(_BODIES_BYTES, 4 * self.body_bytes)


class ListenerSettings(Protocol):
    """The settings of a process that listens for HTTP."""

    @property
    def most_connections(self) -> int: ...
    @property
    def header_s(self) -> int: ...
    @property
    def body_s(self) -> int: ...
    @property
    def idle_s(self) -> int: ...


def limits_of(settings: ListenerSettings, *, threads: int, body_bytes: int) -> Limits:
    """The limits that the settings of a process name."""
    return Limits(
        threads,
        body_bytes,
        connections=settings.most_connections,
        header_s=settings.header_s,
        body_s=settings.body_s,
        idle_s=settings.idle_s,
    )


class WsgiServer:
    """Serves in background threads from `start` on. The port is bound by the constructor."""

    def __init__(
        self,
        application: Any,
        host: str,
        port: int,
        limits: Limits,
        *,
        variable: str = "PORT",
        taken: socket.socket | None = None,
    ) -> None:
        """Bind `port`; 0 takes any free one. `variable` is the setting that names it.

        `taken` is a socket that listens there already: it is used instead. Raises CannotListen.
        """
        channels: dict[int, Any] = {}
        adjustments = _adjustments(host, port, limits)
        self._dispatcher = ThreadedTaskDispatcher()
        own: dict[str, Any] = {
            "times": Times(limits.header_s, limits.body_s, limits.idle_s, limits.answer_s),
            "most_connections": _affordable(limits.connections),
            "budget": Budget(limits.bodies_bytes),
            "dispatcher": self._dispatcher,
            "adj": adjustments,
        }
        try:
            if taken is not None:
                where = (taken.family, taken.type, taken.proto, taken.getsockname())
                own |= {"_sock": taken, "bind_socket": False}
                self._listeners = [Listener(application, channels, sockinfo=where, **own)]
            else:
                # A name such as `localhost` can stand for several addresses, each with its own listener.
                self._listeners = [
                    Listener(application, channels, sockinfo=each, **own) for each in adjustments.listen
                ]
        except OSError as error:
            # waitress leaves the sockets of a server that it could not bind open.
            for channel in list(channels.values()):
                channel.close()
            raise CannotListen(host, port, variable, error.strerror or str(error)) from error
        self._dispatcher.set_thread_count(limits.threads)
        self.port: int = int(self._listeners[0].effective_port)
        self._thread = threading.Thread(target=self._run, args=(channels,), name="http", daemon=True)
        self._stopped = False

    @staticmethod
    def _run(channels: dict[int, Any]) -> None:
        # select(2) cannot watch a descriptor above 1023.
        wasyncore.loop(timeout=_MAINTENANCE_S, map=channels, use_poll=True)

    def occupancy(self) -> tuple[int, int, int]:
        """How full the threads are: at work, in all, and the requests that wait for one."""
        dispatcher = self._dispatcher
        pending = len(dispatcher.queue)
        # A thread that has been woken takes its request a moment later.
        return dispatcher.active_count, len(dispatcher.threads), pending

    def start(self) -> None:
        """Begin to serve."""
        self._thread.start()

    def stop(self, within_s: float = STOP_WITHIN_S, *, busy: Callable[[], bool] = lambda: False) -> None:
        """Accept no connection, answer the requests that have arrived, then close all connections.

        Returns soon after `within_s` at the latest, whether or not all was answered. `busy` adds work
        of the application that the stop waits for as well. A second call only waits for
        requests that still went on then, and releases what they use.
        """
        if self._stopped:
            self._release(within_s)
            return
        self._stopped = True
        if not self._thread.ident:
            for listener in self._listeners:
                listener.close()
            self._dispatcher.shutdown(timeout=within_s)
            return
        deadline = time.monotonic() + within_s
        self._in_server_thread(self._stop_listening)
        pause = threading.Event()
        while (busy() or self._unanswered()) and time.monotonic() < deadline:
            pause.wait(_POLL_S)
        self._in_server_thread(self._close_connections)
        self._thread.join(max(0.1, deadline - time.monotonic()))
        self._release(0.1)

    def _release(self, within_s: float) -> None:
        self._dispatcher.shutdown(timeout=within_s)
        # A thread that still runs pulls the trigger at its end, and a descriptor that was closed may
        # belong to something else by then.
        if not self._thread.is_alive() and not self._dispatcher.threads:
            for listener in self._listeners:
                listener.trigger.close()

    def _in_server_thread(self, action: Callable[[Listener], None]) -> None:
        # Only its own thread may change what the loop of a listener watches.
        for listener in self._listeners:
            listener.trigger.pull_trigger(lambda listener=listener: action(listener))

    @staticmethod
    def _stop_listening(listener: Listener) -> None:
        listener.del_channel()
        listener.socket.close()

    @staticmethod
    def _close_connections(listener: Listener) -> None:
        for channel in list(listener.active_channels.values()):
            channel.handle_close()
        # The loop ends when it watches nothing. Closing the trigger here would close the pipe under a
        # thread that has handed over its work and is about to write: the loop may have run it already.
        listener.trigger.del_channel()

    def _unanswered(self) -> bool:
        channels = [each for listener in self._listeners for each in list(listener.active_channels.values())]
        return any(channel.requests or channel.total_outbufs_len for channel in channels)


def _adjustments(host: str, port: int, limits: Limits) -> Adjustments:
    in_memory = max(limits.body_bytes, _ANSWER_IN_MEMORY_BYTES) + 1
    return Adjustments(
        host=host,
        port=port,
        threads=limits.threads,
        max_request_header_size=limits.header_bytes,
        max_request_body_size=limits.body_bytes,
        # A body of 250 kB in 4 turns instead of 30: half of the CPU that receiving it takes, and while other
        # threads compute, each turn waits for the interpreter's lock.
        recv_bytes=_RECEIVED_BYTES,
        # Nothing that a stranger sends, or does not fetch, is written to disk.
        inbuf_overflow=in_memory,
        outbuf_overflow=in_memory,
        outbuf_high_watermark=_ANSWER_IN_MEMORY_BYTES,
        cleanup_interval=_MAINTENANCE_S,
        # The middleware `runtime.proxy` decides about these headers; nobody else reads them.
        clear_untrusted_proxy_headers=False,
        log_socket_errors=False,
        ident=None,
    )


def _affordable(connections: int) -> int:
    """So many connections, or fewer where the system gives the process fewer descriptors."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    needed = connections + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < needed:
        soft = needed if hard == resource.RLIM_INFINITY else min(needed, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return connections if soft == resource.RLIM_INFINITY else max(16, min(connections, soft - _OTHER_FILES))
