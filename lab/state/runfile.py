"""The running lab of this clone: a lock that ends with its holder, and a file with the holder's identity.

The lock decides: the kernel releases it with the process, so a stale file never
blocks a start. Standard library only.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from lab.errors import AlreadyRunning, unwritable
from lab.state.atomic_write import write_atomically
from lab.state.procfs import start_ticks
from lab.state.run_folder import LOCK, RUN, STATUS


@dataclass(frozen=True, slots=True)
class RunFile:
    """A running lab: `pid` and its start mark, the data folder, the options it was started with."""

    pid: int
    started: str
    data: str
    incident: str
    host: str
    seats: bool
    public_url: str = ""
    observer_url: str = ""

    def is_alive(self) -> bool:
        """Whether this process still exists (not a later one with the same id)."""
        if self.started:
            return start_ticks(self.pid) == self.started
        try:
            os.kill(self.pid, 0)
        except OSError as error:
            return error.errno == errno.EPERM
        return True


_FIELDS = tuple(field.name for field in fields(RunFile))


class Claim:
    """The lock of a running lab, held by the supervisor until it ends and not inherited by its children."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        try:
            run_dir.mkdir(parents=True, exist_ok=True)
            self._file = os.open(run_dir / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise unwritable(run_dir, error) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            running = read(run_dir)
            raise AlreadyRunning(running.pid if running else None) from error

    def write(self, run: RunFile) -> None:
        """Write the holder's identity."""
        write_atomically(self._run_dir / RUN, json.dumps(asdict(run), indent=1))

    def release_lock_only(self) -> None:
        """Release the lock and leave the files; used to test whether the lock is free."""
        os.close(self._file)

    def release(self) -> None:
        """Remove the run file and the status file and release the lock."""
        for name in (RUN, STATUS):
            with contextlib.suppress(OSError):
                (self._run_dir / name).unlink()
        with contextlib.suppress(OSError):
            os.close(self._file)


def read(run_dir: Path) -> RunFile | None:
    """Return the lab that runs from this clone, or None; a file left by a killed lab counts as none."""
    try:
        stored = json.loads((run_dir / RUN).read_text("utf-8"))
        # A lab of another version may have written more fields than this one knows.
        run = RunFile(**{name: stored[name] for name in _FIELDS if name in stored})
    except (OSError, ValueError, TypeError):
        return None
    return run if run.is_alive() else None


def set_incident(run_dir: Path, run: RunFile, name: str) -> None:
    """Record that a running lab was switched to another incident. Raises LabError."""
    write_atomically(run_dir / RUN, json.dumps(asdict(replace(run, incident=name)), indent=1))
