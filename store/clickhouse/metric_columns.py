"""Points of metrics as rows of a table of our own, and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import orjson

from signals.attributes import text_of
from signals.metrics import MetricInfo, MetricKind, Temporality
from store.clickhouse.connection import Row, clean
from store.clickhouse.row_columns import time_of
from store.metric_points import PlainPoint, plain_of, runs_of, value_at
from store.metric_rows import ExemplarRow, MetricRow, MetricSeriesRow

COLUMNS: Final = (
    "Time", "Arrival", "Digest", "Name", "Unit", "Kind", "Temporality", "Monotonic", "Description", "Service",
    "Resource", "Scope", "Attributes", "Start", "Value", "Exemplars",
)  # fmt: skip
RAW: Final = ("Digest", "Resource", "Value", "Exemplars", "Attributes")
"""Those that are read as bytes."""
STATEMENT: Final = (
    "CREATE TABLE IF NOT EXISTS {table} (Time DateTime64(9), Arrival UInt64, Digest String, "
    "Name LowCardinality(String), Unit LowCardinality(String), Kind LowCardinality(String), "
    "Temporality UInt8, Monotonic UInt8, Description LowCardinality(String), "
    "Service LowCardinality(String), Resource String, Scope LowCardinality(String), Attributes String, "
    "Start UInt64, Value String, Exemplars String) ENGINE = MergeTree PARTITION BY toDate(Time) "
    "ORDER BY (Arrival, Digest) {ttl}SETTINGS non_replicated_deduplication_window = 1000"
)


def metric_columns(rows: Sequence[MetricRow], arrivals: Sequence[int]) -> dict[str, list[Any]]:
    """Columns of `lab_metric_points` by name."""
    found: dict[str, list[Any]] = {name: [] for name in COLUMNS}
    for row, arrival in zip(rows, arrivals, strict=True):
        info = row.series.info
        values = (
            time_of(row.time_unix_nano), arrival, row.series.digest, clean(info.name), clean(info.unit),
            info.kind.value, int(info.temporality), int(info.monotonic), clean(info.description),
            clean(row.series.service), row.series.resource, clean(row.series.scope),
            _json({clean(name): clean(text_of(value)) for name, value in row.series.attributes.items()}),
            row.start_unix_nano, _json([row.time_unix_nano, plain_of(row.value)]),
            _json([_plain_exemplar(each) for each in row.exemplars]),
        )  # fmt: skip
        for name, value in zip(COLUMNS, values, strict=True):
            found[name].append(value)
    return found


def metric_row(row: Row, known: dict[tuple[bytes, str], MetricSeriesRow]) -> MetricRow:
    """A point from COLUMNS; `known` holds the series that were made already."""
    digest = row[2]
    series = known.get((digest, row[8]))
    if series is None:
        info = MetricInfo(row[3], row[4], MetricKind(row[5]), Temporality(row[6]), bool(row[7]), row[8])
        attributes = orjson.loads(row[12])
        series = known[digest, row[8]] = MetricSeriesRow(info, row[9], row[10], row[11], attributes, digest)
    time, plain = orjson.loads(row[14])
    value = value_at(runs_of([PlainPoint(row[13], time, plain)])[0], 0)
    exemplars = tuple(
        ExemplarRow(at, float(number), bytes.fromhex(trace), bytes.fromhex(span), attributes)
        for at, number, trace, span, attributes in orjson.loads(row[15])
    )
    return MetricRow(series, row[13], time, value, exemplars)


def _plain_exemplar(one: ExemplarRow) -> list[Any]:
    attributes = {clean(name): clean(text_of(value)) for name, value in one.attributes.items()}
    return [one.time_unix_nano, plain_of(one.value), one.trace_id.hex(), one.span_id.hex(), attributes]


def _json(value: object) -> bytes:
    return orjson.dumps(value)
