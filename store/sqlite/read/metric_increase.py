"""How much counters rose in each column of a chart, resets and holes taken into account.

Between two points a counter is taken to rise evenly. Points are not looped over in Python unless there was a
reset or a hole: a chart of 6 h needs the values at some 60 edges, of thousands of points.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice, pairwise
from operator import add, mul, sub
from typing import Final, NamedTuple

from store.metric_points import Run, Spots

AROUND_NS: Final = 3600 * 10**9
"""So far before and after a window points are looked at: the widest hole that an increase may cross."""
_LEAST_HOLE_NS: Final = 300 * 10**9
_HOLE_INTERVALS: Final = 5
_INTERVAL_NS: Final = 60 * 10**9
"""How often SDKs report, where a series has too few points to tell."""


@dataclass(slots=True)
class Columns:
    """The equal columns of a window; the last may reach beyond it."""

    begin: int
    width: int
    count: int
    end: int

    def place_of(self, time: int) -> int:
        """The column in which a time of the window lies."""
        return (time - self.begin) // self.width


class Stretch(NamedTuple):
    """Points `low` to `high` (exclusive) between which a counter rose without a reset or a hole."""

    low: int
    high: int
    begin: int | None
    """When it was 0 (of deltas: as before) ahead of its first point; None where that is not known."""


class Cuts(NamedTuple):
    """Where the edges of columns cut a stretch."""

    first: int
    """The column of the first part."""
    begin: int
    end: int
    places: Sequence[tuple[int, float]]
    """(point of the stretch, part of the way to the next), one more than there are columns."""


class Picks(NamedTuple):
    """Where the columns of a chart need a stretch, the same for every bucket of its series."""

    ahead: Sequence[float]
    """Of cuts between the stretch's begin and its first point, the part of the way."""
    spots: Spots
    """The other cuts, as places in the run."""
    slices: Sequence[tuple[int, int]]
    """Of each column, the points that tell of it: first, last exclusive."""


@dataclass(slots=True)
class Spacing:
    """How far apart the points of a series are."""

    interval: int
    """The median; how often it reports."""
    widest: int
    hole: int
    """Beyond this, an increase is not counted."""


@dataclass(slots=True)
class Cutter:
    """Knows what the times of series have in common, as most series of a process have the same times."""

    columns: Columns
    _spacings: dict[int, Spacing] = field(default_factory=dict)
    _cuts: dict[tuple[int, Stretch], Cuts | None] = field(default_factory=dict)
    _picks: dict[tuple[int, Stretch], Picks] = field(default_factory=dict)
    _kept: list[Sequence[int]] = field(default_factory=list)
    """The lists whose identities are keys: they must live as long."""

    def spacing(self, times: Sequence[int]) -> Spacing:
        """The spacing of these times."""
        found = self._spacings.get(id(times))
        if found is None:
            self._kept.append(times)
            found = self._spacings[id(times)] = spacing_of(times)
        return found

    def cuts(self, times: Sequence[int], stretch: Stretch) -> Cuts | None:
        """Where the columns cut this stretch; None where it lies outside of the window."""
        key = (id(times), stretch)
        if key not in self._cuts:
            self._kept.append(times)
            self._cuts[key] = self._cut(times, stretch)
        return self._cuts[key]

    def picks(self, times: Sequence[int], stretch: Stretch, cuts: Cuts) -> Picks:
        """Which points those cuts need; `cuts` are those of `self.cuts(times, stretch)`."""
        key = (id(times), stretch)
        found = self._picks.get(key)
        if found is None:
            found = self._picks[key] = self._pick(times, stretch, cuts)
        return found

    def _pick(self, times: Sequence[int], stretch: Stretch, cuts: Cuts) -> Picks:
        # Ahead of the first point stands the beginning, where that is known.
        shift = stretch.low - (0 if stretch.begin is None else 1)
        ahead = [part for place, part in cuts.places if place + shift < stretch.low]
        inside = cuts.places[len(ahead) :]
        spots = Spots.at([place + shift for place, _ in inside], [part for _, part in inside])
        columns = self.columns
        slices = []
        for place in range(cuts.first, cuts.first + len(cuts.places) - 1):
            begin = columns.begin + place * columns.width
            low = bisect_left(times, max(begin, cuts.begin))
            slices.append((low, bisect_left(times, begin + columns.width, low) + 1))
        return Picks(ahead, spots, slices)

    def _cut(self, times: Sequence[int], stretch: Stretch) -> Cuts | None:
        low, high, begin = stretch
        ends = [*(() if begin is None else (begin,)), *times[low:high]]
        columns = self.columns
        first, last = max(ends[0], columns.begin), min(ends[-1], columns.end)
        if len(ends) < 2 or first >= last:
            return None
        left, right = columns.place_of(first), columns.place_of(last - 1)
        cuts = [
            first,
            *(columns.begin + place * columns.width for place in range(left + 1, right + 1)),
            last,
        ]
        places = []
        for cut in cuts:
            at = min(bisect_right(ends, cut), len(ends) - 1) - 1
            places.append((at, (cut - ends[at]) / (ends[at + 1] - ends[at])))
        return Cuts(left, first, last, places)


def spacing_of(times: Sequence[int]) -> Spacing:
    """The spacing of times in order."""
    between = sorted(map(sub, times[1:], times))
    interval = between[len(between) // 2] if between else _INTERVAL_NS
    hole = min(max(_HOLE_INTERVALS * interval, _LEAST_HOLE_NS), AROUND_NS)
    return Spacing(interval, between[-1] if between else 0, hole)


def cumulative_stretches(
    times: Sequence[int], starts: Sequence[int], values: Sequence[float], spacing: Spacing, since: int,
    *, monotonic: bool,
) -> list[Stretch]:  # fmt: skip
    """The stretches of a counter that counts since its start.

    A first point counts from 0 if its start is not before `since`: at the end of one interval, as many
    senders name the start of their process for a series that begins later.
    """
    begin = _begin_of(starts[0], times[0], 0, spacing) if since <= starts[0] else None
    steady = starts.count(starts[0]) == len(starts) and spacing.widest <= spacing.hole
    if steady and not (monotonic and min(map(sub, values[1:], values), default=0) < 0):
        return [Stretch(0, len(times), begin)]
    found, low = [], 0
    for place in range(1, len(times)):
        before, time = times[place - 1], times[place]
        if starts[place] > starts[place - 1] and starts[place] > 0 and starts[place - 1] > 0:
            ahead = _begin_of(starts[place], time, before, spacing)
        elif time - before > spacing.hole:
            ahead = None
        elif monotonic and values[place] < values[place - 1]:
            ahead = before
        else:
            continue
        found.append(Stretch(low, place, begin))
        low, begin = place, ahead
    return [*found, Stretch(low, len(times), begin)]


def _begin_of(start: int, time: int, before: int, spacing: Spacing) -> int | None:
    if not 0 < start < time:
        return before or None
    return max(start, before, time - spacing.interval)


def delta_stretches(times: Sequence[int], starts: Sequence[int], spacing: Spacing) -> list[Stretch]:
    """The stretches of a counter whose points count since the one before: values are their running sum."""
    if starts[0] and starts[1:] == times[:-1]:
        return [Stretch(0, len(times), min(starts[0], times[0] - 1))]
    found, low, begin = [], 0, 0
    before = 0
    for place, (start, time) in enumerate(zip(starts, times, strict=True)):
        if not 0 < start < time:
            start = before if before and time - before <= spacing.hole else time - spacing.interval
        start = max(start, before)
        if not place:
            begin = start
        elif start > before:
            found.append(Stretch(low, place, begin))
            low, begin = place, start
        before = time
    return [*found, Stretch(low, len(times), begin)]


def risen(values: Sequence[float], stretch: Stretch, cuts: Cuts, *, delta: bool) -> list[float]:
    """By how much the values rose in each column from `cuts.first` on; of deltas, they are the sum so far."""
    low, begin = stretch.low, stretch.begin
    if begin is None:
        base, shift = values[low], low
        at = [
            (values[place + shift] - base) + (values[place + shift + 1] - values[place + shift]) * part
            for place, part in cuts.places
        ]
    else:
        base = values[low - 1] if delta and low else 0
        of_stretch = [0, *(value - base for value in values[low : stretch.high])]
        at = [
            of_stretch[place] + (of_stretch[place + 1] - of_stretch[place]) * part
            for place, part in cuts.places
        ]
    return list(map(sub, at[1:], at))


def risen_at(run: Run, column: int, stretch: Stretch, picks: Picks, *, delta: bool) -> list[float]:
    """By how much a column rose between cuts; of deltas, it holds what was added since the point before."""
    ahead = picks.ahead
    if delta:
        values = run.column(column)
        if not any(values):
            return []
        added = values[stretch.low : stretch.high]
        shift = stretch.low - 1
        points, parts, _ = picks.spots
        steps = [slice(one - shift, other - shift) for one, other in pairwise((shift, *points))]
        summed = islice(accumulate(map(sum, map(added.__getitem__, steps)), initial=0), 1, None)
        nexts = [values[point + 1] for point in points]
        at = [*(added[0] * part for part in ahead), *map(add, summed, map(mul, nexts, parts))]
    else:
        at = run.between(column, picks.spots)
        if ahead:
            first = run.column(column)[stretch.low]
            at = [*(first * part for part in ahead), *at]
    return list(map(sub, at[1:], at))


def running_sum(values: Sequence[float]) -> list[float]:
    """The sum up to each value."""
    return list(accumulate(values))


@dataclass(slots=True)
class Rise:
    """What a group of series rose by in each column."""

    columns: Columns
    sums: list[float | None]
    begins: list[int]
    ends: list[int]
    """The part of each column in which it is known."""

    @classmethod
    def empty(cls, columns: Columns) -> Rise:
        """Nothing known."""
        return cls(columns, [None] * columns.count, [0] * columns.count, [0] * columns.count)

    def add(self, cuts: Cuts, rises: Sequence[float]) -> None:
        """Add what one stretch rose by."""
        columns = self.columns
        for place, rise in enumerate(rises, cuts.first):
            left = max(columns.begin + place * columns.width, cuts.begin)
            right = min(columns.begin + (place + 1) * columns.width, cuts.end)
            known = self.sums[place]
            if known is None:
                self.sums[place], self.begins[place], self.ends[place] = rise, left, right
            else:
                self.sums[place] = known + rise
                self.begins[place] = min(self.begins[place], left)
                self.ends[place] = max(self.ends[place], right)

    def rates(self) -> list[float | None]:
        """A second, over the part of each column that is known."""
        return [
            None if rise is None else rise * 1e9 / (end - begin)
            for rise, begin, end in zip(self.sums, self.begins, self.ends, strict=True)
        ]
