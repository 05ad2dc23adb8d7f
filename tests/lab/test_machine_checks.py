"""The checks of `lab doctor`: each finding on a machine that has, lacks or limits something."""

from __future__ import annotations

import importlib.util
import os
import platform
import resource
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lab import cli, paths
from lab.setup import browser_files, machine_checks as checks
from lab.setup.findings import BAD, GOOD, NOTE
from tests.lab.conftest import Running


def test_every_check_of_this_machine_gives_a_finding(run_dir: Path) -> None:
    """Each with a verdict; one that is not good says more."""
    findings = checks.all_findings()

    assert len(findings) == 10
    for finding in findings:
        assert finding.verdict in (GOOD, NOTE, BAD)
        assert finding.detail
        assert finding.remedy or finding.verdict != BAD


@pytest.mark.parametrize(
    ("system", "release", "verdict", "text"),
    [
        ("linux", "6.1.0", GOOD, "Linux,"),
        ("linux", "5.15-microsoft-standard-WSL2", GOOD, "under WSL"),
        ("darwin", "23.0", NOTE, "macOS"),
        ("win32", "10", BAD, ""),
    ],
)
def test_the_system(
    monkeypatch: pytest.MonkeyPatch, system: str, release: str, verdict: str, text: str
) -> None:
    """Linux and WSL are good, macOS is slower, Windows alone does not do."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(platform, "release", lambda: release)
    finding = checks._system()

    assert finding.verdict == verdict
    assert text in finding.detail


def test_a_python_that_cannot_make_environments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bad only while the environment is still to be made."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(checks, "is_prepared", lambda _: False)
    assert "python3-venv" in checks._python().remedy
    monkeypatch.setattr(checks, "is_prepared", lambda _: True)
    assert checks._python().verdict == GOOD


@pytest.mark.parametrize(
    ("stamp", "prepared", "verdict", "text"),
    [
        (None, False, NOTE, "not made yet"),
        ({"level": cli.DEV}, False, NOTE, "older than the clone"),
        ({"level": cli.DEV}, True, GOOD, "`dev`"),
    ],
)
def test_the_environment(
    monkeypatch: pytest.MonkeyPatch, stamp: Any, prepared: bool, verdict: str, text: str
) -> None:
    """Absent, outdated or current."""
    monkeypatch.setattr(checks, "read_stamp", lambda _: stamp)
    monkeypatch.setattr(checks, "is_prepared", lambda _: prepared)
    finding = checks.environment_state()

    assert finding.verdict == verdict
    assert text in finding.detail


@pytest.mark.parametrize(
    ("missing", "npm", "verdict", "text"),
    [
        ([], None, GOOD, "not needed again"),
        (["x"], "/usr/bin/npm", GOOD, "/usr/bin/npm"),
        (["x"], None, NOTE, "Node.js"),
    ],
)
def test_npm(
    monkeypatch: pytest.MonkeyPatch, missing: list[str], npm: str | None, verdict: str, text: str
) -> None:
    """Needed only while the browser files are missing."""
    monkeypatch.setattr(browser_files, "missing", lambda *_: missing)
    monkeypatch.setattr(shutil, "which", lambda _: npm)
    finding = checks._npm()

    assert finding.verdict == verdict
    assert text in finding.detail


@pytest.mark.parametrize("browser", [None, Path("/usr/bin/chromium")])
def test_the_browser(monkeypatch: pytest.MonkeyPatch, browser: Path | None) -> None:
    """Without one `lab verify` still works."""
    monkeypatch.setattr(checks, "find_browser", lambda: browser)
    finding = checks.browser()

    assert finding.verdict == (GOOD if browser else NOTE)


def test_fixed_ports_that_are_taken_are_named(
    run_dir: Path, monkeypatch: pytest.MonkeyPatch, running: Running
) -> None:
    """With their purpose; a running lab holds its own."""
    monkeypatch.setattr(checks, "is_free", lambda _, port: port != 8080)
    finding = checks._ports()
    assert (finding.verdict, finding.detail) == (
        BAD,
        "in use by another program: 8080 (the shop)",
    )
    assert "--free-ports" in finding.remedy
    monkeypatch.setattr(checks, "is_free", lambda *_: True)
    assert checks._ports().verdict == GOOD
    running()
    assert "own lab" in checks._ports().detail


def test_a_port_that_cannot_be_tried_is_a_finding(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that refuses to bind at all is no reason for a stack trace."""

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", refuse)

    assert checks._ports().verdict == BAD


def test_the_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Too full, not writable, or good; without an environment more is needed."""
    usage = shutil.disk_usage(tmp_path)
    free = 400 * 1024 * 1024
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=free))
    monkeypatch.setattr(checks, "is_prepared", lambda _: True)
    assert checks._disk().verdict == GOOD
    monkeypatch.setattr(checks, "is_prepared", lambda _: False)
    assert "GB" in checks._disk().remedy
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written" in checks._disk().detail


@pytest.mark.parametrize(("available", "verdict"), [(None, NOTE), (10**8, NOTE), (10**10, GOOD)])
def test_the_memory(monkeypatch: pytest.MonkeyPatch, available: int | None, verdict: str) -> None:
    """Unknown, little or enough; little memory never keeps the lab from starting."""
    monkeypatch.setattr(checks, "available_memory_bytes", lambda: available)

    assert checks._memory().verdict == verdict


def test_the_memory_of_a_system_without_proc(monkeypatch: pytest.MonkeyPatch) -> None:
    """macOS states its size by sysctl; another system nothing."""

    def absent(*_: object) -> str:
        raise FileNotFoundError

    monkeypatch.setattr(Path, "read_text", absent)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(
        subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0, "8589934592\n", "")
    )
    assert checks.available_memory_bytes() == 8 * 2**30
    monkeypatch.setattr(sys, "platform", "freebsd")
    assert checks.available_memory_bytes() is None


@pytest.mark.parametrize(
    ("soft", "verdict"),
    [(256, NOTE), (1024, GOOD), (resource.RLIM_INFINITY, GOOD)],
)
def test_the_limit_of_open_files(monkeypatch: pytest.MonkeyPatch, soft: int, verdict: str) -> None:
    """A class needs a thousand."""
    monkeypatch.setattr(resource, "getrlimit", lambda _: (soft, 4096))

    assert checks.open_files().verdict == verdict


def test_a_running_lab_is_shown(run_dir: Path, running: Running) -> None:
    """With its process and its incident."""
    assert checks._running().detail == "not running"
    running(incident="price-typo")
    assert "price-typo" in checks._running().detail
    assert paths.run_dir() == run_dir
