"""The panel of the node that is selected on the map: numbers, example traces, a breakdown by a tag. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.components.breakdown_words import breakdown_note
from observer.screens.apm.example_traces import ExampleTrace
from observer.screens.apm.measure_view import MeasureView, measure_view
from observer.screens.apm.neighbours import Neighbours, node_badge
from observer.screens.apm.service_map.node_queries import NodeData
from store.api import Breakdown, MapNode


@dataclass(frozen=True, slots=True)
class BreakdownRow:
    """One value of the tag that the requests are broken down by."""

    value: str
    """Empty for requests without the tag."""
    where: Mapping[str, str]
    """Attributes that a span of these requests carries."""
    measure: MeasureView


@dataclass(frozen=True, slots=True)
class BreakdownTable:
    """The requests of a service by the values of one tag."""

    tag: str
    rows: tuple[BreakdownRow, ...]
    note: str
    """How the rows relate to the requests that were counted; empty if they sum to them."""


@dataclass(frozen=True, slots=True)
class NodePanel:
    """The panel beside the map."""

    service: str
    badge: str
    inferred: bool
    measure: MeasureView
    neighbours: Neighbours
    examples_title: str
    examples: Sequence[ExampleTrace]
    """Failing traces if there are any, else the newest."""
    traces_label: str
    traces_error: str | None
    """The error filter of the link to the traces: `any`, or None for all."""
    measured_service: str
    """The service whose requests the traces and the breakdown are: the node itself, or its caller."""
    of_caller: bool
    where: Mapping[str, str]
    """Attributes by which a span of these requests names an inferred node."""
    tags: Sequence[str]
    breakdown: BreakdownTable | None


def build(node: MapNode, around: Neighbours, data: NodeData) -> NodePanel:
    """The panel of a node from its neighbours and what the store answered."""
    of_caller = data.service != node.service
    title = "Failing examples" if data.failing else "Newest traces"
    failing = bool(data.failing) if node.inferred else node.measure.errors > 0
    return NodePanel(
        service=node.service,
        badge=node_badge(node.inferred, node.database),
        inferred=node.inferred,
        measure=measure_view(node.measure),
        neighbours=around,
        examples_title=f"{title} of its caller" if of_caller and not data.where else title,
        examples=data.failing or data.newest,
        traces_label="Failing traces" if failing else "Traces",
        traces_error="any" if failing else None,
        measured_service=data.service,
        of_caller=of_caller,
        where=data.where,
        tags=data.tags,
        breakdown=_table(data.breakdown, data.where) if data.breakdown else None,
    )


def _table(breakdown: Breakdown, where: Mapping[str, str]) -> BreakdownTable:
    rows = tuple(
        BreakdownRow(each.value, {**where, breakdown.tag: each.value}, measure_view(each.measure))
        for each in breakdown.values
    )
    return BreakdownTable(breakdown.tag, rows, breakdown_note(breakdown, breakdown.values))
