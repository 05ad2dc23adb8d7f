"""Serves one page for a while, so that a phone can show whether it reaches this machine.

Nothing of a request is read but where it came from; nothing is kept.
"""

from __future__ import annotations

import contextlib
import errno
import socket
import threading
from collections.abc import Callable, Collection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lab.errors import LabError

DURATION_S = 120
MOST_DEVICES = 300
_REQUEST_TIMEOUT_S = 5
_PAGE = b"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>This phone reaches the lab</title>
<h1>This phone reaches the lab</h1>
<p>The network lets devices talk to the instructor&rsquo;s machine. You can close this page.</p>
</html>
"""


class ReachTest:
    """The page's server: `begin`, then `wait`; `devices` are the addresses that came, in order."""

    def __init__(self, port: int, own: Collection[str], arrived: Callable[[str, int], None]) -> None:
        """Listen on every network. `arrived(address, count)` is called once for each other device.

        Raises LabError when the port is taken.
        """
        self.devices: list[str] = []
        self._own = {*own, "127.0.0.1", "::1"}
        self._arrived = arrived
        self._lock = threading.Lock()
        self._server = _listening(port, self._note)

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def run(self, ended: threading.Event, seconds: float = DURATION_S) -> list[str]:
        """Serve until the time is over, `ended` is set or Ctrl-C; returns the devices that came."""
        thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            with contextlib.suppress(KeyboardInterrupt):
                ended.wait(seconds)
        finally:
            self._server.shutdown()
            thread.join()
            self._server.server_close()
        return self.devices

    def _note(self, address: str) -> None:
        address = address.removeprefix("::ffff:").partition("%")[0]
        with self._lock:
            if address in self._own or address in self.devices or len(self.devices) >= MOST_DEVICES:
                return
            self.devices.append(address)
            self._arrived(address, len(self.devices))


def _listening(port: int, note: Callable[[str], None]) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        server_version = "lab"
        sys_version = ""
        timeout = _REQUEST_TIMEOUT_S

        def do_GET(self) -> None:
            """Any path, so that the address of the class works as well."""
            note(str(self.client_address[0]))
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.send_header("Content-Length", str(len(_PAGE)))
            self.send_header("Content-Security-Policy", "default-src 'none'")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(_PAGE)

        do_HEAD = do_GET

        def log_message(self, *_: Any) -> None:
            """Nothing: a request is hostile text."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A device that went away in the middle is none."""

    class DualServer(Server):
        address_family = socket.AF_INET6

        def server_bind(self) -> None:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            super().server_bind()

    try:
        try:
            return DualServer(("::", port), Handler)
        except OSError as error:
            # A machine without IPv6.
            if error.errno == errno.EADDRINUSE:
                raise
            return Server(("0.0.0.0", port), Handler)
    except OSError as error:
        raise LabError(
            f"Port {port} is in use, so no test page can be served on it.",
            "If the lab runs, open its own address on the phone; else stop the program that has the port.",
        ) from error
