"""Reading services: the map, rates, breakdowns; right to the second."""

from __future__ import annotations

import pytest

from signals.model import Attributes, SpanKind, TraceId
from store.api import BadQuery, Window
from tests.store.build import MS, SECOND, T0, TRACE, failing_checkout, span
from tests.store.house import House

SERVER, CLIENT = SpanKind.SERVER, SpanKind.CLIENT


def request(
    house: House, number: int, at_s: float, *, error: bool = False, attributes: Attributes | None = None
) -> None:
    trace_id = TraceId(f"{number:032x}")
    spans = [
        span(
            number,
            service="shop",
            name="GET /",
            kind=SERVER,
            start_ms=at_s * 1000,
            ms=100,
            error=error,
            trace_id=trace_id,
            attributes=attributes or {},
        ),
        span(
            number + 1000,
            number,
            "shop",
            "query",
            kind=CLIENT,
            start_ms=at_s * 1000 + 1,
            peer="carts",
            database=True,
            trace_id=trace_id,
        ),
    ]
    house.write(spans)
    house.settled(trace_id, 2)


def test_the_map_of_the_failing_checkout(house: House) -> None:
    house.write(failing_checkout())
    house.settled(TRACE, 10)
    found = house.reader.service_map(house.window)
    nodes = {
        node.service: (node.inferred, node.measure.requests, node.measure.errors) for node in found.nodes
    }
    assert nodes == {
        "ButtercupPayments": (True, 2, 0),
        "checkoutservice": (False, 1, 1),
        "frontend": (False, 1, 1),
        "paymentservice": (False, 2, 2),
    }
    origins = {node.service: node.measure.origin_errors for node in found.nodes}
    assert origins == {"ButtercupPayments": 0, "checkoutservice": 1, "frontend": 0, "paymentservice": 2}
    edges = {(edge.source, edge.target): (edge.measure.requests, edge.measure.errors) for edge in found.edges}
    assert edges == {
        ("checkoutservice", "paymentservice"): (3, 3),
        ("frontend", "checkoutservice"): (1, 1),
        ("paymentservice", "ButtercupPayments"): (2, 0),
    }


@pytest.mark.parametrize(
    ("from_s", "to_s", "count"),
    [(-60, 5000, 5), (0, 60, 3), (0.5, 60, 2), (0, 59.9, 2), (59.9, 60.1, 1), (100, 200, 0), (-60, 1300, 4)],
)
def test_windows_are_right_to_the_second(house: House, from_s: float, to_s: float, count: int) -> None:
    for number, at_s in enumerate([0.2, 2.5, 59.95, 1250, 4000], 1):
        request(house, number, at_s)
    window = Window(T0 + round(from_s * SECOND), T0 + round(to_s * SECOND))
    services = house.reader.services(window)
    assert (services["shop"].requests if services else 0) == count
    assert sum(point.measure.requests for point in house.reader.series("shop", window, 7)) == count
    edges = {edge.target: edge.measure.requests for edge in house.reader.service_map(window).edges}
    # A call stands where it starts: a millisecond after its request.
    assert edges.get("carts", 0) == count


def test_series_has_equal_columns_empty_ones_included(house: House) -> None:
    request(house, 1, 1)
    request(house, 2, 11, error=True)
    points = house.reader.series("shop", Window(T0, T0 + 20 * SECOND), 4)
    assert [point.start_unix_nano - T0 for point in points] == [0, 5 * SECOND, 10 * SECOND, 15 * SECOND]
    assert [(point.measure.requests, point.measure.errors) for point in points] == [
        (1, 0),
        (0, 0),
        (1, 1),
        (0, 0),
    ]
    with pytest.raises(BadQuery, match="columns"):
        house.reader.series("shop", house.window, 0)


def test_operations_and_percentiles(house: House) -> None:
    request(house, 1, 1)
    measure = house.reader.operations("shop", house.window)["GET /"]
    assert measure.requests == 1
    assert measure.latency.p99_ns == pytest.approx(100_000_000, rel=0.03)


def test_breakdown_by_a_promoted_tag_counts_the_absent_too(house: House) -> None:
    request(house, 1, 1, attributes={"version": "v1"})
    request(house, 2, 2, attributes={"version": "v2"}, error=True)
    request(house, 3, 3, attributes={"version": "v2"}, error=True)
    request(house, 4, 4)
    found = house.reader.breakdowns("shop", ("version",), house.window)["version"]
    assert [(one.value, one.measure.requests, one.measure.errors) for one in found.values] == [
        ("v2", 2, 2),
        ("", 1, 0),
        ("v1", 1, 0),
    ]
    assert (found.scanned, found.truncated) == (0, False)
    assert "version" in house.reader.tags(house.window)


def test_breakdown_by_any_tag_is_a_scan_that_says_so(house: House) -> None:
    request(house, 1, 1, attributes={"colour": "red"})
    request(house, 2, 2, attributes={"colour": "blue", "version": "v2"})
    found = house.reader.breakdowns("shop", ("colour",), house.window)["colour"]
    assert {one.value: one.measure.requests for one in found.values} == {"red": 1, "blue": 1}
    assert found.scanned == 2
    narrowed = house.reader.breakdowns("shop", ("version",), house.window, {"colour": "blue"})["version"]
    assert [(one.value, one.measure.requests) for one in narrowed.values] == [("v2", 1)]
    by_promoted = house.reader.breakdowns("shop", ("colour",), house.window, {"version": "v2"})["colour"]
    assert [one.value for one in by_promoted.values] == ["blue"]


def test_a_request_with_two_values_counts_for_both_and_once_in_all(house: House) -> None:
    trace_id = TraceId("1" * 32)
    house.write(
        [
            span(1, service="shop", kind=SERVER, trace_id=trace_id, attributes={"version": "v1"}),
            span(2, 1, service="shop", trace_id=trace_id, attributes={"version": "v2"}),
        ]
    )
    house.settled(trace_id, 2)
    found = house.reader.breakdowns("shop", ("version",), house.window)["version"]
    assert sorted((one.value, one.measure.requests) for one in found.values) == [("v1", 1), ("v2", 1)]


def test_environments_are_told_apart(house: House) -> None:
    request(house, 1, 1, attributes={"deployment.environment.name": "red"})
    request(house, 2, 2, attributes={"deployment.environment": "blue"})
    request(house, 3, 3)
    reader, window = house.reader, house.window
    assert reader.environments(window) == ["blue", "red"]
    assert reader.services(window)["shop"].requests == 3
    assert reader.services(window, "red")["shop"].requests == 1
    assert [node.measure.requests for node in reader.service_map(window, "blue").nodes] == [1, 1]
    assert sum(point.measure.requests for point in reader.series("shop", window, 5, environment="red")) == 1
    assert house.found(environment="blue") == [TraceId(f"{2:032x}")]
    assert house.found(environment="red", service="shop") == [TraceId(f"{1:032x}")]
    assert house.found(environment="green") == []


def test_a_database_and_a_queue_of_one_name_are_two_nodes(house: House) -> None:
    house.write(
        [
            span(1, service="shop", kind=SERVER),
            span(2, 1, service="shop", kind=CLIENT, peer="orders", database=True),
            span(3, 1, service="shop", kind=CLIENT, peer="orders", error=True),
        ]
    )
    house.settled(TRACE, 3)
    found = house.reader.service_map(house.window)
    assert {node.service: (node.database, node.measure.errors) for node in found.nodes if node.inferred} == {
        "orders": (False, 1),
        "orders (database)": (True, 0),
    }
    assert [(edge.source, edge.target) for edge in found.edges] == [
        ("shop", "orders"),
        ("shop", "orders (database)"),
    ]


def test_a_peer_that_reports_itself_elsewhere_is_no_inferred_service(house: House) -> None:
    house.write([span(1, service="shop", kind=CLIENT, peer="bank", error=True)])
    house.settled(TRACE, 1)
    assert {node.service: node.inferred for node in house.reader.service_map(house.window).nodes}["bank"]
    other = TraceId("2" * 32)
    house.write([span(1, service="bank", kind=SERVER, trace_id=other)])
    house.settled(other, 1)
    assert {node.service: node.inferred for node in house.reader.service_map(house.window).nodes} == {
        "bank": False,
        "shop": False,
    }


def test_a_request_long_after_its_trace_began_counts_where_it_begins(house: House) -> None:
    trace_id = TraceId("2" * 32)
    first = span(1, service="batch", name="run", kind=SERVER, trace_id=trace_id)
    late = span(2, 1, service="worker", name="step", kind=SERVER, start_ms=4_000_000, trace_id=trace_id)
    house.write([first, late])
    house.settled(trace_id, 2)
    window = Window(T0 + 3_900 * SECOND, T0 + 4_100 * SECOND)
    found = house.reader.breakdowns("worker", ("version",), window)["version"]
    assert [one.measure.requests for one in found.values] == [1]
    assert house.reader.breakdowns("batch", ("version",), window)["version"].values == ()
    assert house.reader.operations("worker", window).keys() == {"step"}
    assert "step" in house.reader.operations(None, window)
    odd = Window(T0 + 3_995 * SECOND, T0 + 4_001 * SECOND)
    assert house.reader.services(odd)["worker"].requests == 1


@pytest.mark.parametrize("tag", ["tenant.level", "colour"])
def test_requests_without_a_tag_can_be_asked_for(house: House, tag: str) -> None:
    for number in range(1, 5):
        trace_id = TraceId(f"{number:032x}")
        tags = {tag: "x"} if number == 1 else {}
        house.write([span(1, kind=SERVER, trace_id=trace_id, attributes={"version": "v", **tags})])
        house.settled(trace_id, 1)
    found = house.reader.breakdowns("shop", ("version",), house.window, {tag: ""})["version"]
    assert [(value.value, value.measure.requests) for value in found.values] == [("v", 3)]


def test_percentiles_of_few_requests_are_exact(house: House) -> None:
    """Of services, calls, operations and tags alike: within the data, to the nanosecond."""
    for number, ms in ((1, 1850), (2, 2500)):
        trace = TraceId(f"{number:032x}")
        tags: Attributes = {"tenant.level": ("gold", "silver")[number - 1]}
        house.write(
            [
                span(
                    number * 10,
                    0,
                    "front",
                    "order",
                    kind=SpanKind.SERVER,
                    ms=ms,
                    trace_id=trace,
                    attributes=tags,
                ),
                span(
                    number * 10 + 1,
                    number * 10,
                    "front",
                    "pay",
                    kind=SpanKind.CLIENT,
                    ms=ms - 10,
                    peer="bank",
                    trace_id=trace,
                ),
            ]
        )
        house.settled(trace, 2)
    reader, window = house.reader, house.window
    expected = (2175 * MS, 2_493_500_000)
    latency = reader.services(window)["front"].latency
    assert (latency.p50_ns, latency.p99_ns) == expected
    called = reader.service_map(window)
    assert called.edges[0].measure.latency.p50_ns == 2165 * MS
    assert called.nodes[0].measure.latency.p50_ns == 2165 * MS, "the bank, by its callers"
    assert reader.operations("front", window)["order"].latency.p99_ns == expected[1]
    by_tenant = reader.breakdowns("front", ("tenant.level",), window)["tenant.level"].values
    assert [value.measure.latency.p99_ns for value in by_tenant] == [1850 * MS, 2500 * MS]
