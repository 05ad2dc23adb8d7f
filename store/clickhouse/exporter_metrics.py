"""Points of the exporter's five tables of metrics, as rows of the contract. Attributes are text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from signals.metrics import (
    Distribution,
    ExponentialDistribution,
    MetricInfo,
    MetricKind,
    PointValue,
    Quantiles,
    Temporality,
)
from store.clickhouse.tables import Table
from store.metric_rows import ExemplarRow, MetricRow, MetricSeriesRow, series_row

TABLES: Final[Mapping[str, MetricKind]] = {
    "otel_metrics_gauge": MetricKind.GAUGE,
    "otel_metrics_sum": MetricKind.SUM,
    "otel_metrics_histogram": MetricKind.HISTOGRAM,
    "otel_metrics_exponential_histogram": MetricKind.EXPONENTIAL_HISTOGRAM,
    "otel_metrics_summary": MetricKind.SUMMARY,
}
_NOT_RECORDED: Final = 1
"""OTLP's flag of a point without a value."""
_TIME: Final = "toUnixTimestamp64Nano(toDateTime64({}, 9))"
_COMMON: Final = {
    "ResourceAttributes": "map('', '')", "ScopeName": "''",
    "ServiceName": "ResourceAttributes['service.name']",
    "MetricName": "''", "MetricDescription": "''", "MetricUnit": "''", "Attributes": "map('', '')",
    "Flags": "toUInt32(0)", "AggregationTemporality": "toInt32(0)", "IsMonotonic": "false",
}  # fmt: skip
_EXEMPLARS: Final = ("FilteredAttributes", "Value", "SpanId", "TraceId")
_VALUES: Final[Mapping[MetricKind, Mapping[str, str]]] = {
    MetricKind.GAUGE: {"Value": "0"},
    MetricKind.SUM: {"Value": "0"},
    MetricKind.HISTOGRAM: {
        "Count": "0", "Sum": "NULL", "Min": "NULL", "Max": "NULL", "ExplicitBounds": "[]",
        "BucketCounts": "[]",
    },
    MetricKind.EXPONENTIAL_HISTOGRAM: {
        "Count": "0", "Sum": "NULL", "Min": "NULL", "Max": "NULL", "Scale": "0", "ZeroCount": "0",
        "ZeroThreshold": "0.0", "PositiveOffset": "0", "PositiveBucketCounts": "[]", "NegativeOffset": "0",
        "NegativeBucketCounts": "[]",
    },
    MetricKind.SUMMARY: {
        "Count": "0", "Sum": "0.0", "ValueAtQuantiles.Quantile": "[]", "ValueAtQuantiles.Value": "[]",
    },
}  # fmt: skip
"""Columns of a kind, and what stands for one that a version of the schema lacks."""
_FIRST_VALUE: Final = len(_COMMON) + 7


def columns_of(table: Table, kind: MetricKind) -> str:
    """What to select from a table of this kind for `row_of`."""

    def column(name: str, otherwise: str) -> str:
        return f"`{name}`" if table.has(name) else otherwise

    times = "[]"
    if table.has("Exemplars.TimeUnix"):
        times = f"arrayMap(t -> {_TIME.format('t')}, `Exemplars.TimeUnix`)"
    return ", ".join([
        _TIME.format("StartTimeUnix") if table.has("StartTimeUnix") else "0",
        _TIME.format("TimeUnix"),
        *(column(name, otherwise) for name, otherwise in _COMMON.items()),
        times,
        *(column(f"Exemplars.{name}", "[]") for name in _EXEMPLARS),
        *(column(name, otherwise) for name, otherwise in _VALUES[kind].items()),
    ])  # fmt: skip


def row_of(kind: MetricKind, row: Sequence[Any]) -> MetricRow:
    """A point from `columns_of`."""
    start, time, resource, scope, service, name, description, unit, attributes, flags, temporality = row[:11]
    monotonic = bool(row[11])
    known = kind in (MetricKind.SUM, MetricKind.HISTOGRAM, MetricKind.EXPONENTIAL_HISTOGRAM)
    series = _series(
        MetricInfo(
            name, unit, kind, Temporality(temporality if known and temporality in (1, 2) else 0),
            monotonic and kind is MetricKind.SUM, description,
        ),
        service, tuple(resource.items()), scope, tuple(attributes.items()),
    )  # fmt: skip
    at, filtered, values, spans, traces = row[12:_FIRST_VALUE]
    exemplars = tuple(
        ExemplarRow(one_at, float(value), _id(trace, 32), _id(span, 16), own)
        for one_at, own, value, span, trace in zip(at, filtered, values, spans, traces, strict=True)
    )
    value = None if flags & _NOT_RECORDED else _value(kind, row[_FIRST_VALUE:])
    return MetricRow(series, max(start, 0), time, value, exemplars)


def _value(kind: MetricKind, row: Sequence[Any]) -> PointValue:
    if kind in (MetricKind.GAUGE, MetricKind.SUM):
        return float(row[0])
    count = int(row[0])
    if kind is MetricKind.SUMMARY:
        return Quantiles(count, float(row[1]), tuple(zip(row[2], row[3], strict=True)))
    total, low, high = row[1:4]
    # The exporter writes 0 where the sender names no least and no greatest value.
    known = count and not (low == 0 and high == 0)
    low, high = (low, high) if known else (None, None)
    if kind is MetricKind.HISTOGRAM:
        return Distribution(count, total, low, high, tuple(row[4]), tuple(row[5]))
    scale, zeros, threshold, offset, positive, below, negative = row[4:]
    return ExponentialDistribution(
        count, total, low, high, scale, zeros, threshold, offset, tuple(positive), below, tuple(negative)
    )


@lru_cache(maxsize=20_000)
def _series(
    info: MetricInfo,
    service: str,
    resource: tuple[tuple[str, str], ...],
    scope: str,
    attributes: tuple[tuple[str, str], ...],
) -> MetricSeriesRow:
    return series_row(info, service, _resource(resource), scope, dict(attributes))


@lru_cache(maxsize=1_000)
def _resource(attributes: tuple[tuple[str, str], ...]) -> bytes:
    pairs = [KeyValue(key=key, value=AnyValue(string_value=value)) for key, value in sorted(attributes)]
    return Resource(attributes=pairs).SerializeToString()


def _id(text: str, digits: int) -> bytes:
    """An id as bytes; empty for none, and for what is not hexadecimal."""
    try:
        return bytes.fromhex(text.rjust(digits, "0")) if text.strip("0") else b""
    except ValueError:
        return b""
