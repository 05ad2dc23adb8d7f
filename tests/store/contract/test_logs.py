"""Reading logs."""

from __future__ import annotations

import pytest

from signals.model import Attribute, Severity
from store.api import BadQuery, LogQuery, Window
from tests.store.build import SECOND, T0, TRACE, log_row
from tests.store.house import House


def fill(house: House) -> None:
    house.write(
        logs=[
            log_row("Charging 100%", ms=1, service="pay", trace_id=TRACE, span="00000000000000aa"),
            log_row(
                "payment failed: Invalid Request", ms=2, severity_number=17, service="pay", trace_id=TRACE
            ),
            log_row("Größe unbekannt", ms=3, severity_number=13, attributes={"token": "bad", "try": 2}),
            log_row("cart_read", ms=4, severity_number=0, session="s1"),
            log_row("cartXread", ms=5, severity_number=24),
        ]
    )


@pytest.mark.parametrize(
    ("conditions", "bodies"),
    [
        (
            {},
            ["cartXread", "cart_read", "Größe unbekannt", "payment failed: Invalid Request", "Charging 100%"],
        ),
        ({"oldest_first": True, "limit": 1}, ["Charging 100%"]),
        ({"trace_id": TRACE}, ["payment failed: Invalid Request", "Charging 100%"]),
        ({"trace_id": TRACE, "text": "INVALID r"}, ["payment failed: Invalid Request"]),
        ({"span_id": "00000000000000aa"}, ["Charging 100%"]),
        ({"session_id": "s1"}, ["cart_read"]),
        ({"trace_ids": [TRACE]}, ["payment failed: Invalid Request", "Charging 100%"]),
        ({"trace_ids": [TRACE, "f" * 32], "limit": 1}, ["payment failed: Invalid Request"]),
        ({"trace_ids": [TRACE], "service": "none"}, []),
        (
            {"trace_ids": [TRACE], "session_id": "s1"},
            ["cart_read", "payment failed: Invalid Request", "Charging 100%"],
        ),
        ({"trace_ids": [TRACE], "text": "charging"}, ["Charging 100%"]),
        ({"service": "pay"}, ["payment failed: Invalid Request", "Charging 100%"]),
        (
            {"severities": frozenset({Severity.ERROR, Severity.WARN})},
            ["Größe unbekannt", "payment failed: Invalid Request"],
        ),
        ({"severities": frozenset({Severity.INFO})}, ["cart_read", "Charging 100%"]),
        ({"severities": frozenset({Severity.FATAL})}, ["cartXread"]),
        ({"text": "invalid"}, ["payment failed: Invalid Request"]),
        ({"text": "00%"}, ["Charging 100%"]),
        ({"text": "t_r"}, ["cart_read"]),
        ({"text": "RT"}, ["cartXread", "cart_read"]),
        ({"text": "größe"}, ["Größe unbekannt"]),
        ({"text": '"quoted'}, []),
        ({"text": "request FAILED"}, ["payment failed: Invalid Request"]),
        ({"text": '"request failed"'}, []),
        ({"text": '"invalid request" pay'}, ["payment failed: Invalid Request"]),
        ({"text": "unbekannt größe"}, ["Größe unbekannt"]),
        ({"text": "charging nothing"}, []),
        ({"text": "% c"}, ["Charging 100%"]),
        ({"text": '""'}, []),
        ({"excluded": (("token", "bad"),), "severities": frozenset({Severity.WARN})}, []),
        (
            {"excluded": (("token", "bad"), ("service.name", "pay"))},
            ["cartXread", "cart_read"],
        ),
        ({"excluded": (("try", "3"),), "attributes": {"token": "bad"}}, ["Größe unbekannt"]),
        ({"excluded": (("try", "2"),), "text": "unbekannt"}, []),
        ({"attributes": {"token": "bad"}}, ["Größe unbekannt"]),
        ({"attributes": {"try": "2", "service.name": "shop"}}, ["Größe unbekannt"]),
        ({"attributes": {"service.name": "pay"}}, ["payment failed: Invalid Request", "Charging 100%"]),
        ({"attributes": {"try": "3"}}, []),
    ],
)
def test_logs_are_found_by(house: House, conditions: dict[str, object], bodies: list[str]) -> None:
    fill(house)
    query = LogQuery(house.window, **conditions)  # type: ignore[arg-type]  # the table names them
    assert [log.body for log in house.reader.find_logs(query).items] == bodies
    if "limit" not in conditions:
        assert house.reader.count_logs(query) == len(bodies)
        counted = house.reader.log_histogram(query, 3)
        columns = counted.columns
        assert (counted.total, counted.since_unix_nano) == (len(bodies), None)
        assert sum(sum(column.counts.values()) for column in columns) == len(bodies)


def test_pages_of_logs(house: House) -> None:
    house.write(logs=[log_row(str(number), ms=number // 3) for number in range(10)])
    for oldest_first in (False, True):
        seen: list[str] = []
        cursor = None
        for _ in range(9):
            query = LogQuery(house.window, limit=3, cursor=cursor, oldest_first=oldest_first)
            page = house.reader.find_logs(query)
            seen += [log.body for log in page.items]
            cursor = page.next_cursor
            if cursor is None:
                break
        order = [str(number) for number in range(10)]
        assert seen == (order if oldest_first else order[::-1])


def test_the_live_tail_follows_arrival_whatever_the_clock_says(house: House) -> None:
    house.write(logs=[log_row("first")])
    (first,) = house.reader.find_logs(LogQuery(house.window)).items
    house.write(logs=[log_row("from the past", ms=-1e9), log_row("next")])
    query = LogQuery(house.window, after=first.log_id, limit=1)
    page = house.reader.find_logs(query)
    assert [log.body for log in page.items] == ["from the past"]
    assert page.next_cursor is not None
    following = LogQuery(house.window, after=page.items[0].log_id)
    assert [log.body for log in house.reader.find_logs(following).items] == ["next"]
    assert house.reader.log(first.log_id) == first
    assert house.reader.log("999") is None
    with pytest.raises(BadQuery, match="log id"):
        house.reader.log("x")


def test_a_text_that_is_too_long_is_refused(house: House) -> None:
    """SQLite used to answer with an error of its own, as if the store had failed."""
    for text in ("x" * 60_000, "two words " * 11):
        with pytest.raises(BadQuery, match="at most"):
            house.reader.find_logs(LogQuery(house.window, text=text))


def test_the_newest_log_is_known_by_arrival(house: House) -> None:
    """A live tail that began at the newest by time gave again what had come before the page."""
    assert house.reader.newest_log_id() == "0"
    house.write(logs=[log_row("first"), log_row("from the past", ms=-1e9)])
    newest = house.reader.log(house.reader.newest_log_id())
    assert newest is not None
    assert newest.body == "from the past"
    following = LogQuery(house.window, after=house.reader.newest_log_id())
    assert not house.reader.find_logs(following).items


def test_the_histogram_has_equal_columns(house: House) -> None:
    fill(house)
    columns = house.reader.log_histogram(LogQuery(Window(T0, T0 + 4 * SECOND)), 4).columns
    assert [column.start_unix_nano - T0 for column in columns] == [0, SECOND, 2 * SECOND, 3 * SECOND]
    assert columns[0].counts == {Severity.INFO: 2, Severity.ERROR: 1, Severity.WARN: 1, Severity.FATAL: 1}
    assert not columns[1].counts


def test_fields_are_counted_with_their_top_values(house: House) -> None:
    fill(house)
    fields, cut = house.reader.log_fields(LogQuery(house.window), 1)
    by_name = {one.name: one for one in fields}
    assert by_name["service.name"].values == (("shop", 3),)
    assert by_name["token"].count == 1
    assert not cut


def test_every_value_of_a_field_finds_its_logs_again(house: House) -> None:
    """Values were cut to 256 characters and then looked for whole; some numbers have several bit patterns."""
    odd: dict[str, Attribute] = {
        "k:col": "v:1",
        "long": "x" * 5_000,
        "zero": -0.0,
        "none": float("nan"),
        "big": 1e300,
        " ": "b",
    }
    own: dict[str, Attribute] = {
        "severity": "high",
        "service.name": "other",
        "trace_id": "t-1",
        "message": "m",
        **odd,
    }
    house.write(logs=[log_row("odd", attributes=own, resource={"host": "h:1"}), log_row("plain")])
    fields, _ = house.reader.log_fields(LogQuery(house.window))
    attributes = {one.name: one for one in fields if not one.record}
    assert {*own, "host"} <= set(attributes)
    for one in attributes.values():
        for value, count in one.values:
            query = LogQuery(house.window, attributes={one.name: value})
            assert house.reader.count_logs(query) == count, one.name
    record = {one.name: one for one in fields if one.record}
    assert record["severity"].values == (("info", 2),)
    assert record["service.name"].values == (("shop", 2),)


def test_logs_of_an_environment_are_found_however_it_was_spelt(house: House) -> None:
    for place, name in enumerate(("deployment.environment.name", "deployment.environment"), 1):
        house.write(logs=[log_row(f"red {place}", ms=place, resource={name: "red"})])
    house.write(logs=[log_row("other", ms=3, resource={"deployment.environment": "green", "note": "red"})])
    found = LogQuery(house.window, environment="red")
    assert [log.body for log in house.reader.find_logs(found).items] == ["red 2", "red 1"]
    assert house.reader.count_logs(found) == 2
    assert house.reader.count_logs(LogQuery(house.window, environment="blue")) == 0
