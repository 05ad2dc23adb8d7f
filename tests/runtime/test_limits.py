"""What a server takes on from strangers: how many connections, how long each may take, what is a request."""

from __future__ import annotations

import http.client
import os
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import pytest
from waitress.adjustments import Adjustments

from runtime.http_parsing import Refusal, empty_request
from runtime.wsgi import Limits, WsgiServer
from tests.helpers import eventually

_StartResponse = Callable[[str, list[tuple[str, str]]], Any]
_GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


def _echo(environ: dict[str, Any], start_response: _StartResponse) -> Iterable[bytes]:
    """Answers path and length of the body."""
    body = environ["wsgi.input"].read()
    answer = f"{environ['PATH_INFO']} {len(body)}".encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


@contextmanager
def _serving(application: Any = _echo, **limits: float) -> Iterator[WsgiServer]:
    given: dict[str, Any] = {"threads": 2, **limits}
    server = WsgiServer(application, "127.0.0.1", 0, Limits(**given))
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _connected(server: WsgiServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), 20)


def _said(connection: socket.socket) -> bytes:
    """All that the server says until it closes."""
    said = b""
    try:
        while chunk := connection.recv(65_536):
            said += chunk
    except ConnectionError:
        pass
    return said


def _exchange(server: WsgiServer, *parts: bytes) -> bytes:
    with _connected(server) as connection:
        for part in parts:
            connection.sendall(part)
        return _said(connection)


def _answers_within(server: WsgiServer, seconds: float) -> bool:
    began = time.monotonic()
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    client.request("GET", "/")
    body = client.getresponse().read()
    client.close()
    return body == b"/ 0" and time.monotonic() - began < seconds


@pytest.mark.parametrize(
    "begun", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nx", _GET]
)
def test_connections_that_do_nothing_shut_nobody_out(begun: bytes) -> None:
    """Neither those that never speak, nor half a header, half a body, or a browser that waits."""
    with _serving(connections=20) as server, ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(_connected(server)).sendall(begun)

        assert all(_answers_within(server, 1.0) for _ in range(10))


def test_the_request_in_work_is_answered_when_there_are_too_many_connections() -> None:
    """Idle ones are closed before it."""
    entered, may_answer = threading.Event(), threading.Event()

    def slow(environ: dict[str, Any], start_response: _StartResponse) -> Iterable[bytes]:
        entered.set()
        may_answer.wait(20)
        return _echo(environ, start_response)

    with _serving(slow, connections=16) as server, _connected(server) as worker, ExitStack() as stack:
        worker.sendall(_GET)
        assert entered.wait(10)
        idle = [stack.enter_context(_connected(server)) for _ in range(40)]
        eventually(lambda: _is_closed(idle[0]), "the first idle connection is closed")
        may_answer.set()

        assert worker.recv(100).startswith(b"HTTP/1.1 200")


def _is_closed(connection: socket.socket) -> bool:
    connection.setblocking(False)
    try:
        return connection.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize(
    ("begun", "status"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX-", b"HTTP/1.1 408 "),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx", b"HTTP/1.1 408 "),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n", b"HTTP/1.1 408 "),
    ],
)
def test_a_request_that_does_not_end_is_cut(begun: bytes, status: bytes) -> None:
    """After the time for a header or a body, in plain words."""
    with _serving(header_s=0.5, body_s=0.5) as server:
        said = _exchange(server, begun)

    assert said.startswith(status)
    assert bool(said) == bool(status)
    assert not said or b"did not arrive in time" in said


def test_bytes_that_trickle_in_do_not_extend_the_time() -> None:
    """One byte now and then (slow loris) is not faster than none."""
    with _serving(header_s=1, body_s=1) as server, _connected(server) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX: ")
        began = time.monotonic()
        eventually(lambda: _one_more(connection), "the connection is cut")

        assert time.monotonic() - began < 8


def _one_more(connection: socket.socket) -> bool:
    try:
        connection.sendall(b"x")
    except ConnectionError:
        return True
    return _is_closed_softly(connection)


def _is_closed_softly(connection: socket.socket) -> bool:
    connection.settimeout(0.05)
    try:
        return connection.recv(1_000) is not None
    except TimeoutError:
        return False
    except ConnectionError:
        return True


def test_a_body_without_end_is_refused_and_never_written_to_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused at the limit, in memory, and the answer arrives."""
    made: list[object] = []
    monkeypatch.setattr("waitress.buffers.TempfileBasedBuffer.__init__", lambda *_: made.append(1))
    head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    with _serving(body_bytes=200_000) as server, _connected(server) as connection:
        connection.sendall(head)
        sender = threading.Thread(target=_send_for_ever, args=(connection,), daemon=True)
        sender.start()
        said = _said(connection)
        sender.join(10)

    assert said.startswith(b"HTTP/1.1 413 ")
    assert b"larger than 200000 bytes" in said
    assert not made


def _send_for_ever(connection: socket.socket) -> None:
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    try:
        while True:
            connection.sendall(chunk)
    except OSError:
        pass


def test_a_large_body_within_the_limit_stays_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """No temporary file, however large the answer and the body."""
    made: list[object] = []
    monkeypatch.setattr("waitress.buffers.TempfileBasedBuffer.__init__", lambda *_: made.append(1))
    body = os.urandom(3_000_000)
    with _serving(body_bytes=4_000_000) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
        client.request("POST", "/big", body)

        assert client.getresponse().read() == b"/big 3000000"
        client.close()
    assert not made


def test_bodies_together_have_a_limit() -> None:
    """Who began first and is not done goes first; the others are taken."""
    with _serving(body_bytes=20_000_000) as server, ExitStack() as stack:
        head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 19000000\r\n\r\n"
        senders = [stack.enter_context(_connected(server)) for _ in range(5)]
        for each in senders:
            each.sendall(head + b"x" * 18_000_000)
        said = senders[0].recv(1_000)
        senders[4].sendall(b"x" * 1_000_000)

        assert said.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in said
        assert senders[4].recv(1_000).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", 400),
        (b"GET\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: " + b"a" * 300 + b"\r\n\r\n", 400),
        (b"GET http://[ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET relative HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/9.9\r\nHost: x\r\n\r\n", 505),
        (b"get / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA : b\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: b\nC: d\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\n" + b"A: b\r\n" * 200 + b"\r\n", 431),
        (b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 40_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"a" * 40_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", 431),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\nx", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + b"9" * 5_000 + b"\r\n\r\n", 413),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (
            b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            400,
        ),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + b"f" * 5_000 + b"\r\n", 413),
    ],
)
def test_what_is_no_request_is_refused_in_plain_words(request_bytes: bytes, status: int) -> None:
    """And the server goes on."""
    with _serving() as server:
        with _connected(server) as connection:
            connection.sendall(request_bytes)
            if b"fffff" in request_bytes:
                threading.Thread(target=_send_plainly, args=(connection,), daemon=True).start()
            said = _said(connection)

        head, _, body = said.partition(b"\r\n\r\n")
        assert head.split()[1] == str(status).encode()
        assert body.endswith(b".\n")
        assert b"waitress" not in said.lower()
        assert _answers_within(server, 5)


def _send_plainly(connection: socket.socket) -> None:
    try:
        while True:
            connection.sendall(b"x" * 100_000)
    except OSError:
        pass


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (b"GET http://elsewhere/path?q HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"/path 0"),
        (b"GET http://elsewhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"/ 0"),
        (b"GET / HTTP/1.0\r\n\r\n", b"/ 0"),
        (b"OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"* 0"),
        (
            b"POST /c HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3;a=b\r\nabc\r\n0\r\nT: u\r\n\r\n",
            b"/c 3",
        ),
    ],
)
def test_unusual_requests_are_answered(request_bytes: bytes, answer: bytes) -> None:
    """Absolute addresses, HTTP/1.0, chunks with extensions and trailers."""
    with _serving() as server:
        assert _exchange(server, request_bytes).endswith(answer)


def test_pipelined_requests_are_answered_in_order_up_to_a_bound() -> None:
    """Each waiting request costs memory; who sends more is disconnected after the last answer."""
    with _serving() as server:
        said = _exchange(server, b"".join(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n for n in range(200)))

    answers = [int(part.split()[0]) for part in said.split(b"\r\n\r\n/")[1:]]
    assert answers == list(range(len(answers)))
    assert 10 <= len(answers) < 200


def test_a_connection_that_is_not_used_is_closed() -> None:
    """Kept alive only for so long."""
    with _serving(idle_s=1) as server, _connected(server) as connection:
        connection.sendall(_GET)

        assert _said(connection).endswith(b"/ 0")


def test_an_answer_that_nobody_fetches_is_given_up() -> None:
    """Who does not read holds neither a thread nor memory for ever."""
    done = threading.Event()

    def endless(_environ: dict[str, Any], start_response: _StartResponse) -> Iterator[bytes]:
        start_response("200 OK", [])
        try:
            for _ in range(1_000):
                yield b"x" * 1_000_000
        finally:
            done.set()

    with _serving(endless, answer_s=1) as server, _connected(server) as connection:
        connection.sendall(_GET)

        assert done.wait(20)


def test_a_request_of_which_nothing_was_read_can_be_named_in_a_log_line() -> None:
    """waitress logs the path of a request whose sender went away, also of one that it could not read."""
    unread = empty_request(Adjustments(), Refusal(408, "too slow"))

    assert unread.path == ""
