"""The spans of a session are decoded once, and are those that are stored now."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from signals.model import SessionId, Span
from store.row_model import span_of
from store.sqlite.read import session_spans
from tests.store.build import SECOND, T0, span
from tests.store.house import House

SESSION = SessionId("s1")


@pytest.fixture(name="decoded")
def _decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """When each span that is decoded starts."""
    starts: list[int] = []

    def counting(row: Sequence[Any]) -> Span:
        made = span_of(row)
        starts.append((made.start_unix_nano - T0) // SECOND)
        return made

    monkeypatch.setattr(session_spans, "span_of", counting)
    return starts


def _event(number: int, second: int) -> Span:
    return span(number, name=f"event {number}", start_ms=1_000 * second, browser=True, session=SESSION)


def _write(house: House, *events: Span) -> None:
    """And wait until all files of the store are there: what is read of others is not kept."""
    house.write(events)
    house.until(lambda: house.reader.session(SESSION), "the session")


def _shown(house: House, limit: int = 10_000) -> list[tuple[str, int]]:
    """Name and second of each span of the session."""
    found = house.reader.spans_of_session(SESSION, limit)
    return [(each.name, (each.start_unix_nano - T0) // SECOND) for each in found]


def _change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(statement)


def test_only_what_came_since_is_decoded(house: House, decoded: list[int]) -> None:
    _write(house, _event(1, 1), _event(2, 3))
    assert _shown(house) == _shown(house) == [("event 1", 1), ("event 2", 3)]
    assert decoded == [1, 3]
    _write(house, _event(3, 2))
    assert _shown(house) == [("event 1", 1), ("event 3", 2), ("event 2", 3)]
    assert decoded == [1, 3, 2]
    assert _shown(house, limit=2) == [("event 1", 1), ("event 3", 2)]
    assert house.reader.spans_of_session(SessionId("s2")) == []


def test_a_span_that_was_moved_or_pruned_is_seen_so(house: House, tmp_path: Path, decoded: list[int]) -> None:
    """The writer moves the spans of a clock that is slow."""
    _write(house, _event(1, 1), _event(2, 2), _event(3, 3))
    assert len(_shown(house)) == 3
    _change(tmp_path / "store.db", f"UPDATE spans SET start = start + {5 * SECOND} WHERE name = 'event 1'")
    _change(tmp_path / "store.db", "DELETE FROM spans WHERE name = 'event 2'")
    assert _shown(house) == [("event 3", 3), ("event 1", 6)]
    moved = house.reader.spans_of_session(SESSION)[-1]
    assert moved.clock_shift_ns == 5 * SECOND
    assert decoded == [1, 2, 3, 6]


def test_the_spans_of_a_long_session_do_not_replace_one_another(
    house: House, monkeypatch: pytest.MonkeyPatch, decoded: list[int]
) -> None:
    monkeypatch.setattr(session_spans, "_MOST_KEPT", 1)
    _write(house, _event(1, 1), _event(2, 2))
    assert _shown(house) == _shown(house)
    assert decoded == [1, 2, 1, 2]
