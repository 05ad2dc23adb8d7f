"""Rows into tables: the hot path. Must run inside the writer's transaction."""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final

from signals.semantics import environment_of
from store.decode import resource_attributes
from store.rows import Batch, LogRow, SpanRow
from store.sqlite.write.counters import Facts
from store.sqlite.write.interning import Origins

MAX_TIME: Final = (1 << 62) - 1
"""Times beyond the year 2116 are held there, so that sums fit SQLite's integers."""
_ARRIVAL_EVERY_NS: Final = 5_000_000_000
_MAX_BROWSERS: Final = 20_000
"""Browser spans remembered for settling; of more, the table is asked."""
_SLOT_NS: Final = 10_000_000_000

_INSERT_SPAN = (
    "INSERT OR IGNORE INTO spans (seq, trace_id, span_id, parent_span_id, service, name, kind, start, "
    "duration, flags, peer, session_id, resource, scope, raw) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_LOG = (
    "INSERT INTO logs (seq, time, severity, service, trace_id, span_id, session_id, body, resource, scope, "
    "raw) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
COUNT_LOGS = (
    "INSERT INTO log_cells (slot, service, severity, environment, n) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT DO UPDATE SET n = n + excluded.n"
)


class StoreClock:
    """The store's own time: it starts at the wall's, or where it was left, and never jumps.

    While the process lives it goes by the monotonic clock: setting the wall clock
    makes nothing old and nothing young.
    """

    def __init__(self, wall: Callable[[], int], at_least: int) -> None:
        self._base = max(wall(), at_least)
        self._began = time.monotonic_ns()

    def now(self) -> int:
        return self._base + time.monotonic_ns() - self._began


class Ingest:
    """Numbers and inserts what comes, and remembers the newest of it for settling."""

    def __init__(self, connection: sqlite3.Connection, clock: Callable[[], int]) -> None:
        self._connection = connection
        self.facts = Facts(connection)
        last = connection.execute("SELECT max(unix_nano) FROM arrivals").fetchone()[0] or 0
        self.clock = StoreClock(clock, last)
        self.origins = Origins(connection)
        highest = connection.execute(
            "SELECT max(coalesce((SELECT max(seq) FROM spans), 0), coalesce((SELECT max(seq) FROM logs), 0))"
        ).fetchone()[0]
        self.seq = max(int(highest), self.facts.get("seq"))
        connection.execute("UPDATE origins SET last_seq = ?", (self.seq,))
        self._kept_seq = self.seq
        self._last_arrival = last
        self._has_text = (
            connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'logs_text'").fetchone() is not None
        )
        self.fresh: list[SpanRow] = []
        """Spans of the open transaction; once committed, the settler takes them."""
        self.committed: list[SpanRow] = []
        self._fresh_browsers: list[tuple[int, SpanRow]] = []
        self._browsers: list[tuple[int, SpanRow]] = []
        self._unsure_seq = self.seq
        """Up to here, the table alone knows which spans were new."""

    def insert(self, batches: Sequence[Batch]) -> None:
        """Insert whole batches."""
        for batch in batches:
            self._spans(batch.spans)
            self._logs(batch.logs)
            self.facts.add("metric_points", batch.metric_points)
            self.facts.add("rejected", batch.rejected)
        now = self.clock.now()
        if now - self._last_arrival >= _ARRIVAL_EVERY_NS:
            self._connection.execute("INSERT OR IGNORE INTO arrivals VALUES (?, ?)", (self.seq, now))
            self._last_arrival = now
        self.facts.set("seq", self.seq)
        self.facts.set("last_received", now)
        self.facts.flush()

    def _spans(self, spans: Sequence[SpanRow]) -> None:
        if not spans:
            return
        first = seq = self.seq
        origins = self._origins_of(spans)
        rows: list[tuple[Any, ...]] = []
        oldest, newest = MAX_TIME, 0
        for span in spans:
            seq += 1
            if not (0 <= span[6] <= MAX_TIME and 0 <= span[7] <= MAX_TIME):
                span = _bounded(span)
            (
                trace_id, span_id, parent, service, name, kind, start, duration, error, peer, database,
                session, browser, _, resource, scope, raw,
            ) = span  # fmt: skip
            if start < oldest:
                oldest = start
            if start > newest:
                newest = start
            flags = error | database << 1 | browser << 2
            rows.append(
                (
                    seq, trace_id, span_id, parent or None, service, name, kind, start, duration, flags, peer,
                    session or None, origins[resource], origins[scope], raw,
                )
            )  # fmt: skip
            self.fresh.append(span)
            if browser:
                self._fresh_browsers.append((seq, span))
        self.seq = seq
        try:
            added = self._connection.executemany(_INSERT_SPAN, rows).rowcount
        except UnicodeEncodeError:
            added = self._connection.executemany(_INSERT_SPAN, _encodable(rows)).rowcount
            self._unsure_seq = seq
        if added != seq - first:
            self._unsure_seq = seq
        self.facts.add("spans", added)
        self.facts.at_most("oldest", oldest)
        self.facts.at_least("newest", newest)

    def _logs(self, logs: Sequence[LogRow]) -> None:
        if not logs:
            return
        seq = self.seq
        origins = self._origins_of(logs)
        rows: list[tuple[Any, ...]] = []
        for log in logs:
            seq += 1
            rows.append(
                (
                    seq,
                    min(max(log.time_unix_nano, 0), MAX_TIME),
                    log.severity_number,
                    log.service,
                    log.trace_id or None,
                    log.span_id or None,
                    log.session_id or None,
                    log.body,
                    origins[log.resource],
                    origins[log.scope],
                    log.raw,
                )
            )
        first = self.seq
        self.seq = seq
        counts = _log_counts(logs)
        try:
            self._connection.executemany(_INSERT_LOG, rows)
            self._connection.executemany(COUNT_LOGS, counts)
        except UnicodeEncodeError:
            self._connection.execute("DELETE FROM logs WHERE seq > ?", (first,))
            self._connection.executemany(_INSERT_LOG, _encodable(rows))
            self._connection.executemany(COUNT_LOGS, _encodable(counts))
        if self._has_text:
            self._connection.execute(
                "INSERT INTO logs_text (rowid, body) SELECT seq, body FROM logs WHERE seq > ? AND seq <= ?",
                (first, seq),
            )
        self.facts.add("logs", len(rows))
        self.facts.at_most("oldest", min([row[1] for row in rows]))
        self.facts.at_least("newest", max([row[1] for row in rows]))

    def _origins_of(self, rows: Sequence[SpanRow] | Sequence[LogRow]) -> dict[bytes, int]:
        """The ids of all resources and scopes of a batch, in use as far as its end."""
        bodies = {row.resource for row in rows} | {row.scope for row in rows}
        last = self.seq + len(rows)
        return {body: self.origins.id_of(body, last) for body in bodies}

    def browsers_since(self, seq: int) -> list[tuple[int, SpanRow]] | None:
        """The committed browser spans after this number, each once; None if memory is not sure of them.

        Those that are handed out are not kept.
        """
        found = self._browsers
        self._browsers = []
        return found if seq >= self._unsure_seq else None

    def keep(self) -> None:
        """The transaction was committed."""
        self._kept_seq = self.seq
        self.committed.extend(self.fresh)
        self.fresh.clear()
        self._browsers.extend(self._fresh_browsers)
        self._fresh_browsers.clear()
        if len(self._browsers) > _MAX_BROWSERS:
            self._browsers.clear()
            self._unsure_seq = self.seq
        self.facts.keep()

    def forget(self) -> None:
        """The transaction was undone."""
        self.seq = self._kept_seq
        self._unsure_seq = self.seq
        self.fresh.clear()
        self._fresh_browsers.clear()
        self._browsers.clear()
        self.origins.forget()
        self.facts.forget()


def _log_counts(logs: Sequence[LogRow]) -> list[tuple[Any, ...]]:
    """What logs add to the cells: slot, service, severity, environment, how many."""
    environments: dict[bytes, str] = {}
    cells: Counter[tuple[int, str, int, str]] = Counter()
    for log in logs:
        environment = environments.get(log.resource)
        if environment is None:
            environment = environments[log.resource] = environment_of(resource_attributes(log.resource))
        slot = min(max(log.time_unix_nano, 0), MAX_TIME) // _SLOT_NS
        cells[slot, log.service, log.severity_number, environment] += 1
    return [(*cell, n) for cell, n in cells.items()]


def _bounded(span: SpanRow) -> SpanRow:
    start, duration = span.start_unix_nano, span.duration_ns
    return span._replace(
        start_unix_nano=min(max(start, 0), MAX_TIME), duration_ns=min(max(duration, 0), MAX_TIME)
    )


def _encodable(rows: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Text that UTF-8 cannot hold (lone surrogates) with question marks in its place."""
    return [
        tuple(cell.encode("utf-8", "replace").decode() if isinstance(cell, str) else cell for cell in row)
        for row in rows
    ]
