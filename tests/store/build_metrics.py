"""Rows of metrics for the store's tests, made in as few words as possible."""

from __future__ import annotations

from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from signals.metrics import MetricInfo, MetricKind, PointValue, Temporality
from signals.model import Attributes
from store.api import ExemplarRow, MetricRow, MetricSeriesRow, series_row
from tests.store.build import SECOND, T0, key_values


def series(
    name: str = "requests",
    kind: MetricKind = MetricKind.GAUGE,
    attributes: Attributes | None = None,
    *,
    unit: str = "",
    temporality: Temporality | None = None,
    monotonic: bool = True,
    service: str = "shop",
    resource: Attributes | None = None,
    scope: str = "",
    description: str = "",
) -> MetricSeriesRow:
    """A series; sums and histograms are cumulative unless they are said to be otherwise."""
    temporal = kind not in (MetricKind.GAUGE, MetricKind.SUMMARY)
    if temporality is None:
        temporality = Temporality.CUMULATIVE if temporal else Temporality.UNSPECIFIED
    info = MetricInfo(name, unit, kind, temporality, monotonic and kind is MetricKind.SUM, description)
    body = Resource(attributes=key_values({"service.name": service, **(resource or {})})).SerializeToString()
    return series_row(info, service, body, scope, attributes or {})


def point(
    of: MetricSeriesRow,
    seconds: float,
    value: PointValue,
    *,
    start: float | None = None,
    exemplars: tuple[ExemplarRow, ...] = (),
) -> MetricRow:
    """A point so many seconds after T0."""
    begin = 0 if start is None else T0 + round(start * SECOND)
    return MetricRow(of, begin, T0 + round(seconds * SECOND), value, exemplars)


def metric_row(name: str, value: PointValue, *, seconds: float = 0) -> MetricRow:
    """A point of a gauge."""
    return point(series(name), seconds, value)
