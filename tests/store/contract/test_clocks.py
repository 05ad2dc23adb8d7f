"""Telemetry of wrong clocks is filed at its arrival, and says by how much it was moved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from signals.model import OddTime, Span, SpanKind, TraceId
from store.api import Batch, LogQuery, LogRow, SessionQuery, SpanRow, TraceQuery, Window
from tests.store.build import MS, SECOND, T0, TRACE, log_row, row, span
from tests.store.house import House

MIN = 60 * SECOND
YEAR = 366 * 86_400 * SECOND
LAST_15_MIN = Window(T0 - 15 * MIN, T0 + SECOND)
SERVER, CLIENT = SpanKind.SERVER, SpanKind.CLIENT
OFF = (9 * MIN, 3 * 3_600 * SECOND, 100 * YEAR)


def send(house: House, *spans: Span | SpanRow, logs: Sequence[LogRow] = (), at: int = T0) -> None:
    rows = [one if isinstance(one, SpanRow) else row(one) for one in spans]
    house.writer.write(Batch(spans=rows, logs=logs, arrived_unix_nano=at))


def off(one: Span, ns: int) -> Span:
    """The span with its clock off by so much; it ends at T0 by the right one."""
    return replace(one, start_unix_nano=T0 - one.duration_ns + ns)


@pytest.mark.parametrize("ahead", OFF)
def test_a_trace_of_a_fast_clock_is_found_at_its_arrival(house: House, ahead: int) -> None:
    """With its order and durations, in the list, the rates and the spans."""
    root = off(span(1, kind=SERVER, ms=50), ahead)
    child = replace(span(2, 1, ms=10), start_unix_nano=root.start_unix_nano + 20 * MS)
    send(house, root, child)
    house.settled(TRACE, 2)
    (found,) = house.reader.find_traces(TraceQuery(LAST_15_MIN)).items
    assert (found.start_unix_nano, found.duration_ns) == (T0 - 50 * MS, 50 * MS)
    assert found.clock_shift_ns == -ahead
    first, second = house.reader.spans_of_trace(TRACE)
    assert second.start_unix_nano - first.start_unix_nano == 20 * MS
    assert first.clock_shift_ns == second.clock_shift_ns == -ahead
    assert house.reader.services(LAST_15_MIN)["shop"].requests == 1
    status = house.reader.status()
    assert status.newest_unix_nano is not None
    assert status.newest_unix_nano <= T0 + 5 * SECOND


@pytest.mark.parametrize("ahead", OFF)
def test_a_session_and_a_log_of_a_fast_clock(house: House, ahead: int) -> None:
    """The same for what a browser sends, and for a log, which is counted where it is filed."""
    send(house, off(span(1, name="documentLoad", browser=True, session="s"), ahead))
    record = log_row("x", ms=ahead / MS)
    send(house, logs=[record])
    (session,) = house.until(
        lambda: house.reader.find_sessions(SessionQuery(LAST_15_MIN)).items, "the session in the list"
    )
    assert (session.start_unix_nano, session.clock_shift_ns) == (T0 - 10 * MS, -ahead)
    assert house.reader.rum_measures(LAST_15_MIN)["page_views"].requests == 1
    (log,) = house.reader.find_logs(LogQuery(LAST_15_MIN)).items
    assert (log.time_unix_nano, log.clock_shift_ns) == (T0, -ahead)
    assert house.reader.log_histogram(LogQuery(LAST_15_MIN)).total == 1


def test_what_is_late_or_imported_is_kept_as_claimed(house: House) -> None:
    """A sender that was offline, and a file of last month, have right clocks."""
    send(house, off(span(1, kind=SERVER), -60 * MIN), logs=[log_row("x", ms=-30 * 86_400_000)])
    house.settled(TRACE, 1)
    (found,) = house.reader.spans_of_trace(TRACE)
    assert (found.end_unix_nano, found.clock_shift_ns) == (T0 - 60 * MIN, 0)
    (log,) = house.reader.find_logs(LogQuery(Window.ALL)).items
    assert (log.time_unix_nano, log.clock_shift_ns) == (T0 - 30 * 86_400 * SECOND, 0)


@pytest.mark.parametrize("behind", [3 * MIN, 20 * MIN, 54 * MIN])
def test_one_late_batch_of_a_sender_that_nobody_knows_is_found_at_its_arrival(
    house: House, behind: int
) -> None:
    """A trace, its log in a batch of its own, and one beacon without a link, of clocks minutes slow."""
    root = off(span(1, kind=SERVER, ms=50), -behind)
    send(house, root, replace(span(2, 1, ms=10), start_unix_nano=root.start_unix_nano + 20 * MS))
    send(house, logs=[log_row("x", ms=-behind / MS)])
    page = span(3, name="documentLoad", browser=True, session="s", trace_id=OTHER)
    send(house, off(page, -behind))
    house.settled(TRACE, 2)
    (found,) = house.reader.find_traces(TraceQuery(LAST_15_MIN)).items
    assert (found.start_unix_nano, found.duration_ns, found.clock_shift_ns) == (T0 - 50 * MS, 50 * MS, behind)
    (log,) = house.reader.find_logs(LogQuery(LAST_15_MIN)).items
    assert (log.time_unix_nano, log.clock_shift_ns) == (T0, behind)
    (session,) = house.until(
        lambda: house.reader.find_sessions(SessionQuery(LAST_15_MIN)).items, "the session in the list"
    )
    assert (session.start_unix_nano, session.clock_shift_ns) == (T0 - 10 * MS, behind)
    assert house.reader.rum_measures(LAST_15_MIN)["page_views"].requests == 1
    assert house.reader.late_arrivals(LAST_15_MIN) is None


def test_a_known_sender_that_is_late_keeps_its_times(house: House) -> None:
    """An export that was retried for three minutes, of a service and a session that were on time before."""
    page = span(3, name="documentLoad", browser=True, session="s", trace_id=OTHER)
    send(house, off(span(1, kind=SERVER), -4 * MIN), off(page, -4 * MIN), at=T0 - 4 * MIN)
    second = TraceId("d" * 32)
    later = replace(span(4, name="click", browser=True, session="s"), trace_id=TraceId("e" * 32))
    send(house, off(span(5, kind=SERVER, trace_id=second), -3 * MIN), off(later, -3 * MIN))
    house.all_settled([TRACE, second])
    found = house.reader.find_traces(TraceQuery(Window.ALL)).items
    assert [one.clock_shift_ns for one in found] == [0, 0]
    (session,) = house.reader.find_sessions(SessionQuery(Window.ALL)).items
    assert session.clock_shift_ns == 0


def test_a_session_that_was_only_late_is_moved_back(house: House) -> None:
    """Its first beacon waited for twenty minutes; the next is on time, and the first is where it was."""
    first = span(1, name="documentLoad", browser=True, session="s")
    send(house, off(first, -20 * MIN))
    house.until(lambda: house.reader.find_sessions(SessionQuery(LAST_15_MIN)).items, "the session")
    send(house, off(span(2, name="click", browser=True, session="s"), 5 * SECOND), at=T0 + 5 * SECOND)
    (session,) = house.until(
        lambda: [
            one
            for one in house.reader.find_sessions(SessionQuery(Window.ALL)).items
            if one.start_unix_nano < T0 - MIN
        ],
        "the session moved back",
    )
    assert (session.start_unix_nano, session.clock_shift_ns) == (T0 - 20 * MIN - 10 * MS, 0)
    spans = house.reader.spans_of_session(session.session_id)
    assert [one.clock_shift_ns for one in spans] == [0, 0]
    assert house.reader.rum_measures(LAST_15_MIN).get("page_views") is None


def test_a_slow_browser_is_moved_as_a_whole_once_its_lag_is_constant(house: House) -> None:
    """The page that came before the proof, too: in the list, the measures and the series."""
    for number, at in ((1, 0), (2, 3)):
        page = span(number, name="documentLoad", browser=True, session="s")
        send(house, off(page, at * SECOND - 30 * MIN), at=T0 + at * SECOND)
        house.until(
            lambda number=number: house.reader.rum_measures(Window.ALL)["page_views"].requests == number,  # type: ignore[misc]  # a lambda's default has no type
            "the page counted",
        )
    now = Window(T0 - MIN, T0 + MIN)
    (session,) = house.until(lambda: house.reader.find_sessions(SessionQuery(now)).items, "the session")
    assert (session.duration_ns, session.clock_shift_ns) == (3 * SECOND + 10 * MS, 30 * MIN)
    assert [one.clock_shift_ns for one in house.reader.spans_of_session(session.session_id)] == [30 * MIN] * 2
    assert house.reader.rum_measures(now)["page_views"].requests == 2
    assert house.reader.rum_measures(Window(0, now.from_unix_nano)) == {}
    points = house.reader.rum_series("page_views", now, 2)
    assert [point.measure.requests for point in points] == [1, 1]


def test_a_slow_browser_is_moved_to_the_trace_that_answered_it(house: House) -> None:
    """One beacon is enough where its link names a backend that was at work later than the browser says."""
    send(house, span(1, kind=SERVER, ms=40))
    house.settled(TRACE, 1)
    link = {"link.traceId": TRACE, "link.spanId": f"{1:016x}"}
    fetch = span(2, name="documentFetch", browser=True, session="s", ms=60, attributes=link, trace_id=OTHER)
    send(house, replace(fetch, start_unix_nano=T0 - 20 * MIN), at=T0 + SECOND)
    (session,) = house.until(
        lambda: [
            one
            for one in house.reader.find_sessions(SessionQuery(Window(T0 - SECOND, T0 + SECOND))).items
            if one.clock_shift_ns == 20 * MIN
        ],
        "the session, moved",
    )
    assert session.start_unix_nano == T0
    assert house.reader.late_arrivals(Window(T0, T0 + MIN)) is None


def test_work_that_a_request_left_behind_proves_no_slow_browser(house: House) -> None:
    """A trace may end an hour after its request, and an old page of a cache may name a trace of yesterday."""
    queued = span(3, 1, "queue", kind=SpanKind.CONSUMER, start_ms=3_600_000)
    send(house, span(1, kind=SERVER, ms=40), queued, at=T0 + 61 * MIN)
    house.settled(TRACE, 2)
    link = {"link.traceId": TRACE, "link.spanId": f"{1:016x}"}
    for number, start in ((2, T0), (4, T0 + 60 * MIN)):
        fetch = span(number, name="documentFetch", browser=True, session=f"s{number}", attributes=link)
        send(house, replace(fetch, start_unix_nano=start, trace_id=OTHER), at=T0 + 61 * MIN)
    house.until(lambda: len(house.reader.find_sessions(SessionQuery(Window.ALL)).items) == 2, "both sessions")
    found = house.reader.find_sessions(SessionQuery(Window.ALL)).items
    assert [(one.start_unix_nano, one.clock_shift_ns) for one in found] == [(T0 + 60 * MIN, 0), (T0, 0)]


OTHER = TraceId("f" * 32)


@pytest.mark.parametrize("ns", [-300 * SECOND, 300 * SECOND, -20 * YEAR])
def test_a_clock_of_one_service_stretches_no_trace(house: House, ns: int) -> None:
    """Its span keeps the claimed time; list, rates and calls have it where its caller waited."""
    root, call = span(1, service="a", kind=SERVER, ms=200), span(2, 1, "a", kind=CLIENT, start_ms=10, ms=100)
    answer = replace(span(3, 2, "b", kind=SERVER, ms=80), start_unix_nano=T0 + ns)
    house.write([root, call, answer])
    house.settled(TRACE, 3)
    (found,) = house.reader.find_traces(TraceQuery(LAST_15_MIN)).items
    assert (found.start_unix_nano, found.duration_ns) == (T0, 200 * MS)
    assert house.reader.services(LAST_15_MIN)["b"].requests == 1
    assert [edge.measure.requests for edge in house.reader.service_map(LAST_15_MIN).edges] == [1]


@pytest.mark.parametrize(
    ("start", "end", "odd"),
    [
        (-SECOND, 173 * YEAR, OddTime.ENDS_AFTER_ARRIVAL),
        (-25 * YEAR, -SECOND, OddTime.STARTS_TOO_EARLY),
        (-SECOND, -2 * SECOND, OddTime.ENDS_BEFORE_START),
        (-SECOND, -T0, OddTime.NO_END),
    ],
)
def test_impossible_ends_have_no_duration(house: House, start: int, end: int, odd: OddTime) -> None:
    """A span that ends centuries from now, or began then, is a moment near its arrival."""
    made = row(replace(span(1, kind=SERVER), start_unix_nano=T0 + start, duration_ns=0))
    message = _message(made, T0 + end)
    send(house, made._replace(duration_ns=max(0, end - start), raw=message))
    house.settled(TRACE, 1)
    (found,) = house.reader.spans_of_trace(TRACE)
    assert (found.start_unix_nano, found.duration_ns, found.odd_time) == (T0 - SECOND, 0, odd)
    assert house.reader.find_traces(TraceQuery(LAST_15_MIN)).items


def _message(made: SpanRow, end: int) -> bytes:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as Message

    message = Message.FromString(made.raw)
    message.end_time_unix_nano = end
    return message.SerializeToString()


def test_an_old_stray_is_not_the_oldest(house: House) -> None:
    """The range of all that is kept does not begin a quarter of a century ago."""
    send(house, off(span(1, kind=SERVER), 0))
    send(house, off(span(2, kind=SERVER, trace_id=OTHER), -25 * YEAR))
    house.all_settled([TRACE, OTHER])
    assert house.reader.status().oldest_unix_nano == T0 - 10 * MS
