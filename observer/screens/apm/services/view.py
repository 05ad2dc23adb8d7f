"""The list of services: every service with its rate, errors and duration. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from observer.components import table_sort
from observer.components.data_time import DataTime
from observer.components.number_format import count, plural
from observer.screens.apm.measure_view import MeasureView, measure_view
from store.api import ServiceMap


@dataclass(frozen=True, slots=True)
class ServiceRow:
    """One service of the list."""

    service: str
    database: bool
    measure: MeasureView


@dataclass(frozen=True, slots=True)
class ServiceList:
    """The page of the list."""

    summary: str
    services: tuple[ServiceRow, ...]
    inferred: tuple[ServiceRow, ...]
    """Services that send no spans of their own, measured by their callers."""
    data_time: DataTime


def build(found: ServiceMap, sort: table_sort.Sort, time: DataTime) -> ServiceList:
    """The services of a map in this order; inferred ones apart, in the order of the map."""
    own = {node.service: node.measure for node in found.nodes if not node.inferred}
    inferred = tuple(
        ServiceRow(node.service, node.database, measure_view(node.measure))
        for node in found.nodes
        if node.inferred
    )
    idle = sum(not measure.requests for measure in own.values())
    summary = f"{plural(len(own) - idle, 'service')} with requests in this time range"
    if idle:
        summary += f", {count(idle)} that only called others"
    if inferred:
        summary += f", {count(len(inferred))} inferred from their calls"
    return ServiceList(
        summary=f"{summary}.",
        services=tuple(
            ServiceRow(name, database=False, measure=measure_view(measure, time.rate_ns))
            for name, measure in table_sort.rows(own, sort)
        ),
        inferred=inferred,
        data_time=time,
    )
