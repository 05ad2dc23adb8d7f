"""Rollups added up over a window, right to the second at its edges.

Whole slots come from the cells, coarse ones where they fit; the parts of slots at
both ends are counted row by row. An edge beyond which there is no data needs none.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import orjson

from signals.semantics import environment_of
from store.histogram import bucket_of, latency_of
from store.queries import Window
from store.results import Measure
from store.sqlite.packed_requests import each, newest, split
from store.sqlite.read_connection import Question
from store.sqlite.rollups import CALL, FINE_S, SAMPLE, SECOND_NS, SYNTHETIC_TAG, WIDTHS, synthetic_item
from store.sqlite.tag_sets import environment_in, read_sets, service_in
from store.sqlite.write.session_aggregation import METRICS, TAG_COLUMNS

G = TypeVar("G")
_LONGEST_NS = 600 * SECOND_NS
"""A call is looked for in traces that began at most this long before it."""
_MAX_EDGE = 50_000
"""Traces of one part of a slot (no longer than 10 s) that are looked at."""


@dataclass(slots=True)
class Tally:
    """A measure while it is being added up."""

    requests: int = 0
    errors: int = 0
    origins: int = 0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, bucket: int, n: int, errors: int, origins: int) -> None:
        self.requests += n
        self.errors += errors
        self.origins += origins
        self.buckets[bucket] = self.buckets.get(bucket, 0) + n

    def merge(self, other: Tally, sign: int = 1) -> None:
        self.requests += sign * other.requests
        self.errors += sign * other.errors
        self.origins += sign * other.origins
        for bucket, n in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + sign * n

    def measure(self) -> Measure:
        return Measure(
            max(0, self.requests), max(0, self.errors), max(0, self.origins), latency_of(self.buckets)
        )


class Key(NamedTuple):
    """A series without its kind."""

    environment: str
    subject: str
    item: str
    value: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which series; None leaves a part open."""

    kind: int
    subject: str | None = None
    item: str | None = None
    environment: str | None = None

    def takes(self, key: Key) -> bool:
        return (
            (self.subject is None or key.subject == self.subject)
            and (self.item is None or key.item == self.item)
            and (self.environment is None or key.environment == self.environment)
        )

    def conditions(self) -> tuple[str, list[object]]:
        sql = "s.kind = ?"
        values: list[object] = [self.kind]
        for column, value in (
            ("subject", self.subject),
            ("item", self.item),
            ("environment", self.environment),
        ):
            if value is not None:
                sql += f" AND s.{column} = ?"
                values.append(value)
        return sql, values


class _Plan(NamedTuple):
    """How a window is covered: (width, first slot, slot behind the last), and (from, to) in ns."""

    slots: list[tuple[int, int, int]]
    edges: list[tuple[int, int]]


def _plan(ask: Question, window: Window) -> _Plan:
    begin, end = window.from_unix_nano, window.to_unix_nano
    newest = ask.fact("newest")
    fine_ns = FINE_S * SECOND_NS
    first = -(-begin // fine_ns)
    behind = end // fine_ns
    if newest is not None and end > newest:
        behind = -(-end // fine_ns)
    if first >= behind:
        return _Plan([], [(begin, end)])
    edges = [(low, high) for low, high in ((begin, first * fine_ns), (behind * fine_ns, end)) if low < high]
    return _Plan(_cover(first, behind, sorted(WIDTHS, reverse=True)), edges)


def _cover(first: int, behind: int, widths: Sequence[int]) -> list[tuple[int, int, int]]:
    """Slots for a stretch of the finest ones, as wide as they fit; `widths` from the widest."""
    if first >= behind:
        return []
    ratio = widths[0] // FINE_S
    low, high = -(-first // ratio), behind // ratio
    if low >= high:
        return _cover(first, behind, widths[1:])
    return [
        *_cover(first, low * ratio, widths[1:]),
        (widths[0], low, high),
        *_cover(high * ratio, behind, widths[1:]),
    ]


def gather(ask: Question, wanted: Wanted, window: Window, group: Callable[[Key], G]) -> dict[G, Tally]:
    """Tallies of the wanted series over the window, by what `group` makes of their keys."""
    tallies: dict[G, Tally] = {}
    plan = _plan(ask, window)
    condition, values = wanted.conditions()
    for width, first, behind in plan.slots:
        rows = ask.each(
            "SELECT s.environment, s.subject, s.item, s.value, c.bucket, "
            "sum(c.n), sum(c.errors), sum(c.origins) FROM series s "
            "CROSS JOIN cells c ON c.series = s.id AND c.width = ? AND c.slot >= ? AND c.slot < ? "
            f"WHERE {condition} GROUP BY s.id, c.bucket",
            (width, first, behind, *values),
        )
        for environment, subject, other, value, bucket, n, errors, origins in rows:
            name = group(Key(environment, subject, other, value))
            tally = tallies.get(name)
            if tally is None:
                tally = tallies[name] = Tally()
            tally.add(bucket, n, errors, origins)
    for begin, end in plan.edges:
        for key, bucket, error, origin in _edge(ask, wanted, begin, end):
            if wanted.takes(key):
                tallies.setdefault(group(key), Tally()).add(bucket, 1, error, origin)
    return tallies


def _edge(ask: Question, wanted: Wanted, begin: int, end: int) -> Iterator[tuple[Key, int, int, int]]:
    """Single requests or calls of part of a slot: key, bucket, error, origin."""
    if wanted.kind == CALL:
        yield from _edge_calls(ask, begin, end)
        return
    if wanted.kind == SAMPLE:
        for number, metric in enumerate(METRICS):
            if wanted.subject in (None, metric):
                for environment, synthetic, bucket, failed in ask.each(
                    f"SELECT coalesce(p.value, ''), coalesce(q.value, ''), m.bucket, m.failed FROM samples m "
                    f"LEFT JOIN pairs p ON p.id = m.{TAG_COLUMNS['environment']} "
                    f"LEFT JOIN pairs q ON q.id = m.{TAG_COLUMNS[SYNTHETIC_TAG]} "
                    "WHERE m.metric = ? AND m.start >= ? AND m.start < ?",
                    (number, begin, end),
                ):
                    yield Key(environment, metric, synthetic_item(synthetic), ""), bucket, failed, 0
        return
    window = Window(begin, end)
    found = [
        (tagset, low)
        for row in newest(ask, window, wanted.subject, _MAX_EDGE)
        for _, tagset, low in each(row, window)
    ]
    sets = read_sets(ask, {tagset for tagset, _ in found})
    for tagset, low in found:
        tags = sets.get(tagset, {})
        bucket, error, origin = split(low)
        yield Key(environment_in(tags), service_in(tags), "", ""), bucket, error, origin


def _edge_calls(ask: Question, begin: int, end: int) -> Iterator[tuple[Key, int, int, int]]:
    rows = ask.each(
        "SELECT tags, calls FROM traces WHERE start >= ? AND start < ? AND start + duration >= ?",
        (begin - _LONGEST_NS, end, begin),
    )
    for tags, calls in rows:
        environment = environment_of(orjson.loads(tags))
        for source, target, start, duration_ns, error, flag in orjson.loads(calls):
            if begin <= start < end:
                yield Key(environment, source, target, flag), bucket_of(duration_ns), error, 0
