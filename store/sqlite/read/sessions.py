"""Questions about browser sessions."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from signals.model import SessionId, Span
from store.api import BadQuery, Page, SessionQuery, SessionSort
from store.results import SessionSummary
from store.sqlite.read import attribute_scan
from store.sqlite.read_connection import Asking, Question
from store.sqlite.row_mapping import (
    SESSION_COLUMNS,
    SPAN_COLUMNS,
    SPAN_TABLES,
    limited,
    make_cursor,
    read_cursor,
    session_of_row,
    span_of,
)
from store.sqlite.write.session_aggregation import INDEXED

_SORTS: Final[Mapping[SessionSort, str]] = {
    "newest": "e.start",
    "oldest": "-e.start",
    "longest": "e.finish - e.start",
    "shortest": "e.start - e.finish",
    "errors": "e.errors",
    "network_errors": "e.network_errors",
    "pages": "e.page_views",
}

_NEWEST = 20_000
"""Sessions among which one is looked for by the end of its id."""


class SessionReader:
    """The part of `store.api.Reader` that knows sessions."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def session(self, session_id: SessionId) -> SessionSummary | None:
        with self._asking.question() as ask:
            row = ask.one(f"SELECT {SESSION_COLUMNS} FROM sessions e WHERE e.session_id = ?", (session_id,))
        return session_of_row(row) if row else None

    def sessions_ending(self, ending: str) -> Sequence[SessionId]:
        if not ending:
            return []
        with self._asking.question() as ask:
            rows = ask.all(
                "SELECT session_id FROM (SELECT session_id FROM sessions ORDER BY finish DESC LIMIT ?) "
                "WHERE lower(substr(session_id, ?)) = lower(?) LIMIT 10",
                (_NEWEST, -len(ending), ending),
            )
        return [SessionId(found) for (found,) in rows]

    def spans_of_session(self, session_id: SessionId, limit: int = 10_000) -> Sequence[Span]:
        with self._asking.question() as ask:
            rows = ask.all(
                f"SELECT {SPAN_COLUMNS} FROM {SPAN_TABLES} WHERE s.session_id = ? "
                "ORDER BY s.start, s.seq LIMIT ?",
                (session_id, limit),
            )
        return [span_of(row) for row in rows]

    def find_sessions(self, query: SessionQuery) -> Page[SessionSummary]:
        limit = limited(query.limit)
        if query.sort not in _SORTS:
            raise BadQuery(f"sort is {query.sort!r}: give one of {', '.join(_SORTS)}.")
        measure = _SORTS[query.sort]
        window = query.window
        conditions = [
            "e.finish >= ?",
            "e.start < ?",
            "EXISTS (SELECT 1 FROM spans s "
            "WHERE s.session_id = e.session_id AND s.start >= ? AND s.start < ?)",
        ]
        values: list[object] = [window.from_unix_nano, window.to_unix_nano] * 2
        with self._asking.question() as ask:
            after = read_cursor(query.cursor, query.sort)
            if after:
                conditions.append(f"({measure}, e.id) < (?, ?)")
                values += after
            _indexed(query.attributes, conditions, values, "EXISTS")
            _indexed(query.excluded, conditions, values, "NOT EXISTS")
            bound = _scanned(ask, query, conditions, values)
            rows = ask.all(
                f"SELECT {SESSION_COLUMNS}, {measure}, e.id FROM sessions e WHERE {' AND '.join(conditions)} "
                f"ORDER BY {measure} DESC, e.id DESC LIMIT ?",
                (*values, limit + 1),
            )
        cursor = None
        if len(rows) > limit:
            cursor = make_cursor(query.sort, rows[limit - 1][-2], rows[limit - 1][-1])
        elif bound is not None and query.sort == "newest":
            cursor = make_cursor(query.sort, bound, 0)
        truncated = bound is not None and len(rows) <= limit
        return Page([session_of_row(row[:-2]) for row in rows[:limit]], cursor, truncated)


def _indexed(wanted: Mapping[str, str], conditions: list[str], values: list[object], exists: str) -> None:
    """Add conditions for attributes that sessions are kept by."""
    for name, value in wanted.items():
        if name in INDEXED:
            conditions.append(
                f"{exists} (SELECT 1 FROM session_pairs x WHERE x.session = e.id AND x.pair = "
                "(SELECT id FROM pairs WHERE tag = ? AND value = ?))"
            )
            values += [name, value]


def _scanned(ask: Question, query: SessionQuery, conditions: list[str], values: list[object]) -> int | None:
    """Add conditions for any other attribute, told by the spans of the newest sessions.

    Gives the start of the last session that is looked into; None if all of them are.
    """
    others = [
        (name, value, exists)
        for wanted, exists in ((query.attributes, "EXISTS"), (query.excluded, "NOT EXISTS"))
        for name, value in wanted.items()
        if name not in INDEXED
    ]
    if not others:
        return None
    row = ask.one(
        f"SELECT e.start FROM sessions e WHERE {' AND '.join(conditions)} "
        "ORDER BY e.start DESC LIMIT 1 OFFSET ?",
        (*values, attribute_scan.MAX_SESSIONS - 1),
    )
    for name, value, exists in others:
        carried = attribute_scan.condition_for(ask, {name: value}, "span", "s")
        conditions.append(
            f"{exists} (SELECT 1 FROM spans s WHERE s.session_id = e.session_id AND ({carried.sql}))"
        )
        values += carried.values
    if row is None:
        return None
    conditions.append("e.start >= ?")
    values.append(row[0])
    bound: int = row[0]
    return bound
