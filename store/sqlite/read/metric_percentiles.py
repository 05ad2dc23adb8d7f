"""Percentiles of histograms, by column of a chart, of one group of series. Pure.

Of each bucket only the points at the columns' edges are read: a chart of 20 series over 6 h has some
700,000 numbers, of which it needs a twentieth.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate, pairwise
from operator import add

from signals.metrics import MetricInfo, Temporality
from store.metric_points import EXPONENTIAL, HISTOGRAM, MemoryRun, Run, layout_of
from store.percentiles import percentile, within
from store.sqlite.metric_runs import joined
from store.sqlite.read.metric_increase import Columns, Cuts, Cutter, Picks, risen_at
from store.sqlite.read.metric_stretches import Numbers, Values, stretches_of

_Bounds = tuple[float, float]


class _Known:
    """The least and the greatest observation that senders name, by column."""

    def __init__(self, columns: Columns) -> None:
        self.lowest: Values = [None] * columns.count
        self.highest: Values = [None] * columns.count

    def add(self, run: Run, cuts: Cuts, picks: Picks) -> None:
        """Note what a run says of the columns from `cuts.first` on."""
        layout = layout_of(run.shape)
        least_known = _recorded(run, layout.minimum, math.inf)
        most_known = _recorded(run, layout.maximum, -math.inf)
        leasts = _of_slices(min, least_known, picks.slices, math.inf)
        mosts = _of_slices(max, most_known, picks.slices, -math.inf)
        for place, (least, most) in enumerate(zip(leasts, mosts, strict=True), cuts.first):
            # A part without a minimum may hold anything: then nothing is known.
            least = -math.inf if least == math.inf else least
            most = math.inf if most == -math.inf else most
            known, held = self.lowest[place], self.highest[place]
            self.lowest[place] = least if known is None or least < known else known
            self.highest[place] = most if held is None or most > held else held

    def of(self, place: int) -> tuple[float | None, float | None]:
        """The least and the greatest of a column; None for what is not known."""
        low, high = self.lowest[place], self.highest[place]
        return None if low == -math.inf else low, None if high == math.inf else high


def percentiles(info: MetricInfo, share: float, series: Sequence[Sequence[Run]], cutter: Cutter) -> Values:
    """Of all observations of a group's series."""
    found: dict[_Bounds, list[float]] = {}
    known = _Known(cutter.columns)
    empty = [0.0] * cutter.columns.count
    delta = info.temporality is Temporality.DELTA
    for runs in _of_one_scale(series):
        for run in runs:
            bounds = _bounds_of(run)
            for stretch in stretches_of(info, Numbers(run.times, run.starts, run.column(0)), cutter):
                cuts = cutter.cuts(run.times, stretch)
                if cuts is None:
                    continue
                picks = cutter.picks(run.times, stretch, cuts)
                known.add(run, cuts, picks)
                first, end = cuts.first, cuts.first + len(picks.slices)
                for column, bucket in bounds:
                    rises = risen_at(run, column, stretch, picks, delta=delta)
                    if not any(rises):
                        continue
                    if min(rises) < 0:
                        rises = [max(rise, 0.0) for rise in rises]
                    counts = found.setdefault(bucket, empty.copy())
                    counts[first:end] = map(add, counts[first:end], rises)
    return list(_of_columns(found, share, known))


def _of_columns(found: dict[_Bounds, list[float]], share: float, known: _Known) -> Iterator[float | None]:
    if not found:
        yield from (None for _ in known.lowest)
        return
    buckets = sorted(found)
    # Where no two overlap, they need not be sorted and cut anew for every column.
    apart = all(one[1] <= other[0] for one, other in pairwise(buckets))
    for place, counts in enumerate(zip(*(found[bucket] for bucket in buckets), strict=True)):
        lowest, highest = known.of(place)
        if apart:
            yield _percentile(buckets, counts, share, lowest, highest)
        else:
            held = [(low, high, count) for (low, high), count in zip(buckets, counts, strict=True)]
            yield percentile(held, share, lowest, highest)


def _percentile(
    buckets: Sequence[_Bounds],
    counts: Sequence[float],
    share: float,
    lowest: float | None,
    highest: float | None,
) -> float | None:
    """As `store.percentiles.percentile`, of buckets in order that do not overlap."""
    summed = list(accumulate(counts))
    if not summed[-1]:
        return None
    rank = share * summed[-1]
    place = bisect_left(summed, rank)
    while not counts[place]:
        place += 1
    before = summed[place - 1] if place else 0.0
    low, high, count = within((*buckets[place], counts[place]), lowest, highest)
    return low + (high - low) * min(max((rank - before) / count, 0.0), 1.0)


def _recorded(run: Run, column: int | None, instead: float) -> Sequence[float]:
    """A column without NaN; empty where there is none."""
    values = [] if column is None else run.column(column)
    if math.isnan(sum(values)):
        return [value if value == value else instead for value in values]
    return values


def _of_slices(
    least: Callable[[Sequence[float]], float],
    values: Sequence[float],
    slices: Sequence[tuple[int, int]],
    instead: float,
) -> list[float]:
    """The least (or greatest) of each slice of a column; `instead` where it is empty."""
    ends = len(values)
    if ends and values.count(values[0]) == ends:
        # The least since the start of a process hardly ever changes.
        return [values[0] if low < min(high, ends) else instead for low, high in slices]
    return [least(part) if (part := values[low:high]) else instead for low, high in slices]


def _bounds_of(run: Run) -> list[tuple[int, tuple[float, float]]]:
    """(column, (lower, upper bound)) of each bucket."""
    layout, shape = layout_of(run.shape), run.shape
    if shape[0] == HISTOGRAM:
        ends = [-math.inf, *shape[2], math.inf] if shape[3] else []
        return [(layout.buckets + at, (ends[at], ends[at + 1])) for at in range(shape[3])]
    scale, threshold = shape[2], shape[3]
    found = [(layout.zero or 0, (-threshold, threshold))]
    for at in range(shape[5]):
        found.append((layout.buckets + at, (power(shape[4] + at, scale), power(shape[4] + at + 1, scale))))
    for at in range(shape[7]):
        found.append((layout.negative + at, (-power(shape[6] + at + 1, scale), -power(shape[6] + at, scale))))
    return found


def power(index: int, scale: int) -> float:
    """The lower bound of a positive bucket: 2**(index * 2**-scale)."""
    try:
        return math.pow(2.0, math.ldexp(index, -scale))
    except OverflowError:
        return math.inf


def _of_one_scale(series: Sequence[Sequence[Run]]) -> list[list[Run]]:
    """Exponential runs with the buckets of the coarsest scale among them."""
    scales = [run.shape[2] for runs in series for run in runs if run.shape[0] == EXPONENTIAL]
    if len(set(scales)) < 2:
        return [list(runs) for runs in series]
    least = min(scales)
    # Runs of one series become one again, as what rose between two scales counts, too.
    return [joined([_downscaled(run, run.shape[2] - least) for run in runs]) for runs in series]


def _downscaled(run: Run, by: int) -> Run:
    if not by:
        return run
    layout, shape = layout_of(run.shape), run.shape
    columns: list[Sequence[float]] = [run.column(place) for place in range(layout.buckets)]
    ranges = []
    for first, offset, size in ((layout.buckets, shape[4], shape[5]), (layout.negative, shape[6], shape[7])):
        if not size:
            ranges += [0, 0]
            continue
        low, high = offset >> by, (offset + size - 1) >> by
        ranges += [low, high - low + 1]
        for index in range(low, high + 1):
            parts = [
                run.column(first + at)
                for at in range(max((index << by) - offset, 0), min(((index + 1) << by) - offset, size))
            ]
            columns.append([sum(each) for each in zip(*parts, strict=True)])
    return MemoryRun(
        (EXPONENTIAL, shape[1], shape[2] - by, shape[3], *ranges), run.times, run.starts, columns
    )
