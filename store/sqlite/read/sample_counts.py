"""How many of the newest samples of a metric have which value of a tag and which outcome."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from operator import neg
from typing import Final, NamedTuple

import orjson

from signals.attributes import SEAT
from signals.browser_events import RUM_TAGS
from store.queries import RumMetric, Window
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.sample_conditions import MAX_SAMPLES, conditions, narrowed
from store.sqlite.read.sample_slots import OUTCOME, SEQ, START, Column, Samples, newest_samples
from store.sqlite.read.shared import BoundedCache
from store.sqlite.table_layout import TAG_COLUMNS
from store.tallies import Tally

_PAIR: Final = 11
"""Bits of an outcome: buckets go up to about 1,000 (`store/histogram.py`)."""
_WORD: Final = 63
"""Bits of a number of SQLite without its sign."""
_MOST_TOGETHER: Final = 3
"""Tags that are counted together: with more of them hardly any two samples are alike."""
_VALUES_BYTES: Final = 256 * 1024
_OUTCOME: Final = (1 << _PAIR) - 1


class _Place(NamedTuple):
    """Where a tag stands in a number."""

    column: Column
    """Ids of the values of some tags and an outcome in one number."""
    above: int
    """Bits below the id of the tag's value."""
    bits: int
    """Bits of that id."""


class SampleCounts:
    """Counts the newest samples of a window that carry all of `where`, in one snapshot."""

    def __init__(
        self, db: ReadSession, metric: RumMetric, window: Window, where: Mapping[str, str] | None
    ) -> None:
        self._db = db
        self._metric = metric
        self._question = window, where
        self._places = _places(_at_once(db))
        column = self._places["page"].column
        self._samples = newest_samples(db, metric, window, where, MAX_SAMPLES + 1, column)
        self._narrow = narrowed(db, metric, window, where) if self._samples is None else None

    def by_value(self, tags: Sequence[str]) -> list[tuple[str, Counter[int], bool]]:
        """For each tag how many have which value and outcome; True if there are older ones.

        Both are one number: id of the value's pair << _PAIR | bucket << 1 | failed.
        """
        asked = self._db.noted.of(_Asked)
        window, where = self._question
        condition = self._metric, window, tuple((where or {}).items())
        missing = [tag for tag in tags if (condition, tag) not in asked]
        if missing:
            if self._samples is not None:
                counts, cut = self._kept(self._samples, missing), self._samples.total > MAX_SAMPLES
            else:
                counts = self._read(missing)
                cut = counts[missing[0]].total() >= MAX_SAMPLES and self._has_more()
            for tag in missing:
                asked[condition, tag] = counts[tag], cut
        return [(tag, *asked[condition, tag]) for tag in tags]

    def _kept(self, samples: Samples, tags: Sequence[str]) -> dict[str, Counter[int]]:
        samples.read(list(dict.fromkeys(self._places[tag].column for tag in tags)))
        numbers: dict[Column, array[int]] = {}
        together: dict[Column, Counter[int]] = {}
        found = {}
        for tag in tags:
            column, above, bits = self._places[tag]
            if column not in numbers:
                numbers[column] = samples.column(column, MAX_SAMPLES)
                together[column] = Counter(numbers[column])
            found[tag] = _divided(numbers[column], together[column], above, bits)
        return found

    def _read(self, tags: Sequence[str]) -> dict[str, Counter[int]]:
        """By a statement."""
        if self._narrow is None:
            return {tag: Counter() for tag in tags}
        columns = list(dict.fromkeys(self._places[tag].column for tag in tags))
        arrays = ", ".join(f"json_group_array(n{place})" for place in range(len(columns)))
        inner = ", ".join(f"{column.sql} AS n{place}" for place, column in enumerate(columns))
        row = self._db.one(
            # As text: a row for each of thousands of samples takes twice as long.
            f"SELECT {arrays} FROM (SELECT {inner} FROM samples m "
            f"WHERE {self._narrow[0]} ORDER BY m.start DESC LIMIT ?)",
            (*self._narrow[1], MAX_SAMPLES),
        )
        lists: dict[Column, list[int]] = dict(zip(columns, map(orjson.loads, row or ()), strict=True))
        together = {column: Counter(numbers) for column, numbers in lists.items()}
        return {
            tag: _divided(lists[column], together[column], above, bits)
            for tag in tags
            for column, above, bits in (self._places[tag],)
        }

    def _has_more(self) -> bool:
        """Whether more than MAX_SAMPLES samples match."""
        if self._narrow is None:
            return False
        sql = f"SELECT 1 FROM samples m WHERE {self._narrow[0]} LIMIT 1 OFFSET {MAX_SAMPLES}"
        return self._db.one(sql, self._narrow[1]) is not None

    def tallies(self, counts: Mapping[int, int]) -> tuple[dict[int, str], dict[str, Tally]]:
        """(value by pair id, tallies by value), of counts by pair id and outcome in one number."""
        names = {0: ""}
        by_pair: dict[int, Tally] = {}
        for key, n in counts.items():
            tally = by_pair.get(key >> _PAIR)
            if tally is None:
                tally = by_pair[key >> _PAIR] = Tally()
            # Not by `add`, which takes as long as all else: breakdowns have thousands of such counts.
            bucket, buckets = (key & _OUTCOME) >> 1, tally.buckets
            buckets[bucket] = buckets.get(bucket, 0) + n
            tally.requests += n
            if key & 1:
                tally.errors += n
        tallies: dict[str, Tally] = {}
        known = self._db.shared.of(_Values)
        for pair, tally in by_pair.items():
            if pair not in names:
                value = known.get(pair)
                if value is None:
                    row = self._db.one("SELECT value FROM pairs WHERE id = ?", (pair,))
                    value = row[0] if row else ""
                    known.update({pair: value})
                names[pair] = value
            if names[pair] in tallies:
                tallies[names[pair]].merge(tally)
            else:
                tallies[names[pair]] = tally
        return names, tallies

    def numbers(self, tag: str, pairs: Sequence[int]) -> list[tuple[int, int]]:
        """(number, id of the value's pair) of those that have these values."""
        if not pairs:
            return []
        if self._samples is not None:
            column, above, bits = self._places[tag]
            sought, mask = frozenset(pairs), (1 << bits) - 1
            values = [number >> above & mask for number in self._samples.column(column, MAX_SAMPLES)]
            seqs = self._samples.column(SEQ, MAX_SAMPLES)
            return [(seq, pair) for seq, pair in zip(seqs, values, strict=True) if pair in sought]
        if self._narrow is None:
            return []
        return self._db.all(
            f"SELECT seq, {TAG_COLUMNS[tag]} FROM (SELECT m.seq, m.{TAG_COLUMNS[tag]} FROM samples m "
            f"WHERE {self._narrow[0]} ORDER BY m.start DESC LIMIT ?) "
            f"WHERE {TAG_COLUMNS[tag]} IN (SELECT value FROM json_each(?))",
            (*self._narrow[1], MAX_SAMPLES, orjson.dumps(pairs).decode()),
        )


class _Values(BoundedCache[int, str]):
    """Values of RUM tags by the ids of their pairs, which stay (`settled_retention`)."""

    def __init__(self) -> None:
        super().__init__(_VALUES_BYTES, lambda value: 250 + 4 * len(value))


def count_up_to(db: ReadSession, metric: str, window: Window, most: int) -> int:
    """How many samples of a metric there are in a window, at most so many."""
    column = _places(_at_once(db))["page"].column
    kept = newest_samples(db, metric, window, None, max(most, MAX_SAMPLES + 1), column)
    if kept is not None:
        return min(kept.total, most)
    found = conditions(db, metric, window, None)
    sql = f"SELECT count(*) FROM (SELECT 1 FROM samples m WHERE {found[0]} LIMIT ?)" if found else ""
    row = db.one(sql, (*found[1], most)) if found else None
    return int(row[0]) if row else 0


def by_column(
    db: ReadSession, metric: RumMetric, window: Window, where: Mapping[str, str] | None, width: int
) -> Sequence[tuple[int, int, int, int]]:
    """(column, bucket, samples, failed) of all samples of a window that carry all of `where`."""
    begin = window.from_unix_nano
    kept = newest_samples(db, metric, window, where, MAX_SAMPLES + 1, OUTCOME)
    if kept is None or kept.total > MAX_SAMPLES:
        found = narrowed(db, metric, window, where)
        sql = f"SELECT (m.start - {begin}) / {width}, m.bucket, count(*), sum(m.failed) FROM samples m"
        return db.all(f"{sql} WHERE {found[0]} GROUP BY 1, 2", found[1]) if found else []
    starts, outcomes = kept.column(START), kept.column(OUTCOME)
    counts: list[tuple[int, int, int, int]] = []
    first = 0
    while first < len(starts):
        column = (starts[first] - begin) // width
        behind = bisect_right(starts, -(begin + column * width), first, key=neg)
        own = Counter(outcomes[first:behind])
        counts += [(column, outcome >> 1, n, n * (outcome & 1)) for outcome, n in own.items()]
        first = behind
    return counts


class _Asked(dict[tuple[tuple[str, Window, tuple[tuple[str, str], ...]], str], tuple[Counter[int], bool]]):
    """What was counted in one snapshot: a page asks for the same with several limits."""


def _at_once(db: ReadSession) -> int:
    """How many tags fit into a number."""
    highest = db.one("SELECT max(id) FROM pairs")
    bits = max(1, int((highest or (0,))[0] or 0).bit_length())
    return max(1, min(_MOST_TOGETHER, (_WORD - _PAIR) // bits))


@cache
def _places(at_once: int) -> dict[str, _Place]:
    """Where each tag stands, if so many stand in a number.

    A number for each tag and sample was most of the time of a breakdown by all tags. People are counted by
    themselves: with one of them in it, hardly any number comes twice.
    """
    bits = (_WORD - _PAIR) // at_once
    tags = [tag for tag in RUM_TAGS if tag != SEAT]
    found = {}
    for together in ([SEAT], *[tags[place : place + at_once] for place in range(0, len(tags), at_once)]):
        sql = f"m.{TAG_COLUMNS[together[0]]}"
        for tag in together[1:]:
            sql = f"({sql} << {bits} | m.{TAG_COLUMNS[tag]})"
        column = Column(f"{sql} << {_PAIR} | ({OUTCOME.sql})")
        for place, tag in enumerate(reversed(together)):
            found[tag] = _Place(column, _PAIR + place * bits, bits)
    return found


def _divided(numbers: Sequence[int], together: Counter[int], above: int, bits: int) -> Counter[int]:
    """How many of such numbers have which pair of one tag and outcome."""
    pair = (1 << bits) - 1
    if 2 * len(together) > len(numbers):
        return Counter([(number >> above & pair) << _PAIR | number & _OUTCOME for number in numbers])
    counts = Counter[int]()
    get = counts.get
    for number, n in together.items():
        key = (number >> above & pair) << _PAIR | number & _OUTCOME
        counts[key] = get(key, 0) + n
    return counts
