"""The fork server: imports the heavy modules once and forks every service from there.

Each service is forked twice, so that its parent ends at once and the supervisor
adopts it: the supervisor then reaps its services itself, they die with it, and
the death of this process affects none of them. It stays single-threaded and opens
no gRPC object, without which forking from it would not be safe.

Protocol, over a sequenced-packet socket: a request is a JSON object `{"id", "module",
"arguments", "environment"}` with two open files (standard output and error); the
reply is `{"id", "pid"}`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import socket
import sys
from collections.abc import Sequence
from typing import Any

from lab.supervision import child_setup, free_memory, lean_dataclasses
from lab.supervision.child_setup import MAX_REQUEST_BYTES
from lab.supervision.compiled_texts import CompiledTexts


def main(argv: Sequence[str]) -> None:
    """`python -m lab.supervision.forkserver SOCKET_FD [MODULE…]`: preload, then serve until it closes."""
    channel = socket.socket(fileno=int(argv[0]))
    supervisor_pid = int(os.environ[child_setup.SUPERVISOR_PID])
    child_setup.name_process("lab-forkserver")
    child_setup.die_with(supervisor_pid)
    gc.disable()
    texts = CompiledTexts()
    texts.apply()
    preload(argv[1:])
    texts.keep()
    child_setup.allow_imported_programs()
    for module in argv[1:]:
        if module.endswith(".server"):
            child_setup.keep_program(module.removesuffix(".server"))
    prepare()
    job = _serve(channel)
    channel.close()
    if job is not None:
        # In the forked process, after the server's stack has unwound.
        gc.enable()
        child_setup.run_module(job["module"], job["arguments"])


def preload(modules: Sequence[str]) -> None:
    """Import the modules; one that fails is skipped and reports its error in the process that needs it."""
    for module in modules:
        with contextlib.suppress(Exception):
            importlib.import_module(module)


def prepare() -> None:
    """Keep the imported objects' pages shared: neither collections nor new objects of forks change them.

    What the imports left as garbage stays: collecting it took 0.11 s, and its holes had to be filled.
    """
    gc.freeze()
    free_memory.fill()
    _forget_lookups()


def _forget_lookups() -> None:
    """Empty the interpreter's cache of lookups in types, which holds names that were imported.

    A forked process would drop them one by one, for names of its own: each drop writes to a page that was
    shared (1 MB in each process).
    """
    clear = getattr(sys, "_clear_type_cache", None)
    if clear is not None:
        clear()


def _serve(channel: socket.socket) -> dict[str, Any] | None:
    """Fork on request; returns the job in a forked process, and None in the server when the socket closes."""
    between: dict[int, int] = {}
    while True:
        data, files, _, _ = socket.recv_fds(channel, MAX_REQUEST_BYTES, 3)
        if not data:
            return None
        job = json.loads(data)
        middle = os.fork()
        if middle == 0:
            pid = os.fork()
            if pid == 0:
                _become(job, files, channel)
                return dict(job)
            # Answered from here, so that the next request is forked on another core meanwhile.
            _answer(channel, job["id"], pid)
            os._exit(0)
        between[middle] = job["id"]
        for file in files:
            os.close(file)
        _reap(channel, between)


def _answer(channel: socket.socket, number: int, pid: int) -> None:
    channel.send(json.dumps({"id": number, "pid": pid}).encode())


def _reap(channel: socket.socket, between: dict[int, int]) -> None:
    """Reap the processes between: at once those that ended, and all where no request waits.

    `between` has the request of each; one that failed gave no answer.
    """
    waiting = select.poll()  # `select` refuses numbers of files above 1,023
    waiting.register(channel, select.POLLIN)
    is_idle = not waiting.poll(0)
    while between:
        middle, status = os.waitpid(-1, 0 if is_idle else os.WNOHANG)
        if middle == 0:
            return
        number = between.pop(middle, None)
        if status and number is not None:
            _answer(channel, number, 0)


def _become(job: dict[str, Any], files: list[int], channel: socket.socket) -> None:
    environment = job["environment"]
    channel.detach()
    os.setsid()
    child_setup.take_streams(*files)
    child_setup.default_signals()
    child_setup.take_environment(environment)
    child_setup.name_process(environment[child_setup.PROCESS_NAME])
    child_setup.show_command([sys.executable, "-m", job["module"], *job["arguments"]])
    child_setup.die_with(int(environment[child_setup.SUPERVISOR_PID]))
    _reopen_standard_streams()


def _reopen_standard_streams() -> None:
    """Reopen sys.stdin, stdout and stderr over the new files, line-buffered so that logs are current."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
    sys.stdout = open(1, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115


if __name__ == "__main__":
    lean_dataclasses.apply()
    main(sys.argv[1:])
