"""A map of services from calls that are summed by what a map tells apart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final, NamedTuple

from signals.trace_tree import Call
from store.clickhouse.settled_measures import FEW
from store.results import MapEdge, MapNode, Measure, ServiceMap
from store.tallies import Tally

CALL_KEY: Final = "tuple(Source, Target, Inferred, Database, Answered)"
"""SQL for a key over the columns of calls."""


class CallKey(NamedTuple):
    """What calls are summed by."""

    source: str
    target: str
    inferred: bool
    database: bool
    answered: bool


def key_of(call: Call) -> CallKey:
    """The key of a call."""
    return CallKey(call.source, call.target, call.inferred, call.database, call.answered)


def map_of(measures: Mapping[str, Measure], calls: Mapping[CallKey, Tally]) -> ServiceMap:
    """The map of these services and calls."""
    inferred = {(call.target, call.database) for call in calls if call.inferred}
    both = {name for name, database in inferred if database and (name, False) in inferred}
    edges: dict[tuple[str, str], Tally] = {}
    outside: dict[str, Tally] = {}
    unanswered: Counter[tuple[str, str]] = Counter()
    databases: set[str] = set()
    nodes = {name: MapNode(name, False, False, measure) for name, measure in measures.items()}
    for call, tally in calls.items():
        target = call.target
        if call.database and target in both and target not in measures:
            target = f"{target} (database)"
        edges.setdefault((call.source, target), Tally()).merge(tally)
        if target in measures:
            # A peer that reports itself elsewhere did not answer here.
            unanswered[call.source, target] += tally.requests * (call.inferred or not call.answered)
        else:
            outside.setdefault(target, Tally()).merge(tally)
            databases |= {target} if call.database else set()
    for name, tally in outside.items():
        nodes[name] = MapNode(name, True, name in databases, _measure(tally))
    for source, _ in edges:
        nodes.setdefault(source, MapNode(source, False, False, Measure()))
    return ServiceMap(
        tuple(nodes[name] for name in sorted(nodes)),
        tuple(MapEdge(*ends, _measure(edges[ends]), unanswered[ends]) for ends in sorted(edges)),
    )


def _measure(tally: Tally) -> Measure:
    if tally.requests > FEW:
        # Whether the durations of all are known depends on how the calls were summed.
        tally.values = []
    return tally.measure()
