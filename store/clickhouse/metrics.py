"""`store.api.MetricReader` over ClickHouse: by the engine of SQLite, from a copy of the newest points.

The copy is in a folder of this process, is begun by the first question and brought up to date by each. So all
rules of resets, holes and percentiles exist once. What is older than the copy is not seen.
"""

# ruff: noqa: S608 - what is put into SQL text are names and numbers of our own

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from signals.model import TraceId
from store.clickhouse.connection import Connections
from store.clickhouse.metric_columns import COLUMNS, RAW, metric_row
from store.clickhouse.part import Part
from store.clickhouse.schema import METRICS
from store.metric_results import TraceExemplar
from store.metric_rows import MetricSeriesRow
from store.queries import MetricQuery, Window
from store.results import MetricChart, MetricExemplar, MetricName, MetricValue
from store.rows import Batch
from store.sqlite.read.reader import SqliteReader
from store.sqlite.write.metric_ingest import SeriesBounds
from store.sqlite.write.writer import SqliteWriter

MOST_POINTS: Final = 500_000
"""Points that the copy begins with, the newest."""
_AT_ONCE: Final = 20_000
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

    def _take(self, rows: Sequence[Sequence[object]]) -> None:
        points = []
        for row in rows:
            point = metric_row(row, self._known)
            key = point.series.digest, point.time_unix_nano
            if key not in self._seen:
                self._seen[key] = int(row[1])  # type: ignore[call-overload]  # a number
                points.append(point)
        if points:
            self._writer.write(Batch(metrics=points))

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

    def metric_names(
        self, window: Window, service: str | None = None, text: str | None = None, limit: int = 500
    ) -> tuple[Sequence[MetricName], bool]:
        return self._metrics().metric_names(window, service, text, limit)

    def metric_chart(self, query: MetricQuery) -> MetricChart:
        return self._metrics().metric_chart(query)

    def metric_exemplars(self, query: MetricQuery, limit: int = 100) -> Sequence[MetricExemplar]:
        return self._metrics().metric_exemplars(query, limit)

    def exemplars_of_trace(self, trace_id: TraceId, limit: int = 100) -> tuple[Sequence[TraceExemplar], bool]:
        return self._metrics().exemplars_of_trace(trace_id, limit)

    def metric_latest(self, query: MetricQuery, limit: int = 1_000) -> tuple[Sequence[MetricValue], bool]:
        return self._metrics().metric_latest(query, limit)

    def metric_attributes(
        self, name: str, window: Window, top: int = 20
    ) -> Sequence[tuple[str, Sequence[tuple[str, int]]]]:
        return self._metrics().metric_attributes(name, window, top)

    def _metrics(self) -> SqliteReader:
        table = self.table(METRICS)
        with self._copying:
            if self._copy is None:
                self._copy = _Copy(self._connections)
            if table is not None and not self.moment.metrics:
                self._copy.bring_up_to_date(table.source)
            if self.moment.held is not None and not self.moment.metrics:
                self.moment.held.enter_context(self._copy.reader.snapshot())
                self.moment.metrics = True
            return self._copy.reader

    def close(self) -> None:
        """Close the connections, and remove the copy. Idempotent."""
        with self._copying:
            copy, self._copy = self._copy, None
        if copy is not None:
            copy.close()
        super().close()
