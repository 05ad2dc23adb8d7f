"""Listens in place of a process that is started when somebody connects."""

from __future__ import annotations

import contextlib
import selectors
import socket
from collections.abc import Callable

_BACKLOG = 64


class HeldListener:
    """A listening socket that the process takes over; what connects before waits in its backlog.

    It stays open while the process runs, so that after a crash nobody is refused either.
    """

    def __init__(
        self, address: str, selector: selectors.BaseSelector, on_connection: Callable[[], None]
    ) -> None:
        """Listen on `host:port` and call `on_connection` once. Raises OSError."""
        host, _, port = address.rpartition(":")
        self._selector = selector
        self._on_connection = on_connection
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_STREAM)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self._socket.bind((host.strip("[]"), int(port)))
            self._socket.listen(_BACKLOG)
        except OSError:
            self._socket.close()
            raise
        selector.register(self._socket, selectors.EVENT_READ, self._wake)

    def fileno(self) -> int:
        """The descriptor to hand over."""
        return self._socket.fileno()

    def _wake(self) -> None:
        # From here on the process accepts.
        self._selector.unregister(self._socket)
        self._on_connection()

    def close(self) -> None:
        """Stop listening."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(self._socket)
        self._socket.close()
