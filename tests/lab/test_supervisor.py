"""The supervisor, with tiny processes: what starts, what is restarted, what is left behind (nothing)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from lab.state import procfs
from tests.helpers import REPO, eventually, free_port


class Run:
    """A supervisor process over a plan of fakes, and what it leaves on disk."""

    def __init__(self, folder: Path, *processes: dict[str, Any]) -> None:
        self.folder = folder
        environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
        self.ports = {}
        for entry in processes:
            port = free_port()
            entry.setdefault("address", f"127.0.0.1:{port}")
            entry["environment"] = {**environment, "PORT": str(port), **entry.get("environment", {})}
            self.ports[entry["name"]] = port
        plan = {"run_dir": str(folder), "processes": processes, "environment": environment}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.lab.fakes.run_plan", json.dumps(plan)],
            cwd=REPO,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def status(self) -> dict[str, Any]:
        """The status file as it stands."""
        found: dict[str, Any] = json.loads((self.folder / "status.json").read_text("utf-8"))
        return found

    def row(self, name: str) -> dict[str, Any]:
        """One process's row."""
        rows: list[dict[str, Any]] = self.status()["processes"]
        return next(row for row in rows if row["name"] == name)

    def has_restarted(self, name: str, times: int) -> bool:
        """Whether a process was started again exactly so often."""
        return bool(self.row(name)["restarts"] == times)

    def pids(self) -> list[int]:
        """Every process id that the status names, the supervisor's not."""
        rows = self.status()["processes"]
        return [row["pid"] for row in rows if row["pid"] and row["name"] != "supervisor"]

    def wait_ready(self) -> None:
        """Until every process is."""
        eventually(lambda: self.status()["ready"], "the fakes are ready")

    def end(self) -> str:
        """Stop it by SIGTERM and return its output."""
        self.process.send_signal(signal.SIGTERM)
        output, _ = self.process.communicate(timeout=10)
        return output


def steady(name: str, **more: Any) -> dict[str, Any]:
    """A fake that serves."""
    return {"name": name, "module": "tests.lab.fakes.steady", "ready": "/", **more}


@contextlib.contextmanager
def supervised(folder: Path, *processes: dict[str, Any]) -> Iterator[Run]:
    """A run that is over when the block is."""
    run = Run(folder, *processes)
    try:
        yield run
    finally:
        run.process.kill()
        run.process.communicate()


def gone(pids: list[int]) -> bool:
    """Whether none of these processes lives."""
    return not [pid for pid in pids if procfs.start_ticks(pid)]


def test_everything_becomes_ready_and_stops_within_five_seconds(tmp_path: Path) -> None:
    """A forked process, a fresh one and one that waits all become ready; SIGTERM ends them all."""
    plan = (steady("one"), steady("two", after=["one"]), steady("three", fresh=True, last=True))
    with supervised(tmp_path, *plan) as run:
        run.wait_ready()
        pids = run.pids()
        began = time.monotonic()
        run.end()

        assert time.monotonic() - began < 5
        assert run.process.returncode == 0
        assert gone(pids)
    assert "steady stops" in (tmp_path / "logs" / "one.log").read_text("utf-8")


@pytest.mark.parametrize("fresh", [False, True], ids=["forked", "fresh"])
def test_a_killed_process_is_started_again(tmp_path: Path, fresh: bool) -> None:
    """Kill -9 of a process: another one serves on the same port, and the restart is counted."""
    with supervised(tmp_path, steady("one", fresh=fresh)) as run:
        run.wait_ready()
        before = run.row("one")
        os.kill(before["pid"], signal.SIGKILL)
        eventually(
            lambda: run.row("one")["pid"] not in (None, before["pid"]) and run.status()["ready"],
            "a new process is ready",
        )
        after = run.row("one")

        assert after["restarts"] == 1
        assert after["address"] == before["address"]


def test_services_survive_the_death_of_the_fork_server(tmp_path: Path) -> None:
    """Kill -9 of the fork server: it comes back, and no service was restarted for it."""
    if sys.platform != "linux":
        pytest.skip("there is no fork server on this system")
    with supervised(tmp_path, steady("one")) as run:
        run.wait_ready()
        one, server = run.row("one"), run.row("forkserver")
        os.kill(server["pid"], signal.SIGKILL)
        eventually(
            lambda: run.row("forkserver")["pid"] not in (None, server["pid"]), "a new fork server runs"
        )

        assert run.row("one")["pid"] == one["pid"]
        os.kill(one["pid"], signal.SIGKILL)
        eventually(
            lambda: run.row("one")["pid"] not in (None, one["pid"]) and run.status()["ready"],
            "the new fork server forks",
        )


def test_kill_9_of_the_supervisor_leaves_no_orphan(tmp_path: Path) -> None:
    """However the supervisor dies, everything dies with it."""
    with supervised(tmp_path, steady("one"), steady("two", fresh=True)) as run:
        run.wait_ready()
        pids = run.pids()
        run.process.kill()
        eventually(lambda: gone(pids), "every process has ended", within_s=5)


@pytest.mark.parametrize("moment_s", [0.0, 0.05, 0.15, 0.3, 0.5])
def test_a_stop_at_any_moment_of_starting_cleans_up(tmp_path: Path, moment_s: float) -> None:
    """Ctrl-C while starting ends everything that was started, within five seconds."""
    plan = [steady(f"s{n}", environment={"DELAY_S": "0.3"}) for n in range(3)]
    with supervised(tmp_path, *plan, steady("late", fresh=True)) as run:
        eventually(lambda: (tmp_path / "status.json").exists(), "the supervisor runs")
        deadline = time.monotonic() + moment_s
        while time.monotonic() < deadline:
            os.sched_yield()
        pids = run.pids()
        run.process.send_signal(signal.SIGINT)
        run.process.communicate(timeout=5)
        pids += run.pids()

        eventually(lambda: gone(pids), "nothing is left", within_s=1)


def test_a_process_that_ignores_requests_is_ended_by_force(tmp_path: Path) -> None:
    """Neither a process that ignores SIGTERM nor its child outlives the lab by more than five seconds."""
    with supervised(tmp_path, {"name": "stubborn", "module": "tests.lab.fakes.stubborn"}) as run:
        pid = eventually(lambda: run.row("stubborn")["pid"], "it runs")
        eventually(lambda: procfs.session_members(pid) > 1, "it has a child")
        began = time.monotonic()
        run.end()

        assert time.monotonic() - began < 5
        eventually(lambda: procfs.session_members(pid) == 0, "its session is empty", within_s=1)


def test_a_process_that_never_starts_ends_the_lab_with_its_own_words(tmp_path: Path) -> None:
    """The reason is the process's last error and where to read more."""
    with supervised(tmp_path, steady("good"), {**steady("bad"), "module": "tests.lab.fakes.broken"}) as run:
        output, _ = run.process.communicate(timeout=20)

        assert run.process.returncode == 1
        assert "failed bad does not start: Error: the moon is in the way" in output
        assert "bad.log" in output


def test_a_wrong_setting_is_not_tried_again(tmp_path: Path) -> None:
    """Exit code 2 means that no restart can help."""
    bad = {**steady("bad"), "module": "tests.lab.fakes.broken", "environment": {"EXIT_CODE": "2"}}
    with supervised(tmp_path, bad) as run:
        output, _ = run.process.communicate(timeout=20)

        assert run.process.returncode == 2
        assert "(restart 2)" not in output


def test_status_has_the_shape_that_others_rely_on(tmp_path: Path) -> None:
    """Names, ids, states, restarts, addresses and memory of every process, the lab's own included."""
    with supervised(tmp_path, steady("one")) as run:
        run.wait_ready()
        status = run.status()

        assert set(status) == {"ready", "urls", "processes"}
        for row in status["processes"]:
            assert set(row) == {"name", "pid", "state", "restarts", "address", "pss_bytes"}
        assert {"one", "supervisor"} <= {row["name"] for row in status["processes"]}
        assert run.row("one")["state"] == "ready"
        assert run.row("one")["address"] == f"127.0.0.1:{run.ports['one']}"


def test_a_process_that_crashes_again_and_again_is_asked_for_once(tmp_path: Path) -> None:
    """Restarts in a loop do not pile up helpers that ask whether it is ready."""
    with supervised(tmp_path, steady("good"), steady("bad", gates=False)) as run:
        run.wait_ready()
        for restarts in (1, 2, 3):
            pid = eventually(lambda: run.row("bad")["pid"], "it runs")
            os.kill(pid, signal.SIGKILL)
            eventually(partial(run.has_restarted, "bad", restarts), f"restart {restarts}")
        eventually(lambda: run.row("bad")["state"] == "ready", "it is ready after all", within_s=15)

        # What is left is the two, the fork server and, for a moment, the helper that asked.
        eventually(lambda: children_of(run.process.pid) <= 3, "no helper is left")


def children_of(pid: int) -> int:
    """How many processes have this parent (Linux; 0 elsewhere)."""
    tasks = Path(f"/proc/{pid}/task")
    files = tasks.glob("*/children") if tasks.exists() else ()
    return sum(len(file.read_text("ascii").split()) for file in files)
