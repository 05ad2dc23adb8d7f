"""A WSGI application served by waitress: bind, threads, limits, and a stop that answers what was accepted."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from waitress.server import BaseWSGIServer, create_server

from runtime.listening import CannotListen

STOP_WITHIN_S = 0.5
"""How long a stop waits for running requests; the lab gives a process five seconds in all."""
_POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Limits:
    """What a server takes on; the defaults are waitress's own."""

    threads: int
    connections: int = 100
    """Open at once. Browsers hold several each and keep them: a class needs thousands."""
    body_bytes: int = 1024**3
    """Largest request body. The application refuses earlier where it knows the length."""
    body_in_memory_bytes: int = 512 * 1024
    """Larger bodies are written to a temporary file while they arrive."""
    idle_s: int = 120
    """A connection that is silent for this long is closed."""


class WsgiServer:
    """Serves in background threads from `start` on. The port is bound by the constructor."""

    def __init__(
        self, application: Any, host: str, port: int, limits: Limits, *, variable: str = "PORT"
    ) -> None:
        """Bind `port`; 0 takes any free one. `variable` is the setting that names it.

        Raises CannotListen.
        """
        channels: dict[int, Any] = {}
        try:
            self._server = create_server(
                application,
                map=channels,
                host=host,
                port=port,
                threads=limits.threads,
                connection_limit=limits.connections,
                max_request_body_size=limits.body_bytes,
                inbuf_overflow=limits.body_in_memory_bytes,
                channel_timeout=limits.idle_s,
                cleanup_interval=max(1, min(30, limits.idle_s // 2)),
                # select(2) cannot watch a descriptor above 1023.
                asyncore_use_poll=True,
                clear_untrusted_proxy_headers=True,
                ident=None,
            )
        except OSError as error:
            # waitress leaves the sockets of a server that it could not bind open.
            for channel in list(channels.values()):
                channel.close()
            raise CannotListen(host, port, variable, error.strerror or str(error)) from error
        # A name such as `localhost` can stand for several addresses, each with a listener of its own.
        self._listeners = [each for each in channels.values() if isinstance(each, BaseWSGIServer)]
        self.port: int = int(self._listeners[0].effective_port)
        self._thread = threading.Thread(target=self._server.run, name="http", daemon=True)
        self._stopped = False

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
            self._server.close()
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
        self._server.task_dispatcher.shutdown(timeout=within_s)
        # A thread that still runs pulls the trigger at its end, and a descriptor that was closed may
        # belong to something else by then.
        if not self._thread.is_alive() and not self._server.task_dispatcher.threads:
            for listener in self._listeners:
                listener.trigger.close()

    def _in_server_thread(self, action: Callable[[BaseWSGIServer], None]) -> None:
        # Only its own thread may change what the loop of a listener watches.
        for listener in self._listeners:
            listener.trigger.pull_trigger(lambda listener=listener: action(listener))

    @staticmethod
    def _stop_listening(listener: BaseWSGIServer) -> None:
        listener.del_channel()
        listener.socket.close()

    @staticmethod
    def _close_connections(listener: BaseWSGIServer) -> None:
        for channel in list(listener.active_channels.values()):
            channel.handle_close()
        # The loop ends when it watches nothing. Closing the trigger here would close the pipe under a
        # thread that has handed over its work and is about to write: the loop may have run it already.
        listener.trigger.del_channel()

    def _unanswered(self) -> bool:
        channels = [each for listener in self._listeners for each in list(listener.active_channels.values())]
        return any(channel.requests or channel.total_outbufs_len for channel in channels)
