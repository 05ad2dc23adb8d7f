"""Requests to the lab's own processes go straight there, whatever proxy the user's shell names."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from lab.commands import load
from lab.run import readiness_proof
from lab.state import runfile
from lab.state.run_folder import STATUS
from lab.verify import polling_client
from tests.helpers import free_port

FIGURES = {"user_count": 3, "state": "running", "total_rps": 1.5, "fail_ratio": 0.5, "stats": []}


class _Locust(BaseHTTPRequestHandler):
    """Answers as Locust's web interface does, and keeps what it was sent."""

    sent: list[tuple[str, bytes]] = []  # noqa: RUF012  emptied for every test by the fixture

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        self.sent.append((self.path, self.rfile.read(length)))
        self._answer()

    def _answer(self) -> None:
        body = json.dumps(FIGURES).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        return


@pytest.fixture(name="address")
def _address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server on loopback, in a shell whose proxy is a closed port and whose no_proxy names nothing."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{free_port()}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    _Locust.sent = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Locust)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join(5)


@pytest.fixture(name="running", autouse=True)
def _running(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row: dict[str, Any] = {"name": "loadgen", "state": "ready", "address": address}
    monkeypatch.setattr(runfile, "read", lambda _: object())
    monkeypatch.setenv("LAB_RUN_DIR", str(tmp_path))
    (tmp_path / STATUS).write_text(json.dumps({"ready": True, "urls": {}, "processes": [row]}), "utf-8")


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ([], []),
        (["--users", "7"], [("/swarm", b"user_count=7&spawn_rate=5.0")]),
        (["--stop"], [("/stop", b"")]),
    ],
)
def test_load_reaches_locust_behind_a_proxy_setting(words: list[str], sent: list[tuple[str, bytes]]) -> None:
    """`lab load` shows, changes and stops the load although http_proxy names a port where nothing listens."""
    from lab import cli

    assert load.run(cli.parse(cli.BY_NAME["load"], words)) == 0
    assert _Locust.sent == sent


def test_the_proof_and_verify_go_straight_too(address: str) -> None:
    """The other two who ask over HTTP share the way."""
    assert readiness_proof.Observer(f"http://{address}").get("/anything") == FIGURES
    assert polling_client.json_at(f"http://{address}/anything") == FIGURES
