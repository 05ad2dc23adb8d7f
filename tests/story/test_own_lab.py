"""Where no lab runs, verify starts one of its own, stops it, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import REPO, eventually

pytestmark = [
    pytest.mark.lab,
    pytest.mark.timeout(90),
    pytest.mark.skipif(not Path("/proc").is_dir(), reason="the processes left are counted in /proc"),
]


def verifying(folder: Path, incident: str) -> subprocess.Popen[str]:
    """`lab verify` in a clone of which no lab runs, its temporary files in a folder of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "lab.verify", "--incident", incident, "--driver", "script"],
        cwd=REPO,
        env={**os.environ, "LAB_RUN_DIR": str(folder / "none"), "TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def of_own_lab(folder: Path) -> list[str]:
    """The command lines of processes that belong to a lab whose files lie in the folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            environment = (entry / "environ").read_bytes()
            command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if f"LAB_RUN_DIR={folder}/hipster-lab-verify-".encode() in environment:
            found.append(command)
    return found


def test_a_single_fault_lesson_holds_on_a_lab_of_its_own(tmp_path: Path) -> None:
    process = verifying(tmp_path, "price-typo")
    output, errors = process.communicate(timeout=80)
    assert process.returncode == 0, output + errors
    assert "price-typo: every link holds" in output
    assert "starting a lab of its own" in errors
    assert not of_own_lab(tmp_path), "no process of that lab may be left"
    assert not list(tmp_path.glob("hipster-lab-verify-*")), "no file of that lab may be left"


def test_sigterm_stops_the_own_lab_too(tmp_path: Path) -> None:
    process = verifying(tmp_path, "none")
    eventually(lambda: len(of_own_lab(tmp_path)) > 3, "the own lab has begun to start", within_s=30)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert process.returncode != 0
    eventually(lambda: not of_own_lab(tmp_path), "every process of the own lab is gone", within_s=15)
