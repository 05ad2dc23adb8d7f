"""Calls between services against the equal period before: which are slower. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from observer.components.compared import Compared
from observer.components.slowest import Change, change_of
from store.api import ServiceMap


@dataclass(frozen=True, slots=True)
class Comparison:
    """The P90 of every edge of a map against the one before."""

    changes: Mapping[tuple[str, str], Change] = field(default_factory=dict)
    """By caller and callee."""
    note: str = ""
    """What is compared with, or that there is nothing to compare with."""

    def of(self, source: str, target: str) -> Change:
        """The change of one edge."""
        return self.changes.get((source, target), _UNKNOWN)


_UNKNOWN = Change("", slower=False, times="")
NO_COMPARISON = Comparison()


def slow_edges(found: ServiceMap, before: ServiceMap, compared: Compared) -> Comparison:
    """The comparison of a map with that of the window before."""
    earlier = {(edge.source, edge.target): edge.measure for edge in before.edges}
    changes = {}
    for edge in found.edges:
        was = earlier.get((edge.source, edge.target))
        changes[edge.source, edge.target] = change_of(
            edge.measure.latency.p90_ns,
            was.latency.p90_ns if was else None,
            was.requests if was else 0,
        )
    return Comparison(changes, compared.note(any_before=bool(earlier)))
