"""Looking for what the embedded engine does not index: what is found, where it stops, how it goes on."""

from __future__ import annotations

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from signals.model import Log, SpanKind, TraceId
from store.api import LogQuery, LogRow, Page, SessionQuery, TraceQuery
from store.sqlite.read import attribute_scan
from tests.store.build import T0, log_row, row, span
from tests.store.house import House


def _holding(body: str, name: str, value: AnyValue, **resource: str) -> LogRow:
    """A log with one attribute of any form."""
    plain = log_row(body, resource=resource)
    record = LogRecord.FromString(plain.raw)
    record.attributes.append(KeyValue(key=name, value=value))
    return plain._replace(raw=record.SerializeToString())


NESTED = AnyValue(
    kvlist_value=KeyValueList(values=[KeyValue(key="method", value=AnyValue(string_value="GET"))])
)
LISTED = AnyValue(array_value=ArrayValue(values=[AnyValue(string_value="a"), AnyValue(int_value=2)]))


@pytest.mark.parametrize(
    ("wanted", "bodies"),
    [
        ({"colour": "red"}, ["own"]),
        ({"colour": "blue"}, ["resource only"]),
        ({"method": "GET"}, []),
        ({"http": '{"method":"GET"}'}, ["nested"]),
        ({"codes": '["a",2]'}, ["listed"]),
        ({"ratio": "0.5"}, ["number"]),
        ({"ratio": "0.50"}, []),
        ({"size": "5"}, ["whole"]),
        ({"size": "05"}, []),
        ({"ok": "true"}, ["flag"]),
        ({"digest": "00ff"}, ["bytes"]),
        ({"note": ""}, ["empty"]),
        ({"colour": "red", "ratio": "0.5"}, []),
    ],
)
def test_an_attribute_is_found_in_whatever_form_it_was_sent(
    house: House, wanted: dict[str, str], bodies: list[str]
) -> None:
    """A log's own value wins over its resource's, and one inside another attribute is none of its own."""
    logs = [
        _holding("own", "colour", AnyValue(string_value="red"), colour="blue"),
        _holding("resource only", "other", AnyValue(string_value="x"), colour="blue"),
        _holding("nested", "http", NESTED),
        _holding("nested in a resource's name", "wrap", NESTED, method="POST"),
        _holding("listed", "codes", LISTED),
        _holding("number", "ratio", AnyValue(double_value=0.5)),
        _holding("whole", "size", AnyValue(double_value=5.0)),
        _holding("flag", "ok", AnyValue(bool_value=True)),
        _holding("bytes", "digest", AnyValue(bytes_value=b"\x00\xff")),
        _holding("empty", "note", AnyValue(string_value="")),
    ]
    house.write(logs=logs)
    query = LogQuery(house.window, attributes=wanted)
    assert [log.body for log in house.reader.find_logs(query).items] == bodies
    assert house.reader.count_logs(query) == len(bodies)
    assert house.reader.log_histogram(query).total == len(bodies)


def test_a_key_inside_another_attribute_does_not_hide_its_resources(house: House) -> None:
    """Where bytes cannot tell whose the key is, the log is decoded."""
    house.write(logs=[_holding("both", "wrap", NESTED, method="POST")])
    query = LogQuery(house.window, attributes={"method": "POST"})
    assert [log.body for log in house.reader.find_logs(query).items] == ["both"]
    assert house.reader.log_histogram(query).total == 1


@pytest.mark.parametrize(("value", "found"), [("first", ["twice"]), ("second", [])])
def test_of_a_key_that_comes_twice_the_value_that_is_shown_is_found(
    house: House, value: str, found: list[str]
) -> None:
    """The first one counts, for a search as for every other reader."""
    log = _holding("twice", "colour", AnyValue(string_value="first"))
    record = LogRecord.FromString(log.raw)
    record.attributes.append(KeyValue(key="colour", value=AnyValue(string_value="second")))
    house.write(logs=[log._replace(raw=record.SerializeToString())])
    query = LogQuery(house.window, attributes={"colour": value})
    assert [log.body for log in house.reader.find_logs(query).items] == found


@pytest.mark.parametrize("order", ["newest", "oldest", "after"])
def test_a_search_among_logs_stops_at_its_bound_and_goes_on_from_there(
    house: House, monkeypatch: pytest.MonkeyPatch, order: str
) -> None:
    """Every page says that it stopped, and together they find all, once."""
    monkeypatch.setattr(attribute_scan, "MAX_LOGS", 4)
    house.write(logs=[log_row(f"{n}", ms=n // 2, attributes={"odd": str(n % 2 == 1)}) for n in range(20)])
    query = {
        "newest": LogQuery(house.window, attributes={"odd": "True"}),
        "oldest": LogQuery(house.window, attributes={"odd": "True"}, oldest_first=True),
        "after": LogQuery(house.window, attributes={"odd": "True"}, after="1"),
    }[order]
    seen: list[str] = []
    stops = 0
    cursor = None
    for _ in range(12):
        page: Page[Log] = house.reader.find_logs(
            LogQuery(
                query.window,
                attributes=query.attributes,
                oldest_first=query.oldest_first,
                after=query.after,
                cursor=cursor,
            )
        )
        seen += [log.body for log in page.items]
        stops += page.truncated
        cursor = page.next_cursor
        if cursor is None:
            break
    odd = [str(n) for n in range(1, 20, 2)]
    assert seen == (odd[::-1] if order == "newest" else odd)
    assert stops >= 3


def test_a_frequent_text_is_counted_among_the_newest_logs_and_it_is_said(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A count that was cut tells from when on it counts."""
    monkeypatch.setattr(attribute_scan, "MAX_LOGS", 5)
    house.write(logs=[log_row(f"abc {n}", ms=n) for n in range(20)])
    counted = house.reader.log_histogram(LogQuery(house.window, text="abc"))
    assert (counted.total, counted.since_unix_nano) == (20, None), "few hits: the text index leads to all"
    counted = house.reader.log_histogram(LogQuery(house.window, text="ab"))
    assert (counted.total, counted.since_unix_nano) == (5, T0 + 15_000_000)


def test_traces_are_looked_into_newest_first_and_the_search_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tag that nothing indexes is found in old traces too, step by step, also beside an indexed one."""
    monkeypatch.setattr(attribute_scan, "MAX_TRACES", 3)
    ids = [TraceId(f"{number:032x}") for number in range(1, 11)]
    house.write(
        [
            row(
                span(
                    1,
                    kind=SpanKind.SERVER,
                    start_ms=number,
                    trace_id=trace_id,
                    attributes={"mood": "sad" if number < 2 else "fine", "tenant.level": "gold"},
                )
            )
            for number, trace_id in enumerate(ids)
        ]
    )
    house.all_settled(ids)
    for others in ({}, {"tenant.level": "gold"}):
        found: list[TraceId] = []
        stops = 0
        cursor = None
        for _ in range(6):
            query = TraceQuery(house.window, attributes={"mood": "sad", **others}, cursor=cursor)
            page = house.reader.find_traces(query)
            found += [one.trace_id for one in page.items]
            stops += page.truncated
            cursor = page.next_cursor
            if cursor is None:
                break
        assert found == [ids[1], ids[0]]
        assert stops == 3


def test_sessions_are_looked_into_newest_first_and_the_search_goes_on(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same for an attribute that only one event of a session carries."""
    monkeypatch.setattr(attribute_scan, "MAX_SESSIONS", 2)
    house.write(
        [
            row(
                span(
                    number,
                    service="",
                    start_ms=number,
                    browser=True,
                    session=f"s{number}",
                    trace_id=TraceId(f"{number:032x}"),
                    attributes={"splunk.rumSessionId": f"s{number}", "plan": "b" if number == 1 else "a"},
                )
            )
            for number in range(1, 6)
        ]
    )
    house.until(
        lambda: len(house.reader.find_sessions(SessionQuery(house.window)).items) == 5, "all sessions"
    )
    found: list[str] = []
    cursor = None
    for _ in range(5):
        page = house.reader.find_sessions(SessionQuery(house.window, attributes={"plan": "b"}, cursor=cursor))
        found += [one.session_id for one in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
        assert page.truncated
    assert found == ["s1"]
    excluded = house.reader.find_sessions(SessionQuery(house.window, excluded={"plan": "b"}))
    assert [one.session_id for one in excluded.items] == ["s5", "s4"]
    assert excluded.truncated
