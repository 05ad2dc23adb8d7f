"""The values of a chart's columns, of one group of series: numbers, distributions, summaries. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

from signals.metrics import MetricInfo, MetricKind, Temporality
from store.percentiles import Bucket, percentile
from store.sqlite.metric_points import (
    EXPONENTIAL,
    HISTOGRAM,
    NOTHING,
    MemoryRun,
    Run,
    layout_of,
)
from store.sqlite.metric_runs import joined
from store.sqlite.read.metric_increase import (
    AROUND_NS,
    Columns,
    Cuts,
    Cutter,
    Rise,
    Stretch,
    cumulative_stretches,
    delta_stretches,
    risen,
    running_sum,
)

Values = list[float | None]
"""One for each column."""

_PERCENTILES: Final = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_SHARES: Final = {**_PERCENTILES, "min": 0.0, "max": 1.0}


class _Numbers(NamedTuple):
    times: Sequence[int]
    starts: Sequence[int]
    values: Sequence[float]


def column_values(info: MetricInfo, agg: str, series: Sequence[Sequence[Run]], cutter: Cutter) -> Values:
    """The values of a group: of each of its series the runs, in order of time."""
    recorded = [[run for run in runs if run.shape[0] != NOTHING] for runs in series]
    if not info.kind.is_distribution:
        numbers = [_numbers(runs, 0) for runs in recorded if runs]
        if agg in ("rate", "sum"):
            rise = _rise_of(info, numbers, cutter)
            return rise.rates() if agg == "rate" else list(rise.sums)
        return _of_points(agg, numbers, cutter.columns)
    if agg in ("rate", "count"):
        rise = _rise_of(info, [_numbers(runs, 0) for runs in recorded if runs], cutter)
        return rise.rates() if agg == "rate" else list(rise.sums)
    if agg in ("sum", "avg"):
        return _sums(info, agg, recorded, cutter)
    if info.kind is MetricKind.SUMMARY:
        return _reported(_SHARES[agg], recorded, cutter.columns)
    return _percentiles(info, _SHARES[agg], recorded, cutter)


def _numbers(runs: Sequence[Run], column: int) -> _Numbers:
    """One column of a series over all its runs, which have it."""
    if len(runs) == 1:
        return _Numbers(runs[0].times, runs[0].starts, runs[0].column(column))
    return _Numbers(
        list(chain.from_iterable(run.times for run in runs)),
        list(chain.from_iterable(run.starts for run in runs)),
        list(chain.from_iterable(run.column(column) for run in runs)),
    )


def _without(numbers: _Numbers, *, infinities: bool) -> _Numbers:
    """Without NaN, which is a gap, and without infinities, which nothing can rise from."""
    values = numbers.values
    if math.isfinite(sum(values)):
        return numbers
    kept = [
        place
        for place, value in enumerate(values)
        if value == value and (not infinities or abs(value) != math.inf)
    ]
    if len(kept) == len(values):
        return numbers
    return _Numbers(
        [numbers.times[place] for place in kept],
        [numbers.starts[place] for place in kept],
        [values[place] for place in kept],
    )


def _of_points(agg: str, series: Sequence[_Numbers], columns: Columns) -> Values:
    found: list[list[Sequence[float]]] = [[] for _ in range(columns.count)]
    for each in series:
        numbers = _without(each, infinities=False)
        for place, low, high in _slices(numbers.times, columns):
            found[place].append(numbers.values[low:high])
    return [_of_column(agg, parts) if parts else None for parts in found]


def _of_column(agg: str, parts: Sequence[Sequence[float]]) -> float:
    if agg == "count":
        return sum(len(part) for part in parts)
    if agg == "last":
        return sum(part[-1] for part in parts)
    if agg == "min":
        return min(min(part) for part in parts)
    if agg == "max":
        return max(max(part) for part in parts)
    return sum(sum(part) for part in parts) / sum(len(part) for part in parts)


def _slices(times: Sequence[int], columns: Columns) -> Iterator[tuple[int, int, int]]:
    """(column, first point, last point exclusive) of each column that has points."""
    low, end = bisect_left(times, columns.begin), bisect_left(times, columns.end)
    while low < end:
        place = columns.place_of(times[low])
        high = min(bisect_left(times, columns.begin + (place + 1) * columns.width, low), end)
        yield place, low, high
        low = high


def _rise_of(info: MetricInfo, series: Sequence[_Numbers], cutter: Cutter) -> Rise:
    rise = Rise.empty(cutter.columns)
    for each in series:
        for cuts, rises in _rises(info, _without(each, infinities=True), cutter):
            rise.add(cuts, rises)
    return rise


def _rises(info: MetricInfo, numbers: _Numbers, cutter: Cutter) -> Iterator[tuple[Cuts, list[float]]]:
    if not numbers.times:
        return
    delta = info.temporality is Temporality.DELTA
    values = running_sum(numbers.values) if delta else numbers.values
    for stretch in _stretches(info, numbers, cutter):
        cuts = cutter.cuts(numbers.times, stretch)
        if cuts is not None:
            yield cuts, risen(values, stretch, cuts, delta=delta)


def _stretches(info: MetricInfo, numbers: _Numbers, cutter: Cutter) -> Sequence[Stretch]:
    spacing = cutter.spacing(numbers.times)
    if info.temporality is Temporality.DELTA:
        return delta_stretches(numbers.times, numbers.starts, spacing)
    # The count of a distribution only grows.
    monotonic = info.monotonic or info.kind.is_distribution
    since = cutter.columns.begin - AROUND_NS
    return cumulative_stretches(
        numbers.times, numbers.starts, numbers.values, spacing, since, monotonic=monotonic
    )


def _sums(info: MetricInfo, agg: str, series: Sequence[Sequence[Run]], cutter: Cutter) -> Values:
    """The sum of the observations, or their mean, of the runs that have a sum.

    Resets are seen by the count: a sum of what may be negative may fall by itself.
    """
    sums, counts = Rise.empty(cutter.columns), Rise.empty(cutter.columns)
    delta = info.temporality is Temporality.DELTA
    for runs in series:
        with_sum = [run for run in runs if layout_of(run.shape).sum is not None]
        if not with_sum:
            continue
        count = _numbers(with_sum, 0)
        if len({layout_of(run.shape).sum for run in with_sum}) != 1:
            continue
        values: Sequence[float] = _numbers(with_sum, layout_of(with_sum[0].shape).sum or 0).values
        if not math.isfinite(sum(values)):
            kept = [place for place, value in enumerate(values) if math.isfinite(value)]
            count = _Numbers(*([part[place] for place in kept] for part in count))  # type: ignore[arg-type]  # three parts
            values = [values[place] for place in kept]
        if not values:
            continue
        counted = running_sum(count.values) if delta else count.values
        summed = running_sum(values) if delta else values
        for stretch in _stretches(info, count, cutter):
            cuts = cutter.cuts(count.times, stretch)
            if cuts is not None:
                sums.add(cuts, risen(summed, stretch, cuts, delta=delta))
                counts.add(cuts, risen(counted, stretch, cuts, delta=delta))
    if agg == "sum":
        return list(sums.sums)
    return [
        None if total is None or not count else total / count
        for total, count in zip(sums.sums, counts.sums, strict=True)
    ]


def _reported(share: float, series: Sequence[Sequence[Run]], columns: Columns) -> Values:
    """The mean of the percentiles that senders computed, of the quantile that is nearest."""
    found: list[list[float]] = [[] for _ in range(columns.count)]
    for runs in series:
        for run in runs:
            quantiles = run.shape[1]
            if not quantiles:
                continue
            nearest = min(range(len(quantiles)), key=lambda at: abs(quantiles[at] - share))
            values = run.column(layout_of(run.shape).buckets + nearest)
            for place, low, high in _slices(run.times, columns):
                found[place] += [value for value in values[low:high] if value == value]
    return [sum(values) / len(values) if values else None for values in found]


class _Known:
    """The least and the greatest observation that senders name, by column."""

    def __init__(self, columns: Columns) -> None:
        self._columns = columns
        self.lowest: Values = [None] * columns.count
        self.highest: Values = [None] * columns.count
        self._unknown: set[int] = set()

    def add(self, run: Run, cuts: Cuts, parts: int) -> None:
        """Note what a run says of the columns from `cuts.first` on."""
        layout, columns, times = layout_of(run.shape), self._columns, run.times
        for place in range(cuts.first, cuts.first + parts):
            low = bisect_left(times, max(columns.begin + place * columns.width, cuts.begin))
            high = bisect_left(times, columns.begin + (place + 1) * columns.width, low) + 1
            self.lowest[place] = _lower(self.lowest[place], run, layout.minimum, low, high)
            self.highest[place] = _higher(self.highest[place], run, layout.maximum, low, high)


def _lower(known: float | None, run: Run, column: int | None, low: int, high: int) -> float | None:
    held = [value for value in run.column(column)[low:high] if value == value] if column is not None else []
    # A part without a minimum may hold anything: then nothing is known.
    least = min(held) if held else -math.inf
    return least if known is None else min(known, least)


def _higher(known: float | None, run: Run, column: int | None, low: int, high: int) -> float | None:
    held = [value for value in run.column(column)[low:high] if value == value] if column is not None else []
    most = max(held) if held else math.inf
    return most if known is None else max(known, most)


def _percentiles(info: MetricInfo, share: float, series: Sequence[Sequence[Run]], cutter: Cutter) -> Values:
    """Of all observations of a group's series."""
    columns = cutter.columns
    found: list[dict[tuple[float, float], float]] = [{} for _ in range(columns.count)]
    known = _Known(columns)
    delta = info.temporality is Temporality.DELTA
    for runs in _of_one_scale(series):
        for run in runs:
            numbers = _Numbers(run.times, run.starts, run.column(0))
            stretches = _stretches(info, numbers, cutter)
            bounds = _bounds_of(run)
            for stretch in stretches:
                cuts = cutter.cuts(run.times, stretch)
                if cuts is None:
                    continue
                known.add(run, cuts, len(cuts.places) - 1)
                for column, bucket in bounds:
                    values = run.column(column)
                    if not delta and values[stretch.high - 1] == (
                        values[stretch.low] if stretch.begin is None else 0
                    ):
                        continue
                    counted = running_sum(values) if delta else values
                    for place, rise in enumerate(risen(counted, stretch, cuts, delta=delta), cuts.first):
                        if rise > 0:
                            found[place][bucket] = found[place].get(bucket, 0.0) + rise
    return [
        _percentile_of(counts, share, known.lowest[place], known.highest[place])
        for place, counts in enumerate(found)
    ]


def _percentile_of(
    counts: dict[tuple[float, float], float], share: float, lowest: float | None, highest: float | None
) -> float | None:
    buckets: list[Bucket] = [(low, high, count) for (low, high), count in counts.items()]
    return percentile(
        buckets,
        share,
        None if lowest is None or lowest == -math.inf else lowest,
        None if highest is None or highest == math.inf else highest,
    )


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
