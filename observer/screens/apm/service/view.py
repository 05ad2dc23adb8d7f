"""One service: its measure, charts over time, operations and neighbours. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.components import table_sort
from observer.components.data_time import DataTime
from observer.components.measure_charts import Charts
from observer.components.number_format import count, plural
from observer.screens.apm.example_traces import ExampleTrace
from observer.screens.apm.measure_view import MeasureView, measure_view
from observer.screens.apm.neighbours import Neighbours, neighbours, node_badge
from store.api import MapNode, Measure, ServiceMap

_OPERATIONS_LIMIT = 100


@dataclass(frozen=True, slots=True)
class OperationRow:
    """One operation of the service."""

    operation: str
    measure: MeasureView


@dataclass(frozen=True, slots=True)
class ServiceData:
    """What the store answered about a service that sends spans; empty for an inferred one."""

    operations: Mapping[str, Measure]
    failing: Sequence[ExampleTrace]
    logs: int


@dataclass(frozen=True, slots=True)
class ServicePage:
    """The page of one service."""

    service: str
    badge: str
    inferred: bool
    measure: MeasureView
    charts: Charts | None
    """None for an inferred service."""
    operations: tuple[OperationRow, ...]
    operations_total: str
    operations_sum: str
    """How the rows' sum differs from the service's requests, in words; empty if it does not."""
    browsers_note: str
    """Why RUM counts fewer of these requests; empty for a service that is called by others only."""
    operations_left_out: str
    """How many operations are not listed, in words; empty where all are."""
    neighbours: Neighbours
    failing: Sequence[ExampleTrace]
    logs: int
    data_time: DataTime


def build(
    found: ServiceMap,
    node: MapNode,
    time: DataTime,
    data: ServiceData,
    charts: Charts | None,
    sort: table_sort.Sort,
) -> ServicePage:
    """The page of a node of the map; operations in this order, at most 100 of them."""
    ranked = table_sort.rows(data.operations, sort)
    left_out = len(ranked) - _OPERATIONS_LIMIT
    around = neighbours(found, node.service)
    return ServicePage(
        service=node.service,
        badge=node_badge(node.inferred, node.database),
        inferred=node.inferred,
        measure=measure_view(node.measure, time.rate_ns),
        charts=charts,
        operations=tuple(
            OperationRow(name, measure_view(measure)) for name, measure in ranked[:_OPERATIONS_LIMIT]
        ),
        operations_total=plural(len(ranked), "operation"),
        operations_sum=_operations_sum(data.operations, node.measure.requests),
        browsers_note=_browsers_note(around, node.inferred),
        operations_left_out=plural(left_out, "rarer operation") if left_out > 0 else "",
        neighbours=around,
        failing=data.failing,
        logs=data.logs,
        data_time=time,
    )


def _browsers_note(around: Neighbours, inferred: bool) -> str:
    if inferred or not around.from_outside:
        return ""
    return (
        "Every request counts here, whoever sent it. RUM counts what browsers reported: programs without a "
        "browser are not in it, nor is a page that was left before its report was sent; a redirect is one "
        "request with the page that it leads to."
    )


def _operations_sum(operations: Mapping[str, Measure], requests: int) -> str:
    counted = sum(measure.requests for measure in operations.values())
    if not operations or counted == requests:
        return ""
    kept = "only the newest are kept one by one"
    return f"The rows add up to {count(counted)} of {plural(requests, 'request')}: {kept}."
