"""What the writer hands over is what the settler reads, in each form that a row can have."""

from __future__ import annotations

import marshal
import sqlite3
from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Final
from zlib import crc32

import pytest

from store.api import SpanRow
from store.sqlite.store_file import create_schema
from store.sqlite.write.handover import Handover, HandoverRow, Unreadable, rows_after


def span(number: int, parent: int = 0) -> SpanRow:
    """A server's span by its number."""
    ids = [each.to_bytes(8, "big") if each else b"" for each in (number, parent)]
    start = 1_800_000_000_000_000_000 + number
    return SpanRow(
        bytes(15) + b"t", ids[0], ids[1], "shop", "work", 2, start, 5_000_000, False, "", False, "", False,
        {"service.version": "1"}, b"resource", b"scope", b"message",
    )  # fmt: skip


def _store() -> sqlite3.Connection:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    create_schema(connection)
    return connection


def _handed_over(spans: Sequence[SpanRow], browsers: Sequence[tuple[int, SpanRow]] = ()) -> Handover:
    connection = _store()
    HandoverRow(list(spans), list(browsers)).store(connection, 7)
    (found,) = rows_after(connection, 0)
    return found


def _plain(one: SpanRow) -> SpanRow:
    return one._replace(resource=b"", scope=b"", raw=b"", tags=dict(one.tags))


_SPANS: Final = (
    span(1),
    span(2, 1)._replace(error=True, tags={"enduser.id": "é"}),
    span(3)._replace(kind=3, peer="db", peer_is_database=True, clock_shift_ns=-5),
    span(4)._replace(tags=MappingProxyType({"a": "b"})),
)


@pytest.mark.parametrize(
    "odd",
    [
        None,
        {"span_id": b"longer than eight"},
        {"parent_span_id": b"4"},
        {"parent_span_id": bytes(8)},
        {"name": "half of a pair \ud800"},
    ],
)
@pytest.mark.parametrize("many", [False, True])
def test_backend_spans_are_read_as_they_were_handed_over(many: bool, odd: dict[str, Any] | None) -> None:
    """Many are handed over in columns."""
    spans = [*_SPANS, *map(span, range(6, 20 if many else 6))]
    if odd:
        spans.append(span(5)._replace(**odd))
    found = _handed_over(spans)
    assert found.spans == [_plain(each) for each in spans]
    assert not found.browsers


def test_spans_of_browsers_come_with_numbers_and_messages() -> None:
    own = span(6)._replace(browser=True, session_id="s")
    found = _handed_over([*_SPANS, own], [(12, own)])
    assert found.browsers == [(12, _plain(own)._replace(raw=own.raw))]
    assert found.spans == [*map(_plain, _SPANS), found.browsers[0][1]]


def test_equal_tags_stay_one_dictionary() -> None:
    """The settler compares them by identity first."""
    tags = {"enduser.id": "u"}
    found = _handed_over([span(number)._replace(tags=tags) for number in range(1, 10)])
    assert all(each.tags is found.spans[0].tags for each in found.spans)


def test_a_row_of_an_earlier_version_is_read() -> None:
    """It waits in the store while the program is replaced."""
    connection = _store()
    rows = [tuple(_plain(each)) for each in _SPANS]
    body = marshal.dumps(([], rows, [], []))
    connection.execute(
        "INSERT INTO handovers (time, spans, checksum, body) VALUES (7, ?, ?, ?)",
        (len(rows), crc32(body) - (1 << 31), body),
    )
    (found,) = rows_after(connection, 0)
    assert found.spans == [_plain(each) for each in _SPANS]


def test_columns_of_different_lengths_are_unreadable() -> None:
    connection = _store()
    columns = ((b"t" * 16,) * 2, b"i" * 8, b"p" * 8, *((("x",) * 2,) * 3), b"", b"", *(((),) * 4), None)
    body = marshal.dumps(([], columns, [], []))
    connection.execute(
        "INSERT INTO handovers (time, spans, checksum, body) VALUES (7, 2, ?, ?)",
        (crc32(body) - (1 << 31), body),
    )
    with pytest.raises(Unreadable):
        list(rows_after(connection, 0))
