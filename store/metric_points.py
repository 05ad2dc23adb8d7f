"""Points of metrics as runs of columns, and each point as JSON while it waits to become part of one.

A *run* is points of one series, one after the other, whose values have the same shape: the same type of
number, or a distribution with the same bounds.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise
from typing import Any, Final, NamedTuple, Protocol

from signals.metrics import Distribution, ExponentialDistribution, PointValue, Quantiles

Shape = tuple[Any, ...]
"""`(INTEGER,)`, `(DOUBLE,)`, `(NOTHING,)`; `(HISTOGRAM, parts, bounds, number of buckets)`;
`(EXPONENTIAL, parts, scale, zero threshold, offset, buckets, negative offset, negative buckets)`;
`(SUMMARY, quantiles)`. It is part of the file format, as JSON."""
INTEGER: Final = "i"
DOUBLE: Final = "d"
NOTHING: Final = "0"
HISTOGRAM: Final = "h"
EXPONENTIAL: Final = "e"
SUMMARY: Final = "s"
SUM_PART, MINIMUM_PART, MAXIMUM_PART = 1, 2, 4
"""Bits of a distribution's parts that not every sender sends."""
_PARTS: Final = (SUM_PART, MINIMUM_PART, MAXIMUM_PART)
_WORDS: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}

Plain = Any
"""A value as JSON: a number, null, or a list that begins with its shape's letter."""


class PlainPoint(NamedTuple):
    """A point that waits to be settled."""

    start_unix_nano: int
    time_unix_nano: int
    plain: Plain


class Run(Protocol):
    """Points of one series and shape, in order of time."""

    @property
    def shape(self) -> Shape: ...
    @property
    def times(self) -> Sequence[int]: ...
    @property
    def starts(self) -> Sequence[int]: ...
    def column(self, place: int) -> Sequence[float]:
        """One number of each point: see `layout_of`."""
        ...

    def between(self, place: int, spots: Spots) -> list[float]:
        """The same at spots between points, evenly risen: much faster where they are few."""
        ...


class Spots(NamedTuple):
    """Places between the points of a run, in order."""

    points: Sequence[int]
    """The point before each; never the run's last one."""
    parts: Sequence[float]
    """Of the way to the next point."""
    steps: Sequence[slice]
    """The points from the one before the spot before (the run's first) up to this one's."""

    @classmethod
    def at(cls, points: Sequence[int], parts: Sequence[float]) -> Spots:
        """Spots after these points, which rise or stay."""
        return cls(points, parts, [slice(one, other) for one, other in pairwise((0, *points))])

    def of(self, values: Sequence[float]) -> list[float]:
        """The values there."""
        return [
            values[point] + (values[point + 1] - values[point]) * part
            for point, part in zip(self.points, self.parts, strict=True)
        ]


class MemoryRun(NamedTuple):
    """A run whose columns are at hand."""

    shape: Shape
    times: Sequence[int]
    starts: Sequence[int]
    columns: Sequence[Sequence[float]]

    def column(self, place: int) -> Sequence[float]:
        return self.columns[place]

    def between(self, place: int, spots: Spots) -> list[float]:
        return spots.of(self.columns[place])


class Layout(NamedTuple):
    """Where the columns of a distribution's run stand; None for what it does not have."""

    sum: int | None
    minimum: int | None
    maximum: int | None
    zero: int | None
    buckets: int
    """The first of the buckets, or of the values of quantiles."""
    negative: int
    """The first of the negative buckets."""
    end: int


def layout_of(shape: Shape) -> Layout:
    """The columns of a distribution. Column 0 is the count."""
    if shape[0] == SUMMARY:
        return Layout(1, None, None, None, 2, 2 + len(shape[1]), 2 + len(shape[1]))
    at, found = 1, list[int | None]()
    for part in _PARTS:
        found.append(at if shape[1] & part else None)
        at += bool(shape[1] & part)
    total, low, high = found
    if shape[0] == HISTOGRAM:
        return Layout(total, low, high, None, at, at + shape[3], at + shape[3])
    return Layout(total, low, high, at, at + 1, at + 1 + shape[5], at + 1 + shape[5] + shape[7])


def doubles_of(shape: Shape) -> str:
    """A letter for each column: INTEGER or DOUBLE."""
    kind: str = shape[0]
    if kind in (INTEGER, DOUBLE):
        return kind
    if kind == NOTHING:
        return ""
    layout = layout_of(shape)
    if kind == SUMMARY:
        return INTEGER + DOUBLE * (layout.end - 1)
    parts = layout.buckets - 1 - (kind == EXPONENTIAL)
    return INTEGER + DOUBLE * parts + INTEGER * (layout.end - 1 - parts)


def plain_of(value: PointValue) -> Plain:
    """A value as JSON can hold it, exactly."""
    if value is None or isinstance(value, int):
        return value
    if isinstance(value, float):
        return _word(value)
    if isinstance(value, Distribution):
        return [HISTOGRAM, value.count, *_plain_parts(value), list(value.bounds), list(value.buckets)]
    if isinstance(value, ExponentialDistribution):
        positive = _trimmed(value.positive_offset, value.positive)
        negative = _trimmed(value.negative_offset, value.negative)
        zero = [value.scale, value.zero_count, value.zero_threshold]
        return [EXPONENTIAL, value.count, *_plain_parts(value), *zero, *positive, *negative]
    pairs = [[quantile, _word(number)] for quantile, number in value.values]
    return [SUMMARY, value.count, _word(value.sum), pairs]


def _plain_parts(value: Distribution | ExponentialDistribution) -> list[Plain]:
    return [None if part is None else _word(part) for part in (value.sum, value.minimum, value.maximum)]


def _word(number: float) -> Plain:
    if number - number == 0:
        return number
    return "NaN" if number != number else "Infinity" if number > 0 else "-Infinity"


def _double(plain: Plain) -> float:
    return _WORDS[plain] if isinstance(plain, str) else float(plain)


def _trimmed(offset: int, counts: Sequence[int]) -> tuple[int, list[int]]:
    """Without empty buckets at both ends, which say nothing."""
    filled = [place for place, count in enumerate(counts) if count]
    if not filled:
        return 0, []
    return offset + filled[0], list(counts[filled[0] : filled[-1] + 1])


def runs_of(points: Iterable[PlainPoint]) -> list[MemoryRun]:
    """Runs of points that are in order of time."""
    return [_run_of(shape, list(group)) for shape, group in groupby(points, _shape_of)]


def _shape_of(point: PlainPoint) -> Shape:
    plain = point.plain
    if isinstance(plain, int):
        return (INTEGER,)
    if plain is None:
        return (NOTHING,)
    if not isinstance(plain, list):
        return (DOUBLE,)
    kind = plain[0]
    if kind == SUMMARY:
        return (SUMMARY, tuple(quantile for quantile, _ in plain[3]))
    parts = sum(part for part, held in zip(_PARTS, plain[2:5], strict=True) if held is not None)
    if kind == HISTOGRAM:
        return (HISTOGRAM, parts, tuple(plain[5]), len(plain[6]))
    return (EXPONENTIAL, parts, plain[5], plain[7])


def _run_of(shape: Shape, points: Sequence[PlainPoint]) -> MemoryRun:
    times, starts = [point.time_unix_nano for point in points], [point.start_unix_nano for point in points]
    plains = [point.plain for point in points]
    kind = shape[0]
    if kind == NOTHING:
        return MemoryRun(shape, times, starts, ())
    if kind == INTEGER:
        return MemoryRun(shape, times, starts, (plains,))
    if kind == DOUBLE:
        return MemoryRun(shape, times, starts, ([_double(plain) for plain in plains],))
    if kind == SUMMARY:
        rows = [(plain[1], _double(plain[2]), *(_double(value) for _, value in plain[3])) for plain in plains]
    elif kind == HISTOGRAM:
        rows = [(plain[1], *_parts_of(plain), *plain[6]) for plain in plains]
    else:
        low, size = _range_of([(plain[8], plain[9]) for plain in plains])
        below, below_size = _range_of([(plain[10], plain[11]) for plain in plains])
        shape = (*shape, low, size, below, below_size)
        rows = [
            (
                plain[1],
                *_parts_of(plain),
                plain[6],
                *_widened(plain[8], plain[9], low, size),
                *_widened(plain[10], plain[11], below, below_size),
            )
            for plain in plains
        ]
    return MemoryRun(shape, times, starts, list(zip(*rows, strict=True)))


def _parts_of(plain: Plain) -> list[float]:
    return [_double(part) for part in plain[2:5] if part is not None]


def _range_of(ranges: Sequence[tuple[int, Sequence[int]]]) -> tuple[int, int]:
    filled = [(offset, offset + len(counts)) for offset, counts in ranges if counts]
    if not filled:
        return 0, 0
    low = min(begin for begin, _ in filled)
    return low, max(end for _, end in filled) - low


def _widened(offset: int, counts: Sequence[int], low: int, size: int) -> list[int]:
    if not counts:
        return [0] * size
    before = offset - low
    return [0] * before + list(counts) + [0] * (size - before - len(counts))


def plain_points(run: Run) -> list[PlainPoint]:
    """The points of a run as they were before."""
    return [
        PlainPoint(start, time, plain_of(value_at(run, place)))
        for place, (start, time) in enumerate(zip(run.starts, run.times, strict=True))
    ]


def value_at(run: Run, place: int) -> PointValue:
    """The value of the point at this place of a run."""
    shape = run.shape
    kind = shape[0]
    if kind == NOTHING:
        return None
    if kind in (INTEGER, DOUBLE):
        return run.column(0)[place]
    layout = layout_of(shape)

    def cell(column: int | None) -> Any:
        return None if column is None else run.column(column)[place]

    count, total = int(cell(0)), cell(layout.sum)
    if kind == SUMMARY:
        values = [cell(column) for column in range(layout.buckets, layout.end)]
        return Quantiles(count, total, tuple(zip(shape[1], values, strict=True)))
    buckets = [int(cell(column)) for column in range(layout.buckets, layout.negative)]
    low, high = cell(layout.minimum), cell(layout.maximum)
    if kind == HISTOGRAM:
        return Distribution(count, total, low, high, tuple(shape[2]), tuple(buckets))
    offset, positive = _trimmed(shape[4], buckets)
    below, negative = _trimmed(shape[6], [int(cell(column)) for column in range(layout.negative, layout.end)])
    return ExponentialDistribution(
        count, total, low, high, shape[2], int(cell(layout.zero)), shape[3],
        offset, tuple(positive), below, tuple(negative),
    )  # fmt: skip
