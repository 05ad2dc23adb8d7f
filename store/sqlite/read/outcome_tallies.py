"""Tallies of packed outcomes (`store/sqlite/packed_requests.py`) that were counted."""

from __future__ import annotations

from collections.abc import Iterable

from store.sqlite.packed_requests import split
from store.tallies import Tally


def tally_of(outcomes: Iterable[tuple[int, int]]) -> Tally:
    """The tally of (outcome, how often)."""
    tally = Tally()
    buckets = tally.buckets
    requests = 0
    for outcome, n in outcomes:
        requests += n
        bucket = outcome >> 3
        buckets[bucket] = buckets.get(bucket, 0) + n
        # An outcome's last three bits are 0 where nothing failed.
        if outcome & 7:
            _, error, origin = split(outcome)
            tally.errors += error * n
            tally.origins += origin * n
    tally.requests = requests
    return tally
