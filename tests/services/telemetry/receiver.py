"""An OTLP/HTTP receiver for tests: keeps what it got, answers as it is set."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest


@dataclass
class Receiver:
    """What an OTLP receiver got, and how it answers."""

    status: int = 200
    spans: list[Any] = field(default_factory=list)
    logs: list[Any] = field(default_factory=list)
    metrics: list[Any] = field(default_factory=list)
    requests: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    def keep(self, path: str, body: bytes) -> None:
        """Keep the items of an export request."""
        if path == "/v1/traces":
            spans = ExportTraceServiceRequest.FromString(body).resource_spans
            self.spans += [span for r in spans for s in r.scope_spans for span in s.spans]
        elif path == "/v1/metrics":
            metrics = ExportMetricsServiceRequest.FromString(body).resource_metrics
            self.metrics += [metric for r in metrics for s in r.scope_metrics for metric in s.metrics]
        else:
            records = ExportLogsServiceRequest.FromString(body).resource_logs
            self.logs += [record for r in records for s in r.scope_logs for record in s.log_records]


@contextmanager
def receiving(port: int, receiver: Receiver) -> Iterator[None]:
    """An OTLP/HTTP receiver on `port` for the length of the block."""

    connections: list[socket.socket] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            connections.append(self.connection)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.requests += 1
            receiver.headers = dict(self.headers)
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            if receiver.status == 200:
                receiver.keep(self.path, body)
            self.send_response(receiver.status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Nobody reads it."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", port), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join(2)
        for connection in connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
