"""The fork server's side of its protocol, and the set-up of every process that the lab starts."""

from __future__ import annotations

import gc
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.paths import ROOT
from lab.supervision import child_setup, forkserver
from lab.supervision.spawn import Job
from tests.helpers import eventually

JOB = Job("observer", "observer", ("--x",), {"PATH": "/usr/bin"})


class Forking:
    """Stands in for fork, wait and exit inside the fork server."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *forks: int, status: int = 0) -> None:
        self.forks = list(forks)
        first = next(iter(forks), 0)
        monkeypatch.setattr(os, "fork", lambda: self.forks.pop(0))
        monkeypatch.setattr(os, "waitpid", lambda *_: (first, status))
        monkeypatch.setattr(os, "_exit", self._exit)

    @staticmethod
    def _exit(code: int) -> None:
        raise SystemExit(code)


@pytest.fixture(name="pair")
def _pair() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    yield ours, theirs
    ours.close()
    theirs.close()


def send(channel: socket.socket) -> None:
    """One request with two files."""
    body = {"id": 4, "module": "m", "arguments": ["a"], "environment": {"LAB_PROCESS_NAME": "m"}}
    with Path(os.devnull).open("wb") as sink:
        socket.send_fds(channel, [json.dumps(body).encode()], [sink.fileno(), sink.fileno()])


@pytest.mark.parametrize(("status", "answers"), [(9, [{"id": 4, "pid": 0}]), (0, [])])
def test_the_server_answers_for_a_middle_process_that_failed(
    pair: tuple[socket.socket, socket.socket],
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    answers: list[dict[str, int]],
) -> None:
    """With 0, as there is no process; else that has answered. It ends when its socket closes."""
    ours, theirs = pair
    Forking(monkeypatch, 123, status=status)
    send(ours)
    ours.shutdown(socket.SHUT_WR)

    assert forkserver._serve(theirs) is None
    theirs.close()
    assert [json.loads(data) for data in iter(lambda: ours.recv(4096), b"")] == answers


def test_the_middle_process_answers_with_the_id_and_ends(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its child is an orphan then, which the supervisor adopts."""
    ours, theirs = pair
    Forking(monkeypatch, 0, 456)
    send(ours)
    with pytest.raises(SystemExit) as ended:
        forkserver._serve(theirs)

    assert ended.value.code == 0
    assert json.loads(ours.recv(4096)) == {"id": 4, "pid": 456}


def test_the_forked_process_gets_its_job(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After it has become a process of its own."""
    ours, theirs = pair
    Forking(monkeypatch, 0, 0)
    become: list[Any] = []
    monkeypatch.setattr(forkserver, "_become", lambda *given: become.append(given))
    send(ours)
    job = forkserver._serve(theirs)

    assert job is not None
    assert (job["module"], job["arguments"]) == ("m", ["a"])
    [(_, files, _)] = become
    assert len(files) == 2
    for file in files:
        os.close(file)


def test_a_forked_process_takes_streams_signals_and_names(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In an order that leaves nothing of the server behind."""
    steps: list[str] = []
    monkeypatch.setattr(os, "setsid", lambda: steps.append("setsid"))
    for name in ("take_streams", "default_signals", "take_environment", "name_process", "show_command"):
        monkeypatch.setattr(child_setup, name, lambda *_, step=name: steps.append(step))
    monkeypatch.setattr(child_setup, "die_with", lambda pid: steps.append(f"die_with {pid}"))
    monkeypatch.setattr(forkserver, "_reopen_standard_streams", lambda: steps.append("streams"))
    job = {
        "module": "m",
        "arguments": [],
        "environment": {"LAB_PROCESS_NAME": "m", "LAB_SUPERVISOR_PID": "9"},
    }
    server_end = socket.socket(fileno=os.dup(pair[1].fileno()))
    file = server_end.fileno()
    forkserver._become(job, [1, 2], server_end)
    os.close(file)

    assert steps == [
        "setsid",
        "take_streams",
        "default_signals",
        "take_environment",
        "name_process",
        "show_command",
        "die_with 9",
        "streams",
    ]


@pytest.mark.parametrize("forked", [False, True])
def test_the_server_preloads_then_serves_and_a_fork_runs_its_module(
    pair: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch, forked: bool
) -> None:
    """A module that cannot be imported does not keep the server from starting."""
    ran: list[Any] = []
    monkeypatch.setenv("LAB_SUPERVISOR_PID", "1")
    monkeypatch.setattr(child_setup, "name_process", lambda _: None)
    monkeypatch.setattr(child_setup, "die_with", lambda _: None)
    monkeypatch.setattr(child_setup, "run_module", lambda *given: ran.append(given))
    monkeypatch.setattr(gc, "freeze", lambda: None)
    texts: list[str] = []
    monkeypatch.setattr(
        forkserver,
        "CompiledTexts",
        lambda: SimpleNamespace(apply=lambda: texts.append("apply"), keep=lambda: texts.append("keep")),
    )
    monkeypatch.setattr(
        forkserver, "_serve", lambda _: {"module": "m", "arguments": ["a"]} if forked else None
    )
    forkserver.main([str(os.dup(pair[0].fileno())), "colorsys", "no_such_module"])

    assert "colorsys" in sys.modules
    assert texts == ["apply", "keep"]
    assert ran == ([("m", ["a"])] if forked else [])
    gc.enable()


def test_standard_streams_are_reopened_line_by_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a log is current while its process runs."""
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    forkserver._reopen_standard_streams()

    assert sys.stdout.line_buffering
    assert sys.stderr.errors == "backslashreplace"


def recording(calls: list[Any]) -> Callable[..., bool]:
    """A `prctl` that succeeds and keeps its arguments."""

    def prctl(*given: Any) -> bool:
        calls.append(given)
        return True

    return prctl


def test_a_process_dies_with_its_supervisor(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the kernel, once it has been adopted."""
    parents = iter([1, 1, 50, 50, 50])
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "getppid", lambda: next(parents))
    monkeypatch.setattr(child_setup, "prctl", recording(calls))
    child_setup.die_with(50)

    assert calls == [(1, signal.SIGKILL)]


def test_a_process_whose_supervisor_is_gone_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was adopted by another process instead."""
    monkeypatch.setattr(child_setup, "_ADOPTION_TIMEOUT_S", 0.0)
    monkeypatch.setattr(os, "getppid", lambda: 1)
    Forking(monkeypatch)
    with pytest.raises(SystemExit):
        child_setup.die_with(50)


def test_without_the_kernels_help_a_thread_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS; it ends the process within half a second."""
    gone = threading.Event()
    ended: list[int] = []
    monkeypatch.setattr(os, "getppid", lambda: 1 if gone.is_set() else 50)
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(child_setup, "prctl", lambda *_: False)
    child_setup.die_with(50)
    assert ended == []
    gone.set()

    eventually(lambda: ended == [1], "the process ends itself")


def test_prctl_exists_on_linux_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Elsewhere, and for an option that the kernel does not know, it is False."""
    assert not child_setup.prctl(-1, 0)
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not child_setup.prctl(1, 0)
    assert not child_setup.adopt_orphans()
    child_setup.show_command(["python"])


def test_the_name_of_a_process_is_cut_to_what_the_kernel_keeps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifteen bytes."""
    calls: list[Any] = []
    monkeypatch.setattr(child_setup, "prctl", recording(calls))
    child_setup.name_process("recommendationservice")

    assert calls == [(15, b"recommendations\0")]


def test_the_environment_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing of the server's own is inherited."""
    environment = {"OLD": "1"}
    monkeypatch.setattr(os, "environ", environment)
    child_setup.take_environment({"NEW": "2"})

    assert environment == {"NEW": "2"}


def test_signals_are_those_of_a_new_process() -> None:
    """The supervisor's handlers are not inherited by a fork; Ctrl-C is Python's."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGUSR1)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        for number in numbers:
            signal.signal(number, lambda *_: None)
        child_setup.default_signals()
        after = {number: signal.getsignal(number) for number in numbers}
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

    assert after[signal.SIGINT] is signal.default_int_handler
    assert {after[number] for number in numbers[1:]} == {signal.SIG_DFL}


def test_a_module_runs_as_the_main_module(monkeypatch: pytest.MonkeyPatch) -> None:
    """With its own arguments, after the process has its name."""
    ran: list[Any] = []
    monkeypatch.setattr(sys, "argv", ["test"])
    monkeypatch.setattr(runpy, "run_module", lambda module, **more: ran.append((module, sys.argv[1:], more)))
    monkeypatch.setattr(child_setup, "name_process", lambda name: ran.append(name))
    monkeypatch.setattr(child_setup, "die_with", lambda pid: ran.append(pid))
    monkeypatch.setenv("LAB_PROCESS_NAME", "observer")
    monkeypatch.setenv("LAB_SUPERVISOR_PID", "9")
    child_setup.main(["observer", "--x"])

    assert ran == ["observer", 9, ("observer", ["--x"], {"run_name": "__main__", "alter_sys": True})]


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_streams_and_command_line_of_a_real_process(tmp_path: Path) -> None:
    """Input is empty, output goes to the given files, no other file stays open, the words are new."""
    program = (
        "import os, sys\n"
        "from lab.supervision import child_setup as c\n"
        "out, extra = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT), os.open('/dev/null', 0)\n"
        "c.show_command(['python', '-m', 'm'])\n"
        "c.take_streams(out, out)\n"
        "shown = open('/proc/self/cmdline').read().rstrip('\\0').replace('\\0', ' ')\n"
        "print(repr(sys.stdin.read()), sorted(os.listdir('/proc/self/fd'))[:3], shown, flush=True)\n"
        "os.fstat(extra)\n"
    )
    out = tmp_path / "out"
    done = subprocess.run([sys.executable, "-c", program, str(out)], stderr=subprocess.DEVNULL, check=False)
    text = out.read_text("utf-8")

    assert text.splitlines()[0] == "'' ['0', '1', '2'] python -m m"
    assert "Bad file descriptor" in text
    assert done.returncode == 1


_LOOKUPS = """
import sys, types
from lab.supervision import forkserver
names = [sys.intern(f"imported_{number}") for number in range(2_000)]
def references():
    return sum([sys.getrefcount(name) for name in names])
before = references()
module = types.ModuleType("m")
for name in names:
    getattr(module, name, None)
del name
kept = references() - before
forkserver.prepare()
print(kept, references() - before)
"""


def test_names_that_were_imported_are_not_left_for_forks_to_drop() -> None:
    """The interpreter's cache of lookups holds them; a fork would write to the page of each."""
    done = subprocess.run(
        [sys.executable, "-c", _LOOKUPS], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    kept, left = map(int, done.stdout.split())
    assert kept > 100
    assert left == 0


_ITSELF = """
import sys
main = sys.modules["__main__"]
assert main.__dict__ is globals() and __name__ == "__main__"
print(sys.argv, __spec__.name, __file__, __cached__, __package__, type(__loader__).__name__, __doc__)
print(sorted(set(globals()) - {"__annotations__"}))
raise SystemExit(3)
"""


def test_a_program_that_was_kept_runs_as_python_runs_it(tmp_path: Path) -> None:
    """The same names and arguments, also what `multiprocessing` looks for, and the same exit code."""
    (tmp_path / "shown").mkdir()
    (tmp_path / "shown" / "__init__.py").touch()
    (tmp_path / "shown" / "__main__.py").write_text(_ITSELF, "utf-8")
    keep = (
        "from lab.supervision import child_setup as c; c.keep_program('shown'); c.keep_program('none');"
        "c.keep_program('json'); import pathlib; pathlib.Path('shown/__main__.py').write_text('');"
        "c.run_module('shown', ['a'])"
    )
    outputs = []
    for words in (["-m", "shown", "a"], ["-c", keep]):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 3, done.stderr
        outputs.append(done.stdout)
    assert outputs[0] == outputs[1]
