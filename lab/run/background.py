"""Starts a lab in the background and waits until it is ready: `lab up --detach`.

Imports little, as the command imports it before the background process imports anything.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from lab import paths, terminal
from lab.child_environment import Purpose, environment_of
from lab.errors import StartError
from lab.plan.options import Options
from lab.run import early
from lab.state import logfiles, runfile
from lab.state.run_folder import LOGS
from runtime.installation import COMMAND

SUPERVISOR_LOG = "supervisor"
STOP_WITHIN_S = 8.0
MOST_OPEN_FILES = 65_536


def detached(options: Options) -> int:
    """Start a lab in the background; return when it is ready. Raises LabError with its reason when not."""
    run_dir = paths.run_dir()
    # Test the lock here, so that the common refusals need no background process.
    runfile.Claim(run_dir).release_lock_only()
    reader, writer = os.pipe()
    log = logfiles.open_log(run_dir / LOGS, SUPERVISOR_LOG)
    os.truncate(log, 0)
    try:
        process = _start(as_json(options), writer, log, run_dir)
    finally:
        os.close(writer)
        os.close(log)
    with os.fdopen(reader, "r", encoding="utf-8") as lines:
        try:
            return _follow(lines)
        except KeyboardInterrupt:
            _stop(process)
            raise


def _start(given: str, pipe: int, log: int, run_dir: Path) -> int:
    """Start the background process with this input; returns its id."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        with _ending_here():
            _become(reader, pipe, log, run_dir)
    os.close(reader)
    # It may have ended already: then its pipe says so.
    with suppress(BrokenPipeError), os.fdopen(writer, "wb") as file:
        file.write(given.encode())
    return process


@contextmanager
def _ending_here() -> Iterator[None]:
    """Of a forked process: whatever happens inside, nothing of the process that forked it goes on here."""
    try:
        yield
    except BaseException as error:
        os.write(2, f"The supervisor could not be started: {error}\n".encode())
    finally:
        os._exit(1)


def _become(given: int, pipe: int, log: int, run_dir: Path) -> None:
    """Become the supervisor, in a forked process: its fork server starts first, as it takes longest."""
    os.setsid()
    for target, source in enumerate((given, log, log)):
        os.dup2(source, target)
    # Nothing of the caller's stays open.
    last = os.sysconf("SC_OPEN_MAX")
    os.closerange(3, pipe)
    os.closerange(pipe + 1, last if 0 < last < MOST_OPEN_FILES else MOST_OPEN_FILES)
    os.set_inheritable(pipe, True)
    python = os.fspath(paths.lab_python())
    environment = environment_of(Purpose.SUPERVISOR) | early.for_the_next_program(run_dir)
    os.chdir(paths.ROOT)
    os.execve(python, [python, "-m", "lab.run.detached", str(pipe)], environment)  # noqa: S606 - our own module


def _stop(process: int) -> None:
    """Ask the background process to stop, and give it some seconds."""
    with suppress(ProcessLookupError, ChildProcessError, KeyboardInterrupt):
        os.kill(process, signal.SIGTERM)
        until = time.monotonic() + STOP_WITHIN_S
        while os.waitpid(process, os.WNOHANG) == (0, 0) and time.monotonic() < until:
            time.sleep(0.02)


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
