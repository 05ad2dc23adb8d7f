"""The first start finds everything compiled, as those after it do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from lab import cli, paths
from lab.setup import environment, venv_stamp
from tests.lab.test_environment import Machine


def test_a_set_up_leaves_nothing_to_be_compiled_to_the_first_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That would take its time, and memory of every process; but nothing depends on it."""
    machine = Machine(tmp_path, monkeypatch)
    machine.failing["lab.run.compile_ahead"] = "killed"
    environment.prepare(cli.LAB)

    assert machine.commands[-1].endswith("-m lab.run.compile_ahead")
    assert venv_stamp.is_prepared(cli.LAB)


def _compile_ahead(folder: Path) -> None:
    # With one seed of hashes: a library makes a pattern of a set, in one of two orders.
    kept = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder), "PYTHONHASHSEED": "0"}
    kept["PYTHONDONTWRITEBYTECODE"] = ""
    command = [sys.executable, "-m", "lab.run.compile_ahead"]
    done = subprocess.run(command, cwd=paths.ROOT, env=kept, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_a_lab_starts_with_is_compiled_ahead(tmp_path: Path) -> None:
    """Our modules and those of others, as far as they are imported at a start, and what they make of text."""
    _compile_ahead(tmp_path)
    compiled = {file.parent.name + "/" + file.name.partition(".")[0] for file in tmp_path.rglob("*.pyc")}
    [texts] = tmp_path.rglob("compiled-texts.*.pyc")
    written_ns = texts.stat().st_mtime_ns
    _compile_ahead(tmp_path)

    assert {"write/writer", "observer/app", "flask/app", "grpc/_server"} <= compiled
    assert texts.stat().st_mtime_ns == written_ns, "the second start compiled something again"
