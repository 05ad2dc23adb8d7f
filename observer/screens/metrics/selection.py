"""What an address selects of one metric: aggregation, groups, filters, stream; and addresses of others."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from flask import request

from observer.components import metric_words
from observer.request import links
from observer.request.errors import Malformed
from observer.request.parameters import Query, spell_attribute
from observer.request.scope import Scope
from signals.folding import fold
from signals.metrics import MetricInfo, MetricKind, Temporality
from store.api import MetricAggregation, MetricQuery

COLUMNS: Final = 60
GROUPS: Final = 20
"""Lines of one aggregation."""
_GROUPS_OF_SEVERAL: Final = 4
"""Groups of a chart that draws several percentiles of each."""
_MOST_BY: Final = 4
NO_UNIT: Final = " "
"""Stands in an address for a stream without a unit: an empty argument counts as absent."""
_CONDITION: Final = re.compile(r"\s*(.*?)\s*(!=|≠|=)\s*(.*?)\s*", re.DOTALL)
_TEMPORALITIES: Final[Mapping[str, Temporality]] = {each.name.lower(): each for each in Temporality}

Attributes = Sequence[tuple[str, Sequence[tuple[str, int]]]]
"""(attribute, ((value, number of series), …))"""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is chosen of one metric, before its kind is known."""

    query: MetricQuery
    choice: str
    """The value of `agg`, as it was typed; empty for the default."""


@dataclass(frozen=True, slots=True)
class DrawnAggregation:
    """The aggregation that is drawn."""

    choice: str
    """One of `metric_words.choices`."""
    aggs: tuple[MetricAggregation, ...]
    refused: str
    """What was asked for and does not fit the kind; empty if nothing was."""


def read_selection(query: Query, name: str, scope: Scope) -> Selection:
    """The selection of an address. Raises Malformed."""
    unit = query.text("unit")
    temporality = query.choice("temporality", tuple(_TEMPORALITIES))
    return Selection(
        MetricQuery(
            scope.window,
            name,
            by=tuple(dict.fromkeys(query.texts("by")))[:_MOST_BY],
            attributes=query.attributes(),
            excluded=query.attribute_pairs("exclude"),
            unit=None if unit is None else unit.strip(),
            kind=query.choice("kind", tuple(kind.value for kind in MetricKind)),
            columns=COLUMNS,
            limit=GROUPS,
            temporality=_TEMPORALITIES[temporality] if temporality else None,
            monotonic=query.flag("monotonic") if query.has("monotonic") else None,
            environment=scope.environment,
        ),
        query.text("agg") or "",
    )


def chosen(selection: Selection, info: MetricInfo) -> DrawnAggregation:
    """The aggregation for a metric of this kind: the default where the chosen one does not fit."""
    fitting = [name for name, _ in metric_words.choices(info)]
    default = metric_words.default_choice(info, grouped=bool(selection.query.by))
    choice = selection.choice if selection.choice in fitting else default
    refused = "" if selection.choice in ("", choice) else selection.choice
    return DrawnAggregation(choice, metric_words.aggregations_of(choice), refused)


def limited(query: MetricQuery, aggs: Sequence[MetricAggregation]) -> MetricQuery:
    """The query with as many groups as can be told apart with so many lines of each."""
    return replace(query, limit=_GROUPS_OF_SEVERAL) if len(aggs) > 1 and query.by else query


def stream_args(info: MetricInfo, others: Sequence[MetricInfo]) -> dict[str, str]:
    """The arguments that choose a stream among others of its name; none where there is no other."""
    found = {}
    if any(other.kind is not info.kind for other in others):
        found["kind"] = info.kind.value
    if any(other.unit != info.unit for other in others):
        found["unit"] = info.unit or NO_UNIT
    if any(other.temporality is not info.temporality for other in others):
        found["temporality"] = info.temporality.name.lower()
    if any(other.monotonic is not info.monotonic for other in others):
        found["monotonic"] = "1" if info.monotonic else "0"
    return found


def with_condition(pairs: Sequence[tuple[str, str]], text: str, known: Attributes) -> list[tuple[str, str]]:
    """The arguments with one more filter as it was typed, `http.route = /cart`, spelled as in the series.

    Raises Malformed if the text is no condition.
    """
    found = _CONDITION.fullmatch(text)
    if not found or not found[1]:
        raise Malformed(
            f"{text[:80]!r} is not a valid filter.",
            "Write an attribute's name, = or !=, and a value: http.route = /cart.",
        )
    name = _spelled(found[1], [each for each, _ in known])
    values = next((values for each, values in known if each == name), ())
    value = _spelled(found[3], [each for each, _ in values])
    added = ("attr" if found[2] == "=" else "exclude", spell_attribute(name, value))
    replaced = ("attr", "exclude") if added[0] == "attr" else ("attr",)
    kept = [
        pair
        for pair in pairs
        if pair[0] != "add" and pair != added and not (pair[0] in replaced and _is_filter(pair, name))
    ]
    return [*kept, added]


def _spelled(typed: str, known: Sequence[str]) -> str:
    """The text as it is known, where it differs from one known text in case and Unicode form alone."""
    if typed in known:
        return typed
    alike = [each for each in known if fold(each) == fold(typed)]
    return alike[0] if len(alike) == 1 else typed


def _is_filter(pair: tuple[str, str], name: str) -> bool:
    return pair[0] in ("attr", "exclude") and pair[1].startswith(spell_attribute(name, ""))


def without_pair(argument: str, value: str) -> str:
    """This page's address less one value of an argument."""
    pairs = [pair for pair in request.args.items(multi=True) if pair != (argument, value)]
    return links.address(links.own_path(), pairs)


def with_by(attribute: str) -> str:
    """This page's address, grouped by one more attribute."""
    pairs = [pair for pair in request.args.items(multi=True) if pair != ("by", attribute)]
    return links.address(links.own_path(), [*pairs, ("by", attribute)])


def narrowed(attributes: Mapping[str, str]) -> str:
    """This page's address narrowed to a group, and grouped no more."""
    names = set(attributes)
    pairs = [
        pair
        for pair in request.args.items(multi=True)
        if pair[0] != "by" and not any(_is_filter(pair, name) for name in names)
    ]
    filters = [("attr", spell_attribute(name, value)) for name, value in attributes.items()]
    return links.address(links.own_path(), [*pairs, *filters])
