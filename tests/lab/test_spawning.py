"""Starting processes: the fork server's client, fresh interpreters, the spawner, short tasks."""

from __future__ import annotations

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.plan import topology
from lab.plan.lab_plan import LabPlan
from lab.run import early
from lab.supervision import child_setup, spawn
from lab.supervision.helpers import Task, Tasks
from lab.supervision.spawn import ForkServer, Job
from lab.supervision.spawner import Spawner
from tests.lab.fakes.kernel import FIRST_PID

JOB = Job("observer", "observer", ("--x",), {"PATH": "/usr/bin"})


class Server:
    """The other end of a `ForkServer`, whose process is never started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.commands: list[list[str]] = []
        self.environments: list[dict[str, str]] = []
        self.handed: Sequence[int] = ()
        self.channel: socket.socket | None = None
        monkeypatch.setattr(subprocess, "Popen", self._start)

    def _start(self, command: list[str], **more: Any) -> Any:
        self.commands.append(command)
        self.environments.append(more["env"])
        self.handed = more.get("pass_fds", ())
        if "lab.supervision.forkserver" in command:
            self.die()
            self.channel = socket.socket(fileno=os.dup(more["pass_fds"][0]))
        return SimpleNamespace(pid=FIRST_PID + len(self.commands), returncode=None)

    def receive(self) -> tuple[dict[str, Any], int]:
        """The next request and the number of its files."""
        assert self.channel is not None
        data, files, _, _ = socket.recv_fds(self.channel, child_setup.MAX_REQUEST_BYTES, 3)
        for file in files:
            os.close(file)
        return json.loads(data), len(files)

    def reply(self, request: int, pid: int) -> None:
        """Confirm a request."""
        assert self.channel is not None
        self.channel.send(json.dumps({"id": request, "pid": pid}).encode())

    def die(self) -> None:
        """Close the connection as a process that ends does."""
        if self.channel is not None:
            self.channel.close()


@pytest.fixture(name="server")
def _server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server(monkeypatch)
    yield server
    server.die()


def test_a_request_carries_the_job_and_its_output_files(server: Server) -> None:
    """Answers arrive later, in any order."""
    client = ForkServer.start(("json",), {"A": "1"}, log=1)
    first, second = client.request(JOB, 1, 2), client.request(JOB, 1, 2)
    request, files = server.receive()

    assert server.commands[0][2:3] == ["lab.supervision.forkserver"]
    assert server.commands[0][-1] == "json"
    assert server.environments[0]["LAB_SUPERVISOR_PID"] == str(os.getpid())
    assert (request["id"], request["module"], request["arguments"]) == (first, "observer", ["--x"])
    assert request["environment"]["LAB_PROCESS_NAME"] == "observer"
    assert request["environment"]["PATH"] == "/usr/bin"
    assert files == 2
    assert client.replies() == []
    server.reply(second, 12)
    server.reply(first, 11)
    assert client.replies() == [(second, 12), (first, 11)]
    assert not client.closed
    client.close()


def test_the_end_of_the_server_is_noticed(server: Server) -> None:
    """Replies that had arrived before are still delivered."""
    client = ForkServer.start((), {}, log=1)
    number = client.request(JOB, 1, 2)
    server.reply(number, 11)
    server.receive()
    server.die()

    assert client.replies() == [(number, 11)]
    assert client.closed
    with pytest.raises(OSError, match=r"Broken pipe|reset|Transport"):
        client.request(JOB, 1, 2)
    client.close()
    assert client.replies() == []


def test_an_environment_that_is_too_large_is_an_error(server: Server) -> None:
    """It would not fit into one packet."""
    client = ForkServer.start((), {}, log=1)
    large = Job("observer", "observer", (), {"X": "x" * child_setup.MAX_REQUEST_BYTES})
    with pytest.raises(OSError, match="environment of observer is too large"):
        client.request(large, 1, 2)
    client.close()


def test_a_fresh_interpreter_gets_its_name_and_its_supervisor(server: Server) -> None:
    """Both by its environment; its module is run by the child's set-up."""
    pid = spawn.start_fresh(JOB, 1, 2)

    assert pid == FIRST_PID + 1
    assert server.commands[0][1:] == ["-m", "lab.supervision.child_setup", "observer", "--x"]
    assert server.environments[0] == {
        "PATH": "/usr/bin",
        "LAB_PROCESS_NAME": "observer",
        "LAB_SUPERVISOR_PID": str(os.getpid()),
    }


def test_a_listening_socket_is_handed_over(server: Server) -> None:
    """To a fresh interpreter by its number, to a forked one as a third file; `LISTENER_FD` names it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        job = replace(JOB, listener=listener.fileno())
        spawn.start_fresh(job, 1, 2)
        assert server.handed == (listener.fileno(),)
        assert server.environments[0]["LISTENER_FD"] == str(listener.fileno())

        forks = ForkServer.start((), {}, 1)
        forks.request(job, 1, 2)
        request, files = server.receive()
        forks.close()
    assert files == 3
    assert request["environment"]["LISTENER_FD"] == "3"


def test_forking_needs_linux(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a supervisor that can adopt what was forked."""
    monkeypatch.setattr(child_setup, "adopt_orphans", lambda: True)
    monkeypatch.setattr(sys, "platform", "linux")
    assert ForkServer.is_available()
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not ForkServer.is_available()


@pytest.fixture(name="spawner")
def _spawner(run_dir: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spawner]:
    monkeypatch.setattr(ForkServer, "is_available", staticmethod(lambda: True))
    monkeypatch.setattr(os, "kill", lambda *_: None)
    with selectors.DefaultSelector() as selector:
        yield Spawner(LabPlan(run_dir, (), {}), selector)


def test_the_spawner_forks_once_its_server_runs(spawner: Spawner, server: Server) -> None:
    """Before, and for a job that must not be forked, it starts a fresh interpreter."""
    pids: list[int] = []
    spawner.spawn(JOB, 1, 2, False, pids.append)
    assert pids == [FIRST_PID + 1]
    assert spawner.keep_alive(100.0)
    assert not spawner.keep_alive(100.0)
    assert spawner.pid == FIRST_PID + 2
    spawner.spawn(JOB, 1, 2, True, pids.append)
    assert pids == [FIRST_PID + 1, FIRST_PID + 3]
    spawner.spawn(JOB, 1, 2, False, pids.append)
    request, _ = server.receive()
    spawner.collect()
    assert len(pids) == 2
    server.reply(request["id"], 77)
    spawner.stop()

    assert pids[2] == 77


def test_a_lost_server_is_started_again_after_a_growing_delay(spawner: Spawner, server: Server) -> None:
    """What it had not confirmed is dropped."""
    pids: list[int] = []
    starts, now = [], 100.0
    for _ in range(3):
        assert spawner.keep_alive(now)
        spawner.spawn(JOB, 1, 2, False, pids.append)
        server.die()
        spawner.lose(now)
        assert spawner.pid is None
        starts.append(round(spawner.next_wake() - now, 3))
        assert not spawner.keep_alive(now)
        now = spawner.next_wake()
    spawner.lose(now)

    assert starts == [0.05, 0.1, 0.2]
    assert spawner.restarts == 3
    assert pids == []


def test_without_a_fork_server_nothing_is_kept_alive(
    spawner: Spawner, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on macOS: every process is a fresh interpreter."""
    monkeypatch.setattr(ForkServer, "is_available", staticmethod(lambda: False))
    with selectors.DefaultSelector() as selector:
        plain = Spawner(LabPlan(Path("/nowhere"), (), {}), selector)
    assert not plain.available
    assert not plain.keep_alive(100.0)
    assert plain.next_wake() == inf
    plain.collect()
    plain.stop()
    assert spawner.available


def test_a_task_ends_when_its_output_does(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No line is lost: a last one without a line feed is not a line."""
    lines: list[str] = []
    ended: list[Task] = []
    outputs: list[int] = []

    def start(job: Job, stdout: int, stderr: int, fresh: bool, on_pid: Any) -> None:
        assert job.name.startswith("lab-")
        outputs.append(os.dup(stdout))
        on_pid(FIRST_PID)

    with selectors.DefaultSelector() as selector:
        tasks = Tasks(LabPlan(run_dir, (), {}), selector, start)
        tasks.start(Task("check", "m", (), lines.append, ended.append))
        assert tasks.pids() == [FIRST_PID]
        assert tasks.ended(FIRST_PID)
        assert not tasks.ended(FIRST_PID + 1)
        os.write(outputs[0], b"one\ntw")
        [(key, _)] = selector.select(1)
        key.data()
        key.data()
        os.write(outputs[0], b"o\n")
        os.close(outputs[0])
        for _ in range(2):
            [(key, _)] = selector.select(1)
            key.data()
        key.data()

        assert lines == ["one", "two"]
        assert [task.name for task in ended] == ["check"]
        assert tasks.pids() == []
        tasks.start(Task("other", "m", (), lines.append, ended.append))
        tasks.close()
        os.close(outputs[1])
    assert len(ended) == 1


def test_a_fork_server_that_began_early_is_the_first(server: Server, tmp_path: Path) -> None:
    """It imports while the plan is made; after its death there is one by the plan."""
    begun = early.fork_server(tmp_path)
    assert begun is not None
    assert list(server.commands[0][4:]) == list(topology.PRELOAD)
    assert server.environments[0]["MALLOC_ARENA_MAX"] == "2"
    with selectors.DefaultSelector() as selector:
        spawner = Spawner(LabPlan(tmp_path, (), {"A": "1"}), selector, begun)
        assert spawner.keep_alive(0.0)
        assert spawner.pid == begun.pid
        assert len(server.commands) == 1
        spawner.lose(0.0)
        assert spawner.keep_alive(60.0)
        assert server.environments[1]["A"] == "1"
        spawner.stop()


def test_a_program_takes_over_the_fork_server_that_was_started_for_it(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays the same process's child, as a process that executes another program remains the same one."""
    variables = early.for_the_next_program(tmp_path)
    assert list(variables) == [early.HANDED_OVER]
    number, pid = variables[early.HANDED_OVER].split(":")
    assert os.get_inheritable(int(number))
    monkeypatch.setattr(os, "waitpid", lambda *_: (0, 0))
    monkeypatch.setenv(early.HANDED_OVER, variables[early.HANDED_OVER])
    taken = early.of_this_program(tmp_path)

    assert taken is not None
    assert (taken.pid, taken.fileno()) == (int(pid), int(number))
    assert not os.get_inheritable(taken.fileno())
    assert early.HANDED_OVER not in os.environ
    assert len(server.commands) == 1
    taken.request(JOB, 1, 2)
    assert server.receive()[0]["module"] == "observer"
    taken.close()


@pytest.mark.parametrize("kind", ["words", "no file", "a file", "another socket", "ended", "not a child"])
def test_what_is_no_fork_server_of_this_process_is_not_taken_over(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whatever the environment says: then one is started as ever."""
    pair = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    other = socket.socket()
    pid = os.posix_spawn("/bin/sleep", ["sleep", "0" if kind == "ended" else "60"], {})
    if kind == "ended":
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    with pair[0], pair[1], other, (tmp_path / "file").open("w") as file:
        numbers = {"no file": 900, "a file": file.fileno(), "another socket": other.fileno()}
        number = numbers.get(kind, pair[0].fileno())
        named = FIRST_PID if kind == "not a child" else pid
        monkeypatch.setenv(early.HANDED_OVER, "1;2" if kind == "words" else f"{number}:{named}")
        found = early.of_this_program(tmp_path)

        assert found is not None
        assert len(server.commands) == 1, "one was started as ever"
        assert os.fstat(other.fileno()), "what it is not is left as it was"
        found.close()
    if kind != "ended":
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_a_folder_without_room_for_a_log_is_left_to_those_who_need_it(tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("in the way", "utf-8")
    assert early.fork_server(tmp_path) is None
    assert early.for_the_next_program(tmp_path) == {}
