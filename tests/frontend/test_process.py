"""`python -m frontend` as a process: it starts alone, ends gracefully, and says what is wrong."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import requests

from tests.helpers import REPO, eventually, free_port, running

QUIET = {"OTEL_TRACES_EXPORTER": "none", "OTEL_LOGS_EXPORTER": "none"}


def run(arguments: list[str], **environ: str) -> subprocess.CompletedProcess[str]:
    """A storefront that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-m", "frontend", *arguments],
        cwd=REPO,
        env={**os.environ, **QUIET, **environ},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_it_starts_without_anybody_else_and_ends_in_time(tmp_path: Path) -> None:
    port = free_port()
    log = tmp_path / "frontend.log"
    with running("frontend", {**QUIET, "PORT": str(port)}, log=log) as process:
        url = f"http://127.0.0.1:{port}"
        eventually(
            lambda: requests.get(f"{url}/_healthz", timeout=1).text == "ok", "it is healthy", within_s=20
        )
        assert requests.post(f"{url}/v1/rum", data=b"[]", timeout=5).status_code in (200, 503)
        assert "Uh, oh!" in requests.get(f"{url}/", timeout=10).text
        asked = time.monotonic()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        took_s = time.monotonic() - asked
    assert took_s < 5, f"it took {took_s:.1f} s to end"
    said = log.read_text()
    assert '"message":"Serving"' in said
    assert '"message":"Stopped"' in said


def test_a_malformed_setting_is_told_in_one_line() -> None:
    ended = run([], FRONTEND_THREADS="many")
    assert ended.returncode == 2
    assert (
        ended.stderr
        == "FRONTEND_THREADS='many' is not understood: it must be a whole number from 2 to 256.\n"
    )


def test_a_port_that_is_taken_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run([], PORT=str(port))
    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_importing_it_starts_nothing() -> None:
    code = "import threading, frontend.server; assert threading.active_count() == 1"
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=REPO, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr


def test_help_names_every_setting() -> None:
    ended = run(["--help"])
    assert ended.returncode == 0
    for name in ("PORT", "RUM_BEACON_URL", "SEAT_SECRET", "CHECKOUT_SERVICE_ADDR", "HIPSTERLAB_WEB_DIR"):
        assert f"\n  {name}\n" in ended.stdout
