"""One POST of JSON within a time, over HTTP or HTTPS, never redirected and never through a proxy."""

from __future__ import annotations

import base64
import contextlib
import http.client
import socket
import threading
from urllib.parse import SplitResult, unquote, urlsplit

_RETRYABLE = frozenset({408, 425, 429, 500, 502, 503, 504})


class DeliveryError(Exception):
    """The message was not taken; names the host, never the path. `again`: another try may help."""

    def __init__(self, message: str, *, again: bool) -> None:
        super().__init__(message)
        self.again = again


def post_json(url: str, body: bytes, timeout_s: float) -> None:
    """Send the body; a status below 300 is success. Raises DeliveryError, after `timeout_s` at the latest."""
    parts = urlsplit(url)
    place = f"{parts.scheme}://{parts.hostname}"
    connection = _connection(parts, timeout_s)
    # The timeout of a socket bounds each wait; a receiver that sends a byte now and then is bounded by this.
    watch = threading.Timer(timeout_s, _cut, (connection,))
    watch.daemon = True
    watch.start()
    try:
        connection.request("POST", _path(parts), body, _headers(parts))
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise DeliveryError(f"{place} did not answer: {reason}", again=True) from error
    finally:
        watch.cancel()
        connection.close()
    if 300 <= status < 400:
        raise DeliveryError(
            f"{place} answers {status}: redirects are not followed, give the address that it names",
            again=False,
        )
    if status >= 400:
        raise DeliveryError(f"{place} answers {status}", again=status in _RETRYABLE)


def _connection(parts: SplitResult, timeout_s: float) -> http.client.HTTPConnection:
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise DeliveryError(f"the address is not understood: {error}", again=False) from error
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    return kind(host, port, timeout=timeout_s)


def _path(parts: SplitResult) -> str:
    return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _headers(parts: SplitResult) -> dict[str, str]:
    headers = {"Content-Type": "application/json", "User-Agent": "hipster-lab-alerting"}
    if parts.username is not None:
        pair = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return headers


def _cut(connection: http.client.HTTPConnection) -> None:
    with contextlib.suppress(OSError, AttributeError):
        connection.sock.shutdown(socket.SHUT_RDWR)
