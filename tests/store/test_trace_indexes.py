"""Traces by person, tag sets by operation: what these indexes say is what the tag sets say."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from signals.model import Span, SpanKind, TraceId
from store.sqlite import tag_set_keys
from store.sqlite.read import read_connection
from store.sqlite.read.traces import SqliteTraceReader
from store.sqlite.settled_file import settled_path
from store.sqlite.write import tag_set_ids, trace_aggregation
from store.tag_sets import MANY_PERSONS, PERSON
from tests.helpers import eventually
from tests.store.build import span
from tests.store.house import House

Pairs = list[tuple[str, str, TraceId]]


def _trace(number: int) -> TraceId:
    return TraceId(f"{number:032x}")


def _request(number: int, *persons: str, first: int = 1) -> Iterator[Span]:
    """Requests of one trace, each carrying one person."""
    for place, person in enumerate(persons, first):
        yield span(
            place,
            name=f"GET /{place}",
            kind=SpanKind.SERVER,
            start_ms=number,
            ms=number,
            trace_id=_trace(number),
            attributes={"enduser.id": person} if person else {},
        )


def _pairs(path: Path) -> Pairs:
    """By which persons which traces are filed."""
    connection = sqlite3.connect(settled_path(path))
    rows = connection.execute(
        "SELECT p.tag, p.value, t.trace_id FROM trace_pairs x JOIN pairs p ON p.id = x.pair "
        "LEFT JOIN traces t ON t.id = x.trace WHERE p.tag IN (?, ?) ORDER BY 1, 2, 3",
        (PERSON, MANY_PERSONS),
    ).fetchall()
    connection.close()
    return [(tag, value, TraceId(trace_id.hex())) for tag, value, trace_id in rows]


def test_each_summary_is_looked_up_once(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not each end of an id with each id: twice as many traces of a session took four times as long."""
    steps = 0

    def count_step(_: object) -> bool:
        nonlocal steps
        steps += 1
        return False

    house.write([*_request(1, "anna")])
    house.all_settled([_trace(1)])
    monkeypatch.setattr(read_connection, "_CHECK_EVERY", 20)
    monkeypatch.setattr(read_connection._Connection, "is_late", count_step)
    taken = []
    for many in (100, 400):
        steps = 0
        asked = [_trace(number) for number in range(1, many + 1)]
        with closing(read_connection.ReadConnections(tmp_path / "store.db")) as connections:
            assert list(SqliteTraceReader(connections).trace_summaries([*asked, _trace(1)])) == [_trace(1)]
        taken.append(steps)
    assert taken[1] < 6 * taken[0]


@pytest.mark.parametrize("most", [0, 4])
def test_a_person_is_found_however_many_a_trace_carries(
    house: House, monkeypatch: pytest.MonkeyPatch, most: int
) -> None:
    """Whether each trace has its pairs, or all are known to have too many."""
    monkeypatch.setattr(trace_aggregation, "_MOST_PERSONS", most)
    house.write([*_request(1, "anna"), *_request(2, "ben", "anna"), *_request(3, ""), *_request(4, "ben")])
    house.all_settled([_trace(number) for number in (1, 2, 3, 4)])
    for conditions, numbers in (
        ({"attributes": {"enduser.id": "anna"}}, [2, 1]),
        ({"attributes": {"enduser.id": "anna"}, "sort": "oldest"}, [1, 2]),
        ({"attributes": {"enduser.id": "ben"}, "limit": 1}, [4]),
        ({"attributes": {"enduser.id": "ben"}, "service": "shop", "sort": "slowest"}, [4, 2]),
        ({"attributes": {"enduser.id": "ben"}, "service": "bank"}, []),
        ({"attributes": {"enduser.id": "ben"}, "service": "shop", "operation": "GET /2"}, [2]),
        ({"attributes": {"enduser.id": "ben"}, "service": "shop", "operation": "GET /3"}, []),
        ({"attributes": {"enduser.id": "ben"}, "like": {"enduser.id": "NN"}}, [2]),
        ({"attributes": {"enduser.id": "ben", "service.name": "shop"}}, [4, 2]),
        ({"attributes": {"enduser.id": "nobody"}}, []),
        ({"attributes": {"enduser.id": ""}}, []),
    ):
        assert house.found(**conditions) == [_trace(number) for number in numbers], conditions


def test_who_sends_another_person_with_every_span_makes_no_row_for_each(house: House, tmp_path: Path) -> None:
    """Such a trace is marked, and found all the same; so is one that becomes such by late spans."""
    many = [f"p{number}" for number in range(20)]
    house.write([*_request(1, *many), *_request(2, "anna", "ben")])
    house.all_settled([_trace(1), _trace(2)])
    path = tmp_path / "store.db"
    assert _pairs(path) == [
        (PERSON, "anna", _trace(2)),
        (PERSON, "ben", _trace(2)),
        (MANY_PERSONS, "", _trace(1)),
    ]
    assert house.found(attributes={"enduser.id": "p17"}) == [_trace(1)]
    assert house.found(attributes={"enduser.id": "anna"}) == [_trace(2)]
    house.write([*_request(2, "p1", "p2", "p3", first=3)])
    house.settled(_trace(2), 5)
    assert _pairs(path) == [(MANY_PERSONS, "", _trace(1)), (MANY_PERSONS, "", _trace(2))]
    assert house.found(attributes={"enduser.id": "anna"}) == [_trace(2)]
    assert house.found(attributes={"enduser.id": "p2"}) == [_trace(2), _trace(1)]


def test_the_attribute_that_is_only_in_spans_is_sought_in_the_first_traces_of_all(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A person beside it changes nothing of how far is searched."""
    monkeypatch.setattr("store.sqlite.read.attribute_scan.MAX_TRACES", 2)
    house.write([*_request(1, "anna"), *_request(2, "ben"), *_request(3, "ben"), *_request(4, "anna")])
    house.all_settled([_trace(number) for number in (1, 2, 3, 4)])
    late = {"colour": "red"}
    house.write([span(9, start_ms=each, attributes=late, trace_id=_trace(each)) for each in (1, 4)])
    house.settled(_trace(1), 2)
    house.settled(_trace(4), 2)
    assert house.found(attributes={"enduser.id": "anna", "colour": "red"}) == [_trace(4)]


@pytest.fixture(name="one_key", params=[b"abc", b"\xff\xff\xff"])
def _one_key(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """The keys of all operations begin alike."""
    for module in (tag_set_ids, tag_set_keys):
        monkeypatch.setattr(module, "operation_key", lambda *_: request.param)


def test_operations_whose_keys_begin_alike_are_kept_apart(one_key: None, house: House) -> None:
    """That is three bytes: the texts decide."""
    house.write(
        [
            span(1, service="shop", name="GET /", kind=SpanKind.SERVER, trace_id=_trace(1)),
            span(1, service="bank", name="GET /", kind=SpanKind.SERVER, trace_id=_trace(2)),
            span(1, service="shop", name='say "GET /"', kind=SpanKind.SERVER, trace_id=_trace(3)),
            span(1, service="größe\0", name="a%_\n", kind=SpanKind.SERVER, trace_id=_trace(4)),
        ]
    )
    house.all_settled([_trace(number) for number in (1, 2, 3, 4)])
    for service, operation, number in (
        ("shop", "GET /", 1),
        ("bank", "GET /", 2),
        ("shop", 'say "GET /"', 3),
        ("größe\0", "a%_\n", 4),
    ):
        assert house.found(service=service, operation=operation) == [_trace(number)]
    assert house.found(service="bank", operation='say "GET /"') == []
    house.write([span(1, service="shop", name="GET /", kind=SpanKind.SERVER, start_ms=5, trace_id=_trace(5))])
    eventually(lambda: house.found(service="shop", operation="GET /") == [_trace(5), _trace(1)], "the newer")
