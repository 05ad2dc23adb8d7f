"""A small reverse proxy that serves an application under a path, and a crawl of every link there."""

from __future__ import annotations

import http.client
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

from selectolax.lexbor import LexborHTMLParser as HTMLParser

HOST = "lab.example.org"
CLIENT = "203.0.113.9"
_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "host", "content-length"}
_ADDRESSES = (
    ("[href]", "href"),
    ("[src]", "src"),
    ("form:not([method=post])[action]", "action"),
    ("[hx-get]", "hx-get"),
    *((f"[data-{name}]", f"data-{name}") for name in ("tail", "opens", "shut", "trace", "logs", "permalink")),
)


@contextmanager
def reverse_proxy(upstreams: Mapping[str, str], *, strip: bool = True) -> Iterator[str]:
    """Serves each upstream's base address under a path such as `/lab/screens`; yields the proxy's address.

    `strip` removes the path before it passes a request on. Anything outside of the paths is 404.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._pass_on(b"")

        def do_POST(self) -> None:
            self._pass_on(self.rfile.read(int(self.headers.get("Content-Length", 0))))

        def _pass_on(self, body: bytes) -> None:
            found = next((path for path in upstreams if self.path.startswith(f"{path}/")), None)
            if found is None:
                self.send_error(404, "outside")
                return
            target = urlsplit(upstreams[found])
            connection = http.client.HTTPConnection(target.netloc, timeout=20)
            path = self.path.removeprefix(found) if strip else self.path
            connection.request(self.command, path, body or None, _forwarded(self.headers, found))
            answer = connection.getresponse()
            content = answer.read()
            connection.close()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _forwarded(headers: Message, path: str) -> dict[str, str]:
    kept = {k: v for k, v in headers.items() if k.lower() not in _HOP_BY_HOP}
    return {
        **kept,
        "X-Forwarded-For": CLIENT,
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": HOST,
        "X-Forwarded-Prefix": path,
    }


@dataclass
class Crawl:
    """What a crawl found."""

    pages: int = 0
    wrong: list[str] = field(default_factory=list)
    outside: set[str] = field(default_factory=set)
    """Addresses of other hosts."""


def crawl(base: str, path: str, *, most: int = 250, of_a_shape: int = 2) -> Crawl:
    """Follow every link, file, form and live address, at most `of_a_shape` of the same kind."""
    found, shapes = Crawl(), Counter[tuple[object, ...]]()
    waiting, seen = [(path, "the start")], {path}
    while waiting and found.pages < most:
        address, origin = waiting.pop(0)
        status, kind, text = _get(base, address)
        found.pages += 1
        # Refused is an answer: a page may be for others only.
        if status >= 400 and status != 403:
            found.wrong.append(f"{status} {address} on {origin}")
        if not kind.startswith(("text/html", "text/css")):
            continue
        for each in _links(text, kind):
            target = urldefrag(urljoin(f"{base}{address}", each))[0]
            if not target.startswith(base):
                if target.startswith("http"):
                    found.outside.add(target)
                continue
            local = target.removeprefix(base)
            shape = _shape(local)
            if local in seen or shapes[shape] >= of_a_shape:
                continue
            seen.add(local)
            shapes[shape] += 1
            waiting.append((local, address))
    return found


def _links(text: str, kind: str) -> Iterator[str]:
    if kind.startswith("text/css"):
        yield from (each for each in re.findall(r'url\("([^"]+)"\)', text) if not each.startswith("#"))
        return
    page = HTMLParser(text)
    for selector, attribute in _ADDRESSES:
        for node in page.css(selector):
            value = node.attributes.get(attribute)
            if value and not value.startswith("#"):
                yield value


def _shape(address: str) -> tuple[object, ...]:
    parts = urlsplit(address)
    path = re.sub(r"[0-9a-f]{8,}|%[0-9A-Fa-f]{2}|\d+", "*", parts.path)
    names = sorted({name for name, _ in parse_qsl(parts.query, keep_blank_values=True)})
    return path, tuple(names)


def _get(base: str, address: str) -> tuple[int, str, str]:
    connection = http.client.HTTPConnection(urlsplit(base).netloc, timeout=20)
    for _ in range(5):
        connection.request("GET", address, headers={"Accept": "text/html"})
        answer = connection.getresponse()
        body = answer.read()
        location = answer.getheader("Location")
        if location is None or answer.status not in (301, 302, 303, 307, 308):
            break
        address = urljoin(f"{base}{address}", location).replace(f"https://{HOST}", "").removeprefix(base)
    connection.close()
    return answer.status, answer.getheader("Content-Type", ""), body.decode("utf-8", "replace")
