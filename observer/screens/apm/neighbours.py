"""The callers and callees of one node of the service map. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from store.api import MapEdge, ServiceMap


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A service at the other end of an edge."""

    service: str
    inferred: bool
    """It is a callee that sends no spans of its own."""
    caller: str
    callee: str
    traced: bool
    """The callee sends spans, so traces that contain both ends can be searched for."""
    calls: int
    errors: int
    p90_ns: int | None


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Callers and callees of a service, most calls first."""

    callers: tuple[Neighbour, ...]
    callees: tuple[Neighbour, ...]


def neighbours(found: ServiceMap, service: str) -> Neighbours:
    """The callers and callees of one service; empty where the map has no edge of it."""
    inferred = {node.service: node.inferred for node in found.nodes}

    def neighbour(edge: MapEdge, name: str) -> Neighbour:
        return Neighbour(
            service=name,
            inferred=name == edge.target and inferred.get(name, False),
            caller=edge.source,
            callee=edge.target,
            traced=not inferred.get(edge.target, True),
            calls=edge.measure.requests,
            errors=edge.measure.errors,
            p90_ns=edge.measure.latency.p90_ns,
        )

    ranked = sorted(found.edges, key=lambda e: (-e.measure.requests, e.source, e.target))
    return Neighbours(
        callers=tuple(neighbour(edge, edge.source) for edge in ranked if edge.target == service),
        callees=tuple(neighbour(edge, edge.target) for edge in ranked if edge.source == service),
    )


def node_badge(inferred: bool, database: bool) -> str:
    """The badge beside a node's name: `inferred`, `inferred database`, or nothing."""
    if not inferred:
        return ""
    return "inferred database" if database else "inferred"
