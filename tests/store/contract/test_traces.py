"""Reading traces."""

from __future__ import annotations

from dataclasses import replace

import pytest

from signals.model import SpanError, SpanKind, TraceId
from store.api import BadQuery, Presence, TraceQuery
from tests.store.build import TRACE, failing_checkout, span
from tests.store.house import House

SERVER = SpanKind.SERVER


def trace(number: int) -> TraceId:
    return TraceId(f"{number:032x}")


def fill(house: House, count: int = 7) -> None:
    """Traces 1 to `count`: each starts a millisecond later, and takes longer, than the one before."""
    house.write(
        [
            span(
                number,
                service="shop" if number % 2 else "bank",
                name="GET /",
                kind=SERVER,
                start_ms=number,
                ms=number,
                error=number == 3,
                trace_id=trace(number),
                attributes={
                    "tenant.level": "gold" if number < 4 else "tin",
                    "enduser.id": "anna" if number % 3 else "ben",
                    "colour": f"c{number}",
                },
            )
            for number in range(1, count + 1)
        ]
    )
    for number in range(1, count + 1):
        house.settled(trace(number), 1)


def test_the_failing_checkout_is_summed_up(house: House) -> None:
    house.write(failing_checkout())
    house.settled(TRACE, 10)
    (summary,) = house.reader.find_traces(TraceQuery(house.window)).items
    assert (summary.service, summary.operation) == ("frontend", "POST /cart/checkout")
    assert (summary.errors, summary.origin_errors, summary.complete) == (8, 3, True)
    assert [(one.name, one.spans, one.error) for one in summary.services] == [
        ("frontend", 2, SpanError.RECEIVED),
        ("checkoutservice", 4, SpanError.ORIGIN),
        ("paymentservice", 4, SpanError.ORIGIN),
    ]


def test_late_children_settle_again(house: House) -> None:
    whole = failing_checkout()
    house.write(whole[5:])
    house.settled(TRACE, 5)
    assert not house.reader.trace_summaries([TRACE])[TRACE].complete
    house.write(whole[:5])
    house.settled(TRACE, 10)
    assert house.reader.trace_summaries([TRACE])[TRACE].complete
    measures = house.reader.services(house.window)
    assert {name: one.requests for name, one in measures.items()} == {
        "frontend": 1,
        "checkoutservice": 1,
        "paymentservice": 2,
    }


@pytest.mark.parametrize(
    ("conditions", "numbers"),
    [
        ({}, [7, 6, 5, 4, 3, 2, 1]),
        ({"service": "shop"}, [7, 5, 3, 1]),
        ({"service": "nobody"}, []),
        ({"service": "shop", "also": "shop"}, [7, 5, 3, 1]),
        ({"service": "shop", "also": "bank"}, []),
        ({"operation": "GET /", "service": "bank"}, [6, 4, 2]),
        ({"operation": "GET"}, []),
        ({"operation_contains": "get"}, [7, 6, 5, 4, 3, 2, 1]),
        ({"operation_contains": "t /", "service": "bank"}, [6, 4, 2]),
        ({"operation_contains": "post"}, []),
        ({"operation_contains": "GÉT"}, []),
        ({"error": "any"}, [3]),
        ({"error": "origin", "service": "shop"}, [3]),
        ({"error": "origin", "service": "bank"}, []),
        ({"attributes": {"tenant.level": "gold"}}, [3, 2, 1]),
        ({"attributes": {"tenant.level": "gold"}, "service": "bank"}, [2]),
        ({"attributes": {"enduser.id": "ben"}}, [6, 3]),
        ({"attributes": {"enduser.id": "anna"}, "service": "shop", "limit": 2}, [7, 5]),
        ({"attributes": {"enduser.id": "anna", "tenant.level": "gold"}}, [2, 1]),
        ({"attributes": {"enduser.id": "anna"}, "sort": "oldest", "min_ns": 2_000_000}, [2, 4, 5, 7]),
        ({"attributes": {"enduser.id": "anna", "colour": "c5"}}, [5]),
        ({"attributes": {"enduser.id": "Ben"}}, []),
        ({"attributes": {"colour": "c5"}}, [5]),
        ({"attributes": {"service.name": "bank"}}, [6, 4, 2]),
        ({"attributes": {"colour": "c5", "tenant.level": "gold"}}, []),
        ({"min_ns": 3_000_000, "max_ns": 5_000_000}, [5, 4, 3]),
        ({"sort": "slowest", "limit": 2}, [7, 6]),
        ({"sort": "oldest", "limit": 2}, [1, 2]),
        ({"sort": "oldest", "service": "bank"}, [2, 4, 6]),
        ({"sort": "oldest", "attributes": {"tenant.level": "gold"}}, [1, 2, 3]),
        ({"sort": "oldest", "attributes": {"service.name": "bank"}}, [2, 4, 6]),
    ],
)
def test_traces_are_found_by(house: House, conditions: dict[str, object], numbers: list[int]) -> None:
    fill(house)
    assert house.found(**conditions) == [trace(number) for number in numbers]


@pytest.mark.parametrize("sort", ["newest", "slowest"])
def test_pages_neither_repeat_nor_skip(house: House, sort: str) -> None:
    fill(house)
    seen: list[TraceId] = []
    cursor = None
    for _ in range(10):
        page = house.reader.find_traces(TraceQuery(house.window, sort=sort, limit=2, cursor=cursor))  # type: ignore[arg-type]  # one of two
        seen += [summary.trace_id for summary in page.items]
        if not cursor:
            house.write([span(99, start_ms=30, ms=500, kind=SERVER, trace_id=trace(99))])
            house.settled(trace(99), 1)
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [trace(number) for number in range(7, 0, -1)]


@pytest.mark.parametrize("attributes", [{}, {"service.name": "bank"}, {"tenant.level": "gold"}])
def test_pages_of_the_oldest_go_forward_to_what_came_meanwhile(
    house: House, attributes: dict[str, str]
) -> None:
    fill(house)
    whole = [one.trace_id for one in house.reader.find_traces(_oldest(house, attributes, 100)).items]
    seen: list[TraceId] = []
    query = _oldest(house, attributes, 1)
    for _ in range(20):
        page = house.reader.find_traces(query)
        seen += [summary.trace_id for summary in page.items]
        if page.next_cursor is None:
            break
        query = replace(query, cursor=page.next_cursor)
    assert seen == whole
    assert len(seen) > 2


def _oldest(house: House, attributes: dict[str, str], limit: int) -> TraceQuery:
    return TraceQuery(house.window, sort="oldest", limit=limit, attributes=attributes)


@pytest.mark.parametrize("cursor", ["", "x", "e30", "WyJzbG93ZXN0IiwxLDFd", "WyJuZXdlc3QiLCJhIiwxXQ"])
def test_a_foreign_cursor_is_refused(house: House, cursor: str) -> None:
    with pytest.raises(BadQuery, match="cursor"):
        house.found(cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 1001])
def test_a_limit_out_of_bounds_is_refused(house: House, limit: int) -> None:
    with pytest.raises(BadQuery, match="limit"):
        house.found(limit=limit)


def test_a_trace_is_found_by_its_last_16_digits_and_by_a_span(house: House) -> None:
    house.write([span(0xABC, kind=SERVER)])
    house.settled(TRACE, 1)
    assert house.reader.trace_ids_ending(TRACE[16:]) == [TRACE]
    assert house.reader.trace_ids_ending("f" * 16) == []
    assert house.reader.trace_of_span("0000000000000abc") == TRACE
    assert house.reader.trace_of_span("0000000000000abd") is None
    with pytest.raises(BadQuery):
        house.reader.trace_of_span("not hex")


def test_a_trace_is_present_or_was_never_seen(house: House) -> None:
    house.write([span(1)])
    assert house.reader.locate(TRACE) is Presence.PRESENT
    assert house.reader.locate(trace(5)) is Presence.NEVER_SEEN


def test_browser_spans_count_in_no_summary(house: House) -> None:
    fetch = span(1, service="", name="HTTP POST", kind=SpanKind.CLIENT, browser=True, session="s1", ms=50)
    house.write([fetch, span(2, 1, "shop", "POST /", kind=SERVER, start_ms=1)])
    house.settled(TRACE, 1)
    summary = house.reader.trace_summaries([TRACE])[TRACE]
    assert (summary.service, summary.complete, summary.session_id) == ("shop", True, "s1")
    assert list(house.reader.services(house.window)) == ["shop"]
    link = house.reader.browser_of_trace(TRACE)
    assert link is not None
    assert (link.session_id, link.span_id) == ("s1", fetch.span_id)
