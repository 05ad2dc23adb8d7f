"""Percentiles of buckets of any bounds: inside a bucket, observations are taken to be spread evenly.

Knows no metric: buckets are (lower bound, upper bound, count), and may overlap where senders differ.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

Bucket = tuple[float, float, float]


def percentile(
    buckets: Sequence[Bucket], share: float, lowest: float | None = None, highest: float | None = None
) -> float | None:
    """The value below which this share of the observations lies; None if there are none.

    `lowest` and `highest` are known bounds of all observations. A bucket without an end of its own
    counts as its other end where no such bound is known, the lowest as beginning at 0 if it ends above.
    """
    held = sorted(within(bucket, lowest, highest) for bucket in buckets if bucket[2] > 0)
    if not held:
        return None
    if any(one[1] > other[0] for one, other in pairwise(held)):
        held = _apart(held)
    rank = share * math.fsum(bucket[2] for bucket in held)
    before = 0.0
    for low, high, count in held:
        if before + count >= rank:
            return low + (high - low) * min(max((rank - before) / count, 0.0), 1.0)
        before += count
    return held[-1][1]


def within(bucket: Bucket, lowest: float | None, highest: float | None) -> Bucket:
    """A bucket as far as it lies between these known bounds; with two ends, as `percentile` says."""
    low, high, count = bucket
    if low == -math.inf:
        low = lowest if lowest is not None else min(0.0, high)
    if high == math.inf:
        high = highest if highest is not None else low
    if lowest is not None:
        low, high = max(low, lowest), max(high, lowest)
    if highest is not None:
        low, high = min(low, highest), min(high, highest)
    return low, max(low, high), count


def _apart(held: Sequence[Bucket]) -> list[Bucket]:
    """The same without overlaps: each bucket is cut at the bounds of the others."""
    bounds = sorted({bound for low, high, _ in held for bound in (low, high)})
    parts: dict[tuple[float, float], float] = {}
    for low, high, count in held:
        if high == low:
            parts[low, high] = parts.get((low, high), 0.0) + count
            continue
        for left, right in pairwise(bounds):
            if low <= left and right <= high:
                share = count * ((right - left) / (high - low))
                parts[left, right] = parts.get((left, right), 0.0) + share
    return sorted((low, high, count) for (low, high), count in parts.items())
