"""The whole walk of an offline bundle: made here, unpacked elsewhere, set up and run without a network."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import REPO, required_in_ci

pytestmark = [pytest.mark.lab, pytest.mark.timeout(480)]

# Takes up the loopback interface of a new network namespace, where there may be no `ip`; then runs the lab.
WALK = """
import fcntl, socket, struct, subprocess, sys
if sys.argv[1] == "isolated":
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # SIOCSIFFLAGS with IFF_UP and IFF_RUNNING.
        fcntl.ioctl(probe, 0x8914, struct.pack("16sh14x", b"lo", 1 | 64))
    try:
        socket.create_connection(("192.0.2.1", 80), timeout=1)
    except OSError as error:
        print("isolated:", error)
codes = []
for words in ("up --detach --free-ports --no-load", "status", "down"):
    codes.append(subprocess.run([sys.executable, "-m", "lab", *words.split()]).returncode)
sys.exit(max(codes))
"""
# Where the system forbids a namespace: the addresses that pip, uv and npm would ask lead nowhere.
NOWHERE = "http://127.0.0.1:9/"
NO_INDEX = {"PIP_INDEX_URL": NOWHERE, "UV_INDEX_URL": NOWHERE, "npm_config_registry": NOWHERE}


def namespace() -> list[str]:
    """The command that runs another one without a network; empty where the system does not allow it."""
    if sys.platform != "linux":
        return []
    command = ["unshare", "--net", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    try:
        allowed = subprocess.run([*command, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        return []
    return command if allowed.returncode == 0 else []


@pytest.fixture(name="unpacked")
def _unpacked(tmp_path: Path) -> Path:
    """The folder of a bundle made from this clone, without the browser's driver, which is twice the rest."""
    file = tmp_path / "lab.tar.gz"
    made = subprocess.run(
        [sys.executable, "-m", "lab", "bundle", os.fspath(file)],
        cwd=REPO,
        env={**os.environ, "CHROMIUM_PATH": "/nonexistent"},
        capture_output=True,
        text=True,
        check=False,
    )
    if made.returncode:
        required_in_ci(f"the bundle's packages cannot be collected here: {made.stderr.strip()}")
    subprocess.run(["tar", "xzf", file], cwd=tmp_path, check=True)
    return tmp_path / "hipster-lab"


def test_a_bundle_sets_up_and_runs_a_lab_without_a_network(unpacked: Path, tmp_path: Path) -> None:
    """A fresh folder and a fresh home, no cache: up is ready, status shows it, down ends it."""
    home = tmp_path / "home"
    home.mkdir()
    isolated = namespace()
    python = Path(sys.base_prefix, "bin", f"python3.{sys.version_info.minor}")
    walk = subprocess.run(
        [*isolated, os.fspath(python), "-c", WALK, "isolated" if isolated else "not isolated"],
        cwd=unpacked,
        env={"HOME": os.fspath(home), "PATH": "/usr/bin:/bin", **NO_INDEX},
        capture_output=True,
        text=True,
        check=False,
    )

    assert walk.returncode == 0, walk.stdout + walk.stderr
    assert "Ready after" in walk.stdout
    assert "paymentservice" in walk.stdout
    assert not isolated or "isolated: [Errno" in walk.stdout
    assert (unpacked / ".venv" / "lab-stamp.json").exists()
