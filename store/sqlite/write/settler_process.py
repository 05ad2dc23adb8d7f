"""The settler in a process of its own: what runs in it; how the writer's process starts, watches, ends it.

    python -m store.sqlite.write.settler_process PIPE PATH PARENT

It may die at any moment: it is started again and goes on from its marks. It ends with its parent.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import select
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from store.api import StoreError
from store.sqlite.store_file import SCHEMA_VERSION
from store.sqlite.write.settler import Settler, identity_of

_LOG = logging.getLogger(__name__)
_TICK_S: Final = 0.04
"""Between two looks at what was handed over, while something will soon be due …"""
_IDLE_S: Final = 0.08
"""… and while nothing is."""
_TRY_AGAIN_S: Final = 0.25
_COLLECT_EVERY_S: Final = 60.0
"""Between two collections of garbage."""
_FINISH: Final = b"f"
_FINISH_S: Final = 0.7
"""How long it may settle what there is at the end; the next start does the rest."""
_AGAIN_S: Final = (0.0, 0.1, 0.5, 2.0, 5.0)
"""Pauses before it is started again after it ended once, twice, …"""
_FORGIVEN_S: Final = 10.0
"""A process that lived so long has its ends forgotten."""
_PR_SET_PDEATHSIG: Final = 1


def main(argv: Sequence[str]) -> int:
    """Settle until told to finish, or until the parent ends. Returns 0."""
    pipe, path, parent = argv
    serve(Path(path), int(pipe), int(parent))
    return 0


def serve(path: Path, pipe: int, parent: int) -> None:
    """The same, in this process, for the store at `path`."""
    # Ctrl-C reaches the whole group of a terminal: this process ends when its parent does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    _end_with(parent)
    # Rows make no cycles: looking for some in each round costs up to a sixth of it.
    gc.freeze()
    gc.disable()
    next_collection_s = time.monotonic() + _COLLECT_EVERY_S
    settler: Settler | None = None
    main_file: sqlite3.Connection | None = None
    identity: tuple[int, int] | None = None
    while True:
        if settler is not None and identity_of(path) != identity:
            # Another file is the store: to close the former one would delete the log of the new one by name.
            os._exit(0)
        if settler is None:
            identity = identity_of(path)
            main_file = _opened(path)
            settler = _settler(path, main_file) if main_file is not None else None
        if settler is not None:
            settler.step()
        if time.monotonic() >= next_collection_s:
            gc.collect()
            next_collection_s = time.monotonic() + _COLLECT_EVERY_S
        pause_s = _TRY_AGAIN_S
        if settler is not None:
            pause_s = _IDLE_S if not settler.has_work else 0.0 if settler.was_cut else _TICK_S
        if select.select([pipe], [], [], pause_s)[0]:
            if os.read(pipe, 1) == _FINISH and settler is not None and main_file is not None:
                settler.step(final=True)
                settler.close()
                main_file.close()
            return


def _opened(path: Path) -> sqlite3.Connection | None:
    """A connection that reads the store; None while there is none of our schema."""
    try:
        if not path.exists():
            return None
        found = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode=rw", uri=True, timeout=1.0, isolation_level=None
        )
        found.execute("PRAGMA query_only = 1")
        found.execute("PRAGMA cache_size = -2048")
        if found.execute("PRAGMA user_version").fetchone()[0] == SCHEMA_VERSION:
            found.execute("SELECT 1 FROM handovers LIMIT 1")
            return found
        found.close()
    except (OSError, sqlite3.Error):
        pass
    return None


def _settler(path: Path, main_file: sqlite3.Connection) -> Settler | None:
    try:
        return Settler(path, main_file, apart=True)
    except StoreError as error:
        # The former one may need a moment to end.
        _LOG.warning("no settling yet: %s", error)
        main_file.close()
        return None


def _end_with(parent: int) -> None:
    """End when the parent does; elsewhere than on Linux the pipe tells."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


class SettlerProcess:
    """That process, as the writer's process sees it: `settlement.Apart`."""

    def __init__(self, path: Path) -> None:
        """Start it for the store at `path`, which need not exist yet. Must come before the writer is made.

        Where this process has no other thread, it is a fork: it shares what is imported. Raises OSError.
        """
        self._path = path
        self._pid = 0
        self._popen: subprocess.Popen[bytes] | None = None
        self._pipe = -1
        self._ends = 0
        self._not_before_s = 0.0
        self._started_s = 0.0
        self._start()

    @property
    def pid(self) -> int:
        """Its number while it runs, else 0."""
        return self._pid

    def see_to_it(self) -> None:
        now_s = time.monotonic()
        if self._pid and self._has_ended():
            self._close()
            if now_s - self._started_s > _FORGIVEN_S:
                self._ends = 0
            self._not_before_s = now_s + _AGAIN_S[min(self._ends, len(_AGAIN_S) - 1)]
            self._ends += 1
            _LOG.warning("the settling process has ended: it is started again")
        if not self._pid and now_s >= self._not_before_s:
            try:
                self._start()
            except OSError as error:
                self._not_before_s = now_s + _AGAIN_S[-1]
                _LOG.warning("no settling process: %s", error)

    def finish(self) -> None:
        if not self._pid:
            return
        with contextlib.suppress(OSError):
            os.write(self._pipe, _FINISH)
        deadline_s = time.monotonic() + _FINISH_S
        while not self._has_ended() and time.monotonic() < deadline_s:
            time.sleep(0.01)
        self.end()

    def end(self) -> None:
        if self._pid and not self._has_ended():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._wait()
        self._close()

    def _start(self) -> None:
        theirs, ours = os.pipe()
        try:
            if threading.active_count() == 1 and sys.platform == "linux":
                self._fork(theirs, ours)
            else:
                arguments = (theirs, self._path.absolute(), os.getpid())
                self._popen = subprocess.Popen(
                    [sys.executable, "-m", "store.sqlite.write.settler_process", *map(str, arguments)],
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs,),
                )
                self._pid = self._popen.pid
        except OSError:
            os.close(ours)
            raise
        finally:
            os.close(theirs)
        self._pipe = ours
        self._started_s = time.monotonic()

    def _fork(self, theirs: int, ours: int) -> None:
        parent = os.getpid()
        sys.stdout.flush()
        sys.stderr.flush()
        self._pid = os.fork()
        if self._pid:
            return
        code = 1
        try:
            os.close(ours)
            serve(self._path, theirs, parent)
            code = 0
        except BaseException:
            _LOG.exception("the settling process failed")
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _has_ended(self) -> bool:
        if self._popen is not None:
            return self._popen.poll() is not None
        try:
            return os.waitpid(self._pid, os.WNOHANG)[0] != 0
        except ChildProcessError:
            return True

    def _wait(self) -> None:
        if self._popen is not None:
            self._popen.wait()
            return
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._pid, 0)

    def _close(self) -> None:
        if self._pipe >= 0:
            os.close(self._pipe)
        self._pid, self._popen, self._pipe = 0, None, -1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
