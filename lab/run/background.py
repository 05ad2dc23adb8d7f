"""Starts a lab in the background and waits until it is ready: `lab up --detach`.

Imports little, as the command imports it before the background process imports anything.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from lab import paths, terminal
from lab.child_environment import Purpose, environment_of
from lab.errors import StartError
from lab.plan.options import Options
from lab.state import logfiles, runfile
from lab.state.run_folder import LOGS
from runtime.installation import COMMAND

SUPERVISOR_LOG = "supervisor"


def detached(options: Options) -> int:
    """Start a lab in the background; return when it is ready. Raises LabError with its reason when not."""
    run_dir = paths.run_dir()
    # Test the lock here, so that the common refusals need no background process.
    runfile.Claim(run_dir).release_lock_only()
    reader, writer = os.pipe()
    log = logfiles.open_log(run_dir / LOGS, SUPERVISOR_LOG)
    os.truncate(log, 0)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "lab.run.detached", str(writer)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            pass_fds=(writer,),
            start_new_session=True,
            cwd=paths.ROOT,
            env=environment_of(Purpose.SUPERVISOR),
        )
    finally:
        os.close(writer)
        os.close(log)
    process.returncode = None
    _hand_over(process, options)
    with os.fdopen(reader, "r", encoding="utf-8") as lines:
        try:
            return _follow(lines)
        except KeyboardInterrupt:
            process.send_signal(signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                process.wait(8)
            raise


def _hand_over(process: subprocess.Popen[bytes], options: Options) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError), process.stdin as pipe:
        pipe.write(as_json(options).encode())


def _follow(lines: Iterable[str]) -> int:
    progress = terminal.Progress()
    for line in lines:
        message = json.loads(line)
        if "progress" in message:
            progress.step(message["progress"])
            continue
        progress.close()
        if "ready" in message:
            terminal.write_line(message["ready"])
            return 0
        raise StartError(message["failed"], message["remedy"])
    progress.close()
    raise StartError("The lab ended before it was ready.", f"See: {COMMAND} logs supervisor")


def as_json(options: Options) -> str:
    return json.dumps({**asdict(options), "data": str(options.data), "ports": dict(options.ports)})


def options_from_json(text: str) -> Options:
    """Parse `as_json`'s output, in the background process."""
    values = json.loads(text)
    return Options(
        **{
            **values,
            "data": Path(values["data"]),
            "roster": tuple(values["roster"]),
            "given": tuple(values["given"]),
        }
    )
