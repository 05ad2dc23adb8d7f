"""What the panel of a node asks the store.

An inferred node sends no spans: its traces and its breakdown are those of the
requests of its caller in which a span names it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.request.scope import Scope
from observer.screens.apm.example_traces import ExampleTrace, find_examples
from observer.screens.apm.neighbours import Neighbours
from observer.screens.apm.spotlight.tag_ranking import most_separating, usual_first
from store.api import Breakdown, MapNode, Reader

_VALUES_LIMIT = 8
_TAGS_LIMIT = 24
"""Tags among which the one that separates errors best is looked for."""


@dataclass(frozen=True, slots=True)
class NodeData:
    """Example traces of a node and a breakdown of its requests."""

    service: str
    """The service whose requests these are: the node itself, or its caller."""
    where: Mapping[str, str]
    """Attributes by which a span of these requests names an inferred node."""
    failing: Sequence[ExampleTrace]
    newest: Sequence[ExampleTrace]
    """Asked for only where none is failing."""
    tags: Sequence[str]
    breakdown: Breakdown | None


def load_node(reader: Reader, scope: Scope, node: MapNode, around: Neighbours, tag: str | None) -> NodeData:
    """The data of a node, broken down by `tag` or by the tag that separates its errors best."""
    service, where = node.service, dict[str, str]()
    if node.inferred:
        service, where = _caller_of(reader, scope, node, around)
    known = usual_first(reader.tags(scope.window))
    failing = find_examples(reader, scope, service, failing=True, where=where)
    newest = () if failing else find_examples(reader, scope, service, failing=False, where=where)
    candidates = [each for each in ([tag] if tag else known[:_TAGS_LIMIT]) if each not in where]
    cards = reader.breakdowns(
        service,
        candidates,
        scope.window,
        where or None,
        _VALUES_LIMIT,
        scope.environment,
        received=True,
    )
    return NodeData(
        service=service,
        where=where,
        failing=failing,
        newest=newest,
        tags=known,
        breakdown=most_separating(cards.values()) or next(iter(cards.values()), None),
    )


def _caller_of(reader: Reader, scope: Scope, node: MapNode, around: Neighbours) -> tuple[str, dict[str, str]]:
    """The caller with most errors, then most calls, and the attribute by which its spans name the node."""
    callers = sorted(around.callers, key=lambda each: (-each.errors, -each.calls, each.service))
    if not callers:
        return node.service, {}
    caller = callers[0].service
    for tag, value in _naming_attributes(node):
        if find_examples(reader, scope, caller, failing=False, where={tag: value}):
            return caller, {tag: value}
    return caller, {}


def _naming_attributes(node: MapNode) -> list[tuple[str, str]]:
    """Indexed attributes that may have given an inferred node its name, as `semantics.peer_of` reads them."""
    name = node.service
    found = [("peer.service", name)]
    if node.database:
        return [*found, ("db.system.name", name), ("db.system", name)]
    host = name.rpartition(":")[0] or name
    return [*found, ("server.address", host), ("messaging.destination.name", name)]
