"""Numbers and inserts what arrives: the hot path. Must run inside the writer's transaction.

What is derived from spans is handed over to the settler by the same transaction (`handover`). Spans are put
into their tables, and told from those that are there already, by `span_tables`.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import Any, Final
from zlib import crc32

from signals.deployments import is_deployment
from store.rows import Batch, LogRow, SpanRow
from store.sender_clocks import (
    AHEAD_NS,
    BEHIND_NS,
    Pause,
    Restated,
    Sender,
    SenderClocks,
)
from store.sqlite.row_checks import log_check
from store.sqlite.store_file import STORE_ID
from store.sqlite.write.counters import Counters
from store.sqlite.write.handover import HandoverRow
from store.sqlite.write.interning import OriginIds
from store.sqlite.write.log_tables import LogTables
from store.sqlite.write.metric_ingest import MetricIngest, SeriesBounds
from store.sqlite.write.moved_sessions import MovedSessions
from store.sqlite.write.name_slots import NameSlots
from store.sqlite.write.repeated_logs import RepeatedLogs
from store.sqlite.write.row_values import (
    MAX_TIME,
    bounded,
    encodable,
    log_counts,
)
from store.sqlite.write.span_tables import SpanTables

_ARRIVAL_EVERY_NS: Final = 5_000_000_000
"""Rows of `arrivals` are this far apart: retention by age is right to 5 s."""
OLDEST_COUNTED_NS: Final = 366 * 86_400 * 10**9
"""A time further before its arrival, beyond any range that follows the clock, counts as no oldest."""


class StoreClock:
    """The store's own time: it starts at the wall clock's, or where it stopped, and never goes back.

    While the process lives it follows the monotonic clock, so that setting the wall
    clock changes no age.
    """

    def __init__(self, wall: Callable[[], int], at_least: int) -> None:
        self._base = max(wall(), at_least)
        self._began = time.monotonic_ns()

    def now(self) -> int:
        """Unix nanoseconds."""
        return self._base + time.monotonic_ns() - self._began


class Ingest:
    """Numbers and inserts what arrives, and keeps the newest of it in memory for aggregation."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        clock: Callable[[], int],
        series_bounds: SeriesBounds | None = None,
        *,
        handing_over: bool = True,
    ) -> None:
        """`handing_over`: otherwise all that the store holds is settled anew, by the next settler."""
        self._connection = connection
        self.counters = Counters(connection)
        last = connection.execute("SELECT max(unix_nano) FROM arrivals").fetchone()[0] or 0
        self.clock = StoreClock(clock, last)
        self.origins = OriginIds(connection)
        self._repeated = RepeatedLogs(connection, self.clock.now)
        self.clocks = SenderClocks(self._is_known, Pause(last, self.clock.now()) if last else None)
        self.metrics = MetricIngest(
            connection, self.counters, series_bounds or SeriesBounds(), self.clock.now
        )
        self._tables = SpanTables(connection)
        self.logs = LogTables(connection)
        self.seq = max(self._tables.stored.newest(), self.logs.newest(), self.counters.get("seq"))
        self.names = NameSlots(connection, self.seq)
        # What the last process used may not have been noted: nothing is pruned too early.
        connection.execute("UPDATE origins SET last_seq = ?", (self.seq,))
        self._committed_seq = self.seq
        self._last_arrival = last
        self._handing_over = handing_over
        if not handing_over:
            self.counters.set(STORE_ID, secrets.randbits(62))
        self.handover = HandoverRow()
        """What the open transaction hands over."""
        self._handed: list[tuple[int, int]] = []
        self.handed: list[tuple[int, int]] = []
        """(number, spans) of what was handed over and committed; whoever watches the settler takes them."""
        self.moved = MovedSessions(connection, self.handover)

    def insert(self, batches: Sequence[Batch]) -> None:
        """Insert whole batches; the logs of one that repeats an earlier one are there already."""
        for batch in batches:
            # A batch may come here again after a rollback.
            batch.repeated, batch.differing, batch.first_differing = 0, 0, None
            self.clocks.place(batch)
            self.moved.move_all(self.clocks.take_restated(), self._committed_seq)
            before = self.seq
            self._spans(batch)
            self._logs(batch.logs, batch.arrived_unix_nano)
            self.names.note(batch.names, before, self.seq)
            self._note_metric_times(batch)
            self.counters.add("rejected", batch.rejected + batch.differing)
        self.metrics.insert(batches)
        now = self.clock.now()
        if now - self._last_arrival >= _ARRIVAL_EVERY_NS:
            self._connection.execute("INSERT OR IGNORE INTO arrivals VALUES (?, ?)", (self.seq, now))
            self._last_arrival = now
        self.counters.set("seq", self.seq)
        self.counters.set("last_received", now)
        self.hand_over()
        self.counters.flush()

    def hand_over(self) -> None:
        """Write what the open transaction hands over, if it does."""
        if self._handing_over and self.handover:
            number = self.handover.store(self._connection, self.clock.now())
            self.moved.note(number)
            self._handed.append((number, len(self.handover.spans)))
        self.handover.clear()

    def move(self, restated: Restated) -> None:
        """Move all that is stored of a session, in the open transaction."""
        self.moved.move(restated, self._committed_seq)

    def forget_spans(self) -> None:
        """Forget which spans are stored: some are deleted in the open transaction."""
        self._tables.forget()

    def write_mark(self) -> None:
        """Write something small, to see whether the medium takes it."""
        self.counters.add("write_marks", 1)
        self.counters.flush()

    def _spans(self, batch: Batch) -> None:
        spans, arrived = batch.spans, batch.arrived_unix_nano
        if not spans:
            return
        first = self.seq
        starts, durations = [span[6] for span in spans], [span[7] for span in spans]  # by place: quicker
        if min(min(starts), min(durations)) < 0 or max(max(starts), max(durations)) > MAX_TIME:
            spans = [bounded(span) for span in spans]
            starts = [span.start_unix_nano for span in spans]
        new = self._tables.new_of(batch, spans)
        origins = {body: (number, crc32(body)) for body, number in self._origins_of(new).items()}
        new, browsers = self._tables.insert(new, first, origins)
        self.handover.spans += new
        self.handover.browsers += browsers
        # Spans that were kept already have numbers, too: `late_batches` has a row for each last number.
        self.seq = first + len(spans)
        self.counters.add("spans", len(new))
        oldest, newest = min(starts), max(starts)
        self._note_times(oldest, newest, arrived)
        self._note_if_late(arrived, oldest, newest, len(new), 0)

    def _logs(self, logs: Sequence[LogRow], arrived: int) -> None:
        if not logs or self._repeated.is_repeated(logs):
            return
        rows = self._log_rows(logs)
        first = self.seq
        self.seq += len(rows)
        counts = log_counts(logs)
        try:
            self.logs.insert(rows)
            self.logs.count(counts)
        except UnicodeEncodeError:
            self._connection.execute("DELETE FROM logs WHERE seq > ?", (first,))
            self.logs.invalidate()
            self.logs.insert(encodable(rows))
            self.logs.count(encodable(counts))
        self.logs.pack()
        self._connection.executemany(
            "INSERT INTO deployments (seq, time) VALUES (?, ?)",
            [row[:2] for row, log in zip(rows, logs, strict=True) if log.event and is_deployment(log.event)],
        )
        self.counters.add("logs", len(rows))
        times = [row[1] for row in rows]
        self._note_times(min(times), max(times), arrived)
        self._note_if_late(arrived, min(times), max(times), 0, len(rows))

    def _log_rows(self, logs: Sequence[LogRow]) -> list[tuple[Any, ...]]:
        """The rows of logs, with their numbers and checksums."""
        seq = self.seq
        origins = self._origins_of(logs)
        checks = {body: crc32(body) for body in origins}
        rows: list[tuple[Any, ...]] = []
        for log in logs:
            seq += 1
            time_ns = log.time_unix_nano
            if not 0 <= time_ns <= MAX_TIME:
                time_ns = min(max(time_ns, 0), MAX_TIME)
            check = log_check(
                seq, time_ns, log.severity_number, (log.service, log.session_id, log.body),
                log.trace_id + log.span_id, (checks[log.resource], checks[log.scope]), log.raw,
            )  # fmt: skip
            rows.append(
                (
                    seq,
                    time_ns,
                    log.severity_number,
                    log.service,
                    bytearray(log.trace_id) if log.trace_id else None,
                    bytearray(log.span_id) if log.span_id else None,
                    log.session_id or None,
                    log.body,
                    origins[log.resource],
                    origins[log.scope],
                    bytearray(log.raw),
                    check,
                )
            )
        return rows

    def _is_known(self, sender: Sender) -> bool:
        """Whether something of a browser's session, or of a resource, is stored."""
        table = "spans WHERE session_id" if isinstance(sender, str) else "origins WHERE body"
        found = self._connection.execute(f"SELECT 1 FROM {table} = ? LIMIT 1", (sender,))  # noqa: S608 - our own
        return found.fetchone() is not None

    def _note_times(self, oldest: int, newest: int, arrived: int) -> None:
        """Widen the time from which and up to which there is data, but not by a stray time."""
        counters = self.counters
        if oldest >= arrived - OLDEST_COUNTED_NS or not counters.get("oldest"):
            counters.at_most("oldest", oldest)
        counters.at_least("newest", min(newest, arrived + AHEAD_NS) if arrived else newest)

    def _note_metric_times(self, batch: Batch) -> None:
        if batch.metrics:
            times = [row[2] for row in batch.metrics]  # time_unix_nano
            self._note_times(max(min(times), 0), min(max(times), MAX_TIME), batch.arrived_unix_nano)

    def _note_if_late(self, arrived: int, oldest: int, newest: int, spans: int, logs: int) -> None:
        if arrived and newest < arrived - BEHIND_NS:
            self._connection.execute(
                "INSERT OR REPLACE INTO late_batches VALUES (?, ?, ?, ?, ?, ?)",
                (self.seq, arrived, oldest, newest, spans, logs),
            )

    def _origins_of(self, rows: Sequence[SpanRow] | Sequence[LogRow]) -> dict[bytes, int]:
        """The ids of all resources and scopes of a batch, marked as used up to its last row."""
        bodies = {row.resource for row in rows} | {row.scope for row in rows}
        last = self.seq + len(rows)
        return {body: self.origins.id_of(body, last) for body in bodies}

    def on_commit(self) -> None:
        """Take what was handed over as committed."""
        self._committed_seq = self.seq
        self.handed += self._handed
        self._handed.clear()
        self.moved.on_commit()
        self.handover.clear()
        self.counters.on_commit()

    def on_rollback(self) -> None:
        """Return to the last commit."""
        self.seq = self._committed_seq
        self._handed.clear()
        self.handover.clear()
        self.moved.on_rollback()
        self.origins.invalidate()
        self._tables.forget()
        self.names.invalidate()
        self._repeated.invalidate()
        self.logs.invalidate()
        self.counters.on_rollback()
        self.metrics.invalidate()
