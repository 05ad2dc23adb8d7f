"""Converts metrics to rows of the store, point by point; malformed points are refused one by one.

Owns what is valid in a data point, and the cache of series: a sender names its series with every point.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2

from collector import wire
from collector.framing import contradicts, unreadable
from collector.items import Malformed
from collector.times import EARLIEST_UNIX_NANO, check_time
from collector.values import first_wins, value_of
from signals.metrics import (
    Distribution,
    ExponentialDistribution,
    MetricInfo,
    MetricKind,
    PointValue,
    Quantiles,
    Temporality,
)
from store.api import ExemplarRow, MetricRow, MetricSeriesRow, series_row

_NO_TRACE: Final = bytes(16)
_NO_SPAN: Final = bytes(8)
_NO_RECORDED_VALUE: Final = 1
_CACHED_SERIES: Final = 50_000
_MAX_BUCKETS: Final = 2_000
"""SDKs have 160 at most."""
_SCALES: Final = (-10, 20)
"""The range of the specification; beyond it, bounds of buckets are no doubles."""
_Note = Callable[[str, int | None], None]
"""Takes a reason and the place of a point in its metric; None for the metric as a whole."""
_TEMPORAL: Final = (MetricKind.SUM, MetricKind.HISTOGRAM, MetricKind.EXPONENTIAL_HISTOGRAM)


@dataclass(slots=True)
class _Stream:
    """A metric of one resource and scope, with its series by their raw attributes."""

    info: MetricInfo
    service: str
    resource: bytes
    scope: str
    message: Any
    """What reads a point, and …"""
    official: Any
    """… what says why it cannot be read."""
    value_of: Callable[[Any], PointValue]
    series: dict[tuple[bytes, ...], MetricSeriesRow] = field(default_factory=dict)


class PointDecoder:
    """Converts metrics to rows. Thread-safe: its cache is only added to, or emptied."""

    def __init__(self) -> None:
        self._streams: dict[tuple[object, ...], _Stream] = {}
        self._cached = 0

    def rows(
        self,
        raw: bytes,
        service: str,
        resource: bytes,
        scope: str,
        refuse: _Note,
        note: _Note,
    ) -> Iterator[MetricRow]:
        """The rows of a serialized metric.

        `refuse` is called with the reason and the place of the point (None for the metric as a whole), `note`
        with the same of what is kept with a change.
        """
        try:
            metric = wire.Metric.FromString(raw)
        except DecodeError:
            reason = unreadable(raw, metrics_pb2.Metric.DESCRIPTOR)
            refuse(f"a metric cannot be read: {reason}", None)
            return
        which = metric.WhichOneof("data")
        if which is None:
            if contradicts(raw, metrics_pb2.Metric.DESCRIPTOR):
                refuse("a metric has no data points, but fields of another type: is it a span?", None)
            return
        if not metric.name:
            refuse("a metric has no name", None)
            return
        kind, data = _KINDS[which], getattr(metric, which)
        temporality = _temporality_of(kind, data.temporality)
        if temporality is None:
            note("a metric's aggregation temporality is missing: read as cumulative", None)
            temporality = Temporality.CUMULATIVE
        key = (
            metric.name, metric.unit, metric.description, which, temporality, data.monotonic,
            resource, scope,
        )  # fmt: skip
        stream = self._streams.get(key)
        if stream is None:
            info = MetricInfo(
                metric.name, metric.unit, kind, temporality, bool(data.monotonic), metric.description
            )
            self._make_room()
            stream = self._streams[key] = _Stream(info, service, resource, scope, *_POINTS[kind])
        for place, point in enumerate(data.points):
            try:
                yield self._row(stream, point, place, note)
            except Malformed as problem:
                refuse(str(problem), place)

    def _make_room(self) -> None:
        self._cached += 1
        if self._cached > _CACHED_SERIES:
            self._streams.clear()
            self._cached = 0

    def _row(self, stream: _Stream, raw: bytes, place: int, note: _Note) -> MetricRow:
        try:
            point = stream.message.FromString(raw)
        except DecodeError:
            reason = unreadable(raw, stream.official.DESCRIPTOR)
            raise Malformed(f"a data point cannot be read: {reason}") from None
        key = tuple(point.attributes)
        series = stream.series.get(key)
        if series is None:
            series = self._series(stream, key)
        time, start = point.time_unix_nano, point.start_unix_nano
        check_time(time, "data point's time")
        if start and not EARLIEST_UNIX_NANO <= start <= time:
            note("a data point's start is after its time, or before the year 2000: left out", place)
            start = 0
        value = None if point.flags & _NO_RECORDED_VALUE else stream.value_of(point)
        raw_exemplars = () if stream.message is wire.SummaryPoint else point.exemplars
        exemplars = _exemplars(raw_exemplars, place, note) if raw_exemplars else ()
        return MetricRow(series, start, time, value, exemplars)

    def _series(self, stream: _Stream, key: tuple[bytes, ...]) -> MetricSeriesRow:
        attributes = _attributes_of(key)
        made = series_row(stream.info, stream.service, stream.resource, stream.scope, attributes)
        self._make_room()
        stream.series[key] = made
        return made


def _attributes_of(raw_pairs: Sequence[bytes]) -> dict[str, Any]:
    try:
        pairs = [common_pb2.KeyValue.FromString(raw) for raw in raw_pairs]
    except DecodeError:
        raise Malformed("a data point's attribute is not UTF-8 or not protobuf") from None
    return first_wins((pair.key, value_of(pair.value)) for pair in pairs)


def _temporality_of(kind: MetricKind, number: int) -> Temporality | None:
    if kind not in _TEMPORAL:
        return Temporality.UNSPECIFIED
    return Temporality(number) if number in (Temporality.DELTA, Temporality.CUMULATIVE) else None


def _number(point: Any) -> PointValue:
    which = point.WhichOneof("value")
    if which is None:
        raise Malformed("a data point has no value")
    value: int | float = getattr(point, which)
    return value


def _part(point: Any, name: str) -> float | None:
    return getattr(point, name) if point.HasField(name) else None


def _histogram(point: Any) -> Distribution:
    bounds, buckets = list(point.bounds), list(point.buckets)
    if len(buckets) > _MAX_BUCKETS:
        raise Malformed(f"a histogram has {len(buckets):,} buckets: {_MAX_BUCKETS:,} are kept at most")
    if bounds and bounds[-1] == math.inf and len(buckets) == len(bounds) + 1:
        # Nothing lies beyond infinity: the last two buckets are one.
        bounds.pop()
        last = buckets.pop()
        buckets[-1] += last
    if (bounds or buckets) and len(buckets) != len(bounds) + 1:
        raise Malformed(
            f"a histogram has {len(buckets)} buckets and {len(bounds)} bounds: there must be one bound fewer"
        )
    edges = _checked(tuple(bounds))
    _check_counts(buckets)
    return Distribution(
        point.count, _part(point, "sum"), _part(point, "min"), _part(point, "max"), edges, buckets
    )


@lru_cache(maxsize=1024)
def _checked(bounds: tuple[float, ...]) -> tuple[float, ...]:
    """The same bounds, if they are finite and rise; most series of a process have the same."""
    finite = all(math.isfinite(bound) for bound in bounds)
    if not finite or any(one >= other for one, other in pairwise(bounds)):
        raise Malformed("a histogram's bounds do not rise")
    return bounds


def _check_counts(counts: Sequence[int]) -> None:
    if sum(counts) >= 1 << 64:
        raise Malformed("the buckets of a histogram hold more than 64 bits can count")


def _exponential(point: Any) -> ExponentialDistribution:
    least, most = _SCALES
    if not least <= point.scale <= most:
        raise Malformed(f"an exponential histogram's scale is {point.scale}: it must be {least} to {most}")
    positive, negative = point.positive, point.negative
    for side in (positive, negative):
        if len(side.counts) > _MAX_BUCKETS:
            raise Malformed(
                f"a histogram has {len(side.counts):,} buckets: {_MAX_BUCKETS:,} are kept at most"
            )
        _check_counts(side.counts)
    threshold = point.zero_threshold
    if not 0 <= threshold < math.inf:
        raise Malformed("an exponential histogram's zero threshold is no number from 0 on")
    return ExponentialDistribution(
        point.count, _part(point, "sum"), _part(point, "min"), _part(point, "max"), point.scale,
        point.zero_count, threshold, positive.offset, list(positive.counts), negative.offset,
        list(negative.counts),
    )  # fmt: skip


def _summary(point: Any) -> Quantiles:
    values = [(each.quantile, each.value) for each in point.quantiles]
    if len(values) > _MAX_BUCKETS or not all(0 <= quantile <= 1 for quantile, _ in values):
        raise Malformed("a summary's quantile is not between 0 and 1")
    return Quantiles(point.count, point.sum, values)


_KINDS: Final = {kind.value: kind for kind in MetricKind}
_POINTS: Final[dict[MetricKind, tuple[Any, Any, Callable[[Any], PointValue]]]] = {
    MetricKind.GAUGE: (wire.NumberPoint, metrics_pb2.NumberDataPoint, _number),
    MetricKind.SUM: (wire.NumberPoint, metrics_pb2.NumberDataPoint, _number),
    MetricKind.HISTOGRAM: (wire.HistogramPoint, metrics_pb2.HistogramDataPoint, _histogram),
    MetricKind.EXPONENTIAL_HISTOGRAM: (
        wire.ExponentialPoint,
        metrics_pb2.ExponentialHistogramDataPoint,
        _exponential,
    ),
    MetricKind.SUMMARY: (wire.SummaryPoint, metrics_pb2.SummaryDataPoint, _summary),
}


def _exemplars(raws: Sequence[bytes], place: int, note: _Note) -> tuple[ExemplarRow, ...]:
    return tuple(found for raw in raws if (found := _exemplar(raw, place, note)) is not None)


def _exemplar(raw: bytes, place: int, note: _Note) -> ExemplarRow | None:
    try:
        message = wire.Exemplar.FromString(raw)
        which = message.WhichOneof("value")
        if which is None:
            raise Malformed("it has no value")
        check_time(message.time_unix_nano, "time")
        trace_id, span_id = message.trace_id, message.span_id
        for value, length, what in ((trace_id, 16, "trace id"), (span_id, 8, "span id")):
            if value and len(value) != length:
                raise Malformed(f"its {what} has {len(value)} bytes instead of {length}")
        attributes = _attributes_of(message.attributes)
    except DecodeError:
        note("an exemplar cannot be read, and was left out", place)
        return None
    except Malformed as problem:
        note(f"an exemplar was left out: {problem}", place)
        return None
    return ExemplarRow(
        message.time_unix_nano,
        float(getattr(message, which)),
        b"" if trace_id == _NO_TRACE else trace_id,
        b"" if span_id == _NO_SPAN else span_id,
        attributes,
    )
