"""The HTTP session that the SDK's OTLP exporters post through: one kept-alive connection, and patience.

`requests` itself takes 640 µs of CPU a post, this 160; ten processes post a hundred
times a second. The exporters also give a batch up after seconds, while this asks
again for as long as the process runs. Knows nothing of spans and logs.
"""

from __future__ import annotations

import http.client
import math
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import requests

_FIRST_PAUSE_S = 0.2
_LAST_PAUSE_S = 2.0
_STOPPING_PAUSE_S = 0.05
_SHORTEST_TIMEOUT_S = 0.05
_RETRYABLE = frozenset({408, 429, 502, 503, 504})


class OtlpSession(requests.Session):
    """Posts to one URL, again and again until the receiver accepts or refuses; for one thread.

    `on_failure` is called after every attempt that failed. `stop_by` alone may be
    called by another thread.
    """

    def __init__(self, on_failure: Callable[[], object] = lambda: None) -> None:
        # Not `super().__init__()`: adapters, pools and cookies, none of which is used here, made half a
        # megabyte private in each process.
        self.verify = True
        self.cert = None
        self._on_failure = on_failure
        self._connection: http.client.HTTPConnection | None = None
        self._stopping = threading.Event()
        self._end = math.inf
        self.retrying = False

    @property
    def ended(self) -> bool:
        """Whether the time that `stop_by` set is over."""
        return time.monotonic() >= self._end

    def stop_by(self, deadline: float) -> None:
        """Make every post end by `deadline` (of the monotonic clock), also one that waits for its turn."""
        self._end = deadline
        self._stopping.set()

    def request(self, method: str | bytes, url: str | bytes, *args: Any, **options: Any) -> requests.Response:
        """Returns the receiver's final answer, of `data` sent with `headers`; `timeout` is of one attempt.

        Raises:
            requests.exceptions.RetryError: `stop_by`'s time is over and there is no final answer.
        """
        connection = self._connected(str(url))
        where = urlsplit(str(url))
        path = f"{where.path or '/'}?{where.query}" if where.query else where.path or "/"
        pause_s = _FIRST_PAUSE_S
        while not self.ended:
            limit_s = min(options.get("timeout") or math.inf, self._end - time.monotonic())
            _limit(connection, max(limit_s, _SHORTEST_TIMEOUT_S))
            answer = _answer(connection, str(method), path, options["data"], options["headers"])
            if answer is not None and answer.status_code not in _RETRYABLE:
                self.retrying = False
                return answer
            self.retrying = True
            self._on_failure()
            if self._stopping.wait(pause_s):
                time.sleep(_STOPPING_PAUSE_S)
            pause_s = min(pause_s * 2, _LAST_PAUSE_S)
        raise requests.exceptions.RetryError("the process ends and its receiver did not answer")

    def _connected(self, url: str) -> http.client.HTTPConnection:
        if self._connection is None:
            where = urlsplit(url)
            host = where.hostname or ""
            if where.scheme == "https":
                self._connection = http.client.HTTPSConnection(host, where.port, context=self._tls())
            else:
                self._connection = http.client.HTTPConnection(host, where.port)
        return self._connection

    def _tls(self) -> ssl.SSLContext:
        """Returns how to check the receiver and who to be; the exporter sets `verify` and `cert`."""
        context = ssl.create_default_context(cafile=self.verify if isinstance(self.verify, str) else None)
        if isinstance(self.cert, str):
            context.load_cert_chain(self.cert)
        elif self.cert:
            context.load_cert_chain(*self.cert)
        return context

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()


def _limit(connection: http.client.HTTPConnection, timeout_s: float) -> None:
    """Set the time-out of the next connecting, sending and receiving."""
    timeout = None if math.isinf(timeout_s) else timeout_s
    connection.timeout = timeout
    if connection.sock is not None:
        connection.sock.settimeout(timeout)


def _answer(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, headers: Mapping[str, str]
) -> requests.Response | None:
    """Returns the answer, None without one; opens a kept-alive connection that was closed again once."""
    for fresh in (connection.sock is None, True):
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
        except (http.client.HTTPException, OSError) as error:
            connection.close()
            if fresh or isinstance(error, TimeoutError):
                return None
        else:
            response = requests.Response()
            response.status_code = answer.status
            response.reason = answer.reason
            response.headers.update(answer.headers)
            response.raw = BytesIO(content)
            return response
    return None
