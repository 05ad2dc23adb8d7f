"""Takes rows of another file into a store, through the ingest, in transactions of bounded size.

What is derived is computed by the next writer of the store, from the rows. Knows not where rows come from.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from signals.attributes import text_of
from signals.deployments import event_name_of
from store.api import StoreError
from store.decode import log_detail
from store.metric_rows import ExemplarRow, MetricRow, MetricSeriesRow
from store.rows import Batch, LogRow, SpanRow
from store.sqlite.store_file import connect_writer, unavailable
from store.sqlite.table_layout import BROWSER_FLAG, DATABASE_FLAG, ERROR_FLAG, KEPT_POINTS
from store.sqlite.write.ingest import Ingest
from store.sqlite.write.kept_times import KeptTimes
from store.sqlite.write.metric_ingest import SeriesBounds
from store.sqlite.write.metric_settling import MetricSettling
from store.sqlite.write.writer_lock import WriterLock

_ROUND: Final = 2_000
"""Rows of a transaction: some 40 ms, and a few megabytes."""
_WORDS: Final = ("spans", "logs", "metric points", "exemplars")
_MOST_SERIES: Final = 1_000_000
_WAITING_POINTS: Final = 40_000

Progress = Callable[[str, int], None]
"""Told what is carried over ("spans", "logs", "metric points", "exemplars") and how many so far."""


class Carried(NamedTuple):
    """How many rows are new in the store."""

    spans: int = 0
    logs: int = 0
    points: int = 0
    exemplars: int = 0


class StoredSpan(NamedTuple):
    """The columns of `spans`, with the bodies of resource and scope in place of their ids."""

    trace_id: bytes
    span_id: bytes
    parent: bytes
    service: str
    name: str
    kind: int
    start: int
    duration: int
    flags: int
    peer: str
    session: str
    resource: bytes
    scope: bytes
    raw: bytes


class StoredLog(NamedTuple):
    """The columns of `logs`, likewise."""

    time: int
    severity: int
    service: str
    trace_id: bytes
    span_id: bytes
    session: str
    body: str
    resource: bytes
    scope: bytes
    raw: bytes


class CarryingOver:
    """A store that takes rows of another file. Used by one thread."""

    def __init__(self, path: Path, progress: Progress) -> None:
        """Open or create the store at `path`. Raises StoreError; nobody else may write it meanwhile."""
        self._path = path
        self._progress = progress
        self._lock = WriterLock(path)
        try:
            self._connection = connect_writer(path)
        except StoreError:
            self._lock.release()
            raise
        self._ingest = Ingest(
            self._connection, time.time_ns, SeriesBounds(_MOST_SERIES, _MOST_SERIES), handing_over=False
        )
        self._settling = MetricSettling(self._connection, self._ingest)
        self._kept_times = KeptTimes(self._connection)
        self._kept_exemplars = 0
        self._before = self._counts()
        self._spans: list[SpanRow] = []
        self._logs: list[LogRow] = []
        self._points: list[MetricRow] = []
        self._exemplars: list[tuple[MetricSeriesRow, ExemplarRow]] = []

    def add_span(self, row: StoredSpan) -> None:
        """Take a span. Raises StoreUnavailable."""
        self._spans.append(_span_row(row))
        if len(self._spans) >= _ROUND:
            self._commit()

    def add_log(self, row: StoredLog) -> None:
        """Take a log. Raises StoreUnavailable."""
        self._logs.append(_log_row(row))
        if len(self._logs) >= _ROUND:
            self._commit()

    def add_point(self, row: MetricRow) -> None:
        """Take a point of a metric, unless its series has one of this time. Raises StoreUnavailable."""
        if not self._kept_times.take(row.series.digest, row.time_unix_nano):
            return
        self._points.append(row)
        if len(self._points) >= _ROUND:
            self._commit()

    def add_exemplar(self, series: MetricSeriesRow, row: ExemplarRow) -> None:
        """Take an exemplar of points that were taken before. Raises StoreUnavailable."""
        self._exemplars.append((series, row))
        if len(self._exemplars) >= _ROUND:
            self._commit()

    def finish(self) -> Carried:
        """Commit the rest, close the store, and return what is new in it. Raises StoreUnavailable."""
        self._commit()
        while self._ingest.metrics.waiting:
            self._transact(self._settling.settle)
        after = self._counts()
        self.close()
        return Carried(*(now - then for now, then in zip(after, self._before, strict=True)))

    def close(self) -> None:
        """Close the store; what was not committed is not kept."""
        self._connection.close()
        self._lock.release()

    def _counts(self) -> Carried:
        counters = self._ingest.counters
        return Carried(
            counters.get("spans"), counters.get("logs"), counters.get(KEPT_POINTS), self._kept_exemplars
        )

    def _commit(self) -> None:
        batch = Batch(self._spans, self._logs, self._points, is_placed=True)
        self._transact(lambda: self._insert(batch))
        self._spans, self._logs, self._points, self._exemplars = [], [], [], []
        if self._ingest.metrics.waiting >= _WAITING_POINTS:
            self._transact(self._settling.settle)
        now = self._counts()
        for what, count, before in zip(_WORDS, now, self._before, strict=True):
            if count > before:
                self._progress(what, count - before)

    def _insert(self, batch: Batch) -> None:
        self._ingest.insert([batch])
        kept = [self._ingest.metrics.keep_saved(series, row) for series, row in self._exemplars]
        self._kept_exemplars += sum(kept)

    def _transact(self, work: Callable[[], None]) -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            work()
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise unavailable(self._path, error) from error
        self._ingest.on_commit()


def _span_row(row: StoredSpan) -> SpanRow:
    return SpanRow(
        trace_id=row.trace_id,
        span_id=row.span_id,
        parent_span_id=row.parent,
        service=row.service,
        name=row.name,
        kind=row.kind,
        start_unix_nano=row.start,
        duration_ns=row.duration,
        error=bool(row.flags & ERROR_FLAG),
        peer=row.peer,
        peer_is_database=bool(row.flags & DATABASE_FLAG),
        session_id=row.session,
        browser=bool(row.flags & BROWSER_FLAG),
        tags={},
        resource=row.resource,
        scope=row.scope,
        raw=row.raw,
    )


def _log_row(row: StoredLog) -> LogRow:
    detail = log_detail(row.raw)
    return LogRow(
        time_unix_nano=row.time,
        severity_number=row.severity,
        body=row.body,
        service=row.service,
        trace_id=row.trace_id,
        span_id=row.span_id,
        session_id=row.session,
        resource=row.resource,
        scope=row.scope,
        raw=row.raw,
        event=text_of(event_name_of(detail.event_name, detail.attributes)),
    )
