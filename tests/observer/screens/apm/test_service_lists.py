"""The list of services and the page of one: order, counts, what is left out. Pure; no store, no template."""

from __future__ import annotations

import pytest

from observer.components.data_time import DataTime
from observer.components.table_sort import Sort
from observer.screens.apm.measure_view import measure_view
from observer.screens.apm.service import view as service_view
from observer.screens.apm.services import view as services_view
from store.api import Latency, MapNode, Measure, ServiceMap

TIME = DataTime(120 * 10**9, "", ())
NODES = (
    MapNode("a", inferred=False, database=False, measure=Measure(10, 0, 0)),
    MapNode("b", inferred=False, database=False, measure=Measure(240, 24, 12)),
    MapNode("db", inferred=True, database=True, measure=Measure(5, 0, 0)),
)
BUSIEST = Sort("requests", ascending=False)


def test_services_are_listed_in_order_and_inferred_ones_apart() -> None:
    found = services_view.build(ServiceMap(NODES, ()), BUSIEST, TIME)

    assert [row.service for row in found.services] == ["b", "a"]
    assert [(row.service, row.database) for row in found.inferred] == [("db", True)]
    assert found.services[0].measure.per_minute == "120"
    assert found.summary == "2 services with requests in this time range, 1 inferred from their calls."


def test_a_list_without_inferred_services_does_not_mention_them() -> None:
    found = services_view.build(ServiceMap(NODES[:1], ()), BUSIEST, TIME)

    assert found.summary == "1 service with requests in this time range."


def _service(operations: int) -> service_view.ServicePage:
    data = service_view.ServiceData({f"op {n:03}": Measure(n + 1) for n in range(operations)}, (), 7)
    return service_view.build(ServiceMap(NODES, ()), NODES[1], TIME, data, None, BUSIEST)


def test_the_busiest_operations_are_listed_and_the_others_counted() -> None:
    few, many = _service(3), _service(102)

    assert [row.operation for row in few.operations] == ["op 002", "op 001", "op 000"]
    assert few.operations_left_out == ""
    assert (len(many.operations), many.operations_left_out) == (100, "2 rarer operations")
    assert many.operations_total == "102 operations"
    assert many.logs == 7


@pytest.mark.parametrize(
    ("measure", "mark"),
    [
        (Measure(10), ""),
        (Measure(10, 1), "error"),
        (Measure(10, 1, 1), "error origin"),
        (Measure(10, 0, 1), ""),
    ],
)
def test_a_row_is_marked_by_its_worst_error(measure: Measure, mark: str) -> None:
    assert measure_view(measure).mark == mark


def test_a_measure_has_shares_of_its_requests_and_none_of_nothing() -> None:
    shown = measure_view(Measure(200, 50, 80, Latency(p50_ns=1, p90_ns=2, p99_ns=3)))

    assert (shown.errors.share, shown.root_causes.share, shown.recovered) == (0.25, 0.4, 30)
    assert (shown.p50_ns, shown.p90_ns, shown.p99_ns) == (1, 2, 3)
    assert 'width="250"' in shown.error_bar
    empty = measure_view(Measure())
    assert (empty.errors.share, empty.error_bar, empty.per_minute) == (None, "", "")
