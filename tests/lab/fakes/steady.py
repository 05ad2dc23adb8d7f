"""Answers 200 on every HTTP path of its port until SIGTERM; DELAY_S makes it late."""

from __future__ import annotations

import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Ok(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        pass


def main() -> None:
    """Serve until SIGTERM."""
    threading.Event().wait(float(os.environ.get("DELAY_S", "0")))
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), _Ok)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    sys.stdout.write("steady serves\n")
    server.serve_forever()
    server.server_close()
    sys.stdout.write("steady stops\n")


main()
