"""Puts runs of one series together: in order of time, each time once, of one shape where that is possible."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain, pairwise
from typing import NamedTuple

from store.metric_points import (
    EXPONENTIAL,
    MemoryRun,
    PlainPoint,
    Run,
    Shape,
    Spots,
    layout_of,
    plain_points,
    runs_of,
)


class _Part(NamedTuple):
    """The spots of one of several runs."""

    number: int
    """Which of the runs."""
    spots: Spots
    beyond: Sequence[float]
    """Parts of the way from its last point to the next run."""


@dataclass(slots=True)
class TimesCache:
    """What runs one after the other have in common with others: most series of a process have the same times.

    Keys are identities of lists and spots, which are held here or outlive the cache.
    """

    _times: dict[tuple[int, ...], list[int]] = field(default_factory=dict)
    _parts: dict[tuple[int, int], tuple[Spots, list[_Part]]] = field(default_factory=dict)

    def times(self, parts: Sequence[Sequence[int]]) -> list[int]:
        """Times of several runs, one after the other; the same object for the same lists."""
        key = tuple(map(id, parts))
        found = self._times.get(key)
        if found is None:
            found = self._times[key] = list(chain.from_iterable(parts))
        return found

    def parts(self, times: Sequence[int], runs: Sequence[Run], spots: Spots) -> list[_Part]:
        """The spots of each of these runs, whose times these are: a list that `times` returned."""
        key = (id(times), id(spots))
        if key not in self._parts:
            self._parts[key] = spots, list(_parts_of(runs, spots))
        return self._parts[key][1]


class ChainedRun:
    """Runs of one shape, one after the other; a column is put together when it is asked for."""

    def __init__(self, runs: Sequence[Run], cache: TimesCache) -> None:
        self.shape = runs[0].shape
        self.times: Sequence[int] = cache.times([run.times for run in runs])
        self.starts: Sequence[int] = cache.times([run.starts for run in runs])
        self._runs = runs
        self._cache = cache
        self._known: dict[int, Sequence[float]] = {}

    def column(self, place: int) -> Sequence[float]:
        """See `metric_points.Run`."""
        found = self._known.get(place)
        if found is None:
            found = list(chain.from_iterable(run.column(place) for run in self._runs))
            self._known[place] = found
        return found

    def between(self, place: int, spots: Spots) -> list[float]:
        """See `metric_points.Run`."""
        runs = self._runs
        found: list[float] = []
        for number, of_run, beyond in self._cache.parts(self.times, runs, spots):
            found += runs[number].between(place, of_run)
            if beyond:
                one, other = runs[number].column(place)[-1], runs[number + 1].column(place)[0]
                found += [one + (other - one) * part for part in beyond]
        return found


def _parts_of(runs: Sequence[Run], spots: Spots) -> Iterator[_Part]:
    ends = list(accumulate(len(run.times) for run in runs))
    for number, (run, end) in enumerate(zip(runs, ends, strict=True)):
        begin = end - len(run.times)
        low, high = bisect_left(spots.points, begin), bisect_left(spots.points, end)
        last = bisect_left(spots.points, end - 1, low, high)
        if low < high:
            inside = Spots.at([point - begin for point in spots.points[low:last]], spots.parts[low:last])
            yield _Part(number, inside, spots.parts[last:high])


def joined(runs: Sequence[Run], cache: TimesCache | None = None) -> list[Run]:
    """The points of these runs, in as few runs as possible. What came first stays of two of one time.

    The runs must outlive the cache.
    """
    cache = TimesCache() if cache is None else cache
    if len(runs) < 2:
        return list(runs)
    ordered = sorted(runs, key=lambda run: run.times[0])
    if not all(one.times[-1] < other.times[0] for one, other in pairwise(ordered)):
        return _point_by_point(runs)
    found: list[Run] = []
    group: list[Run] = [ordered[0]]
    for run in ordered[1:]:
        if _kind(run.shape) == _kind(group[0].shape):
            group.append(run)
        else:
            found.append(_chained(group, cache))
            group = [run]
    return [*found, _chained(group, cache)]


def _kind(shape: Shape) -> Shape:
    """What two shapes that can be one have in common: of exponential ones all but the range of buckets."""
    return shape[:4] if shape[0] == EXPONENTIAL else shape


def _point_by_point(runs: Sequence[Run]) -> list[Run]:
    found: dict[int, PlainPoint] = {}
    for run in runs:
        for point in plain_points(run):
            found.setdefault(point.time_unix_nano, point)
    return list(runs_of(found[time] for time in sorted(found)))


def _chained(runs: Sequence[Run], cache: TimesCache) -> Run:
    if len(runs) == 1:
        return runs[0]
    shape = runs[0].shape
    if shape[0] == EXPONENTIAL and any(run.shape != shape for run in runs):
        times = cache.times([run.times for run in runs])
        starts = cache.times([run.starts for run in runs])
        low, size = _range([(run.shape[4], run.shape[5]) for run in runs])
        below, below_size = _range([(run.shape[6], run.shape[7]) for run in runs])
        shape = (*shape[:4], low, size, below, below_size)
        parts = [_widened(run, shape) for run in runs]
        columns = [list(chain.from_iterable(each)) for each in zip(*parts, strict=True)]
        return MemoryRun(shape, times, starts, columns)
    return ChainedRun(runs, cache)


def _range(ranges: Sequence[tuple[int, int]]) -> tuple[int, int]:
    filled = [(offset, offset + size) for offset, size in ranges if size]
    if not filled:
        return 0, 0
    low = min(begin for begin, _ in filled)
    return low, max(end for _, end in filled) - low


def _widened(run: Run, shape: Shape) -> list[Sequence[float]]:
    """The columns of an exponential run with those of a wider range."""
    own, n = layout_of(run.shape), len(run.times)
    empty: Sequence[float] = [0] * n
    found: list[Sequence[float]] = [run.column(place) for place in range(own.buckets)]
    for first, (offset, size), (low, wide) in (
        (own.buckets, run.shape[4:6], shape[4:6]),
        (own.negative, run.shape[6:8], shape[6:8]),
    ):
        found += [
            run.column(first + low + place - offset) if 0 <= low + place - offset < size else empty
            for place in range(wide)
        ]
    return found
