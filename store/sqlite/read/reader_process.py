"""A reader process: answers the questions of the process that started it, at a lower priority.

    python -m store.sqlite.read.reader_process PIPE PATH TIME_LIMIT_S IDLE_S PARENT

It ends with its parent, after IDLE_S without a loan, and when it needs far too much memory.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final

from store.sqlite.read.process_messages import (
    Ask,
    Begin,
    End,
    Hold,
    Message,
    Reply,
    packed,
    portable,
    receive,
    send,
)
from store.sqlite.read.reader import SqliteReader

NICENESS: Final = 10
_MOST_DATA_BYTES: Final = 1024**3
"""A single answer may take so much for a moment; the process that asks ends it beyond far less."""
_PR_SET_PDEATHSIG = 1


def main(argv: Sequence[str]) -> int:
    """Serve until the parent closes the pipe or has had no question for a while. Returns 0."""
    pipe, path, time_limit_s, idle_s, parent = argv
    # Ctrl-C reaches the whole group of a terminal: this process ends when its parent does.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    _end_with(int(parent))
    _bound_memory()
    reader = SqliteReader(Path(path), float(time_limit_s))
    with Connection(int(pipe)) as connection:
        try:
            send(connection, Reply(memory_bytes=memory_bytes()))
            _Loans(connection, reader).serve(float(idle_s))
        except (EOFError, OSError):
            # The parent is gone, or has no use for this process any more.
            return 0
        finally:
            reader.close()
    return 0


class _Loans:
    """Answers one loan after the other."""

    def __init__(self, connection: Connection, reader: SqliteReader) -> None:
        self._connection = connection
        self._reader = reader
        self._snapshots: list[ExitStack] = []

    def serve(self, idle_s: float) -> None:
        """Until nobody borrows it for so long. Raises EOFError or OSError where the parent is gone."""
        lent = False
        while lent or self._connection.poll(idle_s):
            message: Message = receive(self._connection)
            match message:
                case Begin(seen=seen):
                    lent = True
                    self._reader.note_seen(seen=seen)
                case End():
                    lent = False
                    self._release_all()
                case _:
                    self._reply(message)

    def _reply(self, message: Message) -> None:
        began_s = time.thread_time()
        try:
            reply = packed(_measured(Reply(self._answer(message)), began_s))
        except MemoryError:
            # What is left of it may hold on to the memory: the next question gets a new process.
            raise EOFError from None
        except Exception as error:
            reply = packed(_measured(Reply(error=portable(error)), began_s))
        self._connection.send_bytes(reply)

    def _answer(self, message: Message) -> object:
        match message:
            case Hold():
                snapshot = ExitStack()
                snapshot.enter_context(self._reader.snapshot())
                self._snapshots.append(snapshot)
            case Ask(method=method, args=args, kwargs=kwargs):
                return getattr(self._reader, method)(*args, **kwargs)
            case _:
                self._snapshots.pop().close()
        return None

    def _release_all(self) -> None:
        while self._snapshots:
            self._snapshots.pop().close()


def _measured(reply: Reply, began_s: float) -> Reply:
    return Reply(reply.answer, reply.error, time.thread_time() - began_s, memory_bytes())


def memory_bytes() -> int:
    """What this process has in memory, without what is mapped from files."""
    try:
        _, resident, shared, *_ = Path("/proc/self/statm").read_text("ascii").split()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return (int(resident) - int(shared)) * resource.getpagesize()


def _bound_memory() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or hard > _MOST_DATA_BYTES:
        # A system without this limit has the one of the process that asks.
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_DATA, (_MOST_DATA_BYTES, hard))


def _end_with(parent: int) -> None:
    """End in the middle of a question, too, when the parent does; elsewhere than on Linux after it."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
