"""The one writer: a bounded queue, and a thread that commits groups of batches and aggregates in between.

`write` returns after the commit. What is derived follows in transactions of its
own; two counters in the table `facts` hold how far that has come, so that a restart
goes on where a crash left off.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from store.api import StoreBusy, StoreError, StoreUnavailable
from store.rows import Batch
from store.sqlite.store_file import connect_writer, unavailable
from store.sqlite.write import writer_runs
from store.sqlite.write.aggregation_schedule import AggregationSchedule
from store.sqlite.write.ingest import Ingest
from store.sqlite.write.retention import Retention
from store.sqlite.write.writer_lock import WriterLock

_LOG = logging.getLogger(__name__)
_MAX_PENDING: Final = 100_000
"""Spans and logs in the queue; beyond this a write fails with StoreBusy."""
_MAX_PENDING_BYTES: Final = 256 * 1024 * 1024
_MAX_GROUP: Final = 20_000
"""Spans and logs of one commit, above which no further batch joins it."""
_TICK_S: Final = 0.04
"""Longest wait while something will soon be due …"""
_IDLE_S: Final = 0.5
"""… and while nothing is."""
_PRUNE_EVERY_S: Final = 1.0


class _Pending:
    """A batch in the queue, and its result."""

    __slots__ = ("batch", "done", "error", "size_bytes")

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.size_bytes = sum(len(row.raw) for row in batch.spans) + sum(len(row.raw) for row in batch.logs)
        self.done = threading.Event()
        self.error: StoreError | None = None


class SqliteWriter:
    """`store.api.Writer` over one SQLite file."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        max_age_s: float,
        clock: Callable[[], int] = time.time_ns,
        max_pending: int = _MAX_PENDING,
    ) -> None:
        """Open or create the store; raise StoreUnavailable or StoreMismatch."""
        self._path = path
        self._lock = WriterLock(path)
        try:
            self._connection = connect_writer(path)
            self._ingest = Ingest(self._connection, clock)
            self._run_began = writer_runs.begin(self._connection, self._ingest.clock.now())
            self._schedule = AggregationSchedule(self._connection, self._ingest)
            self._retention = Retention(self._connection, self._ingest, self._schedule, max_bytes, max_age_s)
        except sqlite3.Error as error:
            self._lock.release()
            raise unavailable(path, error) from error
        except StoreError:
            self._lock.release()
            raise
        self._max_pending = max_pending
        self._queue: deque[_Pending] = deque()
        self._pending_items = 0
        self._pending_bytes = 0
        self._wake = threading.Condition()
        self._closing = False
        self._next_prune_s = time.monotonic() + _PRUNE_EVERY_S
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    def write(self, batch: Batch) -> None:
        """See `store.api.Writer.write`."""
        if not len(batch) and not batch.rejected:
            return
        pending = _Pending(batch)
        with self._wake:
            if self._closing:
                raise StoreUnavailable(f"The writer of {self._path} is closed: send to its successor.")
            full = self._pending_items + len(batch) > self._max_pending
            heavy = self._pending_bytes + pending.size_bytes > _MAX_PENDING_BYTES
            # A batch that is larger than the queue is taken while the queue is empty.
            if self._queue and (full or heavy):
                raise StoreBusy(
                    f"{self._pending_items:,} items wait to be written already: send this batch again later."
                )
            self._queue.append(pending)
            self._pending_items += len(batch)
            self._pending_bytes += pending.size_bytes
            self._wake.notify()
        pending.done.wait()
        if pending.error is not None:
            raise pending.error

    def close(self) -> None:
        """See `store.api.Writer.close`."""
        with self._wake:
            if self._closing:
                return
            self._closing = True
            self._wake.notify()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._wake:
                if not self._queue and not self._closing:
                    self._wake.wait(_TICK_S if self._schedule.has_work else _IDLE_S)
                group = self._take()
                closing = self._closing and not self._queue
            if group:
                self._commit(group)
            self._background(final=closing)
            if closing:
                break
        try:
            writer_runs.end(self._connection, self._run_began, self._ingest.clock.now())
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            self._connection.close()
        except sqlite3.Error as error:
            _LOG.warning("store not closed cleanly: %s", unavailable(self._path, error))
        self._lock.release()

    def _take(self) -> list[_Pending]:
        group: list[_Pending] = []
        items = 0
        while self._queue and items < _MAX_GROUP:
            pending = self._queue.popleft()
            group.append(pending)
            items += len(pending.batch)
            self._pending_bytes -= pending.size_bytes
        self._pending_items -= items
        return group

    def _commit(self, group: Sequence[_Pending]) -> None:
        """One transaction for all; if it fails for another reason than the medium, one for each batch."""
        error = self._transact(lambda: self._ingest.insert([pending.batch for pending in group]))
        if error is None or len(group) == 1 or isinstance(error, StoreUnavailable):
            for pending in group:
                pending.error = _for_sender(self._path, error)
                pending.done.set()
            return
        for pending in group:
            alone = partial(self._ingest.insert, [pending.batch])
            pending.error = _for_sender(self._path, self._transact(alone))
            pending.done.set()

    def _background(self, *, final: bool) -> None:
        """Aggregate what is due, and prune now and then; after a failure the next tick tries again."""
        if self._schedule.is_due(final=final):
            error = self._transact(lambda: self._schedule.aggregate(final=final))
            if error is not None:
                _LOG.warning("not aggregated yet: %s", error)
        now_s = time.monotonic()
        if now_s >= self._next_prune_s:
            more = False
            error = self._transact(self._retention.begin_round)
            if error is not None:
                _LOG.warning("not pruned yet: %s", error)
            else:
                more = self._retention.more
                self._shrink()
            self._next_prune_s = now_s + (0 if more else _PRUNE_EVERY_S)

    def _shrink(self) -> None:
        """Must run outside of a transaction: it makes one of its own."""
        try:
            self._retention.shrink()
        except sqlite3.Error as error:
            _LOG.warning("file not made smaller yet: %s", unavailable(self._path, error))

    def _transact(self, work: Callable[[], None]) -> Exception | None:
        """Run `work` in a transaction; on failure roll it back, in memory too, and return the error."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            work()
            self._connection.execute("COMMIT")
        except Exception as error:  # any error is the sender's answer, and must not end the thread
            try:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                self._ingest.on_rollback()
                self._schedule.on_rollback()
            except sqlite3.Error as second:
                _LOG.warning("not rolled back cleanly: %s", second)
            return unavailable(self._path, error) if _is_of_medium(error) else error
        self._ingest.on_commit()
        return None


def _is_of_medium(error: Exception) -> bool:
    """Whether the disk or the file failed, rather than the content of a batch."""
    return isinstance(error, sqlite3.OperationalError | sqlite3.DatabaseError | OSError) and not isinstance(
        error, sqlite3.DataError | sqlite3.IntegrityError | sqlite3.InterfaceError | sqlite3.ProgrammingError
    )


def _for_sender(path: Path, error: Exception | None) -> StoreError | None:
    """What `write` raises for an error of its transaction; None if there was none."""
    if error is None or isinstance(error, StoreError):
        return error
    _LOG.error("a batch cannot be stored", exc_info=error)
    return StoreUnavailable(
        f"{path} refused a batch ({type(error).__name__}: {error}): nothing of it was kept."
    )
