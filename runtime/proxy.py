"""Behind a reverse proxy: who the visitor is, how they reached it, and the path under which it puts us.

A WSGI middleware around the whole application. It follows the `X-Forwarded-…` headers of trusted proxies and
removes them from every other request, so that nothing else reads them. Where the proxy serves the application
under a path (`X-Forwarded-Prefix: /lab/screens`), the application goes on speaking of `/…`: what leaves it is
given the prefix here, in the addresses of pages, redirects and cookies.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from runtime.addresses import host_of, is_loopback
from runtime.settings import Kind, setting

Environ = dict[str, Any]
WsgiApp = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
Headers = list[tuple[str, str]]

UNTRUSTED = "runtime.proxy.untrusted"
"""Set in the environ of a request that came through a proxy which is not trusted: nobody knows from whom."""
_FOR, _PROTO, _HOST, _PREFIX = (f"HTTP_X_FORWARDED_{each}" for each in ("FOR", "PROTO", "HOST", "PREFIX"))
_OTHERS = ("HTTP_FORWARDED", "HTTP_X_FORWARDED_PORT", "HTTP_X_FORWARDED_BY", "HTTP_X_FORWARDED_SERVER")
_MOST_HOPS = 16
_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]{1,100}){1,10}")
_ADDRESSES = re.compile(
    rb"(\s(?:href|src|action|formaction|hx-get|hx-post|data-(?:permalink|open-dialog|closed-here|opens|shut"
    rb"|unfold-all|tail|dialog|logs|trace))=\")(?=/(?!/))"
)
"""Every attribute of our pages that holds an address. Text of pages holds no quotation mark, only `&#34;`."""
_OWN = re.compile(r"/(?!/)")
_COOKIE_PATH = re.compile(r"(;\s*path=)/\s*(?=;|$)", re.IGNORECASE)

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class TrustedProxies:
    """Whose `X-Forwarded-…` headers are followed: proxies of these networks, or so many in front, or none."""

    networks: tuple[Network, ...] = ()
    count: int = 0

    def __str__(self) -> str:
        return str(self.count or "") or ",".join(str(each) for each in self.networks)

    def hops(self, peer: str, forwarded: list[str]) -> int:
        """Through how many trusted proxies a request came; the peer is the last of them."""
        if self.count:
            return self.count
        chain = [peer, *reversed(forwarded)]
        return next((n for n, each in enumerate(chain) if not self._has(each)), len(chain))

    def _has(self, address: str) -> bool:
        try:
            found = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(found in network for network in self.networks)


def parse_trusted_proxies(text: str) -> TrustedProxies:
    """From addresses and networks with commas between them, or a number from 1 on. Raises ValueError."""
    stripped = text.strip()
    if stripped.isascii() and stripped.isdigit():
        if not 0 <= int(stripped) <= _MOST_HOPS:
            raise ValueError(text)
        return TrustedProxies(count=int(stripped))
    parts = [part.strip() for part in stripped.split(",") if part.strip()]
    return TrustedProxies(tuple(ipaddress.ip_network(part, strict=False) for part in parts))


def trusted_proxies_setting() -> TrustedProxies:
    """The field `trusted_proxies`."""
    return setting(
        TrustedProxies(),
        "TRUSTED_PROXIES",
        "Proxies whose X-Forwarded-For, -Proto, -Host and -Prefix are followed; empty: none (docs/proxy.md).",
        Kind("IP addresses or networks, or the number of proxies in front", parse_trusted_proxies),
    )


class BehindProxy:
    """The middleware; `shared_cookies` are those that scripts or other applications of the host use, too."""

    def __init__(self, app: WsgiApp, trusted: TrustedProxies, shared_cookies: Iterable[str] = ()) -> None:
        self._app = app
        self._trusted = trusted
        self._shared_cookies = tuple(f"{name}=" for name in shared_cookies)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the application with the visitor's view of the request; answer with the visitor's paths."""
        secure = self._follow(environ)
        prefix: str = environ.get("SCRIPT_NAME", "")
        if not prefix and not secure:
            return self._app(environ, start_response)
        if not environ.get("PATH_INFO", "").startswith("/static/"):
            # Pages are changed below; the proxy compresses.
            environ.pop("HTTP_ACCEPT_ENCODING", None)
        answer = _Answer(start_response)
        body = self._app(environ, answer)
        answer.headers = [self._header(*pair, prefix, secure=secure) for pair in answer.headers]
        if prefix and answer.is_page:
            body = [answer.prefixed(body, prefix.encode(), environ.get("REQUEST_METHOD") == "HEAD")]
        answer.send()
        return body

    def _follow(self, environ: Environ) -> bool:
        """Put what trusted proxies say in its place, and remove the rest; returns whether it is HTTPS."""
        peer = environ.get("REMOTE_ADDR", "")
        forwarded = {name: _values(environ.pop(name, "")) for name in (_FOR, _PROTO, _HOST, _PREFIX)}
        others = [name for name in _OTHERS if environ.pop(name, "")]
        hops = self._trusted.hops(peer, forwarded[_FOR])
        if hops:
            self._place(environ, peer, forwarded, hops)
        elif forwarded[_FOR] or forwarded[_HOST] or forwarded[_PROTO] or others:
            environ[UNTRUSTED] = True
        # A prefix changes nothing but what its sender gets. No page elsewhere can make a browser send one.
        if (hops or is_loopback(peer)) and (prefix := _nth(forwarded[_PREFIX], hops or 1).rstrip("/")):
            _put_under(environ, prefix)
        return bool(hops) and environ.get("wsgi.url_scheme") == "https"

    @staticmethod
    def _place(environ: Environ, peer: str, forwarded: dict[str, list[str]], hops: int) -> None:
        chain = [*forwarded[_FOR], peer]
        client = chain[max(0, len(chain) - 1 - hops)]
        try:
            environ["REMOTE_ADDR"] = str(ipaddress.ip_address(client.strip("[]")))
        except ValueError:
            environ[UNTRUSTED] = True
        proto, host = _nth(forwarded[_PROTO], hops).lower(), _nth(forwarded[_HOST], hops)
        if proto in ("http", "https"):
            environ["wsgi.url_scheme"] = proto
        if host_of(host):
            environ["HTTP_HOST"] = host

    def _header(self, name: str, value: str, prefix: str, *, secure: bool) -> tuple[str, str]:
        match name.lower():
            case "location" if _OWN.match(value):
                return name, prefix + value
            case "set-cookie" if not value.startswith(self._shared_cookies):
                changed = _COOKIE_PATH.sub(rf"\g<1>{prefix}/", value) if prefix else value
                return name, f"{changed}; Secure" if secure and "; secure" not in changed.lower() else changed
        return name, value


class _Answer:
    """An answer whose start waits until its body is there."""

    def __init__(self, start_response: Callable[..., Any]) -> None:
        self._start_response = start_response
        self._status = "500 Internal Server Error"
        self._more: tuple[Any, ...] = ()
        self.headers: Headers = []

    def __call__(self, status: str, headers: Headers, *more: Any) -> Callable[[bytes], None]:
        self._status, self.headers, self._more = status, list(headers), more
        return _unused

    @property
    def is_page(self) -> bool:
        """Whether the body is HTML that nothing has compressed."""
        named = {name.lower(): value for name, value in self.headers}
        return named.get("content-type", "").startswith("text/html") and "content-encoding" not in named

    def prefixed(self, body: Iterable[bytes], prefix: bytes, only_head: bool) -> bytes:
        """The page with the prefix before each own address; sets its length."""
        try:
            page = _ADDRESSES.sub(rb"\g<1>" + prefix, b"".join(body))
        finally:
            close = getattr(body, "close", None)
            if close:
                close()
        self.headers = [(k, v) for k, v in self.headers if k.lower() != "content-length"]
        if not only_head:
            self.headers.append(("Content-Length", str(len(page))))
        return page

    def send(self) -> None:
        """Start the answer."""
        self._start_response(self._status, self.headers, *self._more)


def _unused(_body: bytes) -> None:
    raise RuntimeError("the application writes by the old way of WSGI, which nothing here does")


def _values(header: str) -> list[str]:
    return [part.strip() for part in header.split(",")[-_MOST_HOPS:] if part.strip()]


def _nth(values: list[str], hops: int) -> str:
    """The value of the outermost trusted proxy: each adds its own at the end, or replaces what was there."""
    return values[max(0, len(values) - hops)] if values else ""


def _put_under(environ: Environ, prefix: str) -> None:
    if not _PATH.fullmatch(prefix) or any(part in (".", "..") for part in prefix.split("/")):
        return
    environ["SCRIPT_NAME"] = prefix
    path: str = environ.get("PATH_INFO", "")
    # Some proxies leave the prefix in the path.
    if path == prefix or path.startswith(f"{prefix}/"):
        environ["PATH_INFO"] = path[len(prefix) :] or "/"
