"""Which parts of logs are in a long range, kept until a part comes or goes.

Of ten thousand parts reading the index took a third of a page of logs over hours. A part never changes, and
its number is never given twice: as many parts with the same highest number are the same parts.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final

from store.sqlite.read.read_connection import ReadSession

_SELECT: Final = "SELECT id, first, last, oldest, newest, n FROM log_parts"
_WIDTH: Final = 6
_OLDEST, _NEWEST = 3, 4

PartRow = tuple[int, ...]
"""Number, lowest and highest number of its logs, times of its first and last log, how many they are."""


class _Columns:
    """All parts, by the times of their last and first logs, in columns: rows would take 300 bytes each."""

    def __init__(self, highest: int, rows: Iterable[PartRow]) -> None:
        ordered = sorted(rows, key=lambda row: (row[_NEWEST], row[_OLDEST], row[1]))
        self.highest = highest
        self.number = len(ordered)
        self.columns = [array("q", column) for column in zip(*ordered, strict=True)] or [array("q")] * _WIDTH

    def rows(self, begin: int = 0) -> Iterable[PartRow]:
        """Those from a place on."""
        return zip(*[column[begin:] for column in self.columns], strict=True)


class _Kept:
    """Those of the last snapshot that was asked."""

    def __init__(self) -> None:
        self.known = _Columns(0, ())


def parts_within(db: ReadSession, begin: int, end: int) -> Sequence[PartRow]:
    """Parts with logs from one time to before another, by the times of their last and first logs."""
    known = _current(db)
    first = bisect_left(known.columns[_NEWEST], begin)
    if max(known.columns[_OLDEST][first:], default=end) < end:
        return list(known.rows(first))
    return [row for row in known.rows(first) if row[_OLDEST] < end]


def _current(db: ReadSession) -> _Columns:
    kept = db.shared.of(_Kept)
    known = kept.known
    row = db.one("SELECT (SELECT max(id) FROM log_parts), (SELECT count(*) FROM log_parts)")
    highest, number = (row[0] or 0, row[1]) if row else (0, 0)
    if (highest, number) == (known.highest, known.number):
        return known
    rows: list[PartRow] | None = None
    if known.number and highest > known.highest:
        new = db.all(f"{_SELECT} WHERE id > ?", (known.highest,))
        # None went, as no part has come with a lower number.
        if known.number + len(new) == number:
            rows = [*known.rows(), *new]
    # In this order, for which an index alone is read.
    found = _Columns(highest, db.all(f"{_SELECT} ORDER BY newest, oldest, first") if rows is None else rows)
    kept.known = found
    return found
