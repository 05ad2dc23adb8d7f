"""Latency in log-spaced buckets: sixteen to each doubling, so that a percentile is right within about 2 %.

Percentiles of few samples come from the samples themselves (`exact_latency`). A bucket
is 4.4 % wide (the 16th root of 2). Numbers of buckets are stored: another width changes
what files mean.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import accumulate
from math import log2
from typing import NamedTuple

from store.results import Latency

_PER_DOUBLING = 16


def bucket_of(value_ns: int) -> int:
    """The bucket of a duration; 0 holds everything up to 1 ns."""
    return int(log2(value_ns) * _PER_DOUBLING) + 1 if value_ns > 1 else 0


def value_of(bucket: int) -> int:
    """The duration in the (logarithmic) middle of a bucket, in ns."""
    return round(2 ** ((bucket - 0.5) / _PER_DOUBLING)) if bucket else 0


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """The value below which `share` (0 to 1) of the samples lie; None without samples.

    It lies between the two samples next to that rank, as far along as the rank is. Inside a
    bucket, samples are assumed to be spread evenly on the logarithmic scale.
    """
    return _percentile(_held(counts), share)


class _Held(NamedTuple):
    """A histogram in order of its buckets."""

    buckets: Sequence[int]
    ends: Sequence[int]
    """Behind which sample each bucket ends."""


def _held(counts: Mapping[int, int]) -> _Held:
    """Those with samples.

    A count may be negative: what was subtracted may stand in another cell than what was added.
    """
    held = [one for one in sorted(counts.items()) if one[1] > 0]
    return _Held([bucket for bucket, _ in held], list(accumulate([count for _, count in held])))


def _percentile(held: _Held, share: float) -> int | None:
    if not held.ends:
        return None
    total = held.ends[-1]
    rank = share * (total - 1)
    place = int(rank)
    low, high = _sample(held, place), _sample(held, min(place + 1, total - 1))
    return round(low + (rank - place) * (high - low))


def _sample(held: _Held, place: int) -> float:
    """The sample at a place from the smallest on, in ns."""
    # By bisection: a page asks for thousands of them.
    at = bisect_right(held.ends, place)
    bucket, before = held.buckets[at], held.ends[at - 1] if at else 0
    part = (place - before + 0.5) / (held.ends[at] - before)
    return 2 ** ((bucket - 1 + part) / _PER_DOUBLING) if bucket else 0.0


def exact_percentile(values: Sequence[int], share: float) -> int | None:
    """As `percentile`, of the samples themselves, which are in order of size."""
    if not values:
        return None
    rank = share * (len(values) - 1)
    place = int(rank)
    low, high = values[place], values[min(place + 1, len(values) - 1)]
    # Whole numbers as long as possible: a duration may be beyond the 53 bits that a float holds.
    return low + min(high - low, round((rank - place) * (high - low)))


def latency_of(counts: Mapping[int, int]) -> Latency:
    """The four percentiles that the screens show, right within about 2 %."""
    held = _held(counts)
    return _latency(lambda share: _percentile(held, share))


def exact_latency(values: Iterable[int]) -> Latency:
    """The four percentiles of the samples themselves, in ns."""
    ordered = sorted(values)
    return _latency(lambda share: exact_percentile(ordered, share))


def _latency(at: Callable[[float], int | None]) -> Latency:
    return Latency(p50_ns=at(0.50), p75_ns=at(0.75), p90_ns=at(0.90), p99_ns=at(0.99))
