"""Answers only requests that name this server by an address of its own.

A page elsewhere can point a host name of its own at this machine (DNS rebinding): to a browser that
page and this server are then one origin, and the page may read and send what it likes. Such a request
names the foreign host in `Host`. An address in digits cannot be taken over so, nor a name of loopback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

from runtime.addresses import host_of, is_ip_literal, is_loopback, machine_names

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

_STATUS = "421 Misdirected Request"
_REFUSAL = (
    b"This server does not answer to that host name: "
    b"open it by the address you were given, or by the machine's IP address.\n"
)
_HEADERS = (
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Content-Length", str(len(_REFUSAL))),
    ("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Cache-Control", "no-store"),
)


class HostCheck:
    """WSGI middleware around the whole application: another host in the request is 421."""

    def __init__(self, app: WsgiApp, *base_addresses: str) -> None:
        """`base_addresses` are the public ones of this server; empty ones are ignored."""
        self._app = app
        public = {host_of(urlsplit(address).netloc) for address in base_addresses}
        self._names = (machine_names() | public) - {""}

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the application if the request's host is one of this server."""
        if self.is_own(environ.get("HTTP_HOST", "")):
            return self._app(environ, start_response)
        start_response(_STATUS, list(_HEADERS))
        return [] if environ.get("REQUEST_METHOD") == "HEAD" else [_REFUSAL]

    def is_own(self, header: str) -> bool:
        """Whether a `Host` header names this server."""
        host = host_of(header)
        return bool(host) and (host in self._names or is_loopback(host) or is_ip_literal(host))
