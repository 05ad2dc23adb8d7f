"""A whole lab started from a shell that is set up for other work, and from another folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.lab.test_child_environment import HOSTILE, PROXIES, hostile_folder

pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


def test_a_lab_starts_and_proves_itself_whatever_the_shell_holds(tmp_path: Path) -> None:
    """Variables of every kind at once, modules in the way, a dead proxy, a folder of any name."""
    shadow = hostile_folder(tmp_path / "shadow")
    run_dir = tmp_path / "a ü%41 'q\" $x\nline#?;&"
    variables = HOSTILE | dict.fromkeys(PROXIES, "http://127.0.0.1:9")
    del variables["PYTHONHOME"], variables["PYTHONINSPECT"], variables["LD_PRELOAD"]
    variables |= {"PYTHONPATH": str(shadow), "TMPDIR": "/nonexistent", "PATH": os.environ["PATH"]}
    variables["LAB_RUN_DIR"] = os.fspath(run_dir)

    def lab(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "lab", *words],
            cwd=shadow,
            env=variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    try:
        started = lab("up", "--detach", "--free-ports", "--no-load")
        assert started.returncode == 0, started.stderr
        assert "one checkout was followed through the whole lab" in started.stdout
        assert "Warning" not in started.stderr
        assert lab("status").returncode == 0
    finally:
        stopped = lab("down")
    assert stopped.returncode == 0, stopped.stderr
