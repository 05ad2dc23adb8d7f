"""When to aggregate what: traces once they are quiet, browser spans in order of arrival.

Two counters make it survive a crash: every span up to `settled_seq` has been
aggregated in its trace, every browser span up to `sessions_seq` counted. At the
start, whatever lies beyond them is due.
"""

from __future__ import annotations

import logging
import sqlite3
import time
from typing import Final

from store.api import StoreBusy
from store.rows import SpanRow
from store.sqlite.write.ingest import Ingest
from store.sqlite.write.interning import PairIds
from store.sqlite.write.rollups import Rollups
from store.sqlite.write.session_aggregation import SessionAggregation, events_of
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
_MAX_REMEMBERED: Final = 20_000
"""Rows in memory, above which those of aggregated traces are dropped at once."""
_MAX_REMEMBERED_BYTES: Final = 16 * 2**20
"""The same of the messages that these rows hold."""
MAX_LAG_S: Final = 2.0
"""Senders of spans wait while something has been committed for longer than this and is not settled …"""
MAX_WORK_S: Final = 1.0
"""… or while there is more to settle than this takes alone: beside commits it takes twice or thrice that …"""
_FEW: Final = 2_000
"""… unless it is so little that the time of one round says nothing …"""
MAX_WAITING: Final = 40_000
MAX_WAITING_BYTES: Final = 48 * 2**20
"""… or while so many rows are in memory, of some 2 kB each, or their messages are so large."""
_ROUND_S: Final = 0.1
"""Time limit of one round, so that writers do not wait behind a backlog."""
_BACKLOG: Final = 100_000
"""Spans of a start's backlog whose traces are due at once: an id in memory for each trace."""
_ATTEMPTS: Final = 2
"""Failed attempts after which a trace is left without an aggregate."""


class _RecentTrace:
    """Rows of a trace in memory, and when the last of them arrived."""

    __slots__ = ("last_s", "rows", "size_bytes", "waiting")

    def __init__(self) -> None:
        self.rows: dict[bytes, SpanRow] = {}
        self.waiting = 0
        """How many of them are not aggregated."""
        self.size_bytes = 0
        self.last_s = 0.0


class AggregationSchedule:
    """Aggregates what the ingest committed."""

    def __init__(self, connection: sqlite3.Connection, ingest: Ingest) -> None:
        self._connection = connection
        self._ingest = ingest
        self.pairs = PairIds(connection)
        self.rollups = Rollups(connection)
        self.tag_sets = TagSetIds(connection)
        self.traces = TraceAggregation(connection, self.pairs, self.tag_sets, self.rollups)
        self.sessions = SessionAggregation(connection, self.pairs, self.rollups)
        self._recent: dict[bytes, _RecentTrace] = {}
        self._remembered = self._remembered_bytes = self._waiting = 0
        self._left_s = self._left_work_s = 0.0
        """For how long the oldest had waited that the last round did not come to, and what the rest takes."""
        self.was_cut = False
        """Whether the last round left what was due."""
        self._dirty: dict[bytes, tuple[float, int]] = {}
        """Trace id to the time of its first span that is not aggregated, and a number before that span's."""
        self._failures: dict[bytes, int] = {}
        """Trace id to how often its aggregation failed."""
        self._browsers_wait = True
        self._taken_seq = 0
        self._last_round_s = 0.0
        self._unread_seq = self._stored_seq = 0
        """Spans after the first and up to the second are not aggregated, and their traces not yet due."""
        self._catch_up()

    def _catch_up(self) -> None:
        self._unread_seq = self._ingest.counters.get("settled_seq")
        self._stored_seq = self._ingest.seq
        self._read_backlog()
        self._browsers_wait = True
        self._taken_seq = self._ingest.seq

    def _read_backlog(self) -> None:
        """Make the next traces due of those that were stored and not aggregated before the start."""
        before = len(self._dirty)
        while self._unread_seq < self._stored_seq and len(self._dirty) == before:
            mark, upto = self._unread_seq, min(self._unread_seq + _BACKLOG, self._stored_seq)
            rows = self._connection.execute(
                "SELECT DISTINCT trace_id FROM spans WHERE seq > ? AND seq <= ?", (mark, upto)
            )
            for (trace_id,) in rows:
                self._dirty.setdefault(trace_id, (0.0, mark))
            self._unread_seq = upto

    @property
    def has_work(self) -> bool:
        """Whether something will soon be due."""
        return bool(self._dirty or self._browsers_wait or self._ingest.committed or self._has_backlog)

    @property
    def _has_backlog(self) -> bool:
        return self._unread_seq < self._stored_seq

    def check_pace(self) -> None:
        """See `store.api.Writer.check_pace`. May be called by any thread.

        What a round could not come to counts, and not what waits for a round: a process that was stopped, or
        had no core, is not behind by that alone.
        """
        if self._left_s > MAX_LAG_S:
            lag = f"the oldest of them has waited for {self._left_s:.1f} s"
        elif self._dirty and (self._left_work_s > MAX_WORK_S or self._remembered > MAX_WAITING):
            lag = f"{self._waiting:,} of them wait"
        elif self._dirty and self._remembered_bytes > MAX_WAITING_BYTES:
            lag = f"{self._remembered_bytes / 1e6:,.0f} MB of them wait"
        else:
            return
        raise StoreBusy(
            f"Spans arrive faster than they can be settled: {lag}. They are taken again within seconds; "
            "if this lasts, send less.",
            "behind",
        )

    def is_due(self, *, final: bool) -> bool:
        """Take over what was committed; return whether a round is worth a transaction."""
        now_s = time.monotonic()
        self._take(now_s)
        if not final and now_s - self._last_round_s < _PAUSE_S:
            return False
        if (self._browsers_wait or self._has_backlog) and (final or not self._dirty):
            return True
        return any(
            final or self._is_ripe(trace_id, since[0], now_s) for trace_id, since in self._dirty.items()
        )

    def aggregate(self, *, final: bool = False) -> None:
        """One round, inside the writer's transaction; a `final` one takes all, however long it takes."""
        now_s = self._last_round_s = time.monotonic()
        counters = self._ingest.counters
        upto = self._ingest.seq
        if self._browsers_wait:
            after = counters.get("sessions_seq")
            for (session_id, shift), stored_upto in self._ingest.restated:
                self.sessions.restate(session_id, shift, stored_upto, counted_upto=after)
            self._ingest.is_restated = True
            known = self._ingest.browsers_since(after)
            self.sessions.aggregate(
                self.sessions.stored_events(after, upto) if known is None else events_of(known)
            )
            for session_id, (shift, whole) in self.sessions.slow_clocks().items():
                self.sessions.restate(session_id, shift, upto, counted_upto=upto)
                self._ingest.clocks.prove_slow(session_id, whole, self._ingest.clock.now())
        counters.set("sessions_seq", upto)
        while final and self._has_backlog:
            self._read_backlog()
        waiting = self._waiting
        done, is_whole = self._aggregate_traces(now_s, final=final)
        self.traces.flush()
        # After the traces: what they added and subtracted is collected in the rollups.
        self.rollups.flush()
        for trace_id in done:
            del self._dirty[trace_id]
        limit = self._unread_seq if self._has_backlog else upto
        counters.set("settled_seq", min(limit, min((low for _, low in self._dirty.values()), default=upto)))
        counters.flush()
        self._browsers_wait = False
        if self._has_backlog and not any(since_s == 0.0 for since_s, _ in self._dirty.values()):
            self._read_backlog()
        self._drop_rows(now_s)
        self._note_pace(now_s, waiting - self._waiting, is_whole=is_whole)

    def _note_pace(self, began_s: float, settled: int, *, is_whole: bool) -> None:
        """Note how much a round left behind; what a start found does not count."""
        now_s = time.monotonic()
        oldest_s = next((since_s for since_s, _ in self._dirty.values() if since_s), now_s)
        self._left_s = now_s - oldest_s
        self.was_cut = not is_whole
        few = is_whole or self._waiting < _FEW
        self._left_work_s = 0.0 if few else self._waiting * (now_s - began_s) / max(settled, 1)

    def _aggregate_traces(self, now_s: float, *, final: bool) -> tuple[list[bytes], bool]:
        """The traces that were aggregated, and whether these are all that are due."""
        done: list[bytes] = []
        for trace_id, (first_s, _) in self._dirty.items():
            if not final:
                if not self._is_ripe(trace_id, first_s, now_s):
                    continue
                if time.monotonic() > now_s + _ROUND_S:
                    return done, False
            done.append(trace_id)
            known = self._recent.get(trace_id)
            if known:
                self._waiting -= known.waiting
                known.waiting = 0
            if self._failures.get(trace_id, 0) >= _ATTEMPTS:
                continue
            try:
                self.traces.aggregate(trace_id, tuple(known.rows.values()) if known else ())
            except (sqlite3.OperationalError, MemoryError):
                raise
            except Exception:
                # The round is rolled back; the next one tries again, from the table.
                self._failures[trace_id] = self._failures.get(trace_id, 0) + 1
                _LOG.exception("trace %s cannot be aggregated", trace_id.hex())
                raise
        return done, True

    def on_rollback(self) -> None:
        """Drop everything in memory, and start again from the counters."""
        self.pairs.invalidate()
        self.tag_sets.invalidate()
        self.traces.on_rollback()
        self.sessions.invalidate()
        self.rollups.on_rollback()
        self._recent.clear()
        self._remembered = self._remembered_bytes = self._waiting = 0
        self._left_s = self._left_work_s = 0.0
        self.was_cut = False
        self._dirty.clear()
        self._catch_up()

    def drop(self, trace_id: bytes) -> None:
        """Forget a trace whose spans were deleted."""
        known = self._recent.pop(trace_id, None)
        if known:
            self._forget(known)
        self._dirty.pop(trace_id, None)

    def _take(self, now_s: float) -> None:
        added = added_bytes = 0
        for span in self._ingest.committed:
            trace_id = span.trace_id
            known = self._recent.get(trace_id)
            if known is None:
                known = self._recent[trace_id] = _RecentTrace()
            if known.rows.setdefault(span.span_id, span) is span:
                size = len(span.raw)
                known.size_bytes += size
                known.waiting += 1
                added += 1
                added_bytes += size
            known.last_s = now_s
            if trace_id not in self._dirty:
                self._dirty[trace_id] = (now_s, self._taken_seq)
            if span.browser:
                self._browsers_wait = True
        self._remembered += added
        self._waiting += added
        self._remembered_bytes += added_bytes
        self._ingest.committed.clear()
        self._taken_seq = self._ingest.seq

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

    def _forget(self, known: _RecentTrace) -> None:
        self._remembered -= len(known.rows)
        self._waiting -= known.waiting
        self._remembered_bytes -= known.size_bytes
