"""A whole lab, started as a user starts it: ready means ready, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.plan import topology
from lab.state import procfs
from tests.helpers import REPO, eventually

_NOT_STARTED = {"loadgen": "off", "control": "on demand"}
pytestmark = [pytest.mark.lab, pytest.mark.timeout(180)]


class Lab:
    """The commands of one lab in a run folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {**os.environ, "LAB_RUN_DIR": str(folder)}
        self.status_when_ready: dict[str, Any] = {}

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`python -m lab …`, its output captured."""
        return subprocess.run(
            [sys.executable, "-m", "lab", *words],
            cwd=REPO,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    def status(self) -> dict[str, Any]:
        """What `lab status --json` prints."""
        answer: dict[str, Any] = json.loads(self.command("status", "--json").stdout)
        return answer

    def row(self, name: str) -> dict[str, Any]:
        """One process of `live_status`."""
        found: dict[str, Any] = next(row for row in self.live_status()["processes"] if row["name"] == name)
        return found

    def live_status(self) -> dict[str, Any]:
        """The same from the file, without starting an interpreter."""
        answer: dict[str, Any] = json.loads((self.folder / "status.json").read_text("utf-8"))
        return answer


@pytest.fixture(name="lab", scope="module")
def _lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    lab = Lab(tmp_path_factory.mktemp("lab"))
    started = lab.command("up", "--detach", "--free-ports", "--no-load")
    try:
        assert started.returncode == 0, started.stderr
        assert "Ready after" in started.stdout
        lab.status_when_ready = lab.status()
        yield lab
    finally:
        rows = lab.live_status()["processes"] if (lab.folder / "status.json").exists() else []
        stopped = lab.command("down")
        assert stopped.returncode == 0, stopped.stderr
        _nothing_is_left(rows)


def _nothing_is_left(rows: list[dict[str, Any]]) -> None:
    eventually(
        lambda: not [row["name"] for row in rows if row["pid"] and procfs.start_ticks(row["pid"])],
        "no process of the lab is left",
        within_s=5,
    )
    for row in rows:
        if row["address"]:
            host, _, port = row["address"].rpartition(":")
            with socket.socket() as probe:
                assert probe.connect_ex((host, int(port))) != 0, f"{row['name']} still listens on {port}"


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


def test_ready_means_that_every_process_is(lab: Lab) -> None:
    """Every process of the table has an id, is ready and was never restarted; nobody has asked `control`."""
    status = lab.status_when_ready
    rows = {row["name"]: row for row in status["processes"]}

    assert status["ready"] is True
    assert set(rows) >= {service.name for service in topology.SERVICES} | {"supervisor"}
    for name, row in rows.items():
        assert row["state"] == _NOT_STARTED.get(name, "ready")
        assert row["restarts"] == 0
        assert name in _NOT_STARTED or row["pid"]
    if sys.platform == "linux":
        assert all(row["pss_bytes"] > 1_000_000 for name, row in rows.items() if name not in _NOT_STARTED)


def test_control_is_started_by_the_first_who_asks(lab: Lab) -> None:
    """The caller waits for it and is answered."""
    done = lab.command("incident", "none")

    assert done.returncode == 0, done.stderr
    eventually(lambda: lab.row("control")["state"] == "ready", "the control process is ready")


def test_status_for_people_is_a_table(lab: Lab) -> None:
    """The same as lines, with the addresses to open."""
    printed = lab.command("status")

    assert printed.returncode == 0
    assert "paymentservice" in printed.stdout
    assert lab.status()["urls"]["observer"] in printed.stdout


def test_the_proof_of_readiness_is_in_the_store(lab: Lab) -> None:
    """The checkout of the seat lab-probe is found by its seat, failed, with a link to its trace."""
    observer = lab.status()["urls"]["observer"]
    found = eventually(
        lambda: _get(f"{observer}/api/v1/rum/sessions?attr=enduser.id:lab-probe&since=15m")["sessions"],
        "the probe's session",
    )
    events = _get(f"{observer}/api/v1/rum/sessions/{found[0]['session_id']}")["events"]

    assert [event["http_status"] for event in events if event["apm"] and event["kind"] == "fetch"] == [500]


def test_a_second_lab_of_the_same_clone_is_refused(lab: Lab) -> None:
    """One sentence, with the way to see and to stop the first."""
    refused = lab.command("up", "--detach", "--free-ports")

    assert refused.returncode == 1
    assert "already running" in refused.stderr
    assert "lab down" in refused.stderr


@pytest.mark.parametrize("service", topology.SERVICES, ids=lambda service: service.name)
def test_a_killed_process_comes_back(lab: Lab, service: topology.Service) -> None:
    """Kill -9 of any one process: another one is ready again by itself within five seconds."""
    if service.name == "control":
        assert lab.command("incident", "invalid-token").returncode == 0
        eventually(lambda: lab.row("control")["state"] == "ready", "the control process is ready")
    before = lab.row(service.name)
    if before["pid"] is None:
        pytest.skip("it does not run without load")
    os.kill(before["pid"], signal.SIGKILL)

    def back() -> bool:
        row = lab.row(service.name)
        restarted = row["pid"] not in (None, before["pid"]) and row["restarts"] == 1
        return bool(lab.live_status()["ready"] and restarted)

    eventually(back, f"{service.name} is ready again", within_s=10)


def test_load_can_be_started_and_stopped(lab: Lab) -> None:
    """`lab load` starts Locust where the lab was started without, changes it and stops it."""
    started = lab.command("load", "--users", "2")
    assert started.returncode == 0, started.stderr
    shown = lab.command("load")
    assert "simulated user" in shown.stdout
    stopped = lab.command("load", "--stop")
    assert stopped.returncode == 0, stopped.stderr


def test_the_incident_can_be_switched(lab: Lab) -> None:
    """`lab incident none` makes the shop healthy without a restart, and the list marks what runs."""
    assert lab.command("incident", "none").returncode == 0
    listed = lab.command("incident").stdout
    assert "* none" in listed
    assert lab.command("incident", "nonsense").returncode == 2
    assert lab.command("incident", "invalid-token").returncode == 0


def test_logs_are_readable_by_process(lab: Lab) -> None:
    """`lab logs NAME` shows that process's lines and no JSON."""
    printed = lab.command("logs", "paymentservice", "-n", "5")

    assert printed.returncode == 0, printed.stderr
    assert all("paymentservice" in line for line in printed.stdout.splitlines())
    assert lab.command("logs", "nonsense").returncode == 1


def test_a_process_that_is_not_the_labs_own_keeps_no_file_of_the_caller(lab: Lab) -> None:
    """`up --detach` in a pipe lets the reader see the end: nothing of the lab holds the pipe open."""
    rows = lab.live_status()["processes"]
    if sys.platform != "linux":
        pytest.skip("open files are listed by /proc")
    for row in rows:
        if row["pid"]:
            targets = [str(Path(f"/proc/{row['pid']}/fd/{number}").readlink()) for number in (0, 1, 2)]
            assert targets[0] == "/dev/null", row["name"]
            assert all(target.startswith(str(lab.folder)) for target in targets[1:]), row["name"]
