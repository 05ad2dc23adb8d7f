"""A loopback server that keeps what is posted to it, or is in trouble."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[int], int | None]
"""Number of the request -> its status; None hangs until the test ends."""


class Receiver:
    """A loopback server that keeps what is posted to it."""

    def __init__(self, answer: Answer = lambda _: 200, location: str = "") -> None:
        self.bodies: list[Any] = []
        self.paths: list[str] = []
        self.asked = 0
        self.release = threading.Event()
        self.answer, self.location = answer, location
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.take(self)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?key=secret"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def take(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.asked += 1
        status = self.answer(self.asked)
        if status is None:
            self.release.wait(30)
            return
        if status < 300:
            self.paths.append(handler.path)
            self.bodies.append(json.loads(body))
        handler.send_response(status)
        if self.location:
            handler.send_header("Location", self.location)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def close(self) -> None:
        self.release.set()
        self.server.shutdown()
        self.server.server_close()


@contextmanager
def receiving(answer: Answer = lambda _: 200, location: str = "") -> Iterator[Receiver]:
    found = Receiver(answer, location)
    try:
        yield found
    finally:
        found.close()
