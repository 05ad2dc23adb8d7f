"""Beacons pass on as they came; a receiver that is away or slow never holds up the shop."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.frontend.fakes import FakeShop, fake_shop
from tests.helpers import free_port


class Receiver:
    """An HTTP receiver that notes what comes and answers `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.status = 200
        self.body = b""
        self.content_type = "application/json"
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, self.headers.get("Content-Type", ""), body))
                outer.headers.append(dict(self.headers))
                self.send_response(outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.send_header("Content-Type", outer.content_type)
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/v1/rum"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def relaying(tmp_path: Path, receiver: Receiver) -> FakeShop:
    return fake_shop(tmp_path, RUM_BEACON_URL=receiver.url)


def test_beacons_pass_on_unchanged(relaying: FakeShop, receiver: Receiver) -> None:
    body = b'[{"name":"documentLoad"}]'
    relaying.client.set_cookie("shop_session-id", "secret")
    answer = relaying.client.post("/v1/rum?auth=token", data=body, content_type="text/plain;charset=UTF-8")
    assert (answer.status_code, answer.data) == (200, b"")
    relaying.client.post("/v1/rumotlp", data=b"{}", content_type="application/json")
    assert receiver.got == [
        ("/v1/rum", "text/plain;charset=UTF-8", body),
        ("/v1/rumotlp", "application/json", b"{}"),
    ]
    for headers in receiver.headers:
        assert not {name.lower() for name in headers} & {"cookie", "traceparent", "baggage"}


@pytest.mark.parametrize("status", [202, 400, 413, 415, 503])
def test_the_receivers_answer_is_the_answer(relaying: FakeShop, receiver: Receiver, status: int) -> None:
    receiver.status = status
    assert relaying.client.post("/v1/rum", data=b"x").status_code == status


@pytest.mark.parametrize("status", [200, 400, 503])
def test_the_receivers_reason_is_passed_on(relaying: FakeShop, receiver: Receiver, status: int) -> None:
    receiver.status, receiver.body = status, b'{"message": "a trace id is all zeros"}'
    answer = relaying.client.post("/v1/rum", data=b"x")
    assert (answer.status_code, answer.data, answer.mimetype) == (status, receiver.body, "application/json")


@pytest.mark.parametrize(
    ("body", "content_type"),
    [(b'{"m":"' + b"x" * 9_000 + b'"}', "application/json"), (b"<script>alert(1)</script>", "text/html")],
)
def test_a_reason_without_a_bound_or_a_page_is_not_passed_on(
    relaying: FakeShop, receiver: Receiver, body: bytes, content_type: str
) -> None:
    receiver.status, receiver.body, receiver.content_type = 400, body, content_type
    for _ in range(2):
        answer = relaying.client.post("/v1/rum", data=b"x")
        assert answer.status_code == 400
        assert answer.json == {"error": {"message": "the receiver of telemetry did not take the beacon"}}
    receiver.status = 200
    assert relaying.client.post("/v1/rum", data=b"x").data == b""


def test_without_a_receiver_the_answer_is_503_and_the_log_says_so_once(tmp_path: Path) -> None:
    lonely = fake_shop(tmp_path, RUM_BEACON_URL=f"http://127.0.0.1:{free_port()}/v1/rum")
    for _ in range(3):
        answer = lonely.client.post("/v1/rum", data=b"[]")
        assert answer.status_code == 503
        assert "the shop works without it" in answer.text
    assert lonely.log.getvalue().count("RUM beacons are not relayed") == 1


def test_a_receiver_that_is_restarted_loses_no_beacon(tmp_path: Path, receiver: Receiver) -> None:
    port = free_port()
    shop = fake_shop(tmp_path, RUM_BEACON_URL=f"http://127.0.0.1:{port}/v1/rum")
    with ThreadPoolExecutor(8) as waiting:
        sent = [
            waiting.submit(lambda: shop.app.test_client().post("/v1/rum", data=b"[]").status_code)
            for _ in range(8)
        ]
        again = ThreadingHTTPServer(("127.0.0.1", port), receiver.server.RequestHandlerClass)
        threading.Thread(target=again.serve_forever, args=(0.02,), daemon=True).start()
        assert [one.result() for one in sent] == [200] * 8
    again.shutdown()
    again.server_close()
    assert len(receiver.got) == 8


def test_a_beacon_that_is_too_large_is_refused(relaying: FakeShop, receiver: Receiver) -> None:
    assert relaying.client.post("/v1/rum", data=b"x" * (1024 * 1024 + 1)).status_code == 413
    assert relaying.client.post("/v1/rum", data=b"x" * (1024 * 1024)).status_code == 200
    assert len(receiver.got) == 1


class Hanging:
    """A receiver that never answers, and notes how many connections were open at once."""

    def __init__(self, listener: socket.socket) -> None:
        self.most = 0
        self._open = 0
        self._lock = threading.Lock()
        self._listener = listener
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                threading.Thread(target=self._hold, args=(connection,), daemon=True).start()

    def _hold(self, connection: socket.socket) -> None:
        with self._lock:
            self._open += 1
            self.most = max(self.most, self._open)
        with connection, contextlib.suppress(OSError):
            while connection.recv(4096):
                pass
        with self._lock:
            self._open -= 1


def test_a_receiver_that_hangs_takes_few_of_the_shops_threads(tmp_path: Path) -> None:
    """Four beacons wait for it at once, however many come, and the shop answers meanwhile."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hanging = Hanging(listener)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/v1/rum"
        stuck = fake_shop(tmp_path, RUM_BEACON_URL=url)

        def send() -> int:
            return stuck.app.test_client().post("/v1/rum", data=b"[]").status_code

        with ThreadPoolExecutor(16) as waiting:
            sent = [waiting.submit(send) for _ in range(16)]
            assert stuck.client.get("/").status_code == 200
            assert [one.result() for one in sent] == [503] * 16
            again = [waiting.submit(send) for _ in range(16)]
            assert [one.result() for one in again] == [503] * 16
        # One that was given up may not have been seen to close when the next one comes.
        assert 1 <= hanging.most <= 8, "of sixteen beacons four at a time"


def test_the_relay_takes_posts_only(relaying: FakeShop) -> None:
    assert relaying.client.get("/v1/rum").status_code == 405
