"""The order of a table of measures: by which column, in which direction, and the links of its headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from observer.request.parameters import Query
from store.api import Measure

NAME = "name"
LABELS: Mapping[str, str] = {
    "requests": "Requests",
    "errors": "Errors",
    "root": "Root cause",
    "p50": "P50",
    "p90": "P90",
    "p99": "P99",
}
"""Columns of numbers in their order; a table is sorted by the first by default."""


@dataclass(frozen=True, slots=True)
class ColumnHeader:
    """One header of a table."""

    label: str
    href: str
    """Sorts by this column, in the opposite direction where the table is sorted by it already."""
    numeric: bool
    aria_sort: str | None
    """`ascending` or `descending` if the table is sorted by it, else None."""


@dataclass(frozen=True, slots=True)
class Sort:
    """The column and direction that a table is sorted by."""

    key: str
    ascending: bool

    def rank(self, name: str, measure: Measure) -> tuple[bool, float, str]:
        """The sort key of a row: without a value last in both directions, equal values by name."""
        value = _value(self.key, measure)
        return value is None, (value or 0) * (1 if self.ascending else -1), name

    def columns(self, first: str, href: Callable[..., str]) -> list[ColumnHeader]:
        """The headers of a table whose first column has this label; `href` changes this page's address."""
        found = []
        for key, label in ((NAME, first), *LABELS.items()):
            current = key == self.key
            ascending = not self.ascending if current else key == NAME
            way = "ascending" if self.ascending else "descending"
            link = href(sort=key, dir="asc" if ascending else "desc")
            found.append(ColumnHeader(label, link, key != NAME, way if current else None))
        return found


def sort_of(query: Query) -> Sort:
    """The order by `sort` and `dir` of an address; most requests first by default. Raises Malformed."""
    key = query.choice("sort", (NAME, *LABELS)) or "requests"
    way = query.choice("dir", ("asc", "desc"))
    return Sort(key, way == "asc" if way else key == NAME)


def rows(of: Mapping[str, Measure], sort: Sort) -> list[tuple[str, Measure]]:
    """Named measures in order."""
    if sort.key == NAME:
        return sorted(of.items(), key=lambda pair: pair[0], reverse=not sort.ascending)
    return sorted(of.items(), key=lambda pair: sort.rank(*pair))


def _value(key: str, measure: Measure) -> float | None:
    latency = measure.latency
    values: dict[str, float | None] = {
        "requests": measure.requests,
        "errors": measure.errors,
        "root": measure.origin_errors,
        "p50": latency.p50_ns,
        "p90": latency.p90_ns,
        "p99": latency.p99_ns,
    }
    return values.get(key)
