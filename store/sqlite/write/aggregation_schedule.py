"""When to aggregate what: traces once they are quiet, browser spans in order of arrival.

It takes what the writer handed over, and the spans of before the first handover from their table. Its marks
(`settled_marks`) make it survive a crash: at the start, whatever lies beyond them is due.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import Final

from store.sqlite.mark_names import (
    BACKLOG,
    BACKLOG_UPTO,
    COUNTED,
    EVENTS_BACKLOG,
    EVENTS_UPTO,
    PRUNED_BEFORE,
    ROUND,
    SETTLED,
)
from store.sqlite.stored_spans import of_connection
from store.sqlite.write.handover import Handover, Pruned, rows_after
from store.sqlite.write.interning import PairIds
from store.sqlite.write.recent_rows import NO_NUMBER, Due, RecentTrace, busy, encodable
from store.sqlite.write.rollups import Rollups
from store.sqlite.write.session_aggregation import Event, SessionAggregation, events_of
from store.sqlite.write.settled_marks import Marks
from store.sqlite.write.slot_versions import SlotVersions
from store.sqlite.write.tag_set_ids import TagSetIds
from store.sqlite.write.trace_aggregation import TraceAggregation

_LOG = logging.getLogger(__name__)
_QUIET_S: Final = 0.1
"""A trace that received nothing for this long is aggregated …"""
_LATEST_S: Final = 0.3
"""… and one that still receives spans, this long after the first that is not aggregated."""
_PAUSE_S: Final = 0.1
"""Between two rounds: under load, one round aggregates what many batches brought."""
_REMEMBER_S: Final = 3.0
"""Rows of a trace stay in memory this long after its last span: late ones often come within it."""
_MAX_REMEMBERED: Final = 12_000
"""Rows in memory, above which those of aggregated traces are dropped at once."""
_MAX_REMEMBERED_BYTES: Final = 16 * 2**20
"""The same of the messages that these rows hold."""
MAX_LAG_S: Final = 2.0
"""Senders of spans wait while something has been committed for longer than this and is not settled …"""
MAX_WORK_S: Final = 1.0
"""… or while there is more to settle than this takes alone: beside commits it takes twice or thrice that …"""
_FEW: Final = 2_000
"""… unless it is so little that the time of one round says nothing …"""
MAX_WAITING: Final = 24_000
_MAX_TAKEN_APART: Final = 16_000
"""… of which a process takes no more at once: a round settles fewer, and the rest can wait in the table."""
MAX_WAITING_BYTES: Final = 48 * 2**20
"""… or while so many rows are in memory, of some 2 kB each, or their messages are so large."""
_ROUND_S: Final = 0.1
"""Time limit of one round, so that writers do not wait behind a backlog …"""
_ROUND_APART_S: Final = 0.5
"""… and where they never do: a cell that several traces count in is written once a round."""
_BACKLOG: Final = 100_000
"""Spans of a backlog that are looked at at once: an id in memory for each trace."""
_LOOKED_UP: Final = 100
"""Traces that are looked up at once before they are aggregated."""
_ATTEMPTS: Final = 2
"""Failed attempts after which a trace is left without an aggregate."""


class AggregationSchedule:
    """Aggregates what the writer handed over."""

    def __init__(self, settled: sqlite3.Connection, main: sqlite3.Connection, *, apart: bool = False) -> None:
        """Write to the tables of `settled`, and read those of `main`, which may be the same.

        `apart`: no writer waits for a round.
        """
        self._apart = apart
        self._main = main
        self.marks = Marks(settled)
        self.pairs = PairIds(settled)
        self.rollups = Rollups(settled)
        self.tag_sets = TagSetIds(settled)
        versions = SlotVersions(settled)
        self.traces = TraceAggregation(settled, main, self.pairs, self.tag_sets, self.rollups, versions)
        self.sessions = SessionAggregation(settled, main, self.pairs, self.rollups, versions)
        self._recent: dict[bytes, RecentTrace] = {}
        self._remembered = self._remembered_bytes = self._waiting = 0
        self._left_s = self._left_work_s = 0.0
        """For how long the oldest had waited that the last round did not come to, and what the rest takes."""
        self.was_cut = False
        """Whether the last round left what was due."""
        self._dirty: dict[bytes, Due] = {}
        self._failures: dict[bytes, int] = {}
        """Trace id to how often its aggregation failed."""
        self._uncounted: list[Handover] = []
        """Taken, and their browsers are not counted."""
        self._left_rows = False
        """Whether there was no room for all that is handed over."""
        self._taken = 0
        """The last handover that was taken."""
        self._before_start = 0
        """Those up to this one were there at the start."""
        self._doubtful = 0
        """Handovers up to this one are taken with texts that UTF-8 can encode: a round with them failed."""
        self._last_round_s = 0.0
        self._unread_seq = self._events_seq = self._stored_seq = 0
        """Spans after the first (browsers: the second) and up to the third are to be read from the table."""
        self.catch_up()

    def catch_up(self) -> None:
        """Begin with what the marks say."""
        self._taken = self.marks.get(SETTLED)
        self._unread_seq = self.marks.get(BACKLOG)
        self._events_seq = self.marks.get(EVENTS_BACKLOG)
        self._stored_seq = self.marks.get(BACKLOG_UPTO)
        (last,) = self._main.execute("SELECT coalesce(max(id), 0) FROM handovers").fetchone()
        self._before_start = int(last)
        self._read_backlog()

    def _read_backlog(self) -> None:
        """Make the next traces due of those that were stored before the first handover."""
        before = len(self._dirty)
        while self._unread_seq < self._stored_seq and len(self._dirty) == before:
            mark, upto = self._unread_seq, min(self._unread_seq + _BACKLOG, self._stored_seq)
            for trace_id in of_connection(self._main).traces_from(mark, upto):
                self._dirty.setdefault(trace_id, Due(0.0, NO_NUMBER, mark))
            self._unread_seq = upto

    @property
    def has_work(self) -> bool:
        """Whether something will soon be due."""
        return bool(self._dirty or self._uncounted or self._left_rows or self._has_backlog)

    @property
    def _has_backlog(self) -> bool:
        return min(self._unread_seq, self._events_seq) < self._stored_seq

    @property
    def lag(self) -> str:
        """How far settling is behind, as a part of a sentence; empty while that is within bounds.

        What a round could not come to counts, and not what waits for a round: a process that was stopped, or
        had no core, is not behind by that alone.
        """
        if self._left_s > MAX_LAG_S:
            return f"the oldest of them has waited for {self._left_s:.1f} s"
        # A process leaves in the table what it has no room for, which the writer bounds.
        full = self._remembered > MAX_WAITING and not self._apart
        if self._dirty and (self._left_work_s > MAX_WORK_S or full):
            return f"{self._waiting:,} of them wait"
        if self._dirty and self._remembered_bytes > MAX_WAITING_BYTES:
            return f"{self._remembered_bytes / 1e6:,.0f} MB of them wait"
        return ""

    def check_pace(self) -> None:
        """See `store.api.Writer.check_pace`. May be called by any thread."""
        if lag := self.lag:
            raise busy(lag)

    def is_due(self, *, final: bool) -> bool:
        """Take what was handed over; return whether a round is worth a transaction.

        Raises `handover.Unreadable`.
        """
        now_s = time.monotonic()
        self._take(now_s)
        if not final and now_s - self._last_round_s < _PAUSE_S:
            return False
        if (self._uncounted or self._has_backlog) and (final or not self._dirty):
            return True
        return any(
            final or self._is_ripe(trace_id, due.first_s, now_s) for trace_id, due in self._dirty.items()
        )

    def aggregate(self, *, final: bool = False) -> None:
        """One round, inside a transaction; a `final` one takes all that was taken, however long it takes."""
        now_s = self._last_round_s = time.monotonic()
        marks = self.marks
        self._count(final=final)
        while final and self._unread_seq < self._stored_seq:
            self._read_backlog()
        waiting = self._waiting
        done, is_whole = self._aggregate_traces(now_s, final=final)
        self.traces.flush()
        # After the traces: what they added and subtracted is collected in the rollups.
        self.rollups.flush()
        for trace_id in done:
            del self._dirty[trace_id]
        if self._unread_seq < self._stored_seq and not any(not due.first_s for due in self._dirty.values()):
            self._read_backlog()
        dues = self._dirty.values()
        settled = min([due.row for due in dues], default=NO_NUMBER)
        marks.set(SETTLED, max(marks.get(SETTLED), min(settled, self._taken, marks.get(COUNTED))))
        marks.set(BACKLOG, min(self._unread_seq, min([due.seq for due in dues], default=NO_NUMBER)))
        self._drop_rows(now_s)
        self._note_pace(now_s, waiting - self._waiting, is_whole=is_whole)
        marks.set_lag(self.lag)
        marks.set(ROUND, time.time_ns())
        marks.flush()

    def _count(self, *, final: bool) -> None:
        """Count browsers in order of arrival, and do what else the handovers tell of."""
        while self._events_seq < self._stored_seq:
            upto = min(self._events_seq + _BACKLOG, self._stored_seq)
            self.sessions.aggregate(self.sessions.stored_events(self._events_seq, upto), live=False)
            self._events_seq = upto
            self._note_events(upto)
            if not final:
                break
        self.marks.set(EVENTS_BACKLOG, self._events_seq)
        if self._events_seq < self._stored_seq or not self._uncounted:
            return
        events: list[Event] = []
        for row in self._uncounted:
            if row.moved or row.pruned:
                self._count_events(events)
            for moved in row.moved:
                self.sessions.restate(moved)
            events += events_of(row.browsers)
            if row.pruned:
                self._count_events(events)
                for pruned in row.pruned:
                    self._prune(pruned)
        self._count_events(events)
        self._uncounted.clear()
        self.marks.set(COUNTED, self._taken)
        self.sessions.note_slow_clocks(self._taken)

    def _count_events(self, events: list[Event]) -> None:
        if events:
            self.sessions.aggregate(events)
            self._note_events(max(event.seq for event in events))
            events.clear()

    def _note_events(self, upto: int) -> None:
        self.marks.set(EVENTS_UPTO, max(self.marks.get(EVENTS_UPTO), upto))

    def _prune(self, pruned: Pruned) -> None:
        """Delete what was derived from what retention has deleted."""
        for trace_id in pruned.traces:
            self.traces.remove(trace_id)
            known = self._recent.pop(trace_id, None)
            if known:
                # If it is due it stays so: what came since is read from the table.
                self._forget(known)
        for session_id in pruned.sessions:
            self.sessions.prune(session_id, self.marks.get(EVENTS_UPTO))
        self.sessions.prune_links(pruned.upto)
        self.marks.set(PRUNED_BEFORE, max(self.marks.get(PRUNED_BEFORE), pruned.before))

    def _note_pace(self, began_s: float, settled: int, *, is_whole: bool) -> None:
        """Note how much a round left behind; what a start found does not count."""
        now_s = time.monotonic()
        oldest_s = next((due.first_s for due in self._dirty.values() if due.first_s), now_s)
        self._left_s = now_s - oldest_s
        self.was_cut = not is_whole
        few = is_whole or self._waiting < _FEW
        self._left_work_s = 0.0 if few else self._waiting * (now_s - began_s) / max(settled, 1)

    def _aggregate_traces(self, now_s: float, *, final: bool) -> tuple[list[bytes], bool]:
        """The traces that were aggregated, and whether these are all that are due."""
        done: list[bytes] = []
        limit_s = now_s + (_ROUND_APART_S if self._apart else _ROUND_S)
        ripe = [
            trace_id
            for trace_id, due in self._dirty.items()
            if final or self._is_ripe(trace_id, due.first_s, now_s)
        ]
        for place, trace_id in enumerate(ripe):
            if not final and time.monotonic() > limit_s:
                return done, False
            if place % _LOOKED_UP == 0:
                self.traces.known.look_up(ripe[place : place + _LOOKED_UP])
            done.append(trace_id)
            known = self._recent.get(trace_id)
            if known:
                self._waiting -= known.waiting
                known.waiting = 0
            if self._failures.get(trace_id, 0) >= _ATTEMPTS:
                continue
            try:
                self.traces.aggregate(trace_id, tuple(known.rows.values()) if known else ())
            except (sqlite3.DatabaseError, MemoryError):
                raise
            except Exception:
                # The round is rolled back; the next one tries again, from the table.
                self._failures[trace_id] = self._failures.get(trace_id, 0) + 1
                _LOG.exception("trace %s cannot be aggregated", trace_id.hex())
                raise
        return done, True

    def on_commit(self) -> None:
        """Take the round as stored."""
        self.marks.on_commit()

    def on_rollback(self) -> None:
        """Drop everything in memory, and start again from the marks."""
        self._doubtful = self._taken
        self.marks.reload()
        self.pairs.invalidate()
        self.tag_sets.invalidate()
        self.traces.on_rollback()
        self.sessions.invalidate()
        self.rollups.on_rollback()
        self._recent.clear()
        self._uncounted.clear()
        self._remembered = self._remembered_bytes = self._waiting = 0
        self._left_s = self._left_work_s = 0.0
        self.was_cut = False
        self._dirty.clear()
        self.catch_up()

    def _take(self, now_s: float) -> None:
        """Take handovers while there is room for their rows in memory."""
        if self._is_full:
            return
        self._left_rows = False
        counted = self.marks.get(COUNTED)
        for row in rows_after(self._main, self._taken):
            self._taken = row.id
            if row.id <= self._doubtful:
                row = encodable(row)
            waited_s = min(max(0.0, (time.time_ns() - row.time) / 1e9), _LATEST_S)
            self._take_spans(row, now_s, now_s - waited_s)
            if row.id > counted:
                self._uncounted.append(row._replace(spans=()))
            if self._is_full:
                self._left_rows = True
                break

    @property
    def _is_full(self) -> bool:
        many = self._waiting > (_MAX_TAKEN_APART if self._apart else MAX_WAITING)
        return many or (self._waiting > 0 and self._remembered_bytes > MAX_WAITING_BYTES)

    def _take_spans(self, row: Handover, now_s: float, came_s: float) -> None:
        """Take the spans of a row, which came then: what waited for its turn is ripe."""
        added = 0
        size = row.size_bytes // max(len(row.spans), 1)
        due = Due(now_s if row.id > self._before_start else 0.0, row.id - 1, NO_NUMBER)
        of_row: dict[bytes, RecentTrace] = {}
        for span in row.spans:
            trace_id = span.trace_id
            known = of_row.get(trace_id)
            if known is None:
                known = of_row[trace_id] = self._known(trace_id, came_s)
                if trace_id not in self._dirty:
                    self._dirty[trace_id] = due
            if known.rows.setdefault(span.span_id, span) is span:
                known.size_bytes += size
                known.waiting += 1
                added += 1
        self._remembered += added
        self._waiting += added
        self._remembered_bytes += added * size

    def _known(self, trace_id: bytes, came_s: float) -> RecentTrace:
        """What is in memory of a trace of which spans came then."""
        known = self._recent.get(trace_id)
        if known is None:
            known = self._recent[trace_id] = RecentTrace()
        known.last_s = max(known.last_s, came_s)
        return known

    def _is_ripe(self, trace_id: bytes, first_s: float, now_s: float) -> bool:
        known = self._recent.get(trace_id)
        return known is None or now_s - known.last_s >= _QUIET_S or now_s - first_s >= _LATEST_S

    def _drop_rows(self, now_s: float) -> None:
        """Drop rows of aggregated traces that were quiet for long, or while there are too many.

        Traces stand in order of their first span: the rest are newer than the first to be kept.
        """
        for trace_id in list(self._recent):
            known = self._recent[trace_id]
            many = self._remembered > _MAX_REMEMBERED or self._remembered_bytes > _MAX_REMEMBERED_BYTES
            if not many and now_s - known.last_s < _REMEMBER_S:
                break
            if trace_id not in self._dirty:
                self._forget(known)
                del self._recent[trace_id]

    def _forget(self, known: RecentTrace) -> None:
        self._remembered -= len(known.rows)
        self._waiting -= known.waiting
        self._remembered_bytes -= known.size_bytes
