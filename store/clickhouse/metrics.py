"""`store.api.MetricReader` over ClickHouse: by the engine of SQLite, from a copy of the newest points.

The copy is in a folder of this process, is begun by the first question and brought up to date by each. So all
rules of resets, holes and percentiles exist once. What is older than the copy is not seen.
"""

# ruff: noqa: S608 - what is put into SQL text are names and numbers of our own

from __future__ import annotations

import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from signals.metrics import MetricKind
from signals.model import TraceId
from store.clickhouse.connection import Connections
from store.clickhouse.exporter_metrics import TABLES, columns_of, row_of
from store.clickhouse.metric_columns import COLUMNS, RAW, metric_row
from store.clickhouse.part import Part
from store.clickhouse.schema import METRICS
from store.clickhouse.tables import Table
from store.metric_results import TraceExemplar
from store.metric_rows import MetricRow, MetricSeriesRow
from store.queries import MetricQuery, Window
from store.results import MetricChart, MetricExemplar, MetricName, MetricValue
from store.rows import Batch
from store.sqlite.read.reader import SqliteReader
from store.sqlite.write.metric_ingest import SeriesBounds
from store.sqlite.write.writer import SqliteWriter

MOST_POINTS: Final = 500_000
"""Points that the copy begins with, the newest."""
_AT_ONCE: Final = 20_000
_SECOND_NS: Final = 10**9
_LOOK_S: Final = 5.0
_LATE_NS: Final = 300 * 10**9
"""So late a point of the exporter may arrive."""
_BYTES: Final = 1 << 30
_AGE_S: Final = 7 * 86_400.0
_OVERLAP: Final = 5_000 << 22
"""What arrived within five seconds may become visible out of order."""
_SERIES: Final = SeriesBounds(20_000, 200_000)


class _Copy:
    """A store of SQLite with the newest points."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._folder = Path(tempfile.mkdtemp(prefix="hipster-lab-metrics-"))
        self._writer = SqliteWriter(
            self._folder / "metrics.db", max_bytes=_BYTES, max_age_s=_AGE_S, series=_SERIES
        )
        self.reader = SqliteReader(self._folder / "metrics.db")
        self._known: dict[tuple[bytes, str], MetricSeriesRow] = {}
        self._seen: dict[tuple[bytes, int], int] = {}
        self._upto = -1
        self._points: dict[tuple[bytes, int], int] = {}
        self._times: dict[str, int] = {}

    def bring_up_to_date(self, source: str) -> None:
        """Copy what arrived since."""
        if self._upto < 0:
            rows = self._connections.rows(
                f"SELECT Arrival FROM {source} ORDER BY Arrival DESC LIMIT 1 OFFSET {MOST_POINTS}"
            )
            self._upto = int(rows[0][0]) if rows else 0
        newest = self._upto
        after = (newest - _OVERLAP, b"")
        while True:
            rows = self._connections.rows(
                f"SELECT {', '.join(COLUMNS)} FROM {source} WHERE (Arrival, Digest) > "
                f"({max(0, after[0])}, unhex('{after[1].hex()}')) ORDER BY Arrival, Digest LIMIT {_AT_ONCE}",
                raw=RAW,
            )
            self._take(rows)
            if rows:
                newest = max(newest, int(rows[-1][1]))
                after = int(rows[-1][1]), rows[-1][2]
            if len(rows) < _AT_ONCE:
                break
        self._upto = newest
        self._seen = {key: at for key, at in self._seen.items() if at > newest - 2 * _OVERLAP}

    def copy_of_exporter(self, table: Table, kind: MetricKind) -> None:
        """Copy the points of one of the exporter's tables; the time of a point stands for its arrival."""
        columns = columns_of(table, kind)
        upto = self._times.get(table.name)
        if upto is None:
            rows = self._connections.rows(
                f"SELECT toUnixTimestamp64Nano(toDateTime64(TimeUnix, 9)) AS at FROM {table.source} "
                f"ORDER BY at DESC LIMIT 1 OFFSET {MOST_POINTS}"
            )
            upto = int(rows[0][0]) if rows else 0
        begin = max(0, upto - _LATE_NS)
        rows = self._connections.rows(
            f"SELECT {columns} FROM {table.source} WHERE TimeUnix >= toDateTime64({begin // 10**9}, 9) "
            f"ORDER BY TimeUnix LIMIT {MOST_POINTS + 1}"
        )
        found = [row_of(kind, row) for row in rows]
        for place in range(0, len(found), _AT_ONCE):
            part = found[place : place + _AT_ONCE]
            self._keep([(point, point.time_unix_nano) for point in part], self._points, begin)
        if found:
            self._times[table.name] = max(upto, found[-1].time_unix_nano)

    def _take(self, rows: Sequence[Sequence[object]]) -> None:
        self._keep([(metric_row(row, self._known), int(row[1])) for row in rows], self._seen, 0)  # type: ignore[call-overload]  # a number

    def _keep(
        self, points: Sequence[tuple[MetricRow, int]], seen: dict[tuple[bytes, int], int], since: int
    ) -> None:
        """Write the points that are not in the copy yet; forget those of before a time."""
        fresh = []
        for point, at in points:
            key = point.series.digest, point.time_unix_nano
            if key not in seen:
                seen[key] = at
                fresh.append(point)
        if fresh:
            self._writer.write(Batch(metrics=fresh))
        if len(seen) > 2 * MOST_POINTS:
            for key in [key for key, at in seen.items() if at < since]:
                del seen[key]

    def close(self) -> None:
        self.reader.close()
        self._writer.close()
        shutil.rmtree(self._folder, ignore_errors=True)


class ClickHouseMetricReader(Part):
    """Charts metrics."""

    def __init__(self, connections: Connections) -> None:
        super().__init__(connections)
        self._copy: _Copy | None = None
        self._copying = threading.Lock()
        self._tables: dict[str, tuple[Table, MetricKind]] = {}
        self._looked_at = float("-inf")

    def metric_names(
        self,
        window: Window,
        service: str | None = None,
        text: str | None = None,
        limit: int = 500,
        environment: str | None = None,
    ) -> tuple[Sequence[MetricName], bool]:
        return self._metrics().metric_names(window, service, text, limit, environment)

    def metric_chart(self, query: MetricQuery) -> MetricChart:
        return self._metrics().metric_chart(query)

    def metric_exemplars(self, query: MetricQuery, limit: int = 100) -> Sequence[MetricExemplar]:
        reader = self._metrics()
        if any(table.columns.get("TimeUnix") == "DateTime" for table, _ in self._tables.values()):
            # Their times are cut to whole seconds: one of the second in which the window begins may be of it.
            begin = max(query.window.from_unix_nano, 0) // _SECOND_NS * _SECOND_NS
            query = replace(query, window=replace(query.window, from_unix_nano=begin))
        return reader.metric_exemplars(query, limit)

    def exemplars_of_trace(self, trace_id: TraceId, limit: int = 100) -> tuple[Sequence[TraceExemplar], bool]:
        return self._metrics().exemplars_of_trace(trace_id, limit)

    def metric_latest(self, query: MetricQuery, limit: int = 1_000) -> tuple[Sequence[MetricValue], bool]:
        return self._metrics().metric_latest(query, limit)

    def metric_attributes(
        self, name: str, window: Window, top: int = 20, environment: str | None = None
    ) -> Sequence[tuple[str, Sequence[tuple[str, int]]]]:
        return self._metrics().metric_attributes(name, window, top, environment)

    def _metrics(self) -> SqliteReader:
        table = self.table(METRICS)
        with self._copying:
            if self._copy is None:
                self._copy = _Copy(self._connections)
            if not self.moment.metrics:
                if table is not None:
                    self._copy.bring_up_to_date(table.source)
                for exported, kind in self._exported():
                    self._copy.copy_of_exporter(exported, kind)
            if self.moment.held is not None and not self.moment.metrics:
                self.moment.held.enter_context(self._copy.reader.snapshot())
                self.moment.metrics = True
            return self._copy.reader

    def _exported(self) -> list[tuple[Table, MetricKind]]:
        """The exporter's tables; they are looked for now and then, as most stores have none."""
        if time.monotonic() - self._looked_at >= _LOOK_S:
            for name, kind in TABLES.items():
                if table := self.table(name):
                    self._tables[name] = table, kind
            self._looked_at = time.monotonic()
        return list(self._tables.values())

    def close(self) -> None:
        """Close the connections, and remove the copy. Idempotent."""
        with self._copying:
            copy, self._copy = self._copy, None
        if copy is not None:
            copy.close()
        super().close()
