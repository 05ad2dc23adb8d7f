"""Charts of random points are those of a slow computation from the points themselves.

Resets, holes, late points, repetitions, gaps and changes of type, whatever is settled and merged meanwhile.
`PROPERTY_EXAMPLES=500` looks longer.
"""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable, Sequence

import pytest

from signals.metrics import Distribution, MetricKind, PointValue, Temporality
from store.api import Batch, MetricAggregation, MetricQuery, MetricRow, MetricSeriesRow, Window
from store.sqlite.write.writer import SqliteWriter
from tests.store.build import SECOND, T0
from tests.store.build_metrics import series
from tests.store.contract import metric_oracle as oracle
from tests.store.house import House

EXAMPLES = int(os.environ.get("PROPERTY_EXAMPLES", "12"))
BOUNDS = (0.1, 1.0, 10.0)


def settle(house: House) -> None:
    """Make blocks of everything; an engine without blocks has nothing to do."""
    writer = house.writer
    if not isinstance(writer, SqliteWriter):
        return
    opened = writer._store
    assert opened is not None
    with writer._guard:
        opened.ingest.metrics.waiting_since = 1
    house.until(lambda: not opened.ingest.metrics.waiting and not opened.settling.is_due(), "settled points")


def points(rng: random.Random, of: MetricSeriesRow) -> list[MetricRow]:
    """The points of one series, in order of time, with the mishaps of its life."""
    info = of.info
    delta = info.temporality is Temporality.DELTA
    time, start = T0 - rng.choice((0, 40, 4000)) * SECOND, T0 - rng.choice((-60, 100, 9000)) * SECOND
    found: list[MetricRow] = []
    total: list[float] = [0, 0, 0, 0, 0]
    for _ in range(rng.randrange(1, 60)):
        before = time
        time += rng.choice((10, 10, 10, 10, 11, 1, 47, 400 if rng.random() < 0.2 else 10)) * SECOND
        time += rng.randrange(1000)
        if delta or (rng.random() < 0.08):
            total = [0, 0, 0, 0, 0]
            if delta or rng.random() < 0.6:
                start = rng.choice((before, before, before + (time - before) // 2, 0)) if delta else time - 3
        total = [each + rng.choice((0, 0, 1, 3, 200)) for each in total]
        sign = rng.choice((1, -1)) if not info.monotonic and info.kind is not MetricKind.HISTOGRAM else 1
        value = _value(rng, info.kind, total, sign)
        found.append(MetricRow(of, start if start < time else 0, time, value))
    return found


def _value(rng: random.Random, kind: MetricKind, total: Sequence[float], sign: int) -> PointValue:
    if rng.random() < 0.04:
        return None
    if kind is MetricKind.HISTOGRAM:
        buckets = [int(each) for each in total[:4]]
        return Distribution(sum(buckets), total[4] / 7, 0.05, 70.0, BOUNDS, buckets)
    if rng.random() < 0.04:
        return rng.choice((math.nan, math.inf, -math.inf))
    number = sign * total[0]
    return number / 3 if rng.random() < 0.3 else int(number)


def _about(expected: oracle.Values, scale: float = 1.0) -> list[object]:
    return [
        None if value is None else pytest.approx(value, rel=1e-6, abs=1e-6 * scale, nan_ok=True)
        for value in expected
    ]


STREAMS = [
    (MetricKind.GAUGE, Temporality.UNSPECIFIED, False),
    (MetricKind.SUM, Temporality.CUMULATIVE, True),
    (MetricKind.SUM, Temporality.CUMULATIVE, False),
    (MetricKind.SUM, Temporality.DELTA, True),
    (MetricKind.HISTOGRAM, Temporality.CUMULATIVE, False),
    (MetricKind.HISTOGRAM, Temporality.DELTA, False),
]


@pytest.mark.parametrize(("kind", "temporality", "monotonic"), STREAMS)
def test_charts_are_those_of_the_points(
    house: House, kind: MetricKind, temporality: Temporality, monotonic: bool
) -> None:
    for seed in range(EXAMPLES):
        rng = random.Random(seed * 7 + STREAMS.index((kind, temporality, monotonic)))
        name = f"m{seed}"
        all_series = [
            points(rng, series(name, kind, {"n": n}, temporality=temporality, monotonic=monotonic))
            for n in range(rng.randrange(1, 4))
        ]
        sent = _send(house, rng, all_series)
        begin = T0 + rng.choice((-200, 0, 33)) * SECOND
        window = Window(begin, begin + rng.choice((60, 301, 900)) * SECOND + rng.randrange(99))
        columns = rng.choice((1, 3, 7, 40))
        for agg, expected in _expected(kind, sent, window, columns).items():
            chart = house.reader.metric_chart(MetricQuery(window, name, agg, columns=columns))
            found = [value for _, value in chart.groups[0].points] if chart.groups else [None] * len(expected)
            expected = [None if value is None or value != value else value for value in expected]
            assert found == _about(expected), f"{agg} of seed {seed}"


def _send(house: House, rng: random.Random, of: Sequence[list[MetricRow]]) -> list[list[MetricRow]]:
    """In exports of several series; some late, some twice, some settled before the next comes."""
    rows = [row for each in of for row in each]
    rows.sort(
        key=lambda row: row.time_unix_nano + rng.choice((0, 0, 0, 0, 500)) * SECOND * (rng.random() < 0.1)
    )
    order: list[MetricRow] = []
    at = 0
    while at < len(rows):
        part = rows[at : at + rng.randrange(1, 40)]
        at += len(part)
        for _ in range(1 + (rng.random() < 0.2)):
            house.writer.write(Batch(metrics=part))
            order += part
        if rng.random() < 0.25:
            settle(house)
    by_series: dict[bytes, list[MetricRow]] = {}
    for row in order:
        by_series.setdefault(row.series.digest, []).append(row)
    return list(by_series.values())


def _expected(
    kind: MetricKind, sent: Sequence[Sequence[MetricRow]], window: Window, columns: int
) -> dict[MetricAggregation, oracle.Values]:
    info = sent[0][0].series.info
    if kind is MetricKind.HISTOGRAM:
        counted = oracle.spread(_rises(sent, _count, _count, window), window, columns)
        summed = oracle.spread(_rises(sent, _count, _sum, window), window, columns)
        counts, sums = [total for total, _, _ in counted], [total for total, _, _ in summed]
        means = [
            None if total is None or not count else total / count
            for total, count in zip(sums, counts, strict=True)
        ]
        return {"count": counts, "rate": oracle.rates(counted), "sum": sums, "avg": means}
    found: dict[MetricAggregation, oracle.Values] = {
        agg: oracle.of_points(agg, sent, window, columns) for agg in _POINTS
    }
    if kind is MetricKind.SUM:
        rises = [
            rise
            for rows in sent
            for rise in oracle.increases(rows, _number, _number, info, window, grows=info.monotonic)
        ]
        spread = oracle.spread(rises, window, columns)
        found["sum"], found["rate"] = [total for total, _, _ in spread], oracle.rates(spread)
    return found


_POINTS: tuple[MetricAggregation, ...] = ("avg", "min", "max", "last", "count")


def _rises(
    sent: Sequence[Sequence[MetricRow]],
    number_of: Callable[[MetricRow], float],
    rises_of: Callable[[MetricRow], float],
    window: Window,
) -> list[tuple[int, int, float]]:
    info = sent[0][0].series.info
    return [
        rise
        for rows in sent
        for rise in oracle.increases(rows, number_of, rises_of, info, window, grows=True)
    ]


def _number(row: MetricRow) -> float:
    assert isinstance(row.value, int | float)
    return row.value


def _count(row: MetricRow) -> float:
    assert isinstance(row.value, Distribution)
    return row.value.count


def _sum(row: MetricRow) -> float:
    assert isinstance(row.value, Distribution)
    assert row.value.sum is not None
    return row.value.sum


def test_percentiles_lie_in_the_bucket_of_the_truth(house: House) -> None:
    """Of observations that were really made."""
    rng = random.Random(5)
    of = series("m", MetricKind.HISTOGRAM, temporality=Temporality.CUMULATIVE)
    bounds = tuple(0.01 * 1.5**n for n in range(20))
    seen: list[float] = []
    for n in range(30):
        seen += [rng.lognormvariate(-1, 1.2) for _ in range(rng.randrange(50))]
        buckets = [0] * (len(bounds) + 1)
        for value in seen:
            buckets[sum(value > bound for bound in bounds)] += 1
        low, high = (min(seen), max(seen)) if seen else (None, None)
        row = MetricRow(
            of,
            T0 - SECOND,
            T0 + n * 10 * SECOND,
            Distribution(len(seen), sum(seen), low, high, bounds, buckets),
        )
        house.writer.write(Batch(metrics=[row]))
    settle(house)
    window = Window(T0 - 2 * SECOND, T0 + 400 * SECOND)
    seen.sort()
    for agg, share in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("min", 0.0), ("max", 1.0)):
        (group,) = house.reader.metric_chart(
            MetricQuery(window, "m", agg, columns=1)  # type: ignore[arg-type]  # a word of the list
        ).groups
        ((_, found),) = group.points
        assert found is not None
        truth = seen[min(int(share * len(seen)), len(seen) - 1)]
        assert abs(_bucket(bounds, found) - _bucket(bounds, truth)) <= 1, agg


def _bucket(bounds: Sequence[float], value: float) -> int:
    return sum(value > bound for bound in bounds)
