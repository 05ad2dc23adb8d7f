"""Backend spans as they came, a row for each trace and request: found, told apart, damaged, deleted."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as SpanMessage

import store
from signals.model import TraceId
from store.api import Batch, Presence, StoreUnavailable, TraceQuery
from store.rows import SpanRow
from store.sqlite.stored_spans import of_connection
from store.sqlite.trace_parts import MOST_BYTES, MOST_SPANS, DamagedPart, Messages, pack, unpack
from store.sqlite.write import span_tables
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import TRACE, row, span, span_id
from tests.store.house import WINDOW, House
from tests.store.parts import count, make_rows

OTHER = TraceId("11111111111111112222222222222222")
MANY = 20_000


@pytest.fixture(name="path")
def the_path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture(name="house")
def a_house(path: Path) -> Iterator[House]:
    house = House(SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9), store.open_reader(path))
    yield house
    house.writer.close()
    house.reader.close()


def _sent(house: House, *spans: SpanRow) -> tuple[int, int, int]:
    """Send a request: (spans that are stored then, repeated, differing)."""
    batch = Batch(spans)
    house.writer.write(batch)
    return house.reader.status().spans, batch.repeated, batch.differing


def _rows(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        found: int = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
        return found


def test_a_trace_and_request_is_a_row(house: House, path: Path) -> None:
    """Spans of browsers are rows of their own, which sessions join."""
    spans = [row(span(n, trace_id=trace)) for n in range(1, 6) for trace in (TRACE, OTHER)]
    seen = row(span(9, browser=True, session="s1"))
    _sent(house, *spans, seen)
    assert (_rows(path, "trace_parts"), _rows(path, "part_ids"), _rows(path, "spans")) == (2, 2, 1)
    _sent(house, row(span(7)))
    assert (_rows(path, "trace_parts"), count(path)) == (3, 12)
    assert [found.span_id for found in house.reader.spans_of_trace(OTHER)] == [
        span_id(n) for n in range(1, 6)
    ]
    assert len(house.reader.spans_of_trace(TRACE)) == 7


@pytest.mark.parametrize("former", [False, True], ids=["parts", "rows of before"])
def test_what_comes_again_is_told_from_what_differs(house: House, path: Path, *, former: bool) -> None:
    """Across requests, in any form of the table, and within one; the first stays."""
    one, two = row(span(1)), row(span(2))
    other = row(span(1, name="another"))
    assert _sent(house, one, two) == (2, 0, 0)
    if former:
        make_rows(path)
    assert _sent(house, two, row(span(3)), one) == (3, 2, 0)
    assert _sent(house, other) == (3, 0, 1)
    fresh = row(span(4))
    assert _sent(house, fresh, fresh, row(span(4, name="another")), other) == (4, 1, 2)
    names = {found.span_id: found.name for found in house.reader.spans_of_trace(TRACE)}
    assert names == {span_id(n): "work" for n in range(1, 5)}


def test_a_browser_and_a_server_share_the_ids_of_a_trace(house: House) -> None:
    """Whichever comes first stays, though they lie in tables of their own."""
    seen, served = row(span(1, name="click", browser=True, session="s1")), row(span(1))
    assert _sent(house, seen) == (1, 0, 0)
    assert _sent(house, served) == (1, 0, 1)
    assert _sent(house, row(span(2))) == (2, 0, 0)
    assert _sent(house, row(span(2, name="click", browser=True, session="s1"))) == (2, 0, 1)
    assert [found.browser for found in house.reader.spans_of_trace(TRACE)] == [True, False]


def test_single_spans_are_found_by_id(house: House) -> None:
    """By the whole id, by its beginning, and by whether it is there."""
    _sent(house, *[row(span(n)) for n in range(1, 200)])
    _sent(house, row(span(0xABC0DEF, trace_id=OTHER)), row(span(150, trace_id=OTHER)))
    reader = house.reader
    assert reader.trace_of_span(f"{0xABC0DEF:016x}") == OTHER
    assert reader.trace_of_span(f"{77:016x}") == TRACE
    assert reader.trace_of_span(f"{150:016x}") == OTHER, "the newest"
    # The bytes are there, across two ids that follow each other, and are no id.
    assert reader.trace_of_span("0000000000000100") is None
    assert reader.span_ids_beginning("000000000abc") == [(OTHER, span_id(0xABC0DEF))]
    assert len(reader.span_ids_beginning("00000000000000c")) == 8
    assert len(reader.span_ids_beginning("0", limit=5)) == 5
    absent = [(TRACE, span_id(199)), (TRACE, span_id(200)), (OTHER, span_id(199))]
    assert reader.absent_spans(absent) == set(absent[1:])
    assert reader.trace_ids_with("1111") == [OTHER]
    assert reader.locate(OTHER) is Presence.PRESENT


def test_an_attribute_is_found_in_a_part(house: House) -> None:
    """Of a span anywhere in it, not in another part of its trace only."""
    _sent(house, *[row(span(n, attributes={"shelf": n})) for n in range(1, 50)])
    _sent(house, row(span(60, trace_id=OTHER, attributes={"shelf": 60})))
    house.settled(TRACE, 49)
    house.settled(OTHER, 1)
    for value, expected in (("7", [TRACE]), ("60", [OTHER]), ("61", [])):
        query = TraceQuery(WINDOW, attributes={"shelf": value})
        assert [found.trace_id for found in house.reader.find_traces(query).items] == expected
    page = house.reader.find_traces(TraceQuery(WINDOW, like={"shelf": "4"}))
    assert [found.trace_id for found in page.items] == [TRACE]
    # What was found in a part is kept: another part of its trace is looked at all the same.
    _sent(house, row(span(61, attributes={"shelf": 61})))
    house.settled(TRACE, 50)
    again = house.reader.find_traces(TraceQuery(WINDOW, attributes={"shelf": "61"}))
    assert [found.trace_id for found in again.items] == [TRACE]


def test_the_likeliest_span_of_a_part_does_not_decide_alone(house: House) -> None:
    """It holds the bytes of what is sought in the value of another attribute."""
    pair = KeyValue(key="shelf", value=AnyValue(int_value=7))
    inside = SpanMessage(attributes=[pair]).SerializeToString()
    _sent(house, row(span(1, attributes={"note": inside})), row(span(2, attributes={"shelf": 7})))
    _sent(house, row(span(3, trace_id=OTHER, attributes={"shelf": 8, "note": inside})))
    house.settled(TRACE, 2)
    house.settled(OTHER, 1)
    for _ in range(2):
        found = house.reader.find_traces(TraceQuery(WINDOW, attributes={"shelf": "7"})).items
        assert [one.trace_id for one in found] == [TRACE]


def test_messages_are_told_apart_by_the_bytes_they_hold() -> None:
    """Bytes that reach from one message into the next are in neither; empty ones are in all."""
    spans = [row(span(n, attributes={"k": text})) for n, text in enumerate(("xa", "yb", "xc"), 1)]
    origins = {each.resource: (1, 2) for each in spans} | {each.scope: (3, 4) for each in spans}
    raws = [each.raw for each in spans]
    part = Messages(1, pack(spans, origins))
    assert part.divided(b"") == ([(1, 3)] * 3, raws)
    assert part.divided(b"xc") == ([(1, 3), (1, 3)], [raws[2], b""])
    assert part.divided(b"none") == ([(1, 3)], [b""])
    assert part.divided(raws[0][-2:] + raws[1][:2])[0][-1] == (1, 3)
    assert part.first_with([b"none", b"yb"]) == ((1, 3), raws[1])
    assert part.first_with([b"none"]) is None


@pytest.mark.parametrize("requests", [1, 50])
def test_a_long_trace(house: House, path: Path, requests: int) -> None:
    """In one request or over many: parts of bounded size, all found, all known when they come again."""
    rows = [row(span(n, start_ms=n / 1000)) for n in range(1, MANY + 1)]
    size = MANY // requests
    for begin in range(0, MANY, size):
        assert _sent(house, *rows[begin : begin + size])[1:] == (0, 0)
    assert _rows(path, "trace_parts") == max(requests, MANY // MOST_SPANS)
    found = house.reader.spans_of_trace(TRACE)
    assert [one.span_id for one in found] == [span_id(n) for n in range(1, MANY + 1)]
    assert len(house.reader.spans_of_trace(TRACE, limit=100)) == 100
    assert _sent(house, *rows[:size]) == (MANY, size, 0)
    assert _sent(house, row(span(MANY, name="another")), row(span(MANY + 1))) == (MANY + 1, 0, 1)
    house.settled(TRACE, MANY + 1)


def test_what_is_remembered_of_a_long_trace_follows_a_rollback(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spans of a request that failed are not taken for stored ones."""
    monkeypatch.setattr(span_tables, "_LARGE", 2)
    _sent(house, *[row(span(n)) for n in range(1, 4)])
    assert _sent(house, row(span(4))) == (4, 0, 0)
    assert isinstance(house.writer, SqliteWriter)
    opened = house.writer._store
    assert opened is not None

    def fails() -> None:
        raise sqlite3.OperationalError("no")

    with monkeypatch.context() as patch:
        patch.setattr(opened.ingest, "hand_over", fails)
        with pytest.raises(StoreUnavailable):
            _sent(house, row(span(5)))
    assert _sent(house, row(span(5)), row(span(4))) == (5, 1, 0)


def test_a_late_part_of_a_pruned_trace_is_a_trace_again(path: Path) -> None:
    """Its spans of before are gone, and come again as new ones."""
    now = [10**18]
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=100.0, clock=lambda: now[0])
    house = House(writer, store.open_reader(path))
    _sent(house, *[row(span(n)) for n in range(1, 4)])
    writer.close()
    now[0] += 10**12
    writer = house.writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=100.0, clock=lambda: now[0])
    _sent(house, row(span(1, trace_id=OTHER)))
    eventually(lambda: house.reader.locate(TRACE) is Presence.PRUNED, "what is too old is pruned")
    assert (_rows(path, "trace_parts"), _rows(path, "part_ids")) == (1, 1)
    assert _sent(house, row(span(2)), row(span(8))) == (3, 0, 0)
    assert house.reader.locate(TRACE) is Presence.PRESENT
    assert [found.span_id for found in house.reader.spans_of_trace(TRACE)] == [span_id(2), span_id(8)]
    writer.close()
    house.reader.close()


def test_a_damaged_part_is_said_and_stops_nothing_else(house: House, path: Path) -> None:
    """Its trace cannot be read, and that is the answer; other traces and lists are as they were."""
    _sent(house, *[row(span(n, attributes={"shelf": n})) for n in range(1, 30)])
    house.settled(TRACE, 29)
    _sent(house, row(span(1, trace_id=OTHER, attributes={"shelf": 1})))
    house.settled(OTHER, 1)
    with closing(sqlite3.connect(path)) as connection, connection:
        (body,) = connection.execute("SELECT body FROM trace_parts ORDER BY seq LIMIT 1").fetchone()
        flipped = bytearray(body)
        flipped[len(body) // 2] ^= 16
        connection.execute("UPDATE trace_parts SET body = ? WHERE body = ?", (flipped, body))
    with pytest.raises(StoreUnavailable, match="A part of this trace is damaged") as raised:
        house.reader.spans_of_trace(TRACE)
    assert raised.value.reason == "damaged_part"
    assert len(house.reader.spans_of_trace(OTHER)) == 1
    found = house.reader.find_traces(TraceQuery(WINDOW, attributes={"shelf": "1"})).items
    assert [one.trace_id for one in found] == [OTHER]
    assert house.reader.services(WINDOW)["shop"].requests == 30
    # What is known of it by its ids is still known.
    assert _sent(house, row(span(40)), row(span(1))) == (31, 1, 0)
    house.settled(TRACE, 1)


def test_a_part_is_bounded_in_spans_and_bytes(house: House, path: Path) -> None:
    """Messages of half a megabyte: no part holds more than two."""
    _sent(house, *[row(span(n, attributes={"long": "x" * (MOST_BYTES // 3)})) for n in range(1, 8)])
    with closing(sqlite3.connect(path)) as connection:
        counts = [n for (n,) in connection.execute("SELECT n FROM trace_parts ORDER BY seq")]
    assert counts == [2, 2, 2, 1]
    assert len(house.reader.spans_of_trace(TRACE)) == 7


@pytest.mark.parametrize("cut", [0, 1, 7, 50, -1])
def test_a_part_that_is_cut_off_is_damaged(cut: int) -> None:
    """And never an answer."""
    one = row(span(1))
    body = pack([one], {one.resource: (1, 2), one.scope: (3, 4)})
    assert [found.raw for found in unpack(1, body)] == [one.raw]
    with pytest.raises(DamagedPart):
        unpack(1, body[:cut])
    with pytest.raises(DamagedPart):
        Messages(1, body[:cut])


def test_spans_are_found_by_what_their_messages_hold(path: Path, house: House) -> None:
    """Those of parts and those that are rows, and none where no message holds it."""
    house.write(
        [
            span(1, name="order", attributes={"order.amount": 12}),
            span(2, 1, name="price", attributes={"price": 12}),
            span(3, 1, name="pay", attributes={"payment.amount": 12}),
        ]
    )

    def names(*texts: bytes) -> list[str]:
        with closing(sqlite3.connect(path)) as db:
            return [one.name for one in of_connection(db).holding(bytes.fromhex(TRACE), texts)]

    house.writer.close()
    for as_rows in (False, True):
        if as_rows:
            make_rows(path)
        assert names(b"amount") == ["order", "pay"]
        assert names(b"Amount", b"price") == ["price"]
        assert names(b"Amount", b"revenue") == []
