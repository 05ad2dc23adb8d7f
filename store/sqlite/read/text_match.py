"""SQL that finds a part of a text, whatever its case and Unicode form."""

# ruff: noqa: S608 - what is put into SQL text are column names and expressions of our own

from __future__ import annotations

from typing import NamedTuple

from signals.folding import fold
from store.sqlite.read.read_connection import ReadSession


class TextMatch(NamedTuple):
    """A SQL expression that is true where a text holds a part, and its values."""

    sql: str
    values: list[object]


def holds(db: ReadSession, column: str, part: str) -> TextMatch:
    """For texts of `column` that hold the part, both folded. An empty part is in every text.

    SQLite's LIKE decides texts of ASCII; it knows no other letter's case, and stops at a NUL.
    """
    folded = fold(part)
    db.add_function("holds_folded", 2, _holds_folded)
    # LENGTH counts the characters before a NUL: a text of ASCII alone has as many bytes.
    odd = f"(length({column}) <> length(CAST({column} AS BLOB)) AND holds_folded({column}, ?))"
    if not folded.isascii():
        return TextMatch(odd, [folded])
    pattern = folded.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return TextMatch(f"({column} LIKE ? ESCAPE '\\' OR {odd})", [f"%{pattern}%", folded])


def traces_with_part(db: ReadSession, tag: str, part: str) -> TextMatch:
    """For traces `t` with a pair of this tag whose value holds the part."""
    match = holds(db, "value", part)
    return TextMatch(
        "EXISTS (SELECT 1 FROM trace_pairs y WHERE y.start = t.start AND y.trace = t.id "
        f"AND y.pair IN (SELECT id FROM pairs WHERE tag = ? AND {match.sql}))",
        [tag, *match.values],
    )


def _holds_folded(text: str | None, folded: str) -> bool:
    return text is not None and folded in fold(text)
