"""The lesson holds on a lab whose telemetry is in ClickHouse: chDB behind the HTTP server of the tests."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import REPO
from tests.store.clickhouse_house import require_engine

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """A command of `lab` for the lab of this folder."""
    return subprocess.run(
        [sys.executable, "-m", "lab", *words],
        cwd=REPO,
        env={**os.environ, "LAB_RUN_DIR": str(folder / "run")},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a database, served by a process of its own."""
    require_engine()
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.chdb_over_http", "--port", "0", "--folder", tmp_path / "chdb"],
        cwd=REPO,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    port = process.stdout.readline().strip().rpartition(":")[2]
    assert port, "the server did not start"
    yield f"clickhouse://127.0.0.1:{port}/lab"
    process.terminate()
    process.communicate(timeout=20)


def test_the_lesson_holds_over_clickhouse(tmp_path: Path, server: str) -> None:
    """Session, trace, log line, map, breakdown and exemplars are found where a server keeps them."""
    up = command(
        tmp_path, "up", "--detach", "--free-ports", "--no-load", "--store", server, "--data", str(tmp_path)
    )
    try:
        assert up.returncode == 0, up.stdout + up.stderr
        verified = command(tmp_path, "verify", "--driver", "script")
        assert verified.returncode == 0, verified.stdout + verified.stderr
        assert "invalid-token: every link holds" in verified.stdout
    finally:
        command(tmp_path, "down")
    assert not (tmp_path / "store.sqlite3").exists(), "nothing was kept in a file"
    assert (tmp_path / "store.sqlite3.refusals").read_text("utf-8") == "[]", "nothing was refused"
