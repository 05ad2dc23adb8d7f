"""The service map's view-model: the drawing, the table with the same numbers, the neighbours of a node."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from markupsafe import Markup

from observer.components import number_format as formats
from observer.components.measures import outcomes, share, words
from observer.components.safe_text import plain
from observer.drawing import servicemap
from store.api import MapEdge, MapNode, ServiceMap

MOST_HOPS = 3
"""The farthest that the neighbours of a node are shown alone."""
NODES_LIMIT = 120
"""Nodes drawn; the busiest, beyond that only the table has them."""


@dataclass(frozen=True, slots=True)
class MapView:
    drawing: Markup
    nodes: tuple[MapNode, ...]
    """By requests, most first."""
    edges: tuple[MapEdge, ...]
    left_out: int
    """Nodes that are only in the table."""
    reporting: frozenset[str]
    """Services that send spans of their own: calls to these can be looked up."""
    size: str
    """`fit` into the page, or `full` size, which scrolls."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Who calls a service, and whom it calls."""

    callers: tuple[MapEdge, ...]
    called: tuple[tuple[MapEdge, bool], ...]
    """Each with whether the target is inferred."""


def build(
    found: ServiceMap, href: Callable[[str], str], selected: str | None, size: str | None = None
) -> MapView:
    """Everything that the map's page shows. `href` gives the address that selects a node.

    Without a wished size, a map that would become too small to read in a page has its own.
    """
    ranked = sorted(found.nodes, key=lambda node: (-node.measure.requests, node.service))
    drawn = ranked[:NODES_LIMIT]
    nodes = [
        servicemap.Node(
            name=node.service,
            label=plain(node.service, 60),
            requests=node.measure.requests,
            error_share=share(node.measure.errors, node.measure.requests),
            origin_share=share(outcomes(node.measure).failed_here, node.measure.requests),
            recovered_share=share(outcomes(node.measure).recovered, node.measure.requests),
            inferred=node.inferred,
            database=node.database,
            words=node_words(node),
            href=href(node.service),
            selected=node.service == selected,
        )
        for node in sorted(drawn, key=lambda node: node.service)
    ]
    edges = [
        servicemap.Edge(
            source=edge.source,
            target=edge.target,
            requests=edge.measure.requests,
            error_share=share(edge.measure.errors, edge.measure.requests),
            label=formats.duration(edge.measure.latency.p90_ns) if edge.measure.latency.p90_ns else "",
            words=f"{plain(edge.source, 60)} calls {plain(edge.target, 60)}: {words(edge.measure)}",
        )
        for edge in found.edges
    ]
    summary = f"Service map: {formats.plural(len(nodes), 'node')}, {formats.plural(len(edges), 'edge')}"
    drawing, large = servicemap.draw(nodes, edges, summary, size)
    return MapView(
        drawing=drawing,
        nodes=tuple(ranked),
        edges=tuple(sorted(found.edges, key=lambda e: (-e.measure.requests, e.source, e.target))),
        left_out=len(ranked) - len(drawn),
        reporting=frozenset(node.service for node in found.nodes if not node.inferred),
        size=size or ("full" if large else "fit"),
    )


def around(found: ServiceMap, service: str, hops: int) -> ServiceMap:
    """The part of a map that is no more than so many calls away from a service, either way."""
    near = {service}
    for _ in range(hops):
        touching = (e for e in found.edges if e.source in near or e.target in near)
        near |= {name for edge in list(touching) for name in (edge.source, edge.target)}
    return ServiceMap(
        tuple(node for node in found.nodes if node.service in near),
        tuple(edge for edge in found.edges if edge.source in near and edge.target in near),
    )


def node_words(node: MapNode) -> str:
    """What the picture of a node says, in a sentence."""
    kind = ""
    if node.inferred:
        kind = " (inferred database)" if node.database else " (inferred)"
    return f"{plain(node.service, 80)}{kind}: {words(node.measure)}"


def neighbours(found: ServiceMap, service: str) -> Neighbours:
    """The edges of one service, busiest first."""
    inferred = {node.service for node in found.nodes if node.inferred}

    def rank(edge: MapEdge) -> tuple[int, str, str]:
        return -edge.measure.requests, edge.source, edge.target

    return Neighbours(
        callers=tuple(sorted((e for e in found.edges if e.target == service), key=rank)),
        called=tuple(
            (e, e.target in inferred)
            for e in sorted((e for e in found.edges if e.source == service), key=rank)
        ),
    )
