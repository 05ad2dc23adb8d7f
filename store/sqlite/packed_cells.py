"""The form of a row of the table `cells`: one slot of a series, its latencies packed into a histogram.

The numbers of its buckets (16 bits each) stand before their counts (32 bits each), both in the order of the
buckets. A row for each bucket took eight times as many rows to write and to sum.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
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
    if 0 in buckets.values():
        buckets = {bucket: count for bucket, count in buckets.items() if count}
    numbers = sorted(buckets)
    # By functions of C: a quarter quicker than a step of Python for each bucket.
    counts = list(map(buckets.__getitem__, numbers))
    return array(_BUCKET_CODE, numbers).tobytes() + array(_COUNT_CODE, counts).tobytes()


def pack_one(bucket: int, count: int) -> bytes:
    """A histogram of one bucket as it is stored."""
    return pack({bucket: count})


def merged(first: bytes, second: bytes) -> bytes:
    """The stored sum of two stored histograms."""
    buckets, counts = _columns(first)
    place_of = dict(zip(buckets, range(len(buckets)), strict=True)).get
    new: Sums = {}
    for bucket, count in zip(*_columns(second), strict=True):
        place = place_of(bucket)
        if place is None:
            new[bucket] = count
        else:
            counts[place] += count
    # Most often the cell has had all buckets, or nearly all: to sort and pack all of it took twice as long.
    for bucket, count in new.items():
        place = bisect_left(buckets, bucket)
        buckets.insert(place, bucket)
        counts.insert(place, count)
    if 0 in counts:
        return pack(dict(zip(buckets, counts, strict=True)))
    return buckets.tobytes() + counts.tobytes()


class Merging:
    """`merged`, told again at once what it has just merged.

    What came within seconds stands in one slot of every width: the same is added to the same for each.
    """

    def __init__(self) -> None:
        self._last: tuple[bytes, bytes] | None = None
        self._sum = b""

    def merged(self, first: bytes, second: bytes) -> bytes:
        """The stored sum of two stored histograms."""
        both = first, second
        if both != self._last:
            self._sum = merged(first, second)
            self._last = both
        return self._sum


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


def _columns(body: bytes) -> tuple[array[int], array[int]]:
    """The buckets of a stored histogram, and their counts."""
    buckets, counts = array(_BUCKET_CODE), array(_COUNT_CODE)
    middle = len(body) // _ENTRY_BYTES * _BUCKET_BYTES
    buckets.frombytes(body[:middle])
    counts.frombytes(body[middle:])
    return buckets, counts
