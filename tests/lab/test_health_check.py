"""The health check of processes: by gRPC and by HTTP, each name as soon as it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
import pytest
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from lab.supervision import health_check
from tests.helpers import free_port


@contextmanager
def http_server(statuses: dict[str, int]) -> Iterator[str]:
    """A server that answers each path with its status."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(statuses[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def grpc_server(serving: bool) -> Iterator[str]:
    """A server of the health service with this state."""
    states = health_pb2.HealthCheckResponse
    service = health.HealthServicer()
    service.set("", states.SERVING if serving else states.NOT_SERVING)
    server = grpc.server(ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(service, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize("serving", [True, False])
def test_a_grpc_service_is_ready_when_it_serves(serving: bool) -> None:
    """As the standard health service states it."""
    with grpc_server(serving) as address:
        assert health_check.is_ready("grpc", address) == serving


@pytest.mark.parametrize(("status", "ready"), [(200, True), (404, False), (503, False)])
def test_an_http_server_is_ready_when_it_answers_200(status: int, ready: bool) -> None:
    """On its own path."""
    with http_server({"/healthz": status}) as address:
        assert health_check.is_ready("/healthz", address) == ready


@pytest.mark.parametrize("kind", ["grpc", "/healthz"])
def test_a_port_without_a_listener_is_not_ready(kind: str) -> None:
    """At once, without waiting."""
    assert not health_check.is_ready(kind, f"127.0.0.1:{free_port()}")


def test_a_listener_that_speaks_no_grpc_is_not_ready() -> None:
    """Its answer is an error of the call."""
    with http_server({}) as address:
        assert not health_check.is_ready("grpc", address)


def test_each_name_is_printed_once_as_soon_as_it_answers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It polls more and more slowly, at most ten times a second, and ends after the last one."""
    answers = iter([False, True] + [False] * 20 + [True])
    pauses: list[float] = []
    monkeypatch.setattr(health_check, "is_ready", lambda *_: next(answers))
    monkeypatch.setattr("lab.supervision.health_check.time.sleep", pauses.append)
    waiting = {"one": ["grpc", "a:1"], "two": ["/", "b:2"]}
    assert health_check.main([json.dumps(waiting)]) == 0

    assert capsys.readouterr().out.splitlines() == ["two", "one"]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (health_check.FIRST_PAUSE_S, health_check.LONGEST_PAUSE_S)
