"""The service map's view-model: the drawing, and tables with the same numbers. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from observer.components import number_format as formats
from observer.components.measures import outcomes, share, words
from observer.components.safe_text import plain
from observer.drawing import servicemap
from observer.screens.apm.measure_view import MeasureView, measure_view
from observer.screens.apm.neighbours import node_badge
from store.api import MapEdge, MapNode, ServiceMap

MAX_HOPS = 3
"""The largest number of calls between the selected node and the other nodes shown."""
NODES_LIMIT = 120
"""Nodes drawn, those with the most requests; the tables have them all."""
_TABLES_OPEN_ABOVE = 40
"""Nodes above which the tables are open from the start: such a drawing is hard to read."""


@dataclass(frozen=True, slots=True)
class NodeRow:
    """A node in the table."""

    service: str
    badge: str
    measure: MeasureView
    selected: bool


@dataclass(frozen=True, slots=True)
class EdgeRow:
    """An edge in the table."""

    source: str
    target: str
    traced: bool
    """The target sends spans, so traces that contain both ends can be searched for."""
    measure: MeasureView
    unanswered: int | None
    """Calls under which the target has no span; None where it sends none at all."""


@dataclass(frozen=True, slots=True)
class HopChoice:
    """How much of the map around the selected node to show."""

    hops: int
    label: str


@dataclass(frozen=True, slots=True)
class MapView:
    """The page of the map."""

    drawing: Markup
    nodes: tuple[NodeRow, ...]
    """Most requests first."""
    edges: tuple[EdgeRow, ...]
    """Most calls first."""
    not_drawn: str
    """How many nodes are only in the table, in words; empty where all are drawn."""
    size: str
    """`fit`: scaled to the page; `full`: its own size, scrolled."""
    tables_title: str
    tables_open: bool
    whole: int
    """Nodes of the whole map, of which these may be a part."""
    hop_choices: tuple[HopChoice, ...]
    warn_percent: str
    bad_percent: str
    """Shares of errors above which an edge changes its colour."""

    @property
    def lone_service(self) -> bool:
        """Whether a single service without any call was seen."""
        return self.whole == 1 and not self.edges


def build(
    found: ServiceMap,
    href: Callable[[str], str],
    selected: str | None,
    size: str | None = None,
    hops: int = 0,
) -> MapView:
    """The page of the map, or with `hops` of its part around the selected node.

    `href` returns the address that selects a node. Without a size, a map that would be too
    small to read when scaled to the page keeps its own.
    """
    shown = around(found, selected, hops) if selected and hops else found
    ranked = sorted(shown.nodes, key=lambda node: (-node.measure.requests, node.service))
    drawn = ranked[:NODES_LIMIT]
    nodes = [_node(node, href, selected) for node in sorted(drawn, key=lambda node: node.service)]
    edges = [_edge(edge) for edge in shown.edges]
    summary = f"Service map: {formats.plural(len(nodes), 'node')}, {formats.plural(len(edges), 'edge')}"
    drawing, large = servicemap.draw(nodes, edges, summary, size)
    left_out = len(ranked) - len(drawn)
    all_nodes, all_edges = formats.plural(len(ranked), "node"), formats.plural(len(edges), "edge")
    return MapView(
        drawing=drawing,
        nodes=tuple(_node_row(node, selected) for node in ranked),
        edges=_edge_rows(shown),
        not_drawn=formats.plural(left_out, "quieter node") if left_out else "",
        size=size or ("full" if large else "fit"),
        tables_title=f"The same as tables: {all_nodes}, {all_edges}",
        tables_open=len(ranked) > _TABLES_OPEN_ABOVE,
        whole=len(found.nodes),
        hop_choices=tuple(
            HopChoice(n, "Neighbours" if n == 1 else f"{n} calls away") for n in range(1, MAX_HOPS + 1)
        ),
        warn_percent=formats.percent(servicemap.WARN_SHARE, 0),
        bad_percent=formats.percent(servicemap.BAD_SHARE, 0),
    )


def around(found: ServiceMap, service: str, hops: int) -> ServiceMap:
    """The part of a map that is at most so many calls away from a service, in either direction."""
    near = {service}
    for _ in range(hops):
        touching = [edge for edge in found.edges if edge.source in near or edge.target in near]
        near |= {name for edge in touching for name in (edge.source, edge.target)}
    return ServiceMap(
        tuple(node for node in found.nodes if node.service in near),
        tuple(edge for edge in found.edges if edge.source in near and edge.target in near),
    )


def _node(node: MapNode, href: Callable[[str], str], selected: str | None) -> servicemap.Node:
    ended = outcomes(node.measure)
    return servicemap.Node(
        name=node.service,
        label=plain(node.service, 60),
        requests=node.measure.requests,
        error_share=share(node.measure.errors, node.measure.requests),
        origin_share=share(ended.failed_here, node.measure.requests),
        recovered_share=share(ended.recovered, node.measure.requests),
        inferred=node.inferred,
        database=node.database,
        words=_node_words(node),
        href=href(node.service),
        selected=node.service == selected,
    )


def _node_words(node: MapNode) -> str:
    badge = node_badge(node.inferred, node.database)
    kind = f" ({badge})" if badge else ""
    return f"{plain(node.service, 80)}{kind}: {words(node.measure)}"


def _edge(edge: MapEdge) -> servicemap.Edge:
    p90_ns = edge.measure.latency.p90_ns
    return servicemap.Edge(
        source=edge.source,
        target=edge.target,
        requests=edge.measure.requests,
        error_share=share(edge.measure.errors, edge.measure.requests),
        label=formats.duration(p90_ns) if p90_ns else "",
        words=f"{plain(edge.source, 60)} calls {plain(edge.target, 60)}: {words(edge.measure)}",
    )


def _node_row(node: MapNode, selected: str | None) -> NodeRow:
    return NodeRow(
        service=node.service,
        badge=node_badge(node.inferred, node.database),
        measure=measure_view(node.measure),
        selected=node.service == selected,
    )


def _edge_rows(shown: ServiceMap) -> tuple[EdgeRow, ...]:
    reporting = {node.service for node in shown.nodes if not node.inferred}
    ranked = sorted(shown.edges, key=lambda e: (-e.measure.requests, e.source, e.target))
    return tuple(_edge_row(edge, traced=edge.target in reporting) for edge in ranked)


def _edge_row(edge: MapEdge, *, traced: bool) -> EdgeRow:
    unanswered = edge.unanswered if traced else None
    return EdgeRow(edge.source, edge.target, traced, measure_view(edge.measure), unanswered)
