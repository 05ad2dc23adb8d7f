"""Samples of browsers by the slot in which they start, column by column, kept until the slot changes.

The version of a slot changes with every change of its samples (`sample_slots` in settled.sql), so that of a
long window only the slots that changed since the last question are read from the file.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and numbers of our own

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Hashable, Mapping, Sequence
from itertools import compress
from operator import neg
from typing import Final, NamedTuple, TypeVar

import orjson

from signals.attributes import SEAT
from store.queries import Window
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.sample_conditions import known_number, tag_columns
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import SAMPLE_SLOT_NS, TAG_COLUMNS

T = TypeVar("T")

_KEPT_BYTES: Final = 6 * 1024**2
MOST_ROWS: Final = 12_000
"""Samples of one slot that are kept, more than any question counts: of a fuller one nothing is."""
MOST_SLOTS: Final = 400
"""Slots that are looked at for one question: where the samples of more are asked for, one statement that
reads them all is not slower."""


class Column(NamedTuple):
    """A whole number of each sample."""

    sql: str
    """An expression on `samples m`."""
    code: str = "q"
    """How it is kept, as an `array`."""


START: Final = Column("m.start")
SEQ: Final = Column("m.seq")
OUTCOME: Final = Column("m.bucket << 1 | m.failed", "H")

SlotKey = tuple[int, int]
"""A slot and its version."""


class _Kept(BoundedCache[tuple[int, int, Column], tuple[int, "array[int] | None"]]):
    """(version, numbers) by metric, slot and column; None of a slot with more than MOST_ROWS samples."""

    def __init__(self) -> None:
        super().__init__(
            _KEPT_BYTES, lambda kept: 350 + (kept[1].itemsize * len(kept[1]) if kept[1] is not None else 0)
        )


class _Part(NamedTuple):
    """Samples of one slot: from one place to before another, of these those that are marked."""

    key: SlotKey
    first: int
    behind: int
    marks: bytes | None
    """Which of them match; None if all do."""


class Samples:
    """The newest samples of a metric in a window that match, newest first."""

    def __init__(self, db: ReadSession, metric: int, parts: Sequence[_Part], total: int, most: int) -> None:
        self._db = db
        self._metric = metric
        self._parts = parts
        self._most = most
        self.total = min(total, most)
        """How many they are."""

    def column(self, column: Column, most: int | None = None) -> array[int]:
        """A number of each of the newest so many."""
        found = array(column.code)
        for key, first, behind, marks in self._parts:
            # A slot that is too full belongs to no part.
            numbers = numbers_of_slot(self._db, self._metric, key, column) or array(column.code)
            if behind - first < len(numbers):
                numbers = numbers[first:behind]
            found.extend(numbers if marks is None else array(column.code, compress(numbers, marks)))
        return found[: self._most if most is None else most]

    def read(self, columns: Sequence[Column]) -> None:
        """Read what is missing of several columns at once."""
        kept = self._db.shared.of(_Kept)
        for key, *_ in self._parts:
            missing = []
            for column in columns:
                known = kept.get((self._metric, key[0], column))
                if known is None or known[0] != key[1]:
                    missing.append(column)
            if len(missing) > 1:
                read_slot(self._db, self._metric, key, missing)

    def each(self, of_slot: Callable[[SlotKey], Sequence[T]], most: int) -> list[T]:
        """What a function tells of each sample of a slot, of the newest so many."""
        found: list[T] = []
        for key, first, behind, marks in self._parts:
            values = of_slot(key)[first:behind]
            found += values if marks is None else compress(values, marks)
            if len(found) >= most:
                break
        return found[:most]


class _Asked(dict[Hashable, "Samples | None"]):
    """What was found in one snapshot: a page asks for the same several times."""


def newest_samples(
    db: ReadSession, metric: str, window: Window, where: Mapping[str, str] | None, most: int, by: Column
) -> Samples | None:
    """At most so many; None where SQLite has to look for them: too many slots, or those of one person.

    `by` is a column that is asked for in any case. Raises BadQuery for what is no metric.
    """
    asked = db.noted.of(_Asked)
    question = metric, window, tuple((where or {}).items()), most
    if question not in asked:
        asked[question] = _found(db, known_number(metric), window, where or {}, most, by)
    return asked[question]


def _found(
    db: ReadSession, metric: int, window: Window, where: Mapping[str, str], most: int, by: Column
) -> Samples | None:
    if SEAT in where or not where.keys() <= TAG_COLUMNS.keys():
        # An index leads to the samples of a person.
        return None
    columns = tag_columns(db, where)
    if columns is None:
        return Samples(db, metric, (), 0, most)
    matching = Column(" AND ".join(f"m.{name} = {pair}" for name, pair in columns), "B") if columns else None
    parts: list[_Part] = []
    total = 0
    slots = sample_slots(db, metric, window, MOST_SLOTS + 1)
    for key in slots[:MOST_SLOTS]:
        part = _part(db, metric, window, key, matching, by)
        if part is None:
            return None
        parts.append(part)
        total += part.behind - part.first if part.marks is None else part.marks.count(1)
        if total >= most:
            return Samples(db, metric, parts, total, most)
    return None if len(slots) > MOST_SLOTS else Samples(db, metric, parts, total, most)


def _part(
    db: ReadSession, metric: int, window: Window, key: SlotKey, matching: Column | None, by: Column
) -> _Part | None:
    """The samples of a slot that are in the window; None if it is too full."""
    numbers = numbers_of_slot(db, metric, key, by)
    if numbers is None:
        return None
    first, behind = 0, len(numbers)
    begin, end = window.from_unix_nano, window.to_unix_nano
    if key[0] * SAMPLE_SLOT_NS < begin or (key[0] + 1) * SAMPLE_SLOT_NS > end:
        starts = numbers_of_slot(db, metric, key, START) or ()
        first, behind = bisect_right(starts, -end, key=neg), bisect_right(starts, -begin, key=neg)
    if matching is None:
        return _Part(key, first, behind, None)
    marks = (numbers_of_slot(db, metric, key, matching) or array("B")).tobytes()[first:behind]
    return _Part(key, first, behind, None if marks.count(1) == len(marks) else marks)


def sample_slots(
    db: ReadSession, metric: int, window: Window, most: int, *, oldest: bool = False
) -> list[SlotKey]:
    """The slots in which there are samples of a window, newest first, or oldest first; at most so many."""
    return db.all(
        "SELECT slot, version FROM sample_slots WHERE metric = ? AND slot >= ? AND slot <= ? "
        f"ORDER BY slot {'ASC' if oldest else 'DESC'} LIMIT ?",
        (
            metric,
            window.from_unix_nano // SAMPLE_SLOT_NS,
            (window.to_unix_nano - 1) // SAMPLE_SLOT_NS,
            most,
        ),
    )


def numbers_of_slot(db: ReadSession, metric: int, key: SlotKey, column: Column) -> array[int] | None:
    """A column of a slot's samples, newest first; None if these are too many to keep."""
    known = db.shared.of(_Kept).get((metric, key[0], column))
    if known is not None and known[0] == key[1]:
        return known[1]
    return read_slot(db, metric, key, [column])[0]


def read_slot(
    db: ReadSession, metric: int, key: SlotKey, columns: Sequence[Column]
) -> list[array[int] | None]:
    """Columns of a slot's samples by one statement, to be kept; None of a slot with too many."""
    slot, version = key
    arrays = ", ".join([f"json_group_array(n{place})" for place in range(len(columns))])
    inner = ", ".join([f"{column.sql} AS n{place}" for place, column in enumerate(columns)])
    row = db.one(
        # As text: a row for each sample takes twice as long.
        f"SELECT {arrays} FROM (SELECT {inner} FROM samples m "
        "WHERE m.metric = ? AND m.start >= ? AND m.start < ? ORDER BY m.start DESC, m.seq DESC LIMIT ?)",
        (metric, slot * SAMPLE_SLOT_NS, (slot + 1) * SAMPLE_SLOT_NS, MOST_ROWS + 1),
    )
    lists = [orjson.loads(body) for body in row or ()]
    found = [
        array(column.code, numbers) if len(numbers) <= MOST_ROWS else None
        for column, numbers in zip(columns, lists, strict=True)
    ]
    db.shared.of(_Kept).update(
        {(metric, slot, column): (version, numbers) for column, numbers in zip(columns, found, strict=True)}
    )
    return found
