"""Percentiles from log-spaced buckets."""

from __future__ import annotations

import math
import random

import pytest

from store.histogram import bucket_of, exact_latency, exact_percentile, latency_of, percentile


def test_percentiles_are_right_within_a_few_percent() -> None:
    counts: dict[int, int] = {}
    for value_ms in range(1, 1001):
        bucket = bucket_of(value_ms * 1_000_000)
        counts[bucket] = counts.get(bucket, 0) + 1
    latency = latency_of(counts)
    for found, wanted in (
        (latency.p50_ns, 500),
        (latency.p75_ns, 750),
        (latency.p90_ns, 900),
        (latency.p99_ns, 990),
    ):
        assert found == pytest.approx(wanted * 1e6, rel=0.03)
    assert percentile({}, 0.5) is None
    assert latency_of({0: 3}).p99_ns == 0


_SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
_CASES = 300


def _durations(seed: int) -> list[int]:
    """One to sixty durations, of widths from all alike to the whole of 62 bits."""
    dice = random.Random(seed)
    widest = dice.randint(2, 62)
    return [dice.randint(2, 2 ** dice.randint(2, widest)) for _ in range(dice.randint(1, 60))]


@pytest.mark.parametrize("seed", range(_CASES))
def test_every_percentile_of_samples_lies_between_its_neighbours(seed: int) -> None:
    """Exact to the nanosecond, in order, within the data; the first is the least, the last the greatest."""
    ordered = sorted(_durations(seed))
    found = [exact_percentile(ordered, share) for share in _SHARES]
    assert (found[0], found[-1]) == (ordered[0], ordered[-1])
    assert found == sorted(value for value in found if value is not None)
    for share, value in zip(_SHARES, found, strict=True):
        rank = share * (len(ordered) - 1)
        assert value is not None
        assert ordered[math.floor(rank)] <= value <= ordered[math.ceil(rank)]


@pytest.mark.parametrize("seed", range(_CASES))
def test_buckets_give_the_same_percentiles_within_a_bucket(seed: int) -> None:
    """The largest value is never dropped, however few there are."""
    ordered = sorted(_durations(seed))
    counts: dict[int, int] = {}
    for value in ordered:
        counts[bucket_of(value)] = counts.get(bucket_of(value), 0) + 1
    found = [percentile(counts, share) or 0 for share in _SHARES]
    assert found == sorted(found)
    for share, value in zip(_SHARES, found, strict=True):
        assert value == pytest.approx(exact_percentile(ordered, share), rel=0.05, abs=1)


def test_two_orders_have_a_p99_near_the_slower() -> None:
    latency = exact_latency([2_500_000_000, 1_850_000_000])
    assert (latency.p50_ns, latency.p99_ns) == (2_175_000_000, 2_493_500_000)
