"""Converts a metric in OTLP's JSON encoding to protobuf; malformed points are refused one by one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from opentelemetry.proto.metrics.v1 import metrics_pb2

from collector.items import Malformed
from collector.json_fields import (
    Json,
    boolean_of,
    double_of,
    doubles_of,
    enum_of,
    field_of,
    id_of,
    int64_of,
    integer_of,
    integers_of,
    list_of,
    object_of,
    objects_of,
    pairs_of,
    signed_of,
    text_field,
)


def metric(item: Json, refuse: Callable[[str, int], None]) -> bytes:
    """A metric; `refuse` is called with the reason and the place of each point that cannot be read.

    Raises Malformed.
    """
    made = metrics_pb2.Metric(
        name=text_field(item, "name"),
        description=text_field(item, "description"),
        unit=text_field(item, "unit"),
    )
    held = [(name, data) for name in _POINTS if (data := field_of(item, name)) is not None]
    if not held and ("spanId" in item or "body" in item):
        raise Malformed("a metric has no data points, but fields of a span or a log record")
    if len(held) > 1:
        raise Malformed(f"a metric is of two kinds, {held[0][0]} and {held[1][0]}")
    for name, value in held:
        data = object_of(value, name)
        field, point_of = _POINTS[name]
        target: Any = getattr(made, field)
        target.SetInParent()
        if name not in ("gauge", "summary"):
            target.aggregation_temporality = enum_of(
                data, "aggregationTemporality", metrics_pb2.AggregationTemporality
            )
        if name == "sum":
            target.is_monotonic = boolean_of(data, "isMonotonic")
        for place, entry in enumerate(list_of(data, "dataPoints")):
            try:
                target.data_points.append(point_of(object_of(entry, "a data point")))
            except Malformed as problem:
                refuse(f"a data point's {problem}", place)
    return made.SerializeToString()


def _common(item: Json) -> dict[str, Any]:
    return {
        "attributes": pairs_of(item),
        "start_time_unix_nano": integer_of(item, "startTimeUnixNano", bits=64),
        "time_unix_nano": integer_of(item, "timeUnixNano", bits=64),
        "flags": integer_of(item, "flags"),
    }


def _with_exemplars(item: Json) -> dict[str, Any]:
    return {**_common(item), "exemplars": [_exemplar(each) for each in objects_of(item, "exemplars")]}


def _value(item: Json) -> dict[str, Any]:
    found = {"as_double": double_of(item, "asDouble"), "as_int": int64_of(item, "asInt")}
    held = {name: value for name, value in found.items() if value is not None}
    if len(held) > 1:
        raise Malformed("value is of two kinds, asDouble and asInt")
    return held


def _number(item: Json) -> metrics_pb2.NumberDataPoint:
    return metrics_pb2.NumberDataPoint(**_with_exemplars(item), **_value(item))


def _exemplar(item: Json) -> metrics_pb2.Exemplar:
    return metrics_pb2.Exemplar(
        filtered_attributes=pairs_of({"attributes": field_of(item, "filteredAttributes")}),
        time_unix_nano=integer_of(item, "timeUnixNano", bits=64),
        trace_id=id_of(item, "traceId"),
        span_id=id_of(item, "spanId"),
        **_value(item),
    )


def _parts(item: Json) -> dict[str, Any]:
    found = {name: double_of(item, name) for name in ("sum", "min", "max")}
    return {name: value for name, value in found.items() if value is not None}


def _histogram(item: Json) -> metrics_pb2.HistogramDataPoint:
    return metrics_pb2.HistogramDataPoint(
        **_with_exemplars(item),
        **_parts(item),
        count=integer_of(item, "count", bits=64),
        bucket_counts=integers_of(item, "bucketCounts", bits=64),
        explicit_bounds=doubles_of(item, "explicitBounds"),
    )


def _exponential(item: Json) -> metrics_pb2.ExponentialHistogramDataPoint:
    made = metrics_pb2.ExponentialHistogramDataPoint(
        **_with_exemplars(item),
        **_parts(item),
        count=integer_of(item, "count", bits=64),
        scale=signed_of(item, "scale"),
        zero_count=integer_of(item, "zeroCount", bits=64),
        zero_threshold=double_of(item, "zeroThreshold") or 0.0,
    )
    for name in ("positive", "negative"):
        side = field_of(item, name)
        if side is not None:
            side = object_of(side, name)
            target = getattr(made, name)
            target.offset = signed_of(side, "offset")
            target.bucket_counts.extend(integers_of(side, "bucketCounts", bits=64))
    return made


def _summary(item: Json) -> metrics_pb2.SummaryDataPoint:
    return metrics_pb2.SummaryDataPoint(
        **_common(item),
        count=integer_of(item, "count", bits=64),
        sum=double_of(item, "sum") or 0.0,
        quantile_values=[
            metrics_pb2.SummaryDataPoint.ValueAtQuantile(
                quantile=double_of(each, "quantile") or 0.0, value=double_of(each, "value") or 0.0
            )
            for each in objects_of(item, "quantileValues")
        ],
    )


_POINTS: Final[dict[str, tuple[str, Callable[[Json], Any]]]] = {
    "gauge": ("gauge", _number),
    "sum": ("sum", _number),
    "histogram": ("histogram", _histogram),
    "exponentialHistogram": ("exponential_histogram", _exponential),
    "summary": ("summary", _summary),
}
"""By the name in JSON: protobuf's, and what reads a point."""
