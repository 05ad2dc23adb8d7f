"""Reads what a process measured: every point of its metrics, and what the registry does not know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opentelemetry.sdk.metrics.export import Gauge, Histogram, InMemoryMetricReader, Sum

from services.common.telemetry.attributes import undeclared
from services.common.telemetry.metrics import METRICS


@dataclass(frozen=True)
class Point:
    """One point of a metric; `value` is a histogram's count."""

    name: str
    unit: str
    kind: str
    attributes: Mapping[str, Any]
    value: float
    exemplars: list[Any] = field(default_factory=list)
    bounds: tuple[float, ...] = ()

    def series(self) -> tuple[str, tuple[tuple[str, Any], ...]]:
        """What tells it from the points of other series."""
        return self.name, tuple(sorted(self.attributes.items()))


def points_of(reader: InMemoryMetricReader) -> list[Point]:
    """Everything that was measured, as it is now."""
    data = reader.get_metrics_data()
    return [
        Point(
            metric.name,
            metric.unit or "",
            _kind(metric.data),
            dict(point.attributes or {}),
            point.count if isinstance(metric.data, Histogram) else point.value,  # type: ignore[union-attr]
            list(point.exemplars),
            tuple(getattr(point, "explicit_bounds", ())),
        )
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        for point in metric.data.data_points
    ]


def _kind(data: Any) -> str:
    if isinstance(data, Histogram):
        return "histogram"
    if isinstance(data, Sum):
        return "counter" if data.is_monotonic else "up_down_counter"
    return "gauge" if isinstance(data, Gauge) else type(data).__name__


def problems_of(point: Point) -> list[str]:
    """One line for each thing about a point that the registry does not know, or knows otherwise."""
    known = METRICS.get(point.name)
    if known is None:
        return [f"{point.name} is not declared"]
    wrong = undeclared("metric", point.attributes)
    if (point.kind, point.unit) != (known.kind, known.unit):
        wrong.append(f"{point.name} is a {point.kind} of {point.unit}")
    wrong += [f"{point.name} has {key}" for key in point.attributes if key not in known.attributes]
    further = [exemplar.filtered_attributes for exemplar in point.exemplars if exemplar.filtered_attributes]
    wrong += [f"{point.name} has an exemplar with {attributes}" for attributes in further]
    return wrong
