"""What the panel beside the map says of one node: its neighbours, its traces, and where its errors belong.

An inferred node sends no spans: its traces and its breakdown are those of the
requests of its caller in which a span names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from observer.request.scope import Scope
from observer.screens.apm.services import map_view
from observer.screens.apm.spotlight.tag_ranking import most_telling, usual_first
from store.api import Breakdown, MapNode, Reader, ServiceMap, TraceQuery, TraceSummary

EXAMPLES = 4
_VALUES = 8
_TAGS = 24
"""Tags among which the most telling one is looked for."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What the panel beside the map says of one node."""

    node: MapNode
    neighbours: map_view.Neighbours
    failing: Sequence[TraceSummary]
    newest: Sequence[TraceSummary]
    tags: Sequence[str]
    breakdown: Breakdown | None
    of: str
    """The service whose requests the traces and the breakdown are: the node, or who calls it."""
    where: Mapping[str, str] = field(default_factory=dict)
    """What a span of these requests carries: how an inferred node is named."""

    @property
    def of_callers(self) -> bool:
        return self.of != self.node.service


def build(reader: Reader, scope: Scope, found: ServiceMap, node: MapNode, tag: str | None) -> Chosen:
    """The panel of a node; by `tag` if one was asked for, else by the one that tells errors apart."""
    neighbours = map_view.neighbours(found, node.service)
    of, where = node.service, dict[str, str]()
    if node.inferred:
        of, where = _as_called(reader, scope, node, neighbours)
    known = usual_first(reader.tags(scope.window))
    return Chosen(
        node=node,
        neighbours=neighbours,
        failing=examples(reader, scope, of, failing=True, where=where),
        newest=examples(reader, scope, of, failing=False, where=where),
        tags=known,
        breakdown=_breakdown(reader, scope, of, where, [tag] if tag else known[:_TAGS]),
        of=of,
        where=where,
    )


def examples(
    reader: Reader, scope: Scope, name: str, *, failing: bool, where: Mapping[str, str] | None = None
) -> Sequence[TraceSummary]:
    """A few of the newest traces of a service, or of those that failed in it."""
    query = TraceQuery(
        window=scope.window,
        service=name,
        error="any" if failing else None,
        attributes=where or {},
        limit=EXAMPLES,
        environment=scope.environment,
    )
    return reader.find_traces(query).items


def _as_called(
    reader: Reader, scope: Scope, node: MapNode, neighbours: map_view.Neighbours
) -> tuple[str, dict[str, str]]:
    """The caller to look at (most errors, then most calls), and the attribute by which it names the node."""
    callers = sorted(neighbours.callers, key=lambda e: (-e.measure.errors, -e.measure.requests, e.source))
    if not callers:
        return node.service, {}
    caller = callers[0].source
    for tag, value in _namings(node):
        if examples(reader, scope, caller, failing=False, where={tag: value}):
            return caller, {tag: value}
    return caller, {}


def _namings(node: MapNode) -> list[tuple[str, str]]:
    """Indexed attributes that may have given an inferred node its name, as `semantics.peer_of` reads them."""
    name = node.service
    found = [("peer.service", name)]
    if node.database:
        return [*found, ("db.system.name", name), ("db.system", name)]
    host = name.rpartition(":")[0] or name
    return [*found, ("server.address", host), ("messaging.destination.name", name)]


def _breakdown(
    reader: Reader, scope: Scope, name: str, where: Mapping[str, str], wanted: Sequence[str]
) -> Breakdown | None:
    tags = [tag for tag in wanted if tag not in where]
    cards = reader.breakdowns(name, tags, scope.window, where or None, _VALUES, scope.environment)
    return most_telling(cards.values()) or next(iter(cards.values()), None)
