"""The reason given for a process that does not start is the reason, and its remedy helps."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from lab.plan.port_holder import holder
from lab.supervision import start_failure


def explained(folder: Path, name: str, *lines: str) -> tuple[str, str]:
    """Message and remedy for a process with these lines in its log."""
    (folder / f"{name}.log").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    error = start_failure.explained(folder, name)
    return error.message, error.remedy


@pytest.mark.parametrize(
    ("last", "message", "remedy"),
    [
        (
            "FRONTEND_THREADS='abc' is not understood: it must be a whole number from 2 to 256.",
            "FRONTEND_THREADS='abc' is not understood: it must be a whole number from 2 to 256.",
            "Correct FRONTEND_THREADS in your shell or unset it",
        ),
        (
            "ModuleNotFoundError: No module named 'flask'",
            "ModuleNotFoundError: No module named 'flask' (a package is missing or damaged).",
            "Remove the folder .venv",
        ),
        (
            "PermissionError: [Errno 13] Permission denied: '/srv/data/carts.sqlite3'",
            "it may not use /srv/data/carts.sqlite3 (permission denied).",
            "Make /srv/data/carts.sqlite3 yours",
        ),
        ("OSError: [Errno 28] No space left on device", "the disk is full.", "Free some space"),
        ("OSError: [Errno 24] Too many open files", "it may not open enough files.", "ulimit -n"),
        ("carts cannot be kept", "carts cannot be kept", "Its whole log: "),
    ],
)
def test_each_cause_has_its_remedy(tmp_path: Path, last: str, message: str, remedy: str) -> None:
    """The last line counts, not what was logged before it."""
    before = '{"level": "info", "event": "an error of the last run"}'
    said, helped = explained(tmp_path, "frontend", before, "Traceback (most recent call last):", last)

    assert said == f"frontend does not start: {message}"
    assert remedy in helped


def test_a_process_without_a_word_is_said_to_be_one(tmp_path: Path) -> None:
    assert explained(tmp_path, "frontend")[0].endswith("it wrote no output")


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="sockets are listed by /proc")
def test_who_holds_the_port_is_named(tmp_path: Path) -> None:
    """With the option of `lab up` as the remedy: PORT is the plan's."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = (
            f"frontend cannot listen on 127.0.0.1:{port}: Address already in use; "
            "set PORT to a free port or LISTEN_ADDR to an address of this machine."
        )
        message, remedy = explained(tmp_path, "frontend", line)
        assert f"(process {os.getpid()})" in holder(port)
    assert message.startswith(
        f"frontend does not start: it cannot listen on 127.0.0.1:{port}: it is in use by another program, "
    )
    assert remedy == "Stop that program, or start with --port shop=NUMBER or with --free-ports."
    assert "PORT " not in message + remedy
    assert holder(port) == ""
    assert "Address already in use." in explained(tmp_path, "cartservice", line.replace("frontend", "x"))[0]
