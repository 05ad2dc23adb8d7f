"""HTTP to loopback: never through a proxy, and one type of error."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from runtime import chromium, local_http
from runtime.local_http import LocalHttpError
from tests.helpers import free_port


class _Echo(BaseHTTPRequestHandler):
    """Answers with what was asked for."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/text":
            self._answer(200, b"plain")
        elif path == "/missing":
            self._answer(404, b'{"error": {"message": "not here"}}')
        elif path == "/moved":
            self._answer(302, b"", location="/elsewhere")
        else:
            self._answer(200, json.dumps({"path": self.path}).encode())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._answer(200, json.dumps({"form": body, "type": self.headers["Content-Type"]}).encode())

    def _answer(self, status: int, body: bytes, location: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        return


@pytest.fixture
def url() -> Iterator[str]:
    """The address of a server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Echo)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_proxy_of_the_environment_is_not_used(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy cannot reach our loopback: with one in the shell, `lab load` did not reach Locust."""
    nowhere = f"http://127.0.0.1:{free_port()}"
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, nowhere)
    monkeypatch.delenv("no_proxy", raising=False)

    assert local_http.json_of(f"{url}/a?b=c", timeout_s=5) == {"path": "/a?b=c"}


def test_a_form_is_posted(url: str) -> None:
    """As a browser sends it."""
    answer = local_http.json_of(url, {"user_count": 3, "name": "a b"}, timeout_s=5)

    assert answer == {"form": "user_count=3&name=a+b", "type": "application/x-www-form-urlencoded"}


def test_every_status_is_an_answer(url: str) -> None:
    """Redirects are not followed."""
    assert local_http.send(f"{url}/missing", timeout_s=5).status == 404
    assert local_http.send(f"{url}/moved", timeout_s=5).status == 302


@pytest.mark.parametrize(
    ("path", "status", "reason"), [("/missing", 404, "404 Not Found"), ("/moved", 302, "302 Found")]
)
def test_another_status_has_no_json(url: str, path: str, status: int, reason: str) -> None:
    """The error carries status and body, for callers that show the server's own message."""
    with pytest.raises(LocalHttpError) as error:
        local_http.json_of(url + path, timeout_s=5)

    assert (str(error.value), error.value.status) == (reason, status)
    assert error.value.body == (b'{"error": {"message": "not here"}}' if status == 404 else b"")


def test_an_answer_that_is_not_json_is_an_error(url: str) -> None:
    """With the status of success."""
    with pytest.raises(LocalHttpError, match="the answer is not JSON") as error:
        local_http.json_of(f"{url}/text", timeout_s=5)

    assert (error.value.status, error.value.body) == (200, b"plain")


def test_no_answer_is_the_same_error_with_a_short_reason() -> None:
    """Nothing listens, something hangs, or the address is malformed."""
    with pytest.raises(LocalHttpError, match=r"^connection refused$"):
        local_http.send(f"http://127.0.0.1:{free_port()}", timeout_s=5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(LocalHttpError, match=r"^nothing within 0\.1 s$"):
            local_http.send(f"http://127.0.0.1:{port}", timeout_s=0.1)
    for address in ("ftp://127.0.0.1/", "127.0.0.1:80", "http://", "http://127.0.0.1:port/"):
        with pytest.raises(LocalHttpError, match="is not an address"):
            local_http.send(address, timeout_s=1)


def test_the_browser_named_by_the_user_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """CHROMIUM_PATH wins over what is on PATH, and a wrong one counts as none."""
    mine = tmp_path / "chromium"
    mine.write_text("#!/bin/sh\n", "utf-8")
    mine.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM_PATH", raising=False)
    assert chromium.find_browser() == mine
    monkeypatch.setenv("CHROMIUM_PATH", str(tmp_path / "absent"))
    assert chromium.find_browser() is None
    named = tmp_path / "my-chrome"
    mine.rename(named)
    monkeypatch.setenv("CHROMIUM_PATH", str(named))
    assert chromium.find_browser() == named
