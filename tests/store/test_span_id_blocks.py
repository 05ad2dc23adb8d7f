"""Spans found by their ids alone: what the settler files of ids, what is not filed yet, what was pruned."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import store
from signals.model import TraceId
from store.api import Batch
from store.rows import SpanRow
from store.sqlite.mark_names import SPAN_IDS
from store.sqlite.read import span_id_search
from store.sqlite.settled_file import settled_path
from store.sqlite.write import span_id_blocks
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import SECOND, T0, row, span

_BLOCK = 50
_HOUR = 3_600 * SECOND


@pytest.fixture(autouse=True)
def _small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (span_id_blocks, span_id_search):
        monkeypatch.setattr(module, "SPAN_ID_BLOCK", _BLOCK)
    monkeypatch.setattr(span_id_blocks, "_LOOK_S", 0.0)


@pytest.fixture(name="path")
def the_path(tmp_path: Path) -> Path:
    return tmp_path / "store.db"


@pytest.fixture(name="writer")
def a_writer(path: Path) -> Iterator[SqliteWriter]:
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    yield writer
    writer.close()


def _trace(number: int) -> TraceId:
    return TraceId(f"{number:032x}")


def _spans(draw: random.Random, begin: int, many: int) -> list[SpanRow]:
    """Spans of several traces, some of them a browser's; ids that share their beginnings."""
    found = []
    for number in range(begin, begin + many):
        browser = number % 6 == 0
        own = draw.choice((0xAB, 0xAC, 0x01)) << 56 | draw.choice((0, 1)) << 48 | draw.getrandbits(24) << 8
        one = span(own, trace_id=_trace(1 + number // 8), browser=browser, session="s1" if browser else "")
        found.append(row(one))
    return found


def _ask(path: Path, sql: str) -> list[tuple[int, ...]]:
    if not settled_path(path).exists():
        return []
    with closing(sqlite3.connect(settled_path(path))) as connection:
        return list(connection.execute(sql))


def _filed(path: Path) -> int:
    return dict(_ask(path, "SELECT name, value FROM marks")).get(SPAN_IDS, 0)  # type: ignore[arg-type, call-overload, no-any-return]


def _is_found_as_by_reading_all(path: Path, spans: list[SpanRow], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whole ids and beginnings of any length, of spans that are there and of some that are not."""
    ids = [one.span_id.hex() for one in spans[::7]] + ["ab00000000000001", "ff" * 8, "00" * 7 + "01"]
    digits = [one[:length] for one in ids[::3] for length in (1, 2, 3, 4, 6, 7, 8, 9, 12, 15, 16)]
    answers = []
    for most in (0, 3, span_id_search._MOST_BLOCKS, 1_000):
        monkeypatch.setattr(span_id_search, "_MOST_BLOCKS", most)
        reader = store.open_reader(path)
        whole = [reader.trace_of_span(one) for one in ids]
        assert whole[0] is not None
        assert whole[-3:] == [None] * 3
        # Of digits that fit more spans than are asked for, any may be told.
        found = [reader.span_ids_beginning(one, limit=1_000) for one in digits]
        answers.append((whole, found))
        reader.close()
    assert answers.count(answers[0]) == len(answers)


def test_spans_are_found_by_what_is_filed(
    path: Path, writer: SqliteWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same as all ids tell, whichever part of them is filed; and only what is filed is looked at."""
    draw = random.Random(7)
    spans: list[SpanRow] = []
    for _ in range(9):
        new = _spans(draw, len(spans), 23)
        spans += new
        writer.write(Batch(new))
    eventually(lambda: _filed(path) == len(spans) // _BLOCK * _BLOCK, "every full block is filed")
    assert 0 < _filed(path) < len(spans)
    _is_found_as_by_reading_all(path, spans, monkeypatch)
    monkeypatch.setattr(span_id_search, "_MOST_BLOCKS", 1_000)
    with closing(sqlite3.connect(settled_path(path))) as connection:
        connection.execute("DELETE FROM span_id_blocks")
        connection.commit()
    writer.write(Batch([row(span(77, trace_id=_trace(99)))]))
    reader = store.open_reader(path)
    assert reader.trace_of_span(spans[0].span_id.hex()) is None, "its block was asked, and has nothing"
    assert reader.trace_of_span(f"{77:016x}") == _trace(99), "what is not filed is looked at"
    reader.close()


def test_ids_are_filed_again_with_a_new_settled_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is deleted: everything is found meanwhile, and afterwards."""
    spans = _spans(random.Random(8), 0, 180)
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    writer.write(Batch(spans))
    eventually(lambda: _filed(path) == 150, "three blocks")
    before = _ask(path, "SELECT head, block, hex(ids) FROM span_id_blocks ORDER BY 1, 2")
    writer.close()
    settled_path(path).unlink()
    _is_found_as_by_reading_all(path, spans, monkeypatch)
    again = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9)
    eventually(lambda: _filed(path) == 150, "three blocks again")
    assert _ask(path, "SELECT head, block, hex(ids) FROM span_id_blocks ORDER BY 1, 2") == before
    _is_found_as_by_reading_all(path, spans, monkeypatch)
    again.close()


def test_what_is_filed_goes_with_its_spans(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks before the oldest span are deleted, and are not filed by a settling from nothing."""
    monkeypatch.setattr("store.sqlite.write.settled_retention._EVERY_S", 0.0)
    old = [row(span(0xAB << 56 | n, trace_id=_trace(n))) for n in range(1, 121)]
    writer = SqliteWriter(path, max_bytes=1 << 30, max_age_s=3600, clock=lambda: T0 + 60 * SECOND)
    writer.write(Batch(old))
    eventually(lambda: _filed(path) == 100, "two blocks")
    writer.close()
    later = SqliteWriter(path, max_bytes=1 << 30, max_age_s=3600, clock=lambda: T0 + 3 * _HOUR)
    new = [
        row(span(0xAC << 56 | n, start_ms=3 * 3_600_000, trace_id=_trace(1_000 + n))) for n in range(1, 121)
    ]
    later.write(Batch(new))
    eventually(
        lambda: {block for (block,) in _ask(path, "SELECT block FROM span_id_blocks")} == {2, 3},
        "the blocks of what is left",
    )
    later.close()
    settled_path(path).unlink()
    again = SqliteWriter(path, max_bytes=1 << 30, max_age_s=1e9, clock=lambda: T0 + 3 * _HOUR)
    eventually(lambda: _filed(path) == 200, "up to the last full block")
    assert {block for (block,) in _ask(path, "SELECT block FROM span_id_blocks")} == {2, 3}
    again.close()
    reader = store.open_reader(path)
    assert reader.trace_of_span(new[0].span_id.hex()) == _trace(1_001)
    assert reader.trace_of_span(old[0].span_id.hex()) is None
    reader.close()
