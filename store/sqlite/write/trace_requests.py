"""The requests of a trace on their way into the table `requests`: what they carry, their errors, their row.

Knows neither tables nor caches: `trace_aggregation` gives them their tag sets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import NamedTuple

import orjson

from signals.semantics import CALLS, UNBOUNDED
from signals.trace_tree import Outline
from store.rows import SpanRow
from store.sqlite.packed_requests import OUTCOME_CODE, SET_CODE, START_CODE, pack
from store.sqlite.table_layout import error_code
from store.sqlite.write.tag_set_ids import StoredTagSet, distinct, union

_ERROR: Callable[[SpanRow], bool] = attrgetter("error")


class TraceRequests(NamedTuple):
    """The requests of a trace, whose tag sets may have no numbers yet."""

    start: int
    trace: int
    sets: list[StoredTagSet]
    outcomes: list[int]
    starts: list[int]
    """Of each, after the trace's."""
    unbounded: list[tuple[int, dict[str, list[str]]]]
    """(place, tags) that are too varied for a set."""


def bags_of(
    entry: int, members: Sequence[int], spans: Sequence[SpanRow], found: TraceRequests
) -> tuple[list[Mapping[str, str]], Sequence[bool]]:
    """The tags of a request, and which of them are those of its calls: see `TagSetIds.of`.

    What is too varied for a set is added to `found`.
    """
    bags: list[Mapping[str, str]] = distinct([spans[place].tags for place in members])
    if not all(map(UNBOUNDED.isdisjoint, bags)):
        varied = {tag: _listed(values) for tag, values in union(bags).items() if tag in UNBOUNDED}
        found.unbounded.append((len(found.sets), varied))
        bags = [{tag: bag[tag] for tag in bag if tag not in UNBOUNDED} for bag in bags]
    if len(bags) == len(members) > 1:
        return bags, [place != entry and spans[place].kind in CALLS for place in members]
    # What all carry, the request carries, too: then it does not matter which of them are calls.
    return bags, ()


def worst_of_each(shape: Outline[SpanRow]) -> Sequence[int]:
    """The code of the error of each span; nothing where none of them has an error: most often."""
    return [error_code(origin) for origin in shape.origins] if any(map(_ERROR, shape.spans)) else ()


def packed(found: TraceRequests) -> tuple[object, ...]:
    """The row of the table `requests`."""
    return (
        found.start,
        found.trace,
        found.start + max(found.starts),
        bytearray(pack(SET_CODE, [tag_set.number for tag_set in found.sets])),
        bytearray(pack(OUTCOME_CODE, found.outcomes)),
        bytearray(pack(START_CODE, found.starts)),
        orjson.dumps(found.unbounded).decode() if found.unbounded else None,
    )


def by_start(found: TraceRequests) -> tuple[int, int]:
    """The primary key of the row."""
    return found.start, found.trace


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
