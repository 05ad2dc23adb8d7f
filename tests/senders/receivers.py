"""Receivers of OTLP that stand for other tools: they keep what came, and with which headers."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc


@dataclass(frozen=True)
class Request:
    """One export: its path (of gRPC: empty), its headers in lower case, its body as protobuf."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """`address` is a URL for HTTP, host:port for gRPC."""

    address: str = ""
    requests: list[Request] = field(default_factory=list)

    def of(self, path: str, needle: bytes) -> list[Request]:
        """The exports to a path whose body has these bytes."""
        return [each for each in self.requests if each.path == path and needle in each.body]


@contextmanager
def over_http() -> Iterator[Receiver]:
    """One that answers 200 to every export."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if self.headers.get("Content-Encoding") == "gzip":
                body = gzip.decompress(body)
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Request(self.path, headers, body))
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        receiver.address = f"http://127.0.0.1:{server.server_address[1]}"
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver

    def Export(
        self, request: trace_service_pb2.ExportTraceServiceRequest, context: grpc.ServicerContext
    ) -> trace_service_pb2.ExportTraceServiceResponse:
        headers = {key.lower(): str(value) for key, value in context.invocation_metadata()}
        self._receiver.requests.append(Request("", headers, request.SerializeToString()))
        return trace_service_pb2.ExportTraceServiceResponse()


@contextmanager
def over_grpc() -> Iterator[Receiver]:
    """One that takes traces only, as Jaeger and Tempo do."""
    receiver = Receiver()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(receiver), server)
    receiver.address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield receiver
    finally:
        server.stop(1).wait()
