"""What charts must show, computed point by point from everything that was sent: slow, and plain.

It shares no code with an engine, and follows `store.api.MetricReader.metric_chart` word by word.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import pairwise

from signals.metrics import Distribution, MetricInfo, Temporality
from store.api import MetricRow, Window

HOUR = 3600 * 10**9
MINUTE = 60 * 10**9
Values = list[float | None]


def increases(
    rows: Sequence[MetricRow],
    number_of: Callable[[MetricRow], float],
    rises_of: Callable[[MetricRow], float],
    info: MetricInfo,
    window: Window,
    *,
    grows: bool,
) -> list[tuple[int, int, float]]:
    """(begin, end, increase) between the points of a series, by resets of `number_of`, of `rises_of`."""
    points = [row for row in _in_order(rows) if row.value is not None and math.isfinite(number_of(row))]
    times = [row.time_unix_nano for row in points]
    gaps = sorted(later - time for time, later in pairwise(times))
    interval = gaps[len(gaps) // 2] if gaps else MINUTE
    hole = min(max(5 * interval, 5 * MINUTE), HOUR)
    found: list[tuple[int, int, float]] = []
    for place, row in enumerate(points):
        time, start, value = row.time_unix_nano, row.start_unix_nano, rises_of(row)
        before = points[place - 1] if place else None
        known = 0 < start < time
        if info.temporality is Temporality.DELTA:
            last = before.time_unix_nano if before else 0
            begin = start if known else last if last and time - last <= hole else time - interval
            found.append((max(begin, last), time, value))
        elif before is None:
            if known and start >= window.from_unix_nano - HOUR:
                found.append((max(start, time - interval), time, value))
        elif start > before.start_unix_nano > 0:
            begin = max(start, before.time_unix_nano, time - interval) if known else before.time_unix_nano
            found.append((begin, time, value))
        elif time - before.time_unix_nano > hole:
            continue
        elif grows and number_of(row) < number_of(before):
            found.append((before.time_unix_nano, time, value))
        else:
            found.append((before.time_unix_nano, time, value - rises_of(before)))
    return found


def _in_order(rows: Sequence[MetricRow]) -> list[MetricRow]:
    first: dict[int, MetricRow] = {}
    for row in rows:
        first.setdefault(row.time_unix_nano, row)
    return [first[time] for time in sorted(first)]


def spread(
    rises: Sequence[tuple[int, int, float]], window: Window, columns: int
) -> list[tuple[float | None, int, int]]:
    """(sum, begin, end of the known part) of each column, each increase spread evenly over its time."""
    width = -(-window.duration_ns // columns)
    found: list[tuple[float | None, int, int]] = []
    for place in range(-(-window.duration_ns // width)):
        low = window.from_unix_nano + place * width
        high = min(low + width, window.to_unix_nano)
        total, parts = Fraction(0), []
        for begin, end, rise in rises:
            left, right = max(begin, low), min(end, high)
            if left < right:
                total += Fraction(rise) * (right - left) / (end - begin)
                parts.append((left, right))
        if parts:
            found.append((float(total), min(left for left, _ in parts), max(right for _, right in parts)))
        else:
            found.append((None, 0, 0))
    return found


def rates(columns: Sequence[tuple[float | None, int, int]]) -> Values:
    """A second."""
    return [None if total is None else total * 1e9 / (end - begin) for total, begin, end in columns]


def of_points(agg: str, series: Sequence[Sequence[MetricRow]], window: Window, columns: int) -> Values:
    """`avg`, `min`, `max`, `last` or `count` of plain numbers."""
    width = -(-window.duration_ns // columns)
    found: Values = []
    for place in range(-(-window.duration_ns // width)):
        low = window.from_unix_nano + place * width
        high = min(low + width, window.to_unix_nano)
        inside = [
            [
                row.value
                for row in _in_order(rows)
                if low <= row.time_unix_nano < high
                and isinstance(row.value, int | float)
                and row.value == row.value
            ]
            for rows in series
        ]
        values = [value for part in inside for value in part]
        if not values:
            found.append(None)
        elif agg == "last":
            found.append(sum(part[-1] for part in inside if part))
        else:
            each = {"avg": sum(values) / len(values), "min": min(values), "max": max(values)}
            found.append(float(len(values)) if agg == "count" else each[agg])
    return found


def bucket_rises(
    rows: Sequence[MetricRow], bucket: int, info: MetricInfo, window: Window
) -> list[tuple[int, int, float]]:
    """By how much one bucket of explicit histograms rose."""

    def count_of(row: MetricRow) -> float:
        assert isinstance(row.value, Distribution)
        return row.value.count

    def bucket_of(row: MetricRow) -> float:
        assert isinstance(row.value, Distribution)
        return row.value.buckets[bucket]

    return increases(rows, count_of, bucket_of, info, window, grows=True)
