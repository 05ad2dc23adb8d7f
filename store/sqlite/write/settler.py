"""Settles what the writer hands over, into a file of its own: rounds, each a transaction of that file.

One class for the writer's own thread and for a process (`settler_process`). It may end at any moment and goes
on from its marks; a file that is missing, damaged or of another store is begun anew, from the spans.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sqlite3
import time
from pathlib import Path
from typing import Final

from store.api import StoreError
from store.sqlite.mark_names import BACKLOG_UPTO, COUNTED, SETTLED, STORE
from store.sqlite.settled_file import connect_settler, discard_settled, settled_path
from store.sqlite.store_file import STORE_ID, SUSPECT_SUFFIX
from store.sqlite.stored_spans import of_connection
from store.sqlite.write.aggregation_schedule import AggregationSchedule
from store.sqlite.write.handover import Unreadable, last_number
from store.sqlite.write.setting_aside import is_damaged
from store.sqlite.write.settled_retention import SettledRetention
from store.sqlite.write.span_id_blocks import SpanIdBlocks
from store.sqlite.write.writer_lock import WriterLock

_LOG = logging.getLogger(__name__)
_TRY_AGAIN_S: Final = 0.25
_LOG_EVERY_S: Final = 10.0
_DERIVED: Final = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


class Settler:
    """The one that writes the settled file of a store. For one thread."""

    def __init__(self, store: Path, main: sqlite3.Connection, *, apart: bool = False) -> None:
        """Read what is handed over from `main`; `apart`: no writer waits for this thread.

        No transaction of `main` is held: its log could not begin anew while rounds follow each other.

        Raises StoreUnavailable if the file has a settler.
        """
        self._path = settled_path(store)
        self._main = main
        self._apart = apart
        self._lock = WriterLock(self._path)
        self.connection: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._schedule: AggregationSchedule | None = None
        self._retention: SettledRetention | None = None
        self._blocks: SpanIdBlocks | None = None
        self._not_before_s = self._next_log_s = 0.0

    @property
    def has_work(self) -> bool:
        """Whether something will soon be due."""
        return (
            self._schedule is None or self._schedule.has_work or bool(self._blocks and self._blocks.has_work)
        )

    @property
    def was_cut(self) -> bool:
        """Whether the last round left what was due."""
        return self._schedule is not None and self._schedule.was_cut

    @property
    def lag(self) -> str:
        """See `AggregationSchedule.lag`."""
        return self._schedule.lag if self._schedule else ""

    def step(self, *, final: bool = False) -> None:
        """A round, if one is due; a `final` step settles all that there is. Never raises; logs."""
        if time.monotonic() < self._not_before_s and not final:
            return
        try:
            self._look_at_file()
            schedule = self._schedule or self._open()
            while self._round(schedule, final=final) and final:
                # What there was no room for in memory is taken by the next.
                pass
        except Unreadable as error:
            self._warn("%s is not as it was written: all is settled anew", error)
            self._begin_anew()
        except (sqlite3.Error, OSError, StoreError) as error:
            self._warn("not settled yet: %s", error)
            self._not_before_s = time.monotonic() + _TRY_AGAIN_S
            self._let_go(damaged=_is_damage(error))
        except Exception as error:
            # A trace that cannot be aggregated: the schedule has said it, and leaves it out soon.
            self._warn("not settled yet: %r", error)

    def close(self) -> None:
        """Close its file."""
        self._let_go()
        self._lock.release()

    def _open(self) -> AggregationSchedule:
        self._lock.renew()
        self.connection = connect_settler(self._path)
        self._identity = identity_of(self._path)
        if not self._is_of_store():
            self._begin_anew()
        schedule = self._schedule = AggregationSchedule(self.connection, self._main, apart=self._apart)
        self._blocks = SpanIdBlocks(self.connection, self._main, schedule.marks)
        self._retention = SettledRetention(self.connection, schedule)
        return schedule

    def _is_of_store(self) -> bool:
        """Whether the file is of this store, and no handover is missing between them."""
        assert self.connection is not None
        marks = dict(self.connection.execute("SELECT name, value FROM marks"))
        if marks.get(STORE) != _store_id(self._main):
            return False
        settled = marks.get(SETTLED, 0)
        (oldest,) = self._main.execute("SELECT min(id) FROM handovers").fetchone()
        last = last_number(self._main)
        return bool(settled == last if oldest is None else oldest - 1 <= settled <= last)

    def _begin_anew(self) -> None:
        """Empty the tables, and let all spans of the store be settled."""
        if self.connection is None:
            return
        seq, handed = self._main.execute(
            "SELECT coalesce((SELECT value FROM facts WHERE name = 'seq'), 0), "
            "coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'handovers'), 0)"
        ).fetchone()
        execute = self.connection.execute
        if self.connection.in_transaction:
            execute("ROLLBACK")
        execute("BEGIN IMMEDIATE")
        for (table,) in execute(_DERIVED).fetchall():
            execute(f"DELETE FROM {table}")  # noqa: S608 - names of our own
        self.connection.executemany(
            "INSERT INTO marks VALUES (?, ?)",
            [
                *((STORE, _store_id(self._main)), (SETTLED, handed)),
                *((COUNTED, handed), (BACKLOG_UPTO, max(seq, of_connection(self._main).newest()))),
            ],
        )
        execute("COMMIT")
        self._schedule = None

    def _round(self, schedule: AggregationSchedule, *, final: bool) -> bool:
        """Settle what is due; returns whether something was."""
        assert self._retention is not None
        assert self._blocks is not None
        due = schedule.is_due(final=final)
        schedule.marks.set_lag(schedule.lag)
        if due or schedule.marks.changed or self._retention.is_due or self._blocks.is_due:
            self._transact(schedule, due=due, final=final)
        return due

    def _transact(self, schedule: AggregationSchedule, *, due: bool, final: bool) -> None:
        assert self.connection is not None
        assert self._retention is not None
        assert self._blocks is not None
        execute = self.connection.execute
        pruned = self._retention.is_due
        execute("BEGIN IMMEDIATE")
        try:
            if due:
                schedule.aggregate(final=final)
            if pruned:
                self._retention.prune()
                self._blocks.prune()
            if self._blocks.is_due:
                self._blocks.file_one()
            schedule.marks.flush()
            execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                if self.connection.in_transaction:
                    execute("ROLLBACK")
                schedule.on_rollback()
            raise
        schedule.on_commit()
        if pruned:
            self._retention.shrink()

    def _look_at_file(self) -> None:
        """Leave a file that was deleted or replaced, or that a reader found damaged."""
        if self.connection is None:
            return
        if identity_of(self._path) != self._identity:
            self._let_go()
            return
        suspect = self._path.with_name(self._path.name + SUSPECT_SUFFIX)
        with contextlib.suppress(FileNotFoundError):
            suspect.unlink()
            self._let_go(damaged=is_damaged(self._path))

    def _let_go(self, *, damaged: bool = False) -> None:
        connection, self.connection, self._schedule, self._blocks = self.connection, None, None, None
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
        if damaged:
            with contextlib.suppress(OSError):
                discard_settled(self._path)

    def _warn(self, message: str, error: Exception) -> None:
        if time.monotonic() >= self._next_log_s:
            self._next_log_s = time.monotonic() + _LOG_EVERY_S
            _LOG.warning(message, error)


def _store_id(main: sqlite3.Connection) -> int:
    row = main.execute("SELECT value FROM facts WHERE name = ?", (STORE_ID,)).fetchone()
    return int(row[0]) if row else 0


def _is_damage(error: Exception) -> bool:
    name = getattr(error, "sqlite_errorname", "") or ""
    return name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB"))


def identity_of(path: Path) -> tuple[int, int] | None:
    """(device, inode) of a file, None if there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 - with each round; Path takes twice as long
    except OSError:
        return None
    return stat.st_dev, stat.st_ino
