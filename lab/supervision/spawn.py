"""Two ways to start a process: forked from the fork server, or as a fresh interpreter.

Owns the sockets and the numbering of requests; when to start is the supervisor's decision.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lab.paths import ROOT
from lab.supervision import child_setup
from lab.supervision.child_setup import MAX_REQUEST_BYTES


@dataclass(frozen=True, slots=True)
class Job:
    """What to run: `python -m module arguments`, its whole environment, its name in the process list.

    `listener` is the descriptor of a listening socket that the process takes over, by `LISTENER_FD`.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    listener: int | None = None


def start_fresh(job: Job, stdout: int, stderr: int) -> int:
    """Start a fresh interpreter and return its process id. Raises OSError."""
    environment = {
        **job.environment,
        child_setup.PROCESS_NAME: job.name,
        child_setup.SUPERVISOR_PID: str(os.getpid()),
    }
    handed = () if job.listener is None else (job.listener,)
    if handed:
        environment[child_setup.LISTENER_FD] = str(job.listener)
    process = subprocess.Popen(
        [sys.executable, "-m", "lab.supervision.child_setup", job.module, *job.arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        pass_fds=handed,
        env=environment,
        cwd=ROOT,
        start_new_session=True,
    )
    # Keeps Popen from reaping: the supervisor reaps every child in one place.
    process.returncode = 0
    return process.pid


class ForkServer:
    """The supervisor's end of one fork server process.

    `request` does not wait for the server's imports: `replies` collects the answers when
    `fileno()` is readable.
    """

    def __init__(self, channel: socket.socket, pid: int) -> None:
        """Of a server that runs as this process's child; `start` starts one."""
        self._channel = channel
        self.closed = False
        self._next_id = 0
        self.pid = pid

    @classmethod
    def start(
        cls, preload: Sequence[str], environment: Mapping[str, str], log: int, python: str | None = None
    ) -> ForkServer:
        """Start a server which imports `preload`; `python` is its interpreter, by default this one."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [python or sys.executable, "-m", "lab.supervision.forkserver", str(theirs.fileno())]
        with theirs:
            process = subprocess.Popen(
                [*command, *preload],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(theirs.fileno(),),
                env={**environment, child_setup.SUPERVISOR_PID: str(os.getpid())},
                cwd=ROOT,
                start_new_session=True,
            )
        process.returncode = 0
        return cls(ours, process.pid)

    def hand_over(self) -> str:
        """Leave the server to the program that this process executes next; returns what `taken_over` asks."""
        number = self._channel.detach()
        os.set_inheritable(number, True)
        return f"{number}:{self.pid}"

    @classmethod
    def taken_over(cls, handed: str) -> ForkServer | None:
        """The server that the program before left to this one; None where there is none, or no longer."""
        with contextlib.suppress(ValueError, OSError):
            number, pid = (int(part) for part in handed.split(":"))
            # Of nobody else's process, whatever the environment says.
            if os.waitpid(pid, os.WNOHANG) != (0, 0):
                return None
            channel = socket.socket(fileno=number)
            if (channel.family, channel.type) == (socket.AF_UNIX, socket.SOCK_SEQPACKET):
                os.set_inheritable(number, False)
                return cls(channel, pid)
            channel.detach()
        return None

    @staticmethod
    def is_available() -> bool:
        """Whether forking is possible: Linux only, where the supervisor can adopt forked processes."""
        return sys.platform == "linux" and child_setup.adopt_orphans()

    def fileno(self) -> int:
        """The socket's file descriptor, for a selector."""
        return self._channel.fileno()

    def request(self, job: Job, stdout: int, stderr: int) -> int:
        """Request a process; returns the number of its reply. Raises OSError when the server is gone."""
        self._next_id += 1
        environment = {
            **job.environment,
            child_setup.PROCESS_NAME: job.name,
            child_setup.SUPERVISOR_PID: str(os.getpid()),
        }
        files = [stdout, stderr]
        if job.listener is not None:
            files.append(job.listener)
            environment[child_setup.LISTENER_FD] = str(child_setup.TAKEN_LISTENER)
        message = json.dumps(
            {
                "id": self._next_id,
                "module": job.module,
                "arguments": list(job.arguments),
                "environment": environment,
            }
        ).encode()
        if len(message) > MAX_REQUEST_BYTES:
            raise OSError(f"the environment of {job.name} is too large")
        socket.send_fds(self._channel, [message], files)
        return self._next_id

    def replies(self) -> list[tuple[int, int]]:
        """(request, process id) pairs that have arrived; sets `closed` when the server is gone."""
        found: list[tuple[int, int]] = []
        while True:
            try:
                data = self._channel.recv(4096, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return found
            except OSError:
                data = b""
            if not data:
                self.closed = True
                return found
            reply = json.loads(data)
            found.append((reply["id"], reply["pid"]))

    def close(self) -> None:
        """Close the socket, upon which the server ends."""
        self.closed = True
        with contextlib.suppress(OSError):
            self._channel.close()
