"""Logs packed into parts: in whatever form, the same is found; what is pruned or damaged is gone alone."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import store
from signals.model import Severity
from store.api import Batch, LogQuery, LogRow, Reader, StoreUnavailable, TooSlow, Window
from store.sqlite import log_parts
from store.sqlite.log_parts import DamagedLogs, KeptLog, cut_up, pack, unpack
from store.sqlite.read import attribute_scan, log_blocks, log_match, read_connection
from store.sqlite.write import log_tables
from store.sqlite.write.writer import SqliteWriter
from tests.helpers import eventually
from tests.store.build import SECOND, T0, TRACE, log_row
from tests.store.house import WINDOW
from tests.store.parts import logs_in

OTHER = "f" * 32
HOUR = 3600 * SECOND


def _kept(seq: int, time_ns: int, body: str = "", **parts: Any) -> KeptLog:
    plain = KeptLog(seq, time_ns, 9, "shop", b"", b"", "", body, 1, 2, b"raw")
    return plain._replace(**parts)


ODD = [
    _kept(7, 1, "Größe", trace_id=b"t" * 16, span_id=b"s" * 8),
    _kept(3, 2),
    _kept(4, 2, "a\0b", severity=0, session="s1", raw=b""),
    _kept(5, 1 << 62, "last", service="", trace_id=b"short", resource=9),
]


def test_a_part_gives_back_what_was_packed() -> None:
    """Ids of any length and none, empty texts and messages, the latest time there is."""
    checks: dict[int, tuple[int, int]] = {}
    assert unpack(1, pack(ODD, {1: 11, 2: 22, 9: 99}), checks) == ODD
    assert checks == {7: (11, 22), 3: (11, 22), 4: (11, 22), 5: (99, 22)}


@pytest.mark.parametrize("column", range(5))
def test_a_part_that_is_damaged_is_an_error(column: int) -> None:
    """A column that is cut off, not compressed, or of another part."""
    packed = pack(ODD, {})
    other = pack([_kept(1, 1, "x", trace_id=b"t" * 16)], {})
    for wrong in (packed[column][:-3], b"", b"noise", other[column]):
        broken = packed._replace(**{packed._fields[column]: wrong})
        with pytest.raises(DamagedLogs):
            unpack(1, broken)


def test_a_wrong_clock_does_not_stretch_the_time_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs of long ago are parts of their own; many such times make a bounded number of parts."""
    monkeypatch.setattr(log_parts, "MOST_LOGS", 40)
    now = [_kept(number, HOUR + number) for number in range(100)]
    before = [_kept(number, number) for number in range(100, 130)]
    assert list(map(len, cut_up([*before, *now]))) == [30, 40, 40, 20]
    assert len(cut_up([_kept(number, number * HOUR) for number in range(40)])) == 9
    monkeypatch.setattr(log_parts, "MOST_BYTES", 10)
    assert list(map(len, cut_up([_kept(n, n, raw=b"x" * 4) for n in range(5)]))) == [2, 2, 1]
    assert list(map(len, cut_up([_kept(1, 1, raw=b"x" * 50)]))) == [1]


class _Logs:
    """A store of which a test writes logs and looks at the file."""

    def __init__(self, path: Path, **bounds: Any) -> None:
        self.path = path
        self.writer = SqliteWriter(path, max_bytes=1 << 30, **{"max_age_s": 1e9, **bounds})
        self.reader: Reader = store.open_reader(path)

    def write(self, *logs: LogRow) -> None:
        self.writer.write(Batch([], list(logs)))

    def bodies(self, window: Window = WINDOW, **conditions: Any) -> list[str]:
        return [log.body for log in self.reader.find_logs(LogQuery(window, **conditions)).items]

    def one(self, question: str) -> Any:
        with closing(sqlite3.connect(self.path)) as connection:
            return connection.execute(question).fetchone()[0]

    def close(self) -> None:
        self.writer.close()
        self.reader.close()


def _random_logs(draw: random.Random) -> Iterator[list[LogRow]]:
    """Batches of one to nine logs: few services, ids, times that repeat, texts in several alphabets."""
    words = ("Charge", "failed", "größe", "CAFÉ", "cafe\u0301", "a\0nul", "x" * 30, "İstanbul", "50%", "t_r")
    for _ in range(24):
        yield [
            log_row(
                " ".join(draw.sample(words, draw.randrange(1, 4))),
                ms=draw.choice((draw.randrange(500), draw.randrange(20), -draw.randrange(50_000))),
                severity_number=draw.choice((0, 1, 5, 9, 13, 17, 21)),
                service=draw.choice(("pay", "shop", "cart")),
                trace_id=draw.choice(("", TRACE, OTHER)),
                span=draw.choice(("", "00000000000000aa")),
                session=draw.choice(("", "", "s1", "s2")),
                attributes={"try": draw.randrange(4), "note": draw.choice(words), "colour": "own"}
                if draw.random() < 0.8
                else None,
                resource={"colour": "red", "deployment.environment.name": draw.choice(("dev", "prod"))},
            )
            for _ in range(draw.randrange(1, 10))
        ]


QUESTIONS: Sequence[dict[str, Any]] = (
    {},
    {"service": "pay"},
    {"severities": frozenset({Severity.INFO, Severity.ERROR})},
    {"severities": frozenset({Severity.FATAL}), "service": "cart"},
    {"environment": "dev"},
    {"trace_id": TRACE},
    {"trace_ids": (TRACE, OTHER), "session_id": "s2"},
    {"trace_ids": ("0" * 20 + TRACE[20:], OTHER)},
    {"trace_ids": (TRACE, *(f"{n:032x}" for n in range(1, 20))), "service": "pay"},
    {"session_id": "s1", "service": "shop"},
    {"span_id": "00000000000000aa"},
    {"trace_id": OTHER, "span_id": "00000000000000aa", "text": "failed"},
    *(
        {"text": text}
        for text in ("charge", "FAILED charge", "grösse", "café", "cafe", "nul", "xxxx", "0%", "_r")
    ),
    {"text": "istanbul", "environment": "prod"},
    {"text": "charge", "attributes": {"try": "2"}},
    {"attributes": {"try": "2"}},
    {"attributes": {"colour": "red"}},
    {"attributes": {"colour": "own", "note": "50%"}},
    {"like": {"note": "GRÖ"}},
    {"like": {"colour": "re"}, "service": "cart"},
    {"excluded": (("colour", "own"), ("try", "1"))},
    {"attributes": {"scope.name": "tests"}, "excluded": (("note", "Charge"),)},
    {"attributes": {"nobody": "x"}},
)


def _answers(reader: Reader) -> Iterator[object]:
    window = Window(T0 - 40 * SECOND, T0 + SECOND)
    for conditions in QUESTIONS:
        for order in ({}, {"oldest_first": True}, {"after": "40"}):
            cursor = None
            for _ in range(12):
                query = LogQuery(window, limit=20, cursor=cursor, **conditions, **order)
                page = reader.find_logs(query)
                yield conditions, order, page
                if (cursor := page.next_cursor) is None:
                    break
            yield reader.count_logs(LogQuery(window, **conditions, **order))
        histogram = reader.log_histogram(LogQuery(window, **conditions), 9)
        yield (
            conditions,
            histogram.total,
            histogram.since_unix_nano,
            [dict(c.counts) for c in histogram.columns],
        )
    yield [reader.log(str(number)) for number in range(140)], reader.newest_log_id()


@pytest.mark.parametrize("bound", [20, 30_000])
def test_whatever_form_logs_have_the_same_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bound: int
) -> None:
    """Rows alone, parts and rows, many small parts: pages, counts, columns, every order, up to the bound."""
    found = []
    monkeypatch.setattr(attribute_scan, "MAX_LOGS", bound)
    for packed_by, most in ((1_000, 250), (60, 250), (20, 3)):
        monkeypatch.setattr(log_tables, "ROUND", packed_by)
        monkeypatch.setattr(log_parts, "MOST_LOGS", most)
        # As of a range of hours.
        monkeypatch.setattr(log_blocks, "_LONG_NS", 0 if most == 3 else HOUR)
        logs = _Logs(tmp_path / f"{packed_by}.db", clock=lambda: T0 + SECOND)
        for batch in _random_logs(random.Random(4)):
            logs.write(*batch)
        assert logs.one("SELECT count(*) FROM logs") < packed_by
        assert (logs.one("SELECT count(*) FROM log_parts") > 0) == (packed_by < 1_000)
        # Of one form only: which texts are rare is decided by what the windows hold.
        found.append(list(_answers(logs.reader)))
        logs.close()
    assert len(found[0]) > 200
    for mine, others in zip(found[0], zip(*found[1:], strict=True), strict=True):
        assert all(other == mine for other in others)


def test_a_text_with_many_hits_is_searched_among_the_newest_logs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And one that seems to have many, after these; a rarer one in all of its window."""
    monkeypatch.setattr(attribute_scan, "MAX_LOGS", 20)
    monkeypatch.setattr(log_match, "_FEW", 30)
    monkeypatch.setattr(log_tables, "ROUND", 10)
    logs = _Logs(tmp_path / "store.db")
    for begin in range(0, 200, 10):
        logs.write(
            *[log_row(f"line {'odd' if n % 10 == 1 else 'even'} {n}", ms=n) for n in range(begin, begin + 10)]
        )
    often, seldom = (logs.reader.log_histogram(LogQuery(WINDOW, text=word)) for word in ("even", "odd"))
    assert (often.total, often.since_unix_nano) == (18, T0 + 180_000_000)
    assert (seldom.total, seldom.since_unix_nano) == (20, None)
    logs.close()


def test_what_was_found_before_does_not_hide_what_came_since(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same questions of one reader, between which parts are added: by text, severity and attribute."""
    monkeypatch.setattr(log_tables, "ROUND", 10)
    logs = _Logs(tmp_path / "store.db")
    queries = (
        LogQuery(WINDOW, text="odd"),
        LogQuery(WINDOW, text="odd line"),
        LogQuery(WINDOW, severities=frozenset({Severity.ERROR})),
        LogQuery(WINDOW, text="odd", service="pay"),
        LogQuery(WINDOW, text="odd", severities=frozenset({Severity.ERROR})),
    )
    for upto in range(10, 120, 10):
        logs.write(
            *[
                log_row(
                    f"line {'odd' if n % 2 else 'even'} {n}",
                    ms=n,
                    severity_number=17 if n % 5 == 0 else 9,
                    service="pay" if n % 4 == 1 else "shop",
                )
                for n in range(upto - 10, upto)
            ]
        )
        odd, error = upto // 2, upto // 5
        for query, expected in zip(queries, (odd, odd, error, -(-upto // 4), upto // 10), strict=True):
            counted = logs.reader.log_histogram(query)
            assert counted.total == sum(sum(column.counts.values()) for column in counted.columns) == expected
            page = logs.reader.find_logs(replace(query, limit=200))
            assert len(page.items) == expected
            assert [int(log.body.split()[-1]) for log in page.items] == sorted(
                [int(log.body.split()[-1]) for log in page.items], reverse=True
            )
            fields, _ = logs.reader.log_fields(query)
            assert next(each.count for each in fields if each.name == "severity") == expected
    logs.close()


def test_equal_times_at_the_end_of_blocks_lose_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More parts than are put in order at once, which all end at the same time, are all found once."""
    monkeypatch.setattr(log_tables, "ROUND", 5)
    logs = _Logs(tmp_path / "store.db")
    for begin in range(0, 250, 5):
        logs.write(*[log_row(f"line {n}", ms=n % 5) for n in range(begin, begin + 5)])
    assert logs.one("SELECT count(*) FROM log_parts") >= 50
    for query in (LogQuery(WINDOW, limit=500), LogQuery(WINDOW, limit=500, severities=frozenset(Severity))):
        for _ in range(2):
            found = [log.body for log in logs.reader.find_logs(query).items]
            assert len(found) == len(set(found)) == 250
    logs.close()


@pytest.fixture(name="pruned")
def a_store_pruned_within_a_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[_Logs]:
    """Of a part of six logs, the three of the first hour are too old."""
    monkeypatch.setattr(log_tables, "ROUND", 6)
    path = tmp_path / "store.db"
    for hour in range(2):
        logs = _Logs(path, clock=partial(int, T0 + hour * HOUR))
        trace = TRACE if hour == 0 else OTHER
        logs.write(
            *[
                log_row(f"{word} {hour}", ms=n, trace_id=trace, session=f"s{hour}", service=f"h{hour}")
                for n, word in enumerate(("first", "größe", "third"))
            ]
        )
        logs.close()
    logs = _Logs(path)
    assert (logs.one("SELECT n FROM log_parts"), logs.one("SELECT count(*) FROM logs")) == (6, 0)
    logs.close()
    logs = _Logs(path, max_age_s=1_800.0, clock=lambda: T0 + HOUR + 60 * SECOND)
    eventually(lambda: logs.reader.status().pruned_logs == 3, "three are pruned")
    yield logs
    logs.close()


def test_what_is_left_of_a_part_is_found_and_what_went_is_gone(pruned: _Logs) -> None:
    """By time, text, trace and session; the counts too, and nothing of the former part leads anywhere."""
    assert pruned.bodies() == ["third 1", "größe 1", "first 1"]
    assert pruned.bodies(text="größe") == ["größe 1"]
    assert pruned.bodies(trace_id=OTHER) == pruned.bodies(session_id="s1") == pruned.bodies()
    assert pruned.bodies(trace_id=TRACE) == pruned.bodies(session_id="s0") == []
    assert pruned.reader.count_logs(LogQuery(Window(T0 - HOUR, T0 + HOUR))) == 3
    assert (pruned.one("SELECT count(*) FROM log_parts"), pruned.one("SELECT count(*) FROM log_keys")) == (
        1,
        2,
    )
    part = pruned.one("SELECT id FROM log_parts")
    assert pruned.one("SELECT group_concat(rowid) FROM log_text WHERE log_text MATCH 'rst'") == str(part)
    with closing(sqlite3.connect(pruned.path)) as connection:
        assert [log.body for log in logs_in(connection)] == ["first 1", "größe 1", "third 1"]
    assert pruned.reader.status().logs == 3


def test_a_damaged_part_is_said_and_stops_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One of its logs is an error, lists leave it out, and pruning deletes it."""
    monkeypatch.setattr(log_tables, "ROUND", 2)
    now = [T0]
    logs = _Logs(tmp_path / "store.db", clock=lambda: now[0])
    logs.write(*[log_row(f"line {n}", ms=n, trace_id=TRACE) for n in range(6)])
    with closing(sqlite3.connect(logs.path)) as connection, connection:
        connection.execute("UPDATE log_parts SET columns = x'00' WHERE id = 2")
    assert logs.bodies() == logs.bodies(text="line") == ["line 5", "line 4", "line 1", "line 0"]
    assert logs.bodies(trace_id=TRACE, oldest_first=True) == ["line 0", "line 1", "line 4", "line 5"]
    with pytest.raises(StoreUnavailable, match="250 beside it are damaged") as raised:
        logs.reader.log("3")
    assert raised.value.reason == "damaged_part"
    assert logs.reader.log("5") is not None
    logs.writer.close()
    now[0] += HOUR
    logs.writer = SqliteWriter(logs.path, max_bytes=1 << 30, max_age_s=60.0, clock=lambda: now[0])
    logs.write(log_row("new", ms=9))
    eventually(lambda: logs.one("SELECT count(*) FROM log_parts") == 0, "all parts are pruned")
    assert (logs.one("SELECT count(*) FROM log_keys"), logs.bodies()) == (0, ["new"])
    logs.close()


def test_a_transaction_that_is_rolled_back_leaves_the_rows_as_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that fails after others were packed with it: what came before is there, and packed later."""
    monkeypatch.setattr(log_tables, "ROUND", 4)
    logs = _Logs(tmp_path / "store.db")
    logs.write(log_row("one", ms=1), log_row("two", ms=2))

    def failing(*_: object) -> None:
        raise ValueError("of the batch")

    with monkeypatch.context() as patch:
        patch.setattr(log_tables, "part_check", failing)
        with pytest.raises(StoreUnavailable):
            logs.write(log_row("three", ms=3), log_row("four", ms=4))
    assert (logs.bodies(), logs.one("SELECT count(*) FROM logs")) == (["two", "one"], 2)
    logs.write(log_row("five", ms=5), log_row("six", ms=6))
    assert (logs.bodies(), logs.one("SELECT n FROM log_parts")) == (["six", "five", "two", "one"], 4)
    logs.close()


def test_large_messages_are_packed_before_there_are_many(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is read at once to be packed, or for a question, is bounded in bytes."""
    monkeypatch.setattr(log_tables, "_ROUND_BYTES", 1_500)
    logs = _Logs(tmp_path / "store.db")
    logs.write(*[log_row("x" * 1_000, ms=n) for n in range(4)], log_row("small", ms=5))
    assert (logs.one("SELECT group_concat(n) FROM log_parts"), logs.one("SELECT count(*) FROM logs")) == (
        *("2,3", 0),
    )
    logs.close()
    logs = _Logs(tmp_path / "store.db")
    for n in range(2):
        logs.write(log_row("y" * 1_000, ms=n))
        assert logs.one("SELECT count(*) FROM logs") == 1 - n
    assert [len(body) for body in logs.bodies()] == [5, *[1_000] * 6]
    logs.close()


def test_a_search_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two parts, too, where no statement runs."""
    monkeypatch.setattr(log_tables, "ROUND", 2)
    logs = _Logs(tmp_path / "store.db")
    logs.write(*[log_row(f"line {n}", ms=n) for n in range(6)])
    looks: list[None] = []

    def is_late(_: object) -> bool:
        looks.append(None)
        return len(looks) > 2

    monkeypatch.setattr(read_connection._Connection, "is_late", is_late)
    with pytest.raises(TooSlow):
        logs.bodies(text="line")
    assert len(looks) == 3
    logs.close()
