"""Finds the metrics that a trace is an exemplar of."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import orjson

from signals.metrics import Exemplar
from signals.model import SpanId, TraceId
from store.metric_results import TraceExemplar
from store.sqlite.read.metric_points_of import METRIC_COLUMNS, has_metrics, info_of
from store.sqlite.read.read_connection import SqlitePart
from store.sqlite.read.row_mapping import limited, trace_bytes

_METRIC: Final = ", ".join(f"m.{column}" for column in METRIC_COLUMNS.split(", "))
_OF_TRACE: Final = (
    f"SELECT e.time, e.value, e.span_id, e.attributes, s.service, s.attributes, {_METRIC} "  # noqa: S608  # columns of ours
    "FROM metric_exemplars e JOIN metric_series s ON s.id = e.series JOIN metrics m ON m.id = s.metric "
    "WHERE e.trace_id = ? ORDER BY e.time, e.id LIMIT ?"
)


class SqliteTraceExemplars(SqlitePart):
    """The part of `MetricReader` that begins at a trace."""

    def exemplars_of_trace(self, trace_id: TraceId, limit: int = 100) -> tuple[Sequence[TraceExemplar], bool]:
        limited(limit)
        with self._connections.session() as db:
            rows = db.all(_OF_TRACE, (trace_bytes(trace_id), limit + 1)) if has_metrics(db) else []
        return [_exemplar(trace_id, row) for row in rows[:limit]], len(rows) > limit


def _exemplar(trace_id: TraceId, row: tuple[Any, ...]) -> TraceExemplar:
    time, value, span, attributes, service, of_series, *metric = row
    exemplar = Exemplar(
        time,
        math.nan if value is None else value,
        trace_id,
        SpanId(span.hex()) if span else None,
        orjson.loads(attributes),
    )
    return TraceExemplar(info_of(tuple(metric)), service, exemplar, orjson.loads(of_series))
