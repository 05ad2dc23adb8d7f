"""Latency in log-spaced buckets: sixteen to each doubling, so that a percentile is right within about 2 %.

A bucket is 4.4 % wide (the 16th root of 2). Numbers of buckets are stored: changing
their width changes what files mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from store.results import Latency

_PER_DOUBLING = 16


def bucket_of(value_ns: int) -> int:
    """The bucket of a duration; 0 holds everything up to 1 ns."""
    return int(math.log2(value_ns) * _PER_DOUBLING) + 1 if value_ns > 1 else 0


def value_of(bucket: int) -> int:
    """The duration in the (logarithmic) middle of a bucket, in ns."""
    return round(2 ** ((bucket - 0.5) / _PER_DOUBLING)) if bucket else 0


def percentile(counts: Mapping[int, int], share: float) -> int | None:
    """The value below which `share` (0 to 1) of the samples lie; None without samples.

    Inside its bucket, samples are assumed to be spread evenly (on the logarithmic scale).
    """
    total = sum(counts.values())
    if total <= 0:
        return None
    rank = share * (total - 1)
    before = 0
    for bucket in sorted(counts):
        count = counts[bucket]
        if count > 0 and rank < before + count:
            if not bucket:
                return 0
            part = (rank - before + 0.5) / count
            return round(2 ** ((bucket - 1 + part) / _PER_DOUBLING))
        # A count may be negative: what was subtracted may stand in another cell than what was added.
        before += max(0, count)
    return value_of(max(counts))


def latency_of(counts: Mapping[int, int]) -> Latency:
    """The four percentiles that the screens show."""
    return Latency(
        p50_ns=percentile(counts, 0.50),
        p75_ns=percentile(counts, 0.75),
        p90_ns=percentile(counts, 0.90),
        p99_ns=percentile(counts, 0.99),
    )
