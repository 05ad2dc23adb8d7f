"""Reader processes of one store, as the process that asks sees them: started, lent, ended.

Each has a thread here that starts it, waits for its end and takes it off the list: the kernel ends it with
that thread's process.
"""

from __future__ import annotations

import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from multiprocessing.connection import Connection, Pipe
from os import getpid
from pathlib import Path
from typing import Any, Final, cast

from store.api import Reader, StoreBusy, TooSlow
from store.sqlite.read.process_messages import Ask, Begin, End, Hold, Message, Release, Reply, receive, send
from store.sqlite.read.reader import SqliteReader

IDLE_S: Final = 60.0
MOST_BYTES: Final = 256 * 1024**2
"""A process that needs more is ended after the loan: one takes 30 to 60 MB with its caches."""
_START_S: Final = 30.0
_AGAIN_S: Final = 10.0
"""After one that did not start: whatever is wrong is not mended within a second."""
_END_S: Final = 2.0
_IDLE_MARGIN: Final = 0.9
"""Of its idle time: one that is about to end is not lent."""
_PATIENCE: Final = 3
"""Time limits: an answer may take several statements, each within the limit."""
_METHODS: Final = frozenset(
    name for name in dir(Reader) if not name.startswith("_") and callable(getattr(Reader, name))
) - {"snapshot", "close"}
_log = logging.getLogger(__name__)


class _Process:
    """One reader process."""

    def __init__(self, reader: SqliteReader, idle_s: float) -> None:
        """Start it. Raises OSError, also where it is not ready in time."""
        self.connection, theirs = Pipe()
        with theirs:
            try:
                self.popen = _started(theirs, reader, idle_s)
            except OSError:
                self.connection.close()
                raise
        self.memory_bytes = 0
        self.idle_since_s = time.monotonic()
        try:
            if not self.connection.poll(_START_S):
                raise TimeoutError(f"not ready after {_START_S:g} s")
            self.memory_bytes = receive(self.connection).memory_bytes
        except (EOFError, OSError) as error:
            self.end()
            raise OSError(f"a reader process did not start: {error or 'it ended'}") from error

    def end(self) -> None:
        """End it, whatever it does, and wait for that."""
        self.popen.kill()
        self.popen.wait()
        self.connection.close()


def _started(theirs: Connection, reader: SqliteReader, idle_s: float) -> subprocess.Popen[bytes]:
    pipe = theirs.fileno()
    arguments = (pipe, reader.path.absolute(), reader.time_limit_s, idle_s, getpid())
    return subprocess.Popen(
        [sys.executable, "-m", "store.sqlite.read.reader_process", *map(str, arguments)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=(pipe,),
    )


class ReaderPool:
    """`store.api.ReaderProcesses` over one SQLite file."""

    def __init__(
        self, reader: SqliteReader, most: int, *, idle_s: float = IDLE_S, most_bytes: int = MOST_BYTES
    ) -> None:
        self._reader = reader
        self._most = most
        self._idle_s = idle_s
        self._most_bytes = most_bytes
        self._changed = threading.Condition()
        self._starting = 0
        self._not_before_s = 0.0
        self._ready: list[_Process] = []
        self._free: list[_Process] = []
        self._on_change: Callable[[int], None] = lambda _: None
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Process ids of those that are ready."""
        with self._changed:
            return [each.popen.pid for each in self._ready]

    def watch(self, on_change: Callable[[int], None]) -> None:
        self._on_change = on_change

    def start_one(self) -> None:
        with self._changed:
            full = len(self._ready) + self._starting >= self._most
            if full or self._closed or time.monotonic() < self._not_before_s:
                return
            self._starting += 1
        threading.Thread(target=self._keep, name="reader-process", daemon=True).start()

    def lend(self) -> Loan | None:
        while True:
            with self._changed:
                if not self._free or self._closed:
                    return None
                process = self._free.pop()
            old = time.monotonic() - process.idle_since_s > self._idle_s * _IDLE_MARGIN
            if not old and process.popen.poll() is None:
                try:
                    send(process.connection, Begin(self._reader.has_seen_store))
                except OSError:
                    continue
                return Loan(process, self._reader, self._take_back)
            # Its thread notices the end.
            process.popen.kill()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            for each in self._ready:
                each.popen.kill()
            self._changed.wait_for(lambda: not self._ready and not self._starting, _END_S)

    def _take_back(self, process: _Process, *, whole: bool) -> None:
        with self._changed:
            if whole and process.memory_bytes <= self._most_bytes and not self._closed:
                process.idle_since_s = time.monotonic()
                self._free.append(process)
                return
        process.popen.kill()

    def _keep(self) -> None:
        """Start one, and take it off the lists when it has ended."""
        try:
            process = _Process(self._reader, self._idle_s)
        except OSError as error:
            _log.warning("questions are answered without a reader process: %s", error)
            process = None
        with self._changed:
            self._starting -= 1
            self._changed.notify_all()
            if process is None:
                self._not_before_s = time.monotonic() + _AGAIN_S
                return
            self._ready.append(process)
            self._free.append(process)
            self._on_change(len(self._ready))
            if self._closed:
                process.popen.kill()
        process.popen.wait()
        with self._changed:
            self._ready.remove(process)
            if process in self._free:
                self._free.remove(process)
                process.connection.close()
            self._on_change(len(self._ready))
            self._changed.notify_all()


class Loan:
    """`store.api.LentReader`: one process, until it is given back. For one thread."""

    def __init__(self, process: _Process, local: SqliteReader, take_back: Callable[..., None]) -> None:
        self._process = process
        self._time_limit_s = local.time_limit_s
        self._take_back = take_back
        self._whole = True
        self._over = False
        self.processor_s = 0.0
        self.reader = cast(Reader, _RemoteReader(self, local.path))

    def ask(self, message: Message) -> Any:
        """What the process answers. Raises the errors of the contract, as it raised them there."""
        if not self._whole or self._over:
            raise _ended()
        try:
            send(self._process.connection, message)
            if not self._process.connection.poll(_PATIENCE * self._time_limit_s):
                self._whole = False
                raise TooSlow(
                    f"The answer would take more than {self._time_limit_s:g} s: choose a shorter time range."
                )
            reply: Reply = receive(self._process.connection)
        except (EOFError, OSError) as error:
            self._whole = False
            raise _ended() from error
        self.processor_s += reply.processor_s
        self._process.memory_bytes = reply.memory_bytes
        if reply.error is not None:
            raise reply.error
        return reply.answer

    def give_back(self) -> None:
        if self._over:
            return
        self._over = True
        if self._whole:
            try:
                send(self._process.connection, End())
            except OSError:
                self._whole = False
        self._take_back(self._process, whole=self._whole)


class _RemoteReader:
    """The methods of `store.api.Reader`, each a message."""

    def __init__(self, loan: Loan, path: Path) -> None:
        self._loan = loan
        self._path = path

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in _METHODS:
            raise AttributeError(name)
        return lambda *args, **kwargs: self._loan.ask(Ask(name, args, kwargs))

    def snapshot(self) -> AbstractContextManager[None]:
        return self._snapshot()

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        self._loan.ask(Hold())
        try:
            yield
        except BaseException:
            # What went wrong inside counts, not that the process has ended.
            with suppress(StoreBusy):
                self._loan.ask(Release())
            raise
        self._loan.ask(Release())

    def close(self) -> None:
        self._loan.give_back()


def _ended() -> StoreBusy:
    return StoreBusy("The process that read the store has ended in the middle: ask again in a moment.")
