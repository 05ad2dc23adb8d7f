"""Finding names, ids and texts by a part of them."""

# ruff: noqa: RUF001 - letters that look alike are what is tested

from __future__ import annotations

import unicodedata

import pytest

from signals.model import SpanKind, TraceId
from store.api import BadQuery, LogQuery, SessionQuery, TraceQuery
from tests.helpers import eventually
from tests.store.build import TRACE, log_row, span
from tests.store.house import House

SEATS = ("Zoë Straßer", "anna", "Anna Lena", "İpek", "ＡＢＣ class", "a%b_c", "nul\0behind")
SHORT = TraceId("0" * 16 + "463ac35c9f6413ad")


def fill(house: House) -> None:
    for number, seat in enumerate(SEATS, 1):
        house.write(
            [
                span(
                    number,
                    name="click",
                    browser=True,
                    session=f"{number:02}-Session",
                    attributes={"enduser.id": seat},
                    trace_id=TraceId(f"{number:032x}"),
                )
            ]
        )
    order = {"orderId": "3F2b-77aa-XY", "enduser.id": "Zoë Straßer", "note": "Grüße aus Köln"}
    server = SpanKind.SERVER
    house.write(
        [
            span(21, 0, "PaymentService", "POST /x", kind=server, attributes=order),
            span(22, 21, "PaymentService", "call", kind=SpanKind.CLIENT, peer="ButtercupPayments"),
            span(23, 0, "другой", "GET /y", kind=server, trace_id=SHORT),
        ],
        logs=[log_row("hello", service="pay-logger")],
    )
    house.all_settled([TRACE, SHORT])
    eventually(lambda: len(house.reader.find_sessions(SessionQuery(house.window)).items) == len(SEATS), "all")


@pytest.mark.parametrize(
    ("part", "seats"),
    [
        ("ZOË", ["Zoë Straßer"]),
        (unicodedata.normalize("NFD", "zoë"), ["Zoë Straßer"]),
        ("STRASSER", ["Zoë Straßer"]),
        ("ANNA", ["anna", "Anna Lena"]),
        ("lena", ["Anna Lena"]),
        ("ipek", ["İpek"]),
        ("abc", ["ＡＢＣ class"]),
        ("%", ["a%b_c"]),
        ("b_c", ["a%b_c"]),
        ("behind", ["nul\0behind"]),
        ("nobody", []),
        (" ", []),
    ],
)
def test_seats_are_found_by_a_part_and_sessions_by_the_same(
    house: House, part: str, seats: list[str]
) -> None:
    fill(house)
    assert list(house.reader.values_holding("enduser.id", part)) == seats
    if part.strip():
        found = house.reader.find_sessions(SessionQuery(house.window, like={"enduser.id": part}))
        assert {one.attributes["enduser.id"] for one in found.items} == set(seats)


def test_services_are_found_whoever_knows_them(house: House) -> None:
    fill(house)
    found = {one.name: one for one in house.reader.services_holding("PAY")}
    assert list(found) == ["pay-logger", "PaymentService", "ButtercupPayments"]
    assert found["PaymentService"].sends_spans
    assert found["ButtercupPayments"].called
    assert not found["ButtercupPayments"].sends_spans
    assert found["pay-logger"].logs
    assert [one.name for one in house.reader.services_holding("ДРУГ")] == ["другой"]


def test_traces_are_found_by_parts_of_every_kind_of_tag(house: House) -> None:
    fill(house)
    for like in (
        {"enduser.id": "STRASSE"},
        {"orderId": "77AA"},
        {"note": "KÖLN"},
        {"note": "grüsse", "orderId": "xy"},
    ):
        assert [
            one.trace_id for one in house.reader.find_traces(TraceQuery(house.window, like=like)).items
        ] == [TRACE], like
    assert not house.reader.find_traces(TraceQuery(house.window, like={"note": "Koln"})).items
    assert list(house.reader.values_holding("orderId", "3f2B")) == ["3F2b-77aa-XY"]


def test_ids_are_found_by_their_beginning_or_their_end(house: House) -> None:
    fill(house)
    reader = house.reader
    assert reader.trace_ids_with(TRACE[:8]) == [TRACE]
    assert reader.trace_ids_with(TRACE[:9]) == [TRACE]
    assert reader.trace_ids_with(TRACE[-8:]) == [TRACE]
    assert [reader.trace_ids_with(TRACE[-many:]) for many in (16, 20, 32)] == [[TRACE]] * 3
    assert reader.trace_ids_with("ffff" + TRACE[-16:]) == []
    assert reader.trace_ids_with(SHORT[16:24]) == [SHORT]
    assert reader.trace_ids_with("f" * 8) == []
    assert (TRACE, f"{21:016x}") in reader.span_ids_beginning("0" * 8)
    assert list(reader.sessions_holding("03-SESS")) == ["03-Session"]
    assert len(reader.sessions_holding("session")) == len(SEATS)
    for wrong in ("", "xyz", "0" * 33):
        with pytest.raises(BadQuery):
            reader.trace_ids_with(wrong)


BODIES = (
    "Straße gesperrt",
    "İstanbul closed",
    "ＡＢＣ",
    "before\0behind it",
    "ZOE\u0308 logged in",
    "plain strasse",
)


@pytest.mark.parametrize(
    ("typed", "bodies"),
    [
        ("STRASSE", ["plain strasse", "Straße gesperrt"]),
        ("straße", ["plain strasse", "Straße gesperrt"]),
        ("istanbul", ["İstanbul closed"]),
        ("abc", ["ＡＢＣ"]),
        ("behind", ["before\0behind it"]),
        ('"behind it"', ["before\0behind it"]),
        ("before\0behind", ["before\0behind it"]),
        ("zoë", ["ZOE\u0308 logged in"]),
        ("ＰＬＡＩＮ", ["plain strasse"]),
        ("it", ["before\0behind it"]),
    ],
)
def test_logs_are_found_in_any_case_and_form(house: House, typed: str, bodies: list[str]) -> None:
    house.write(logs=[log_row(body, ms=place) for place, body in enumerate(BODIES)])
    for conditions in ({}, {"service": "shop"}, {"oldest_first": True}):
        found = house.reader.find_logs(LogQuery(house.window, text=typed, **conditions)).items
        assert sorted(log.body for log in found) == sorted(bodies), conditions
    assert house.reader.count_logs(LogQuery(house.window, text=typed)) == len(bodies)


def test_logs_are_found_by_a_part_of_a_field(house: House) -> None:
    house.write(
        logs=[
            log_row("one", attributes={"customer": "Zoë Straßer"}),
            log_row("two", resource={"customer": "zoë other"}),
            log_row("three", attributes={"customer": "anna"}, resource={"customer": "zoë other"}),
        ]
    )
    found = house.reader.find_logs(LogQuery(house.window, like={"customer": "ZOE\u0308"})).items
    assert {log.body for log in found} == {"one", "two"}
