"""Proxies that stand between real parts of a lab and tamper with what passes, to break one link at a time."""

from __future__ import annotations

import contextlib
import gzip
import http.client
import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

Headers = list[tuple[str, str]]
_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "server", "date"}
_AGENT = re.compile(rb"<script\b[^>]*splunk-otel-web[^>]*></script>")


@dataclass
class Tampering:
    """What a proxy does to what passes it. As it is made, it changes nothing."""

    request: Callable[[str, Headers, bytes], tuple[Headers, bytes]] = lambda path, headers, body: (
        headers,
        body,
    )
    answer: Callable[[Headers, bytes], tuple[Headers, bytes]] = lambda headers, body: (headers, body)


@dataclass
class Proxy:
    """A running proxy: where it listens, and what it does just now."""

    url: str
    tampering: Tampering = field(default_factory=Tampering)

    @contextmanager
    def doing(self, tampering: Tampering) -> Iterator[None]:
        """Tamper while the block runs."""
        self.tampering = tampering
        try:
            yield
        finally:
            self.tampering = Tampering()


def without_server_timing(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Drop the header that names the trace."""
    return [pair for pair in headers if pair[0].lower() != "server-timing"], body


def without_agent(headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Take the RUM agent's script out of a page."""
    return headers, _AGENT.sub(b"", body)


def without_trace_of_logs(path: str, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Strip trace and span id from every log record of an OTLP export."""
    if not path.endswith("/v1/logs"):
        return headers, body
    export = ExportLogsServiceRequest.FromString(_plain(headers, body))
    for resource in export.resource_logs:
        for scope in resource.scope_logs:
            for record in scope.log_records:
                record.trace_id = record.span_id = b""
    return _unzipped(headers), export.SerializeToString()


def without_exemplars(path: str, headers: Headers, body: bytes) -> tuple[Headers, bytes]:
    """Take the exemplars off every sum of an OTLP export."""
    if not path.endswith("/v1/metrics"):
        return headers, body
    export = ExportMetricsServiceRequest.FromString(_plain(headers, body))
    for resource in export.resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                for point in metric.sum.data_points:
                    del point.exemplars[:]
    return _unzipped(headers), export.SerializeToString()


def _plain(headers: Headers, body: bytes) -> bytes:
    zipped = any((name.lower(), value) == ("content-encoding", "gzip") for name, value in headers)
    return gzip.decompress(body) if zipped else body


def _unzipped(headers: Headers) -> Headers:
    return [pair for pair in headers if pair[0].lower() != "content-encoding"]


class _Server(ThreadingHTTPServer):
    """Serves one proxy."""

    daemon_threads = True

    def __init__(
        self, upstream: str | Callable[[], str], handler: type[BaseHTTPRequestHandler] | None = None
    ) -> None:
        super().__init__(("127.0.0.1", 0), handler or Passing)
        self.proxy = Proxy(f"http://127.0.0.1:{self.server_address[1]}")
        self._upstream = upstream

    @property
    def upstream_host(self) -> str:
        """host:port of what stands behind, as it is known now."""
        return urlsplit(self._upstream if isinstance(self._upstream, str) else self._upstream()).netloc

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""


class Passing(BaseHTTPRequestHandler):
    """Passes one exchange on, both ways through the tampering."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        tampering = self.server.proxy.tampering
        headers, body = tampering.request(self.path, list(self.headers.items()), body)
        connection = http.client.HTTPConnection(self.server.upstream_host, timeout=30)
        try:
            connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in headers:
                if name.lower() not in _HOP_BY_HOP:
                    connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(body)))
            connection.endheaders(body)
            self.answer(connection.getresponse())
        except OSError:
            self.send_error(502)
        finally:
            connection.close()

    do_POST = do_GET
    do_OPTIONS = do_GET

    def answer(self, response: http.client.HTTPResponse) -> None:
        """Send on what came back."""
        headers, body = self.server.proxy.tampering.answer(response.getheaders(), response.read())
        self.send_response_only(response.status)
        for name, value in headers:
            if name.lower() not in _HOP_BY_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Silence."""


@contextmanager
def proxy(
    upstream: str | Callable[[], str], handler: type[BaseHTTPRequestHandler] | None = None
) -> Iterator[Proxy]:
    """A proxy in front of an address, which may be known only later; `handler` may answer in its place."""
    server = _Server(upstream, handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.proxy
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Gate:
    """A TCP door to an address: open, it passes everything; shut, every connection is cut and refused."""

    def __init__(self, inner: Callable[[], str]) -> None:
        self._inner = inner
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self.is_open = True
        threading.Thread(target=self._let_in, daemon=True).start()

    @contextmanager
    def shut(self) -> Iterator[None]:
        """As if the process behind it had stopped, while the block runs."""
        self.is_open = False
        self._cut()
        try:
            yield
        finally:
            self.is_open = True

    def close(self) -> None:
        """Take the door away."""
        self._socket.close()
        self._cut()

    def _let_in(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                outside, _ = self._socket.accept()
                if not self.is_open:
                    outside.close()
                    continue
                host, _, port = self._inner().rpartition(":")
                inside = socket.create_connection((host, int(port)))
                self._pairs.append((outside, inside))
                for ends in ((outside, inside), (inside, outside)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    @staticmethod
    def _pass(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _cut(self) -> None:
        while self._pairs:
            for end in self._pairs.pop():
                with contextlib.suppress(OSError):
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
