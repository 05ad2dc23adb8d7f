"""The form of a row of the table `cells`: one slot of a series, its latencies packed into a histogram.

The numbers of its buckets (16 bits each) stand before their counts (32 bits each), both in the order of the
buckets. A row for each bucket took eight times as many rows to write and to sum.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from typing import Final

_BUCKET_CODE: Final = "H"
_COUNT_CODE: Final = "i"
_BUCKET_BYTES: Final = 2
_ENTRY_BYTES: Final = 6

Sums = dict[int, int]
"""Bucket to count."""


def pack(buckets: Mapping[int, int]) -> bytes:
    """A histogram as it is stored; buckets without a count are left out."""
    numbers = sorted([bucket for bucket, count in buckets.items() if count])
    counts = [buckets[bucket] for bucket in numbers]
    return array(_BUCKET_CODE, numbers).tobytes() + array(_COUNT_CODE, counts).tobytes()


def pack_one(bucket: int, count: int) -> bytes:
    """A histogram of one bucket as it is stored."""
    return pack({bucket: count})


def merged(first: bytes, second: bytes) -> bytes:
    """The stored sum of two stored histograms."""
    return pack(total([first, second]))


def total(bodies: Iterable[bytes]) -> Sums:
    """The sums of stored histograms; a count may be 0 or negative."""
    buckets, counts = array(_BUCKET_CODE), array(_COUNT_CODE)
    for body in bodies:
        middle = len(body) // _ENTRY_BYTES * _BUCKET_BYTES
        buckets.frombytes(body[:middle])
        counts.frombytes(body[middle:])
    sums: Sums = {}
    get = sums.get
    for bucket, count in zip(buckets, counts, strict=True):
        sums[bucket] = get(bucket, 0) + count
    return sums
