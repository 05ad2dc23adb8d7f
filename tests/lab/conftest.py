"""A run folder of its own for each test, and a lab that seems to run from it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from lab import cli
from lab.state import procfs, run_folder
from lab.state.runfile import RunFile
from tests.lab.fakes.supervisor_bench import SupervisorBench

Json = dict[str, Any]
URLS = {
    "shop": "http://127.0.0.1:8080",
    "observer": "http://127.0.0.1:8090",
    "otlp_http": "http://127.0.0.1:4318",
    "otlp_grpc": "127.0.0.1:4317",
}


@pytest.fixture
def run_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that LAB_RUN_DIR names; it exists and is empty."""
    folder = tmp_path / "run"
    folder.mkdir()
    monkeypatch.setenv("LAB_RUN_DIR", str(folder))
    monkeypatch.delenv("SEAT_SECRET", raising=False)
    return folder


def row(name: str, state: str = "ready", **more: Any) -> Json:
    """One process of a status document."""
    return {
        "name": name,
        "pid": None,
        "state": state,
        "restarts": 0,
        "address": None,
        "pss_bytes": None,
        **more,
    }


@pytest.fixture
def running(run_dir: Path) -> Callable[..., RunFile]:
    """Makes a lab that runs, held by this process: `running(rows, ready=True, incident="none", …)`."""

    def make(rows: list[Json] | None = None, *, ready: bool = True, **changes: Any) -> RunFile:
        values = {
            "pid": os.getpid(),
            "started": procfs.start_ticks(os.getpid()),
            "data": str(run_dir / "data"),
            "incident": "invalid-token",
            "host": "127.0.0.1",
            "seats": False,
            **changes,
        }
        run = RunFile(**values)
        (run_dir / run_folder.RUN).write_text(json.dumps(asdict(run)), "utf-8")
        document = {"ready": ready, "urls": URLS, "processes": rows or []}
        (run_dir / run_folder.STATUS).write_text(json.dumps(document), "utf-8")
        return run

    return make


Running = Callable[..., RunFile]


def call(name: str, *words: str) -> int:
    """`lab name words`, in this process."""
    verb = cli.BY_NAME[name]
    return int(verb.module().run(cli.parse(verb, words)))


@pytest.fixture(name="bench")
def _bench(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SupervisorBench]:
    """See `SupervisorBench`."""
    bench = SupervisorBench(run_dir, monkeypatch)
    yield bench
    bench.spawner.close()
