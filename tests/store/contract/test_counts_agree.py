"""What is counted twice agrees: totals and parts, calls and requests, answers; and when data was."""

from __future__ import annotations

import random

import pytest

from signals.model import Attributes, Span, SpanKind, TraceId
from store.api import LogQuery, SpanRow, Window
from tests.store.build import SECOND, T0, log_row, row, span
from tests.store.house import House

SERVER, CLIENT = SpanKind.SERVER, SpanKind.CLIENT


def trace_of(number: int) -> TraceId:
    return TraceId(f"{number:032x}")


def called(answer: Attributes, *, error: bool = False, number: int = 1) -> list[Span]:
    """A request of `shop` that calls the provider, which sends no spans."""
    trace_id = trace_of(number)
    return [
        span(1, service="shop", kind=SERVER, trace_id=trace_id),
        span(
            2, 1, "shop", kind=CLIENT, start_ms=1, peer="provider",
            attributes=answer, error=error, trace_id=trace_id,
        ),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "error", "errors"),
    [
        ({"http.status_code": 401}, False, 1),
        ({"http.response.status_code": "503"}, False, 1),
        ({"http.response.status_code": 200}, False, 0),
        ({"http.response.status_code": 399}, False, 0),
        ({"http.response.status_code": "none"}, False, 0),
        ({"rpc.grpc.status_code": 14}, False, 1),
        ({"rpc.grpc.status_code": 0}, False, 0),
        ({"grpc.status_code": "401"}, False, 1),
        ({}, True, 1),
        ({}, False, 0),
    ],
)
def test_what_a_provider_answers_counts_as_its_answer(
    house: House, answer: Attributes, error: bool, errors: int
) -> None:
    """486 of 651 calls were answered 401, and the provider had 0 errors; the caller's span is as it was."""
    house.write(called(answer, error=error))
    house.settled(trace_of(1), 2)
    found = house.reader.service_map(house.window)
    nodes = {node.service: node.measure for node in found.nodes}
    assert (nodes["provider"].requests, nodes["provider"].errors) == (1, errors)
    assert [edge.measure.errors for edge in found.edges] == [errors]
    assert nodes["shop"].errors == 0
    assert nodes["shop"].origin_errors == int(error)


def test_late_spans_change_no_answer_twice(house: House) -> None:
    """What is aggregated again is read from the table, where only the raw span is."""
    first, second = called({"http.status_code": 500})
    house.write([second])
    house.until(lambda: house.reader.service_map(house.window).edges, "the call")
    house.write([first])
    house.settled(trace_of(1), 2)
    (edge,) = house.reader.service_map(house.window).edges
    assert (edge.measure.requests, edge.measure.errors) == (1, 1)


def test_calls_without_an_answer_are_counted_apart(house: House) -> None:
    """A service had 1,738 requests and its callers 2,460 calls, without a word."""
    both, alone, whole = trace_of(1), trace_of(2), trace_of(3)
    house.write(
        [
            span(1, service="shop", kind=SERVER, trace_id=both),
            span(2, 1, "shop", kind=CLIENT, peer="pay", error=True, trace_id=both),
            span(3, 1, "shop", kind=CLIENT, peer="pay", start_ms=2, trace_id=both),
            span(4, 3, "pay", kind=SERVER, start_ms=3, trace_id=both),
            span(5, service="shop", kind=SERVER, trace_id=alone),
            span(6, 5, "shop", kind=CLIENT, peer="pay", error=True, trace_id=alone),
            span(7, service="pay", kind=SERVER, trace_id=whole),
        ]
    )
    house.all_settled([both, alone, whole])
    found = house.reader.service_map(house.window)
    (edge,) = found.edges
    received = next(node.measure.requests for node in found.nodes if node.service == "pay")
    assert (edge.measure.requests, edge.unanswered, received) == (3, 2, 2)


def test_a_breakdown_of_what_was_received_leaves_out_calls_to_others(house: House) -> None:
    """An operation of another service stood there with the errors of the request that called it."""
    tags = {"rpc.method": "Order", "version": "v1", "plain": "own"}
    calls = {"rpc.method": "Cart", "version": "v1", "plain": "called"}
    house.write(
        [
            span(1, service="shop", kind=SERVER, attributes=tags, error=True, trace_id=trace_of(1)),
            span(2, 1, "shop", kind=CLIENT, start_ms=1, attributes=calls, trace_id=trace_of(1)),
            span(3, 1, "shop", start_ms=1, attributes={"plain": "inside"}, trace_id=trace_of(1)),
        ]
    )
    house.settled(trace_of(1), 3)

    def values(tag: str, *, received: bool, where: dict[str, str] | None = None) -> dict[str, int]:
        found = house.reader.breakdowns("shop", (tag,), house.window, where, received=received)[tag]
        assert found.requests == (1 if found.values else 0)
        return {each.value: each.measure.errors for each in found.values}

    assert values("rpc.method", received=False) == {"Cart": 1, "Order": 1}
    assert values("rpc.method", received=True) == {"Order": 1}
    assert values("version", received=True) == {"v1": 1}, "a value that both carry is the request's own"
    assert values("rpc.method", received=True, where={"rpc.method": "Cart"}) == {"Order": 1}
    assert values("plain", received=True) == {"inside": 1, "own": 1}
    assert values("plain", received=False) == {"called": 1, "inside": 1, "own": 1}
    assert values("rpc.method", received=True, where={"plain": "called"}) == {"Order": 1}
    assert ":calls" not in house.reader.tags(house.window)


def test_a_breakdown_knows_how_many_requests_and_values_it_counted(house: House) -> None:
    for number in range(1, 6):
        house.write(
            [
                span(1, kind=SERVER, trace_id=trace_of(number), attributes={"version": f"v{number}"}),
                span(2, 1, trace_id=trace_of(number), attributes={"version": "common"}),
            ]
        )
    house.all_settled([trace_of(number) for number in range(1, 6)])
    for tag in ("version", "unknown"):
        found = house.reader.breakdowns("shop", (tag,), house.window, limit=2)[tag]
        assert found.requests == 5
        assert not found.older_left_out
        assert found.values_total == (6 if tag == "version" else 1)


def test_breakdowns_by_person_and_by_other_tags_are_the_same_together_and_alone(house: House) -> None:
    """Anna's one set stands for the version of all four: she has one request of them nevertheless."""
    people = ("anna", "ben", "ben", "cleo")
    for number, person in enumerate(people, 1):
        own = {"enduser.id": person, "version": "v1", "tenant.level": "gold"}
        house.write([span(1, kind=SERVER, trace_id=trace_of(number), attributes=own)])
    house.all_settled([trace_of(number) for number in range(1, 5)])
    tags = ("version", "enduser.id", "tenant.level")
    together = house.reader.breakdowns("shop", tags, house.window)
    assert together == {tag: house.reader.breakdowns("shop", (tag,), house.window)[tag] for tag in tags}
    counts = {tag: {one.value: one.measure.requests for one in together[tag].values} for tag in tags}
    assert counts["enduser.id"] == {"ben": 2, "anna": 1, "cleo": 1}
    assert (counts["version"], counts["tenant.level"]) == ({"v1": 4}, {"gold": 4})


def test_a_request_counts_for_each_person_that_its_spans_name(house: House) -> None:
    """One that only a call names is left out of what was received; a request without any counts for none."""

    def named(number: int, own: str, called: str, error: bool) -> list[Span]:
        entry: Attributes = {"enduser.id": own} if own else {}
        inner: Attributes = {"enduser.id": called} if called else {}
        return [
            span(1, kind=SERVER, error=error, trace_id=trace_of(number), attributes=entry),
            span(2, 1, kind=CLIENT, trace_id=trace_of(number), attributes=inner),
        ]

    alone = [*named(1, "anna", "anna", error=True), *named(2, "ben", "ben", error=False)]
    house.write([*alone, *named(3, "", "", error=False)])
    house.all_settled([trace_of(number) for number in (1, 2, 3)])

    def counts(*, received: bool) -> dict[str, tuple[int, int]]:
        found = house.reader.breakdowns("shop", ("enduser.id",), house.window, received=received)
        return {one.value: (one.measure.requests, one.measure.errors) for one in found["enduser.id"].values}

    both = {"anna": (1, 1), "ben": (1, 0), "": (1, 0)}
    assert counts(received=False) == counts(received=True) == both
    house.write(named(4, "anna", "ben", error=True))
    house.all_settled([trace_of(4)])
    assert counts(received=False) == both | {"anna": (2, 2), "ben": (2, 1)}
    assert counts(received=True) == both | {"anna": (2, 2)}


def _rows(starts_s: list[float], seed: int) -> list[SpanRow]:
    chance = random.Random(seed)
    return [
        row(
            span(
                1, kind=SERVER, start_ms=start * 1000, ms=chance.random() * 100,
                error=chance.random() < 0.3, trace_id=trace_of(number),
            )
        )
        for number, start in enumerate(starts_s, 1)
    ]  # fmt: skip


@pytest.mark.parametrize("seed", range(3))
def test_the_columns_of_a_series_sum_to_the_services_own_number(
    house: House, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A chart of slots was off by what lay in the slots at both ends of the window."""
    monkeypatch.setattr("store.sqlite.read.request_groups._FEW_TRACES", 10)
    monkeypatch.setattr("store.sqlite.read.request_groups.MAX_COUNTED", 10)
    chance = random.Random(seed)
    starts = [chance.uniform(0, 3_600) for _ in range(300)]
    house.write(_rows(starts, seed))
    house.all_settled([trace_of(number) for number in range(1, len(starts) + 1)])
    for _ in range(12):
        begin = chance.uniform(-100, 3_000)
        window = Window(T0 + round(begin * SECOND), T0 + round((begin + chance.uniform(1, 3_000)) * SECOND))
        services = house.reader.services(window)
        points = house.reader.series("shop", window, chance.choice((7, 30, 60)))
        expected = services["shop"] if services else None
        assert sum(point.measure.requests for point in points) == (expected.requests if expected else 0)
        assert sum(point.measure.errors for point in points) == (expected.errors if expected else 0)


@pytest.mark.parametrize("seed", range(3))
def test_the_histogram_of_logs_sums_to_their_count(house: House, seed: int) -> None:
    """A legend that was summed from slots added up to another number than its headline."""
    chance = random.Random(seed)
    times = [chance.uniform(0, 20_000) for _ in range(400)]
    house.write(
        logs=[log_row("line", ms=t * 1000, severity_number=chance.choice((9, 13, 17))) for t in times]
    )
    for _ in range(20):
        begin, length = chance.uniform(-100, 15_000), chance.uniform(1, 15_000)
        window = Window(T0 + round(begin * SECOND), T0 + round((begin + length) * SECOND))
        found = house.reader.log_histogram(LogQuery(window), chance.choice((8, 80)))
        summed = sum(sum(column.counts.values()) for column in found.columns)
        assert found.total == summed == house.reader.count_logs(LogQuery(window))
        assert found.total == sum(begin <= t < begin + length for t in times)


def test_a_window_is_covered_where_requests_began(house: House) -> None:
    """Five minutes of load in a range of fifteen were "0.2 per min"."""
    starts = [300 + 2.0 * n for n in range(150)]
    house.write(_rows(starts, 1))
    house.all_settled([trace_of(number) for number in range(1, len(starts) + 1)])
    window = Window(T0, T0 + 900 * SECOND)
    found = house.reader.coverage(window)
    assert found.covered_ns == pytest.approx(300 * SECOND, abs=20 * SECOND)
    assert [(gap.from_unix_nano - T0, gap.to_unix_nano - T0) for gap in found.gaps] == [
        (0, 300 * SECOND),
        (600 * SECOND, 900 * SECOND),
    ]
    within = house.reader.coverage(Window(T0 + 310 * SECOND, T0 + 590 * SECOND))
    assert (within.covered_ns, within.gaps, within.whole) == (280 * SECOND, (), True)
    nothing = house.reader.coverage(Window(T0 + 5_000 * SECOND, T0 + 5_900 * SECOND))
    assert nothing.covered_ns == 0
    assert len(nothing.gaps) == 1
    year = house.reader.coverage(Window(T0 - 300 * 86_400 * SECOND, T0 + 86_400 * SECOND))
    assert [gap.to_unix_nano - gap.from_unix_nano > 86_000 * SECOND for gap in year.gaps]
    assert house.reader.coverage(Window.ALL).covered_ns >= 0


def test_short_pauses_are_no_gaps_and_long_ones_are(house: House) -> None:
    starts = [0.0, 50.0, 100.0, 150.0, 400.0, 450.0]
    house.write(_rows(starts, 2))
    house.all_settled([trace_of(number) for number in range(1, len(starts) + 1)])
    found = house.reader.coverage(Window(T0, T0 + 480 * SECOND))
    assert [(gap.from_unix_nano - T0, gap.to_unix_nano - T0) for gap in found.gaps] == [
        (160 * SECOND, 400 * SECOND)
    ]


def test_within_a_snapshot_nothing_is_counted_that_came_meanwhile(house: House) -> None:
    """A live page said 518 requests at its head and 520 below."""
    house.write(called({}))
    house.settled(trace_of(1), 2)
    with house.reader.snapshot():
        assert house.reader.services(house.window)["shop"].requests == 1
        house.write(called({}, number=2))
        with house.reader.snapshot():
            assert house.reader.services(house.window)["shop"].requests == 1
        assert house.reader.operations("shop", house.window)["work"].requests == 1
    house.settled(trace_of(2), 2)
    assert house.reader.services(house.window)["shop"].requests == 2
