"""The WSGI server: its port, its limits, and a stop that answers what was accepted."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from waitress.trigger import _triggerbase

from runtime.listening import CannotListen, check_port, endpoint
from runtime.wsgi import Limits, WsgiServer
from tests.helpers import eventually

_StartResponse = Callable[[str, list[tuple[str, str]]], Any]


class _Application:
    """Answers `ok`; `/slow` first waits until it may."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.may_answer = threading.Event()

    def __call__(self, environ: dict[str, Any], start_response: _StartResponse) -> Iterable[bytes]:
        if environ["PATH_INFO"] == "/slow":
            self.entered.set()
            self.may_answer.wait(10)
        start_response("200 OK", [("Content-Length", "2")])
        return [b"ok"]


@contextmanager
def _serving(application: _Application, **limits: int) -> Iterator[WsgiServer]:
    server = WsgiServer(application, "127.0.0.1", 0, Limits(threads=2, **limits))
    server.start()
    try:
        yield server
    finally:
        application.may_answer.set()
        server.stop()


def _get(port: int, path: str = "/") -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", path)
    body = connection.getresponse().read()
    connection.close()
    return body


def _get_nothing(port: int) -> None:
    with pytest.raises(ConnectionError):
        _get(port, "/slow")


def _refused(port: int) -> bool:
    with socket.socket() as caller:
        return caller.connect_ex(("127.0.0.1", port)) != 0


def test_a_stop_answers_the_request_in_work_and_closes_idle_connections() -> None:
    """A student's click during a stop gets its page; a kept-alive connection holds nothing up."""
    application = _Application()
    bodies: list[bytes] = []
    with _serving(application) as server, socket.create_connection(("127.0.0.1", server.port)) as idle:
        idle.settimeout(10)
        client = threading.Thread(target=lambda: bodies.append(_get(server.port, "/slow")))
        client.start()
        assert application.entered.wait(10)
        stopping = threading.Thread(target=server.stop, args=(10,))
        stopping.start()
        eventually(lambda: _refused(server.port), "new connections are refused")
        assert not bodies
        application.may_answer.set()
        stopping.join(10)
        client.join(10)

        assert bodies == [b"ok"]
        assert idle.recv(1) == b""


def test_a_stop_does_not_wait_longer_than_it_may() -> None:
    """A request that hangs, or work of the application that goes on, does not hold up the end."""
    application = _Application()
    with _serving(application) as server:
        client = threading.Thread(target=_get_nothing, args=(server.port,))
        client.start()
        assert application.entered.wait(10)
        began = time.monotonic()
        server.stop(0.2, busy=lambda: True)

        assert time.monotonic() - began < 5
        application.may_answer.set()
        client.join(10)


def test_a_stop_survives_work_that_is_done_before_its_thread_has_woken_the_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Any other thread may wake the loop between the two steps of handing work over to it."""
    handed_over = 0

    def pull_late(trigger: Any, thunk: Callable[[], None] | None = None) -> None:
        nonlocal handed_over
        if thunk:
            with trigger.lock:
                trigger.thunks.append(thunk)
            trigger._physical_pull()
            eventually(lambda: not trigger.thunks, "the loop ran what was handed over")
            handed_over += 1
        trigger._physical_pull()

    with _serving(_Application()) as server:
        assert _get(server.port) == b"ok"
        monkeypatch.setattr(_triggerbase, "pull_trigger", pull_late)
        server.stop()

    assert handed_over == 2


def test_a_server_that_was_never_started_releases_its_port() -> None:
    """When something else cannot start after it was bound."""
    server = WsgiServer(_Application(), "127.0.0.1", 0, Limits(threads=1))
    server.stop()

    assert check_port("127.0.0.1", server.port, "PORT") == server.port


def test_a_name_with_two_addresses_is_served() -> None:
    """`localhost` is often both 127.0.0.1 and ::1."""
    server = WsgiServer(_Application(), "localhost", 0, Limits(threads=1))
    server.start()
    try:
        assert server.port > 0
    finally:
        server.stop()


def test_a_body_above_the_limit_is_refused() -> None:
    """Also one without a length."""
    with _serving(_Application(), body_bytes=1_000) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("POST", "/", b"x" * 2_000)

        assert connection.getresponse().status == 413
        connection.close()


@pytest.mark.parametrize(
    "bind",
    [
        lambda port: WsgiServer(_Application(), "127.0.0.1", port, Limits(1)),
        lambda port: check_port("127.0.0.1", port, "PORT"),
    ],
)
def test_a_taken_port_is_one_sentence_with_a_remedy(bind: Callable[[int], object]) -> None:
    """It names the address, the reason and the variable."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen) as error:
            bind(port)

    assert str(error.value) == (
        f"cannot listen on 127.0.0.1:{port}: Address already in use; "
        "set PORT to a free port or LISTEN_ADDR to an address of this machine."
    )


def test_an_ipv6_address_is_shown_in_brackets() -> None:
    """Once."""
    assert [endpoint(host, 80) for host in ("::1", "[::1]", "127.0.0.1")] == [
        "[::1]:80",
        "[::1]:80",
        "127.0.0.1:80",
    ]
