"""The logs that may hold all words of a text search, by the index of trigrams."""

# ruff: noqa: S608 - what is put into SQL text are names of tables of our own

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from signals.folding import fold
from store.sqlite.read.read_connection import ReadSession

_FEW: Final = 20_000
"""With at most this many hits the text index is read first; else rows by time, comparing texts."""
_GRAMS: Final = 24
"""Trigrams in one query of the text index; more make it slower without excluding much."""


class _KnownRows(dict[str, "list[int] | None"]):
    """By query of the text index: what it found in one snapshot."""


def rare_rows(db: ReadSession, words: Sequence[str]) -> Sequence[int] | None:
    """The numbers of the logs that may hold all of these words; None if they are many, or not indexed."""
    indexed = [folded for folded in map(fold, words) if len(folded) >= 3]
    if not indexed:
        return None
    share = max(2, _GRAMS // len(indexed))
    grams = {gram for word in indexed for gram in _grams(word, share)}
    match = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in sorted(grams))
    known = db.noted.of(_KnownRows)
    if match not in known:
        known[match] = _rows_with(db, match)
    return known[match]


def _rows_with(db: ReadSession, match: str) -> list[int] | None:
    rows = db.all("SELECT name FROM sqlite_master WHERE name IN ('logs_text', 'logs_folded')")
    tables = [name for (name,) in rows]
    if "logs_text" not in tables:
        return None
    # Each by itself: a UNION of both would read the whole of a frequent phrase before it counts one row.
    # Counted first: most frequent phrases are found to be so in 6 ms, where reading their rows takes 15.
    for table in tables:
        counted = db.one(
            f"SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {table} MATCH ? LIMIT ?)", (match, _FEW + 1)
        )
        if counted and counted[0] > _FEW:
            return None
    found = " UNION ".join(f"SELECT rowid FROM {table} WHERE {table} MATCH ?" for table in tables)
    numbers = [seq for (seq,) in db.each(found, [match] * len(tables))]
    return numbers if len(numbers) <= _FEW else None


def _grams(word: str, most: int) -> Sequence[str]:
    """At most `most` trigrams of a word, evenly spread over it."""
    step = max(1, -(-(len(word) - 2) // most))
    return [word[begin : begin + 3] for begin in range(0, len(word) - 2, step)]
