"""What every room's tests share: waiting with a deadline, free ports, processes that end."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")
REPO = Path(__file__).resolve().parent.parent
_tick = threading.Event()


def eventually(question: Callable[[], T], what: str, *, within_s: float = 10.0) -> T:
    """Ask until the answer is truthy and return it; fail naming `what` and the last answer or error."""
    deadline = time.monotonic() + within_s
    pause_s = 0.01
    last: object = None
    while True:
        try:
            answer = question()
        except (OSError, LookupError, AssertionError) as error:
            last = error
        else:
            if answer:
                return answer
            last = answer
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {within_s:g} s: {what}; last: {last!r}")
        _tick.wait(pause_s)
        pause_s = min(pause_s * 1.5, 0.2)


def free_port() -> int:
    """A loopback port that was free just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def required_in_ci(reason: str) -> None:
    """Skip for want of a tool on a user's machine; fail for the same want in CI."""
    import pytest

    if os.environ.get("CI") == "true":
        pytest.fail(f"required in CI: {reason}")
    pytest.skip(reason)


@contextmanager
def running(
    module: str, environment: Mapping[str, str], arguments: Sequence[str] = (), log: Path | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """`python -m module` as a process of its own, ended by its process id when the block ends."""
    sink = log.open("ab") if log else None
    process = subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=REPO,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=sink or subprocess.DEVNULL,
        stderr=subprocess.STDOUT if sink else None,
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if sink:
            sink.close()
