"""One kept-alive HTTP connection for posting: half the CPU of a general client, for four posts a second.

Knows nothing of telemetry. One thread at a time.
"""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit


def tls_context(authority: str = "", certificate: str = "", key: str = "") -> ssl.SSLContext | None:
    """How to check the other side and show who we are, from files; None for the system's defaults."""
    if not (authority or certificate):
        return None
    context = ssl.create_default_context(cafile=authority or None)
    if certificate:
        context.load_cert_chain(certificate, key or None)
    return context


class Poster:
    """Posts to one http or https URL."""

    def __init__(self, url: str, timeout_s: float, tls: ssl.SSLContext | None = None) -> None:
        where = urlsplit(url)
        self._path = f"{where.path or '/'}?{where.query}" if where.query else where.path or "/"
        host = where.hostname or ""
        self._connection = (
            http.client.HTTPSConnection(host, where.port, timeout=timeout_s, context=tls)
            if where.scheme == "https"
            else http.client.HTTPConnection(host, where.port, timeout=timeout_s)
        )

    def post(self, body: bytes, headers: Mapping[str, str]) -> int:
        """The status of the answer; a connection that the other side had closed is opened again once.

        Raises:
            OSError: the other side was not reached, or broke off.
        """
        fresh = self._connection.sock is None
        try:
            return self._once(body, headers)
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            if fresh or isinstance(error, TimeoutError):
                raise OSError(str(error)) from error
        try:
            return self._once(body, headers)
        except (http.client.HTTPException, OSError) as error:
            self._connection.close()
            raise OSError(str(error)) from error

    def _once(self, body: bytes, headers: Mapping[str, str]) -> int:
        self._connection.request("POST", self._path, body, headers)
        answer = self._connection.getresponse()
        answer.read()
        return answer.status

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()
