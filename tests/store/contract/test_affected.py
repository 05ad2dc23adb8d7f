"""Counting who is affected: requests, sessions, people, real and synthetic traffic."""

from __future__ import annotations

import pytest

from signals.model import Attributes, Span, SpanKind, TraceId
from store.api import Affected, BadQuery, Batch, Reach, SpanRow, TraceQuery
from tests.store.build import T0, row, span
from tests.store.contract.test_browsers import event
from tests.store.house import House

_NOBODY = Reach()


def trace(number: int) -> TraceId:
    return TraceId(f"{number + 0xA000:032x}")


def request(
    number: int, user: str = "", *, error: bool = True, synthetic: bool = False, child_error: bool = False
) -> list[Span]:
    """A request of `front` that calls `back`; the user is named by `front` alone."""
    own: Attributes = {"http.route": "/order"}
    if user:
        own = {**own, "enduser.id": user}
    if synthetic:
        own = {**own, "user_agent.synthetic.type": "test"}
    server, at, of = SpanKind.SERVER, float(number), trace(number)
    return [
        span(1, 0, "front", "POST", kind=server, start_ms=at, error=error, attributes=own, trace_id=of),
        span(2, 1, "back", "Pay", kind=server, start_ms=at + 1, ms=3, error=child_error, trace_id=of),
    ]


def click(number: int, session: str, user: str = "") -> SpanRow:
    """The browser's event that is linked to the request of this number."""
    link = {"link__traceId": trace(number), "link__spanId": f"{1:016x}"}
    who = {"enduser__id": user} if user else {}
    return row(event(number, "HTTP POST", session, at_ms=number, ms=0, **link, **who))


def fill(house: House, spans: list[Span], events: list[SpanRow]) -> None:
    house.writer.write(Batch([*map(row, spans), *events]))
    house.all_settled(sorted({one.trace_id for one in spans}))
    house.until(
        lambda: all(house.reader.session(one.session_id) for one in events),  # type: ignore[arg-type]
        "the sessions",
    )


def asked(house: House, service: str | None = "front", **more: object) -> Affected:
    return house.reader.affected(service, house.window, **more)  # type: ignore[arg-type]


def test_people_and_sessions_are_counted_once_however_often_they_fail(house: House) -> None:
    """Anna failed three times in two sessions, Ben once without a browser, Cleo did not fail."""
    spans = [
        *request(1, "anna"),
        *request(2, "anna"),
        *request(3, "anna"),
        *request(4, "ben"),
        *request(5, "cleo", error=False),
    ]
    fill(house, spans, [click(1, "s1"), click(2, "s1"), click(3, "s2"), click(5, "s5")])
    assert asked(house) == Affected(Reach(5, 4, 2, 2, 0), _NOBODY)
    assert asked(house, where={"enduser.id": "anna"}).real == Reach(3, 3, 2, 1, 0)
    assert asked(house, "nothing") == Affected(_NOBODY, _NOBODY)


def test_a_session_without_a_name_counts_as_a_person(house: House) -> None:
    """Its own `enduser.id` names it, though its requests do not; what carries neither is said."""
    spans = [one for number in range(1, 6) for one in request(number)]
    fill(
        house,
        [*spans, *request(6, "anna")],
        [click(1, "s1"), click(2, "s1"), click(3, "s3", "anna"), click(4, "s4")],
    )
    found = asked(house).real
    assert found == Reach(requests=6, failed=6, sessions=3, people=3, unattributed=1)


def test_a_callee_that_names_no_user_is_counted_by_its_trace(house: House) -> None:
    spans = [*request(1, "anna", child_error=True), *request(2, "ben", child_error=True), *request(3, "cleo")]
    fill(house, spans, [])
    assert asked(house, "back").real == Reach(3, 2, 0, 2, 0)
    assert asked(house, None).real == Reach(6, 5, 0, 3, 0)


def test_synthetic_traffic_is_counted_apart(house: House) -> None:
    """By its declaration anywhere in the trace."""
    spans = [
        *request(1, "anna"),
        *request(2, "robot", synthetic=True, child_error=True),
        *request(3, "robot", synthetic=True, error=False),
    ]
    fill(house, spans, [click(2, "s2")])
    # Nothing was recovered: the robot failed in a session, and got through outside of it.
    assert asked(house) == Affected(Reach(1, 1, 0, 1, 0), Reach(2, 1, 1, 1, 0))
    assert asked(house, "back") == Affected(Reach(1, 0, 0, 0, 0), Reach(2, 1, 1, 1, 0))


def test_a_failure_that_the_same_session_makes_good_is_recovered(house: House) -> None:
    """Anna's second try goes through, Ben's goes through before his failure, Cleo's in another session."""
    spans = [
        *request(1, "anna"),
        *request(2, "anna"),
        *request(3, "anna", error=False),
        *request(4, "ben", error=False),
        *request(5, "ben"),
        *request(6, "cleo"),
        *request(7, "cleo", error=False),
        *request(8),
    ]
    clicks = [(1, "a"), (2, "a"), (3, "a"), (4, "b"), (5, "b"), (6, "c1"), (7, "c2")]
    fill(house, spans, [click(number, session) for number, session in clicks])
    found = asked(house).real
    assert found == Reach(
        requests=8, failed=5, sessions=3, people=3, unattributed=1, recovered=2, people_recovered=1
    )
    assert found.failed_for_good == 3


def test_without_a_session_the_same_person_makes_a_failure_good(house: House) -> None:
    """Programs of a test answer for themselves: they are counted apart."""
    spans = [
        *request(1, "anna"),
        *request(2, "anna", error=False),
        *request(3, "ben"),
        *request(4, "anna"),
        *request(5, "robot", synthetic=True),
        *request(6, "robot", synthetic=True, error=False),
    ]
    fill(house, spans, [])
    found = asked(house)
    assert found.real == Reach(4, 3, 0, 2, 0, recovered=1, people_recovered=0)
    assert found.synthetic == Reach(2, 1, 0, 1, 0, recovered=1, people_recovered=1)


def test_only_the_same_operation_makes_a_failure_good(house: House) -> None:
    """The callee went through later; that is another operation of another service."""
    spans = [
        *request(1, "anna", child_error=True),
        *request(2, "anna", error=True),
    ]
    fill(house, spans, [click(1, "a"), click(2, "a")])
    assert asked(house).real == Reach(2, 2, 1, 1, 0)
    assert asked(house, "back").real == Reach(2, 1, 1, 1, 0, recovered=1, people_recovered=1)
    assert asked(house, None).real.recovered == 1


def test_what_failed_may_be_where_an_error_began(house: House) -> None:
    """Of `front` an error was received in one request and began in the other."""
    fill(house, [*request(1, "anna", child_error=True), *request(2, "ben")], [])
    assert asked(house).real == Reach(2, 2, 0, 2, 0)
    assert asked(house, error="origin").real == Reach(2, 1, 0, 1, 0)
    assert asked(house, "back", operation="Pay", error="origin").real == Reach(2, 1, 0, 1, 0)
    assert asked(house, "back", operation="Other").real == _NOBODY
    for wrong in ({"error": "none"}, {"where": {"colour": "red"}}, {"where": {"order.id": "1"}}):
        with pytest.raises(BadQuery):
            asked(house, **wrong)


def test_counting_is_bounded_and_says_since_when(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    spans = [one for number in range(1, 6) for one in request(number, f"user {number}")]
    fill(house, spans, [])
    house.bound(monkeypatch, "affected traces", 2)
    found = asked(house)
    assert found.real == Reach(2, 2, 0, 2, 0)
    assert found.since_unix_nano == T0 + 4_000_000
    house.bound(monkeypatch, "affected by traces", 3)
    by_trace = house.reader.affected_by_traces(TraceQuery(house.window))
    assert by_trace.real == Reach(3, 3, 0, 3, 0)
    assert by_trace.since_unix_nano == T0 + 3_000_000
    assert house.reader.affected_by_traces(TraceQuery(house.window, attributes={"enduser.id": "user 1"})) == (
        Affected(Reach(1, 1, 0, 1, 0), _NOBODY)
    )


def test_a_rare_operation_is_counted_beyond_the_traces_of_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An order is one of many requests: the bound is on those that have the operation."""
    spans = [*request(1, "anna", child_error=True), *request(2, "ben", child_error=True)]
    own: Attributes = {"http.route": "/page"}
    for number in range(3, 9):
        spans.append(
            span(
                1,
                0,
                "front",
                "GET",
                kind=SpanKind.SERVER,
                start_ms=number,
                attributes=own,
                trace_id=trace(number),
            )
        )
    fill(house, spans, [])
    house.bound(monkeypatch, "affected traces", 2)
    order = "/order" if asked(house, operation="/order").real.requests else "POST"
    found = asked(house, operation=order)
    assert (found.real.requests, found.real.failed, found.since_unix_nano) == (2, 2, None)
    house.bound(monkeypatch, "affected looked at", 7)
    found = asked(house, operation=order)
    assert (found.real.requests, found.since_unix_nano) == (1, T0 + 2_000_000)


def test_traces_are_counted_by_the_same_rules(house: House) -> None:
    """Whatever the order and the page; where the search is for errors, all that it finds failed."""
    spans = [
        *request(1, "anna"),
        *request(2, "anna"),
        *request(3, error=False),
        *request(4, "robot", synthetic=True),
    ]
    fill(house, spans, [click(1, "s1"), click(3, "s3")])
    query = TraceQuery(house.window, sort="slowest", limit=1)
    assert house.reader.affected_by_traces(query) == Affected(Reach(3, 2, 1, 1, 0), Reach(1, 1, 0, 1, 0))
    failing = TraceQuery(house.window, service="front", error="origin")
    assert house.reader.affected_by_traces(failing).real == Reach(2, 2, 1, 1, 0)


def test_errors_of_browsers_count_people(house: House) -> None:
    """Two errors of Anna in two sessions, one of a session without a name, one of a program."""
    thrown = {"error": "true", "error__object": "TypeError", "error__message": "no price"}
    anna, bot = {"enduser__id": "anna"}, {"user_agent__synthetic__type": "bot"}
    house.write(
        [
            row(event(number, "onerror", f"s{number}", at_ms=number, ms=0, **thrown, **who))
            for number, who in enumerate((anna, anna, {}, bot), 1)
        ]
    )
    house.until(lambda: house.reader.rum_errors(house.window)[0], "the errors")
    (group,) = house.reader.rum_errors(house.window)[0]
    assert (group.count, group.sessions, group.people, group.synthetic) == (4, 4, 3, 1)
