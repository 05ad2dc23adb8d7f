"""`lab import` and `lab mcp`: the processes that they start, and what they refuse before."""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
from pathlib import Path
from typing import Any, NoReturn

import pytest

from lab import paths
from lab.errors import NotRunning, SetupError, UsageError
from tests.lab.conftest import Running, call


@pytest.fixture(name="started")
def _started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that would be started, without the interpreter."""
    found: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[bytes]:
        found.append(command[1:])
        return subprocess.CompletedProcess(command, 1)

    monkeypatch.setattr(subprocess, "run", run)

    def become(_path: str, command: list[str]) -> NoReturn:
        found.append(command[1:])
        raise SystemExit(0)

    monkeypatch.setattr(os, "execv", become)
    monkeypatch.setattr(os, "chdir", lambda _path: None)
    return found


def test_an_import_gets_the_addresses_of_the_running_lab(
    running: Running, started: list[list[str]], tmp_path: Path
) -> None:
    """Paths are absolute, as the process has another folder; its exit code is the command's."""
    running()
    (tmp_path / "-a.json").write_text("{}")
    assert call("import", "--shift-to-now", str(tmp_path / "-a.json")) == 1
    assert started == [
        [
            *("-m", "collector.import_files", "--collector", "http://127.0.0.1:4318"),
            *("--observer", "http://127.0.0.1:8090", "--shift-to-now", "--", str(tmp_path / "-a.json")),
        ]
    ]


def test_an_import_of_what_is_not_there_is_refused(running: Running, started: list[list[str]]) -> None:
    """Before anything is imported."""
    running()
    with pytest.raises(UsageError, match=r"There is no file nothing\.json"):
        call("import", "nothing.json")
    assert started == []


def test_without_a_lab_nothing_is_imported_or_served(run_dir: Path, tmp_path: Path) -> None:
    """Both say so."""
    assert run_dir.is_dir()
    (tmp_path / "a.json").write_text("{}")
    with pytest.raises(NotRunning):
        call("import", str(tmp_path / "a.json"))
    with pytest.raises(NotRunning):
        call("mcp")


def test_agents_are_served_on_a_port_or_on_standard_input(running: Running, started: list[list[str]]) -> None:
    """Over the JSON API of the running lab."""
    running()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for words in (("--port", str(port)), ("--stdio",)):
        with pytest.raises(SystemExit):
            call("mcp", *words)
    server = ["-m", "observer.agents", "--observer", "http://127.0.0.1:8090"]
    assert started == [[*server, "--port", str(port)], server]


def test_a_taken_port_is_named(running: Running, started: list[list[str]]) -> None:
    """With a remedy."""
    running()
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(UsageError, match=f"Port {port} is taken"):
            call("mcp", "--port", str(port))
    assert started == []


def test_in_a_class_agents_are_served_only_where_that_is_allowed(
    running: Running, started: list[list[str]]
) -> None:
    """An agent finds what the class is there to learn."""
    running(seats=True)
    with pytest.raises(UsageError, match="A class is running"):
        call("mcp", "--stdio")
    assert started == []
    with pytest.raises(SystemExit):
        call("mcp", "--stdio", "--in-class")
    assert len(started) == 1


def test_a_missing_sdk_is_named_with_what_installs_it(
    running: Running, started: list[list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is an extra."""
    running()
    monkeypatch.setattr(importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(SetupError, match="is not installed") as caught:
        call("mcp", "--stdio")
    assert str(paths.REQUIREMENTS / "mcp.txt") in caught.value.remedy
    assert started == []
