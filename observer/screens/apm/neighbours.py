"""The callers and callees of one node of the service map. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.components.number_format import plural
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
    unanswered: int
    """Calls under which the callee, which sends spans, has none."""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Callers and callees of a service, most calls first."""

    callers: tuple[Neighbour, ...]
    callees: tuple[Neighbour, ...]
    from_outside: bool
    """Requests came that no caller's call became."""
    calls_and_requests: str
    """How its callers' calls and the requests that it received differ, in words; empty if they agree."""


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
            unanswered=edge.unanswered,
        )

    ranked = sorted(found.edges, key=lambda e: (-e.measure.requests, e.source, e.target))
    callers = tuple(neighbour(edge, edge.source) for edge in ranked if edge.target == service)
    received = {node.service: node.measure.requests for node in found.nodes if not node.inferred}
    return Neighbours(
        callers=callers,
        callees=tuple(neighbour(edge, edge.target) for edge in ranked if edge.source == service),
        from_outside=received.get(service, 0) > sum(each.calls - each.unanswered for each in callers),
        calls_and_requests=calls_and_requests(callers, received[service]) if service in received else "",
    )


def calls_and_requests(callers: Sequence[Neighbour], requests: int) -> str:
    """Why the calls of these callers are not as many as the requests; empty where they are."""
    calls = sum(each.calls for each in callers)
    unanswered = sum(each.unanswered for each in callers)
    unlinked = requests - (calls - unanswered)
    if not unanswered and not unlinked:
        return ""
    if not callers:
        return f"{plural(requests, 'request')} received, from outside: no caller sends spans."
    words = f"{plural(calls, 'call')} in all, {plural(requests, 'request')} received"
    parts = []
    if unanswered:
        parts.append(
            f"{plural(unanswered, 'call')} became no request here: refused, timed out, "
            "or the span of the answer has not come"
        )
    if unlinked > 0:
        parts.append(f"{plural(unlinked, 'request')} came from outside or without a call of their own")
    if unlinked < 0:
        parts.append(
            f"{plural(-unlinked, 'call')} began in this time range, the requests that they became did not"
        )
    return f"{words}: {'; '.join(parts)}."


def node_badge(inferred: bool, database: bool) -> str:
    """The badge beside a node's name: `inferred`, `inferred database`, or nothing."""
    if not inferred:
        return ""
    return "inferred database" if database else "inferred"
