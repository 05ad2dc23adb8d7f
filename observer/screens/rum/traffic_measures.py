"""Reads the measures of the traffic that a page counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observer.components import traffic_filter
from observer.components.traffic_filter import Measures, Traffic
from observer.request.parameters import Query
from observer.request.scope import WHOSE, Scope
from signals.attributes import SYNTHETIC
from store.api import Reader


@dataclass(frozen=True, slots=True)
class CountedTraffic:
    """The traffic that a page counts, with its measures."""

    traffic: Traffic
    conditions: Mapping[str, str] | None
    """The store's conditions for it."""
    measures: Measures


def counted_traffic(
    reader: Reader, query: Query, scope: Scope, attributes: Mapping[str, str]
) -> CountedTraffic:
    """The traffic that `whose` and the filters of an address select. Raises Malformed."""
    requested = query.choice("whose", WHOSE)

    def conditions(whose: str) -> Mapping[str, str] | None:
        return traffic_filter.conditions(scope.environment, attributes, whose)

    def measures(whose: str) -> Measures:
        return reader.rum_measures(scope.window, conditions(whose))

    if SYNTHETIC in attributes:
        # The filter decides by itself, so there is nothing to choose and nothing to note.
        return CountedTraffic(Traffic("all", requested, ""), conditions("all"), measures("all"))
    known = {"people": measures("people"), "all": measures("all")}
    whose = traffic_filter.chosen(requested, attributes, bool(known["people"]))
    note = traffic_filter.note(whose, requested, known["people"], known["all"])
    found = known[whose] if whose in known else measures(whose)
    return CountedTraffic(Traffic(whose, requested, note), conditions(whose), found)
