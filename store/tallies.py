"""Measures while they are summed, and the values of a tag by them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from signals.semantics import PROMOTED, UNBOUNDED
from store.histogram import exact_latency, latency_of
from store.results import Breakdown, Measure, TagValue
from store.tag_sets import OPERATION

SUMMED = (frozenset(PROMOTED) - UNBOUNDED) | {OPERATION}
"""Tags that are in tag sets."""


@dataclass(slots=True)
class Tally:
    """A measure while it is being summed."""

    requests: int = 0
    errors: int = 0
    origins: int = 0
    buckets: dict[int, int] = field(default_factory=dict)
    values: list[int] = field(default_factory=list)
    """Every single duration in ns, where they were read: of few requests only."""

    def add(self, bucket: int, n: int, errors: int, origins: int) -> None:
        """Add n requests of one latency bucket."""
        self.requests += n
        self.errors += errors
        self.origins += origins
        self.buckets[bucket] = self.buckets.get(bucket, 0) + n

    def merge(self, other: Tally) -> None:
        """Add all of another tally."""
        self.requests += other.requests
        self.errors += other.errors
        self.origins += other.origins
        self.values += other.values
        for bucket, n in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + n

    def measure(self) -> Measure:
        """The sums and percentiles.

        Never negative: a late span may be subtracted from a cell that was pruned meanwhile.
        """
        return Measure(
            max(0, self.requests),
            max(0, self.errors),
            max(0, self.origins),
            exact_latency(self.values)
            if self.values and len(self.values) == self.requests
            else latency_of(self.buckets),
        )


def ranked(
    tag: str, tallies: Mapping[str, Tally], limit: int, scanned: int, *, cut: bool, requests: int = 0
) -> Breakdown:
    """Values by requests, most first, then by name."""
    order = sorted(
        (value for value, tally in tallies.items() if tally.requests > 0),
        key=lambda value: (-tallies[value].requests, value),
    )
    values = tuple(TagValue(value, tallies[value].measure()) for value in order[:limit])
    return Breakdown(
        tag,
        values,
        scanned,
        truncated=cut or len(order) > limit,
        requests=requests,
        values_total=len(order),
        older_left_out=cut,
    )
