"""The values of a chart's columns, of one group of series: numbers, distributions, summaries. Pure."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final

from signals.metrics import MetricInfo, MetricKind, Temporality
from store.metric_points import NOTHING, Run, layout_of
from store.sqlite.read.metric_increase import Columns, Cuts, Cutter, Rise, risen, running_sum
from store.sqlite.read.metric_percentiles import percentiles
from store.sqlite.read.metric_stretches import Numbers, Values, stretches_of

_PERCENTILES: Final = {"p50": 0.5, "p75": 0.75, "p90": 0.9, "p95": 0.95, "p99": 0.99}
_SHARES: Final = {**_PERCENTILES, "min": 0.0, "max": 1.0}


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
    return percentiles(info, _SHARES[agg], recorded, cutter)


def _numbers(runs: Sequence[Run], column: int) -> Numbers:
    """One column of a series over all its runs, which have it."""
    if len(runs) == 1:
        return Numbers(runs[0].times, runs[0].starts, runs[0].column(column))
    return Numbers(
        list(chain.from_iterable(run.times for run in runs)),
        list(chain.from_iterable(run.starts for run in runs)),
        list(chain.from_iterable(run.column(column) for run in runs)),
    )


def _without(numbers: Numbers, *, infinities: bool) -> Numbers:
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
    return Numbers(
        [numbers.times[place] for place in kept],
        [numbers.starts[place] for place in kept],
        [values[place] for place in kept],
    )


def _of_points(agg: str, series: Sequence[Numbers], columns: Columns) -> Values:
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


def _rise_of(info: MetricInfo, series: Sequence[Numbers], cutter: Cutter) -> Rise:
    rise = Rise.empty(cutter.columns)
    for each in series:
        for cuts, rises in _rises(info, _without(each, infinities=True), cutter):
            rise.add(cuts, rises)
    return rise


def _rises(info: MetricInfo, numbers: Numbers, cutter: Cutter) -> Iterator[tuple[Cuts, list[float]]]:
    if not numbers.times:
        return
    delta = info.temporality is Temporality.DELTA
    values = running_sum(numbers.values) if delta else numbers.values
    for stretch in stretches_of(info, numbers, cutter):
        cuts = cutter.cuts(numbers.times, stretch)
        if cuts is not None:
            yield cuts, risen(values, stretch, cuts, delta=delta)


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
            count = Numbers(*([part[place] for place in kept] for part in count))  # type: ignore[arg-type]  # three parts
            values = [values[place] for place in kept]
        if not values:
            continue
        counted = running_sum(count.values) if delta else count.values
        summed = running_sum(values) if delta else values
        for stretch in stretches_of(info, count, cutter):
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
