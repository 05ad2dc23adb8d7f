"""`store.api.Writer` over ClickHouse: batches of several senders become one insert.

Success means that the server has it. Each insert carries a token made of its content, so that one whose
answer was lost is sent again and kept once.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from cachetools import LRUCache

from store.api import Batch, StoreBusy, StoreError, StoreUnavailable, WriterHealth
from store.clickhouse.connection import Connections, Values
from store.clickhouse.metric_columns import metric_columns
from store.clickhouse.row_columns import digest_of, log_columns, span_columns
from store.clickhouse.schema import FACTS, LOGS, METRICS, TRACES, prepare
from store.clickhouse.tables import find_table
from store.decode import is_same_span
from store.metric_rows import MetricRow
from store.rows import LogRow, SpanRow

MOST_ROWS: Final = 8_192
"""Rows of one insert: an insert costs 15 to 20 ms whatever its size."""
LINGER_S: Final = 1.0
"""So long an insert waits for more."""
_MOST_WAITING: Final = 16 * MOST_ROWS
_REMEMBERED: Final = 500_000
"""Spans whose content is remembered to tell a repetition; later ones are told by the reader."""
_REMEMBERED_LOGS: Final = 50_000
_TRIES: Final = 2
_ANSWER_S: Final = 10.0
"""So long a sender waits for the server: longer than for a file, as merges share its cores."""
_Key = tuple[bytes, bytes]
_IDENTITY: Final = {
    TRACES: ("TraceId", "SpanId", "LabRaw"),
    LOGS: ("LabArrival", "LabRaw"),
    METRICS: ("Digest", "Value"),
}
"""Columns that tell one insert from another."""


@dataclass(slots=True)
class _Waiting:
    batch: Batch
    spans: list[SpanRow] = field(default_factory=list)
    logs: Sequence[LogRow] = ()
    done: threading.Event = field(default_factory=threading.Event)
    error: StoreError | None = None


class ClickHouseWriter:
    """Takes batches from many threads; one thread inserts them."""

    def __init__(
        self,
        connections: Connections,
        *,
        linger_s: float = LINGER_S,
        max_age_s: float = 0,
        place: Callable[[Batch], None] = lambda _: None,
    ) -> None:
        """Creates the tables that are missing; `place` gives items of wrong clocks their times."""
        prepare(connections, max_age_s)
        self._columns = {name: _columns_of(connections, name) for name in (TRACES, LOGS, METRICS)}
        self._connections = connections
        self._linger_s = linger_s
        self._place = place
        self._condition = threading.Condition()
        self._queue: list[_Waiting] = []
        self._queued = 0
        self._closed = False
        self._health = WriterHealth()
        self._known: LRUCache[_Key, bytes] = LRUCache(_REMEMBERED)
        self._known_logs: LRUCache[bytes, bool] = LRUCache(_REMEMBERED_LOGS)
        self._newest: LRUCache[bytes, int] = LRUCache(_REMEMBERED)
        self._last_arrival = 0
        self._thread = threading.Thread(target=self._work, name="clickhouse-writer", daemon=True)
        self._thread.start()

    def write(self, batch: Batch) -> None:
        waiting = _Waiting(batch)
        with self._condition:
            if self._closed:
                raise StoreUnavailable("The store is closed.")
            if self._queued + len(batch) > _MOST_WAITING and self._queue:
                raise StoreBusy("The queue of the store is full: try again.")
            self._queue.append(waiting)
            self._queued += len(batch)
            self._condition.notify_all()
        if not waiting.done.wait(self._linger_s + _ANSWER_S):
            raise StoreUnavailable(
                "ClickHouse has not answered yet: send the batch again, nothing is kept twice.", "slow"
            )
        if waiting.error is not None:
            raise waiting.error

    def check_pace(self) -> None:
        """Return at once: nothing is settled afterwards, and the queue has a bound of its own."""

    def health(self) -> WriterHealth:
        return self._health

    def close(self) -> None:
        with self._condition:
            if self._closed:
                return
            self._closed = True
            self._condition.notify_all()
        self._thread.join()
        self._connections.close()

    def _work(self) -> None:
        while True:
            with self._condition:
                self._condition.wait_for(lambda: self._queue or self._closed)
                if not self._queue:
                    return
                deadline = time.monotonic() + self._linger_s
                self._condition.wait_for(
                    lambda: self._queued >= MOST_ROWS or self._closed, deadline - time.monotonic()
                )
                taken = self._next()
            try:
                self._commit(taken)
                self._health = WriterHealth()
            except StoreError as error:
                since = self._health.since_unix_nano or time.time_ns()
                self._health = WriterHealth(error.reason, str(error), since)
                self._fail(taken, error)
            except Exception as error:
                self._fail(taken, StoreUnavailable(f"The batch cannot be written: {error}"))
                raise
            finally:
                for each in taken:
                    each.done.set()

    def _next(self) -> list[_Waiting]:
        """The batches of the next insert: not all that wait, as the first would wait for the last."""
        count, rows = 0, 0
        while count < len(self._queue) and (not count or rows < MOST_ROWS):
            rows += len(self._queue[count].batch)
            count += 1
        taken, self._queue = self._queue[:count], self._queue[count:]
        self._queued -= rows
        return taken

    def _fail(self, taken: Sequence[_Waiting], error: StoreError) -> None:
        for each in taken:
            each.error = error
            for span in each.spans:
                self._known.pop((span.trace_id, span.span_id), None)

    def _commit(self, taken: Sequence[_Waiting]) -> None:
        digests = []
        for each in taken:
            self._place(each.batch)
            each.spans = self._new_spans(each.batch)
            digest = _digest_of_logs(each.batch.logs)
            if digest is None or digest not in self._known_logs:
                each.logs = each.batch.logs
                digests += [digest] if digest else []
        spans = [span for each in taken for span in each.spans]
        logs = [log for each in taken for log in each.logs]
        rejected = sum(each.batch.rejected + each.batch.differing for each in taken)
        if spans:
            self._insert(TRACES, span_columns(spans, self._arrivals(len(spans))))
            for each in taken:
                # They are kept, whatever becomes of the logs.
                each.spans = []
        if logs:
            self._insert(LOGS, log_columns(logs, self._arrivals(len(logs))))
        points = [point for each in taken for point in self._new_points(each.batch)]
        if points:
            self._insert(METRICS, metric_columns(points, self._arrivals(len(points))))
            self._newest.update({point.series.digest: point.time_unix_nano for point in points})
        if rejected:
            token = f"rejected {time.time_ns()}"
            self._connections.insert(FACTS, {"Name": ["rejected"], "Value": [rejected]}, token)
        self._known_logs.update(dict.fromkeys(digests, True))

    def _new_points(self, batch: Batch) -> list[MetricRow]:
        """Those that are not the newest of their series already; counts the others."""
        batch.repeated_points, batch.folded = 0, {}
        found: dict[tuple[bytes, int], MetricRow] = {}
        for point in batch.metrics:
            key = point.series.digest, point.time_unix_nano
            if key in found or self._newest.get(key[0]) == key[1]:
                batch.repeated_points += 1
            else:
                found[key] = point
        return list(found.values())

    def _insert(self, table: str, columns: dict[str, list[object]]) -> None:
        digest = hashlib.blake2b(digest_size=16)
        # Of logs the same may be said twice; a span that comes again is the same one.
        for name in _IDENTITY[table]:
            digest.update(repr(columns[name]).encode())
        # A table of the exporter lacks ours, and one of its earlier versions some of its own.
        columns = {name: values for name, values in columns.items() if name in self._columns[table]}
        for attempt in range(_TRIES):
            try:
                self._connections.insert(table, columns, digest.hexdigest())
                return
            except StoreUnavailable:
                if attempt == _TRIES - 1:
                    raise

    def _arrivals(self, count: int) -> range:
        """Rising numbers like those of `generateSnowflakeID`."""
        first = max((time.time_ns() // 1_000_000) << 22, self._last_arrival + 1)
        self._last_arrival = first + count
        return range(first, first + count)

    def _new_spans(self, batch: Batch) -> list[SpanRow]:
        """Those that are not there already; counts the others."""
        batch.repeated, batch.differing, batch.first_differing = 0, 0, None
        found: dict[_Key, SpanRow] = {}
        for span in batch.spans:
            key = span.trace_id, span.span_id
            digest, known = digest_of(span), self._known.get(key)
            if known is None:
                self._known[key] = digest
                found[key] = span
            elif known == digest or self._is_same(span, found.get(key)):
                batch.repeated += 1
            else:
                batch.differing += 1
                batch.first_differing = batch.first_differing or span
        return list(found.values())

    def _is_same(self, span: SpanRow, other: SpanRow | None) -> bool:
        if other is not None:
            stored = other.raw, other.resource, other.scope
        else:
            values = Values()
            rows = self._connections.rows(
                f"SELECT LabRaw, LabResource, LabScope FROM {self._connections.address.database}.{TRACES} "  # noqa: S608  # a checked name
                f"WHERE TraceId = {values.text(span.trace_id.hex())} "
                f"AND SpanId = {values.text(span.span_id.hex())} ORDER BY LabArrival LIMIT 1",
                values,
                ("LabRaw", "LabResource", "LabScope"),
            ) if "LabRaw" in self._columns[TRACES] else ()  # fmt: skip
            if not rows:
                return False
            stored = (rows[0][0], rows[0][1], rows[0][2])
        return is_same_span((span.raw, span.resource, span.scope), stored)


def _columns_of(connections: Connections, name: str) -> frozenset[str]:
    table = find_table(connections, name)
    return frozenset(table.columns) if table is not None else frozenset()


def _digest_of_logs(logs: Sequence[LogRow]) -> bytes | None:
    """Of a batch in which every record has a time of its sender; None of any other."""
    if not logs or not all(_has_time(log.raw) for log in logs):
        return None
    digest = hashlib.blake2b(digest_size=16)
    for log in logs:
        digest.update(b"%d %d %d " % (len(log.raw), len(log.resource), len(log.scope)))
        digest.update(log.raw + log.resource + log.scope)
    return digest.digest()


def _has_time(raw: bytes) -> bool:
    from store.decode import log_detail

    return bool(log_detail(raw).time_unix_nano)
