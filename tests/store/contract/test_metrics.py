"""Keeping and reading metrics."""

from __future__ import annotations

import math

import pytest

from signals.metrics import (
    Distribution,
    ExponentialDistribution,
    MetricInfo,
    MetricKind,
    PointValue,
    Quantiles,
    Temporality,
)
from store.api import BadQuery, Batch, ExemplarRow, MetricQuery, MetricRow, Window
from tests.store.build import SECOND, T0
from tests.store.build_metrics import point, series
from tests.store.house import House

WINDOW = Window(T0, T0 + 60 * SECOND)
VALUES: list[tuple[MetricKind, PointValue]] = [
    (MetricKind.GAUGE, 7),
    (MetricKind.GAUGE, -(2**63)),
    (MetricKind.GAUGE, 2**63 - 1),
    (MetricKind.GAUGE, 0.1 + 0.2),
    (MetricKind.GAUGE, -0.0),
    (MetricKind.GAUGE, math.inf),
    (MetricKind.GAUGE, math.nan),
    (MetricKind.SUM, 5e-324),
    (MetricKind.HISTOGRAM, Distribution(3, 4.5, 0.5, 3.0, (1.0, 2.0), (1, 1, 1))),
    (MetricKind.HISTOGRAM, Distribution(2**64 - 1, None, None, None, (), ())),
    (MetricKind.HISTOGRAM, Distribution(1, math.nan, None, math.inf, (-1.5,), (0, 1))),
    (
        MetricKind.EXPONENTIAL_HISTOGRAM,
        ExponentialDistribution(9, 1.5, None, 4.0, -3, 2, 0.25, -5, (1, 0, 3), 7, (3,)),
    ),
    (
        MetricKind.EXPONENTIAL_HISTOGRAM,
        ExponentialDistribution(1, None, 1.0, None, 20, 1, 0.0, 0, (), 0, ()),
    ),
    (MetricKind.SUMMARY, Quantiles(5, 2.5, ((0.0, 0.1), (0.5, math.nan), (0.99, 1e300)))),
    (MetricKind.SUMMARY, Quantiles(0, 0.0, ())),
]


def same(one: object, other: object) -> bool:
    """Equal, types and NaN included."""
    return repr(one) == repr(other)


def values_of(house: House, name: str, agg: str, columns: int = 6, **more: object) -> list[float | None]:
    """The values of a chart of one group."""
    query = MetricQuery(WINDOW, name, agg, columns=columns, **more)  # type: ignore[arg-type]  # tests name them
    chart = house.reader.metric_chart(query)
    return [value for _, value in chart.groups[0].points] if chart.groups else []


def send(house: House, *rows: MetricRow) -> Batch:
    batch = Batch(metrics=rows)
    house.writer.write(batch)
    return batch


@pytest.mark.parametrize(("kind", "value"), VALUES)
def test_every_value_comes_back_to_the_last_digit(house: House, kind: MetricKind, value: PointValue) -> None:
    send(house, point(series("m", kind, {"a": 1}), 1, value))
    (found,), more = house.reader.metric_latest(MetricQuery(WINDOW, "m"))
    assert not more
    assert same(found.value, value)
    assert found.time_unix_nano == T0 + SECOND
    assert found.attributes == {"service.name": "shop", "a": "1"}


def test_names_say_what_there_is(house: House) -> None:
    send(
        house,
        point(series("b", MetricKind.SUM, unit="By", description="Bytes SENT", attributes={"x": "1"}), 1, 1),
        point(series("b", MetricKind.SUM, unit="By", service="cart"), 5, 1),
        point(series("b", MetricKind.GAUGE, unit="By"), 70, 1),
        point(series("a"), 2, 1),
    )
    names, more = house.reader.metric_names(WINDOW)
    assert [(name.info.name, name.info.kind.value, name.services, name.series) for name in names] == [
        ("a", "gauge", ("shop",), 1),
        ("b", "sum", ("cart", "shop"), 2),
    ]
    assert (names[1].first_unix_nano, names[1].last_unix_nano) == (T0 + SECOND, T0 + 5 * SECOND)
    assert names[1].info == MetricInfo(
        "b", "By", MetricKind.SUM, Temporality.CUMULATIVE, True, names[1].info.description
    )
    assert not more
    found, more = house.reader.metric_names(Window.ALL, limit=2)
    assert (len(found), more) == (2, True)
    for text in ("sent", "BY", "b"):
        assert house.reader.metric_names(WINDOW, text=text)[0][-1].info.name == "b"
    assert [name.series for name in house.reader.metric_names(WINDOW, service="cart")[0]] == [1]
    assert house.reader.metric_names(WINDOW, service="none") == ([], False)


def test_the_newest_description_stays(house: House) -> None:
    for seconds, text in ((1, "old"), (2, "new")):
        send(house, point(series("m", description=text), seconds, 1))
    assert [name.info.description for name in house.reader.metric_names(WINDOW)[0]] == ["new"]


def test_a_gauge_by_column_and_group(house: House) -> None:
    """NaN is a gap, an integer and a double are numbers of one series, what has no value is none."""
    one, other = series("m", attributes={"pod": "a"}), series("m", attributes={"pod": "b", "extra": True})
    send(house, *(point(one, 2.5 * n, [1, 2.5, math.nan, 4][n % 4]) for n in range(8)))
    send(house, point(other, 1, 100), point(other, 12, None), point(other, 21, math.inf))
    query = MetricQuery(WINDOW, "m", "avg", ("pod", "none"), columns=6)
    chart = house.reader.metric_chart(query)
    assert [dict(group.attributes) for group in chart.groups] == [
        {"pod": "b", "none": ""},
        {"pod": "a", "none": ""},
    ]
    assert [value for _, value in chart.groups[1].points] == [2.5, 2.5, None, None, None, None]
    assert [value for _, value in chart.groups[0].points] == [100, None, math.inf, None, None, None]
    assert chart.groups[0].points[1][0] == T0 + 10 * SECOND
    assert values_of(house, "m", "count") == [4, 3, 1, None, None, None]
    assert values_of(house, "m", "last") == [104, 4, math.inf, None, None, None]
    assert values_of(house, "m", "min", attributes={"extra": "true"})[0] == 100
    assert values_of(house, "m", "max", excluded=[("pod", "b")])[0] == 4
    assert values_of(house, "m", "max", attributes={"extra": ""})[0] == 4
    assert values_of(house, "m", "max", attributes={"service.name": "other"}) == []


def test_a_counter_and_its_resets(house: House) -> None:
    """A later start and a smaller value count from 0."""
    of = series("m", MetricKind.SUM)
    values = [(0, 100, -90), (10, 110, -90), (20, 130, -90), (30, 6, 25), (40, 16, 25), (50, 4, 25)]
    send(house, *(point(of, seconds, value, start=start) for seconds, value, start in values))
    assert values_of(house, "m", "rate") == pytest.approx([1, 2, 1.2, 1, 0.4, None], nan_ok=True)
    assert values_of(house, "m", "sum") == pytest.approx([10, 20, 6, 10, 4, None], nan_ok=True)


def test_a_first_point_counts_from_its_start_at_the_end_of_an_interval(house: House) -> None:
    of = series("m", MetricKind.SUM)
    send(house, *(point(of, 30 + 10 * n, 20 + 10 * n, start=5) for n in range(3)))
    assert values_of(house, "m", "sum") == [None, None, 20, 10, 10, None]


def test_deltas_are_spread_over_their_time(house: House) -> None:
    of = series("m", MetricKind.SUM, temporality=Temporality.DELTA)
    send(house, *(point(of, 5 + 10 * n, 10, start=-5 + 10 * n) for n in range(3)))
    assert values_of(house, "m", "sum") == [10, 10, 5, None, None, None]
    assert values_of(house, "m", "rate") == [1, 1, 1, None, None, None]


def test_what_may_fall_falls(house: House) -> None:
    of = series("m", MetricKind.SUM, monotonic=False)
    send(house, *(point(of, 10 * n, value, start=-90) for n, value in enumerate((10, 7, 7, 12))))
    assert values_of(house, "m", "sum") == [-3, 0, 5, None, None, None]
    assert values_of(house, "m", "last") == [10, 7, 7, 12, None, None]


def test_nothing_is_counted_over_a_hole(house: House) -> None:
    of = series("m", MetricKind.SUM)
    window = Window(T0, T0 + 1200 * SECOND)
    times = (0, 10, 20, 600, 610)
    send(house, *(point(of, time, 10 * place, start=-3600 * 2) for place, time in enumerate(times)))
    chart = house.reader.metric_chart(MetricQuery(window, "m", "sum", columns=2))
    assert [value for _, value in chart.groups[0].points] == [20, 10]


def test_percentiles_of_histograms(house: House) -> None:
    """All series of a group are one distribution, which its minimum and maximum bound."""
    for route, counts in (("/a", (0, 90, 0)), ("/b", (0, 0, 10))):
        of = series("m", MetricKind.HISTOGRAM, {"route": route}, temporality=Temporality.DELTA)
        low, high = (0.2, 0.8) if route == "/a" else (1.5, 3.0)
        send(house, point(of, 10, Distribution(sum(counts), 50.0, low, high, (0.1, 1.0), counts), start=0))
    assert values_of(house, "m", "p50", 1) == [pytest.approx(0.1 + 0.9 * 50 / 90, abs=0.11)]
    assert values_of(house, "m", "p95", 1) == [pytest.approx(2.0, abs=0.1)]
    assert values_of(house, "m", "max", 1) == [3.0]
    assert values_of(house, "m", "min", 1) == [pytest.approx(0.2)]
    assert values_of(house, "m", "count", 1) == [100]
    assert values_of(house, "m", "rate", 1) == [10]
    assert values_of(house, "m", "avg", 1) == [1.0]
    assert values_of(house, "m", "p99", 1, attributes={"route": "/a"}) == [pytest.approx(0.8, abs=0.02)]


def test_exponential_histograms_merge_across_scales(house: House) -> None:
    """A cumulative series that became coarser, and another one of a third scale."""
    of = series("m", MetricKind.EXPONENTIAL_HISTOGRAM, {"a": "1"})
    fine = ExponentialDistribution(4, 8.0, 1.0, 4.0, 1, 0, 0.0, 0, (1, 1, 1, 1), 0, ())
    coarse = ExponentialDistribution(12, 100.0, 1.0, 30.0, 0, 0, 0.0, 0, (2, 2, 2, 2, 4), 0, ())
    send(house, point(of, 10, fine, start=0), point(of, 20, coarse, start=0))
    other = series("m", MetricKind.EXPONENTIAL_HISTOGRAM, {"a": "2"})
    far = ExponentialDistribution(2, 2.0, 1.0, 1.0, 3, 0, 0.0, -1, (2,), 0, ())
    send(house, point(other, 20, far, start=0))
    assert values_of(house, "m", "count", attributes={"a": "1"})[:2] == [4, 8]
    assert values_of(house, "m", "max", attributes={"a": "1"})[1] == pytest.approx(30)
    half = values_of(house, "m", "p50", 1, attributes={"a": "1"})[0]
    assert half is not None
    assert 4 <= half <= 8
    assert values_of(house, "m", "p50", 1)[0] == pytest.approx(half, abs=4)


def test_a_summary_says_what_its_sender_computed(house: House) -> None:
    of = series("m", MetricKind.SUMMARY)
    for n in range(3):
        send(house, point(of, 10 * n, Quantiles(5 * n, 2.0 * n, ((0.5, 1.0 + n), (0.9, 9.0))), start=-10))
    assert values_of(house, "m", "p50")[:3] == [1, 2, 3]
    assert values_of(house, "m", "p95")[:3] == [9, 9, 9]
    assert values_of(house, "m", "count")[:2] == [5, 5]
    assert values_of(house, "m", "avg")[0] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("kind", "agg"),
    [
        (MetricKind.GAUGE, "rate"),
        (MetricKind.SUM, "p95"),
        (MetricKind.HISTOGRAM, "last"),
        (MetricKind.SUMMARY, "max"),
        (MetricKind.GAUGE, "median"),
    ],
)
def test_what_does_not_fit_a_kind_is_refused(house: House, kind: MetricKind, agg: str) -> None:
    value = next(value for each, value in VALUES if each is kind)
    send(house, point(series("m", kind), 1, value))
    with pytest.raises(BadQuery, match="give one of"):
        values_of(house, "m", agg)


def test_limits_are_checked(house: House) -> None:
    with pytest.raises(BadQuery):
        values_of(house, "m", "avg", 0)
    with pytest.raises(BadQuery):
        house.reader.metric_chart(MetricQuery(Window(5, 5), "m"))
    assert house.reader.metric_chart(MetricQuery(WINDOW, "m")).info is None
    assert house.reader.metric_latest(MetricQuery(WINDOW, "m")) == ([], False)
    assert house.reader.metric_exemplars(MetricQuery(WINDOW, "m")) == []
    assert house.reader.metric_attributes("m", WINDOW) == []


def test_streams_of_one_name_are_told_apart(house: House) -> None:
    send(house, point(series("m", unit="s"), 5, 1.5), point(series("m", MetricKind.SUM, unit="1"), 9, 3))
    chart = house.reader.metric_chart(MetricQuery(WINDOW, "m", "last"))
    assert chart.info is not None
    assert chart.info.unit == "1"
    assert [other.unit for other in chart.streams] == ["s"]
    assert values_of(house, "m", "last", 1, unit="s") == [1.5]
    assert values_of(house, "m", "last", 1, kind="sum") == [3]
    none = house.reader.metric_chart(MetricQuery(WINDOW, "m", unit="ms"))
    assert (none.info, len(none.streams)) == (None, 2)


def test_groups_beyond_the_limit_are_counted(house: House) -> None:
    send(house, *(point(series("m", attributes={"n": n}), 1, n) for n in range(7)))
    chart = house.reader.metric_chart(MetricQuery(WINDOW, "m", by=("n",), limit=2))
    assert [group.attributes["n"] for group in chart.groups] == ["6", "5"]
    assert chart.truncated == 5


def test_exemplars_of_a_window(house: House) -> None:
    of = series("m", MetricKind.HISTOGRAM, {"route": "/a"})
    value = Distribution(1, 1.0, None, None, (), ())
    trace, span = bytes(15) + b"\x01", bytes(7) + b"\x02"
    exemplars = tuple(
        ExemplarRow(
            T0 + n * SECOND, float(n), trace if n % 2 else b"", span if n % 2 else b"", {"who": "anna"}
        )
        for n in range(6)
    )
    send(house, point(of, 10, value, exemplars=exemplars))
    found = house.reader.metric_exemplars(MetricQuery(WINDOW, "m"))
    assert [each.exemplar.value for each in found] == [5, 3, 1, 4, 2, 0]
    assert found[0].exemplar.trace_id == trace.hex()
    assert found[0].exemplar.span_id == span.hex()
    assert found[0].exemplar.attributes == {"who": "anna"}
    assert found[0].attributes["route"] == "/a"
    assert found[-1].exemplar.trace_id is None
    few = house.reader.metric_exemplars(MetricQuery(WINDOW, "m"), limit=2)
    assert len(few) == 2
    assert {each.exemplar.trace_id for each in few} == {trace.hex()}


def test_the_newest_of_a_series_that_ended_is_left_out(house: House) -> None:
    of, other = series("m", attributes={"n": 1}), series("m", attributes={"n": 2})
    send(house, point(of, 1, 5), point(of, 2, None), point(other, 1, 6), point(other, 70, 8))
    found, _ = house.reader.metric_latest(MetricQuery(WINDOW, "m"))
    assert [(each.attributes["n"], each.value) for each in found] == [("2", 6)]


def test_attributes_of_a_metric(house: House) -> None:
    for n in range(3):
        send(house, point(series("m", attributes={"n": n, "k": "v"}, scope="lib"), 1, 1))
    found = dict(house.reader.metric_attributes("m", WINDOW, top=2))
    assert found["n"] == [("0", 1), ("1", 1)]
    assert found["k"] == [("v", 3)]
    assert found["otel.scope.name"] == [("lib", 3)]
    assert [name for name, _ in house.reader.metric_attributes("m", WINDOW)][-1] == "n"


def test_what_is_sent_again_is_kept_once(house: House) -> None:
    of = series("m", MetricKind.SUM, temporality=Temporality.DELTA)
    rows = [point(of, 10, 5, start=0)]
    assert send(house, *rows).repeated_points == 0
    assert send(house, *rows).repeated_points == 1
    send(house, point(of, 20, 5, start=10))
    send(house, *rows)
    assert values_of(house, "m", "sum") == [5, 5, None, None, None, None]


def test_types_of_attributes_make_other_series(house: House) -> None:
    for value in (1, "1", 1.0, True):
        send(house, point(series("m", attributes={"a": value}), 1, 1))
    assert house.reader.metric_names(WINDOW)[0][0].series == 4


def test_points_of_the_future_are_filed_at_their_arrival(house: House) -> None:
    now = T0 + 30 * SECOND
    rows = [point(series("m"), 30 + 3600 + n, n) for n in range(2)]
    house.writer.write(Batch(metrics=rows, arrived_unix_nano=now))
    (found,), _ = house.reader.metric_latest(MetricQuery(WINDOW, "m"))
    assert (found.time_unix_nano, found.value) == (now, 1)


def test_points_of_long_ago_stay_there(house: House) -> None:
    now = T0 + 30 * SECOND
    rows = [point(series("m"), 1, 7), point(series("m"), 30, 8)]
    house.writer.write(Batch(metrics=rows, arrived_unix_nano=now + 90_000 * SECOND))
    assert values_of(house, "m", "last")[0] == 7


def test_names_are_found_in_any_case_and_unicode_form(house: House) -> None:
    send(house, point(series("Größe", unit="{Stück}", description="\uff21 full width"), 1, 1))
    for text in ("GRÖSSE", "gro\u0308ße", "stück", "a FULL"):
        assert [name.info.name for name in house.reader.metric_names(WINDOW, text=text)[0]] == ["Größe"], text
    assert house.reader.metric_names(WINDOW, text="größer") == ([], False)


def test_streams_that_differ_in_temporality_alone_can_be_chosen(house: House) -> None:
    rows = [
        point(
            series("m", MetricKind.SUM, temporality=temporality, monotonic=monotonic),
            at,
            value,
        )
        for at, value, temporality, monotonic in (
            (1, 5, Temporality.CUMULATIVE, True),
            (2, 7, Temporality.CUMULATIVE, False),
            (3, 9, Temporality.DELTA, True),
        )
    ]
    send(house, *rows)
    assert values_of(house, "m", "max", temporality=Temporality.DELTA)[0] == 9
    assert values_of(house, "m", "max", monotonic=False)[0] == 7
    assert values_of(house, "m", "max", temporality=Temporality.CUMULATIVE, monotonic=True)[0] == 5


def test_several_values_of_an_attribute_can_be_left_out(house: House) -> None:
    send(house, *(point(series("m", attributes={"pod": pod}), 1, 1) for pod in "abc"))
    query = MetricQuery(WINDOW, "m", by=("pod",), excluded=[("pod", "a"), ("pod", "c")])
    assert [group.attributes for group in house.reader.metric_chart(query).groups] == [{"pod": "b"}]


def test_a_chart_says_how_often_most_of_its_series_report(house: House) -> None:
    rows = [point(series("m", attributes={"n": str(n)}), at, 1) for n in range(3) for at in range(0, 60, 5)]
    rows += [point(series("m", attributes={"n": "rare"}), at, 1) for at in (0, 30)]
    send(house, *rows)
    assert house.reader.metric_chart(MetricQuery(WINDOW, "m")).interval_ns == 5 * SECOND
    assert house.reader.metric_chart(MetricQuery(WINDOW, "m", attributes={"n": "-"})).interval_ns == 0


def test_a_page_asks_everything_of_one_moment(house: House) -> None:
    """What waits to be settled is read once for all questions of a snapshot."""
    send(house, point(series("m"), 1, 1))
    with house.reader.snapshot():
        assert values_of(house, "m", "max")[0] == 1
        send(house, point(series("m"), 2, 5))
        assert values_of(house, "m", "max")[0] == 1
        assert house.reader.metric_latest(MetricQuery(WINDOW, "m"))[0][0].value == 1
    assert values_of(house, "m", "max")[0] == 5
