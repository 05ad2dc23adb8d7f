"""The one writer: a bounded queue, and a thread that commits groups of batches.

`write` returns after the commit. What is derived follows (`settlement`). Before and after each commit the
thread looks whether its files are still those at the path (`store_guard`), and begins anew when they are not;
a batch waits in the queue, from which it can be taken back, until a transaction is open (docs/adr/021).
"""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from store.api import StoreError, StoreUnavailable, WriterHealth
from store.rows import Batch
from store.settling import Settling
from store.sqlite.store_file import unavailable
from store.sqlite.write.batch_queue import MAX_ITEMS, BatchQueue, Pending
from store.sqlite.write.last_run import LastRun
from store.sqlite.write.metric_ingest import SeriesBounds
from store.sqlite.write.opened_store import Bounds, OpenedStore, open_store
from store.sqlite.write.settlement import Apart
from store.sqlite.write.store_guard import Loss
from store.sqlite.write.writer_errors import for_sender, is_of_medium, is_of_text_index
from store.sqlite.write.writer_lock import WriterLock

_LOG = logging.getLogger(__name__)
_TICK_S: Final = 0.04
"""Longest wait while something will soon be due …"""
_IDLE_S: Final = 0.5
"""… and while nothing is."""
_PRUNE_EVERY_S: Final = 1.0
_LOOK_S: Final = 0.1
"""Pause between two looks at the files for what others did to them; after a commit they are seen anyway."""
_ANSWER_S: Final = 1.5
"""A transaction that takes longer than this, and _ITEM_S for each of its items, is stuck in the medium."""
_ITEM_S: Final = 0.0001
_SETTLE_S: Final = 2.0
"""So much more for a round of settling metrics: some 0.3 s of computing, for which a core may not be free."""
_LOOK_EVERY_S: Final = 0.25
"""How often a waiting sender looks whether the medium is stuck."""
_TRY_AGAIN_S: Final = 0.25
"""Pause between two attempts to lock, write or open a medium that refused."""
_FINAL_ROUNDS: Final = 3
"""Settling may prove clocks slow, what is moved then has to be settled again."""
_LOG_EVERY_S: Final = 10.0
_PROBE_MS: Final = 50
"""How long such an attempt waits for another program's lock."""


class SqliteWriter:
    """`store.api.Writer` over one SQLite file."""

    def __init__(
        self,
        path: Path,
        *,
        max_bytes: int,
        max_age_s: float,
        clock: Callable[[], int] = time.time_ns,
        max_pending: int = MAX_ITEMS,
        series: SeriesBounds | None = None,
        apart: Apart | None = None,
    ) -> None:
        """Open or create the store, settled `apart` or not; raise StoreUnavailable or StoreMismatch."""
        self._path = path
        self._bounds = Bounds(max_bytes, max_age_s, clock, series or SeriesBounds())
        self._apart = apart
        self._lock = WriterLock(path)
        self._last_run = LastRun(path)
        try:
            self._store: OpenedStore | None = open_store(path, self._bounds, self._last_run, apart)
        except BaseException:
            self._lock.release()
            raise
        self._queue = BatchQueue(max_pending)
        self._guard = threading.Lock()
        self._trouble: StoreError | None = None
        """Why the last attempt to write failed; None when it succeeded."""
        self._trouble_since = 0
        self._locked_out = False
        """Whether no transaction can be begun at all: what is queued is refused."""
        self._late_at_s = float("inf")
        """When the open transaction counts as stuck."""
        self._next_look_s = 0.0
        self._next_probe_s = 0.0
        self._next_log_s = 0.0
        self._next_prune_s = time.monotonic() + _PRUNE_EVERY_S
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    # -- called by senders' threads -----------------------------------------------------------

    def write(self, batch: Batch) -> None:
        """See `store.api.Writer.write`."""
        if not len(batch) and not batch.rejected:
            return
        if self._is_late():
            raise self._slow()
        pending = Pending(batch)
        if not self._queue.put(pending):
            raise StoreUnavailable(f"The writer of {self._path} is closed: send to its successor.", "closed")
        while not pending.done.wait(_LOOK_EVERY_S):
            if self._is_late():
                self._queue.withdraw(pending)
                if not pending.done.is_set():
                    raise self._slow()
        if pending.error is not None:
            raise pending.error

    def check_pace(self) -> None:
        """See `store.api.Writer.check_pace`."""
        store = self._store
        # What else is wrong is said by `write`, which knows it better.
        if store is None or self._trouble is not None or self._is_late():
            return
        store.settlement.check_pace()

    def _is_late(self) -> bool:
        return time.monotonic() > self._late_at_s

    def _slow(self) -> StoreUnavailable:
        return StoreUnavailable(
            f"The disk that holds {self._path} has not answered for {_ANSWER_S:g} s: see what else uses it. "
            "What is sent again is kept once.",
            "slow",
        )

    def health(self) -> WriterHealth:
        """See `store.api.Writer.health`."""
        store, trouble, notes = self._store, self._trouble, self._last_run.notes
        if trouble is not None:
            return WriterHealth(trouble.reason, str(trouble), self._trouble_since, notes)
        late_s = time.monotonic() - self._late_at_s
        if late_s > 0:
            slow = self._slow()
            since = self._bounds.clock() - round((late_s + _ANSWER_S) * 1e9)
            return WriterHealth(slow.reason, str(slow), since, notes)
        return WriterHealth(notes=notes, settling=store.settlement.settling if store else Settling())

    def close(self) -> None:
        """See `store.api.Writer.close`."""
        if self._queue.close():
            self._thread.join()

    # -- the writer's thread ------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._queue.wait(self._pause_s())
            closing = self._queue.closing
            try:
                self._round(closing=closing)
            except Exception as error:  # without this thread nothing would ever be written again
                _LOG.exception("the writer of %s failed", self._path)
                self._in_trouble(unavailable(self._path, error), locked_out=True)
                self._refuse_queued()
            if closing and not self._queue:
                break
        self._end()

    def _round(self, *, closing: bool) -> None:
        store = self._usable()
        if store is None or self._locked_out:
            self._refuse_queued()
            return
        if self._queue:
            self._commit_queued(store)
        self._background(final=closing and not self._queue)

    def _pause_s(self) -> float:
        if self._trouble is not None:
            return _TRY_AGAIN_S
        if self._store is None or not self._store.settlement.has_work:
            return _IDLE_S
        return 0.0 if self._store.settlement.was_cut else _TICK_S

    def _end(self) -> None:
        try:
            if self._store is not None:
                self._store.close()
        except sqlite3.Error as error:
            _LOG.warning("store not closed cleanly: %s", unavailable(self._path, error))
        self._lock.release()

    def _usable(self) -> OpenedStore | None:
        """The store whose files are there, opened anew if they were lost; None while that fails."""
        now_s = time.monotonic()
        if now_s >= self._next_look_s:
            if self._store is not None and (loss := self._store.guard.look(own_change=False)):
                self._lose(loss)
            try:
                self._lock.renew()
            except StoreError as error:
                self._in_trouble(error, locked_out=True)
                return None
            self._next_look_s = now_s + _LOOK_S
        if self._trouble is not None:
            self._try_again()
        return self._store

    def _lose(self, loss: Loss) -> None:
        """Leave the files and open what is at the path then, or a new store."""
        store, self._store = self._store, None
        if store is None:
            return
        try:
            message = store.leave(loss)
            if message:
                self._last_run.note(message, self._bounds.clock())
            else:
                _LOG.warning("another program changed the files of %s; nothing of it is missing", self._path)
            self._open()
        except StoreError as error:
            self._in_trouble(error, locked_out=True)

    def _open(self) -> None:
        self._late_at_s = time.monotonic() + _ANSWER_S
        try:
            self._lock.renew()
            self._store = open_store(self._path, self._bounds, self._last_run, self._apart, ours=True)
        finally:
            self._late_at_s = float("inf")
        self._recovered()

    def _try_again(self) -> None:
        """See whether the medium takes a write again."""
        if not self._queue and time.monotonic() < self._next_probe_s:
            return
        self._next_probe_s = time.monotonic() + _TRY_AGAIN_S
        store = self._store
        if store is None:
            try:
                self._open()
            except StoreError as error:
                self._in_trouble(error, locked_out=True)
            return
        store.connection.execute(f"PRAGMA busy_timeout = {_PROBE_MS}")
        failure = self._transact(store, store.ingest.write_mark)
        if self._store is store:
            store.connection.execute(f"PRAGMA busy_timeout = {store.busy_ms}")
            self._see_own_change(store)
        if failure is None:
            self._recovered()

    def _in_trouble(self, error: StoreError, *, locked_out: bool) -> None:
        with self._guard:
            if self._trouble is None:
                self._trouble_since = self._bounds.clock()
                self._log_seldom("nothing is written: %s", error)
            self._trouble = error
            self._locked_out = locked_out

    def _recovered(self) -> None:
        with self._guard:
            self._trouble = None
            self._locked_out = False

    def _log_seldom(self, message: str, error: StoreError) -> None:
        """Log it, seldom: a disk that is nearly full takes small writes and refuses others."""
        if time.monotonic() >= self._next_log_s:
            self._next_log_s = time.monotonic() + _LOG_EVERY_S
            _LOG.error(message, error)

    def _refuse_queued(self) -> None:
        error = self._trouble
        for pending in self._queue.take():
            pending.answer(error or StoreUnavailable(f"{self._path} is not open: send this batch again."))

    def _commit_queued(self, store: OpenedStore) -> None:
        """One transaction for all that wait; into the new files, if the old ones were lost meanwhile.

        Batches leave the queue only when the transaction is open: until then they can be withdrawn.
        """
        group: list[Pending] = []

        def insert() -> None:
            group.extend(self._queue.take())
            self._late_at_s += sum(len(pending.batch) for pending in group) * _ITEM_S
            store.ingest.insert([pending.batch for pending in group])

        failure = self._transact(store, insert)
        if not group:
            self._refuse_queued()
            return
        self._see_own_change(store)
        if self._store is None:
            failure = self._trouble
        elif self._store is not store:
            store = self._store
            failure = self._transact(store, lambda: store.ingest.insert([each.batch for each in group]))
        if failure is None:
            self._recovered()
        self._answer(store, group, failure)
        self._last_run.save(store.contents())

    def _answer(self, store: OpenedStore, group: Sequence[Pending], error: Exception | None) -> None:
        """Answer each; after an error that is not the medium's, try each alone."""
        alone = error is not None and len(group) > 1 and not isinstance(error, StoreError)
        for pending in group:
            if alone:
                error = self._transact(store, partial(store.ingest.insert, [pending.batch]))
            pending.answer(for_sender(self._path, error))

    def _background(self, *, final: bool) -> None:
        """Aggregate what is due, and prune now and then; after a failure the next tick tries again."""
        store = self._store
        if store is None or self._locked_out:
            return
        acted = self._see_to_settling(store, final=final)
        if store.settling.is_due() and self._store is store and not self._locked_out:
            acted = True
            error = self._transact(store, partial(self._settle, store))
            if error is not None:
                _LOG.warning("metrics not settled yet: %s", error)
        now_s = time.monotonic()
        if now_s >= self._next_prune_s and self._store is store and not self._locked_out:
            more, acted = False, True
            error = self._transact(store, store.retention.begin_round)
            if error is not None:
                _LOG.warning("not pruned yet: %s", error)
            else:
                more = store.retention.more
                self._shrink(store)
            self._next_prune_s = now_s + (0 if more else _PRUNE_EVERY_S)
        if acted:
            self._see_own_change(store)

    def _see_to_settling(self, store: OpenedStore, *, final: bool) -> bool:
        """Settle what is due; returns whether something followed from it for the store's own file."""
        acted = False
        for _ in range(_FINAL_ROUNDS if final else 1):
            store.settlement.step(final=final)
            if not store.settlement.is_due(final=final):
                break
            acted = True
            if error := self._transact(store, store.settlement.tidy, patient=final):
                _LOG.warning("what is settled is not deleted yet: %s", error)
                break
        return acted

    def _settle(self, store: OpenedStore) -> None:
        self._late_at_s += _SETTLE_S
        store.settling.settle()

    def _see_own_change(self, store: OpenedStore) -> None:
        """Look at the files after a transaction of our own, which may have changed them."""
        if self._store is store and (loss := store.guard.look(own_change=True)):
            self._lose(loss)

    def _shrink(self, store: OpenedStore) -> None:
        """Must run outside of a transaction: it makes one of its own."""
        try:
            store.retention.shrink()
        except sqlite3.Error as error:
            _LOG.warning("file not made smaller yet: %s", unavailable(self._path, error))

    def _transact(
        self, store: OpenedStore, work: Callable[[], None], *, patient: bool = False
    ) -> Exception | None:
        """Run `work` in a transaction; on failure roll it back, in memory too, and return the error."""
        begun = False
        self._late_at_s = float("inf") if patient else time.monotonic() + _ANSWER_S
        try:
            store.connection.execute("BEGIN IMMEDIATE")
            begun = True
            work()
            store.connection.execute("COMMIT")
        except Exception as error:  # any error is the sender's answer, and must not end the thread
            self._roll_back(store)
            return self._judged(error, begun=begun)
        finally:
            self._late_at_s = float("inf")
        store.ingest.on_commit()
        return None

    def _judged(self, error: Exception, *, begun: bool) -> Exception:
        """The error of a transaction, or what it says of the medium; a damaged file is left at once."""
        if not is_of_medium(error):
            return error
        found = unavailable(self._path, error)
        self._in_trouble(found, locked_out=not begun)
        if found.reason == "damaged" and not is_of_text_index(error):
            self._lose(Loss.DAMAGED)
        return found

    def _roll_back(self, store: OpenedStore) -> None:
        try:
            if store.connection.in_transaction:
                store.connection.execute("ROLLBACK")
            store.ingest.on_rollback()
            store.settlement.on_rollback()
            store.settling.on_rollback()
        except sqlite3.Error as error:
            _LOG.warning("not rolled back cleanly: %s", error)
