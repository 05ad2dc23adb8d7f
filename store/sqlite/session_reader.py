"""Questions about browser sessions."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence

from store.api import BadQuery
from store.api import Page
from store.api import SessionQuery
from store.model import SessionId
from store.model import SessionSummary
from store.model import Span
from store.sqlite import scan
from store.sqlite.answers import SESSION_COLUMNS
from store.sqlite.answers import SPAN_COLUMNS
from store.sqlite.answers import SPAN_TABLES
from store.sqlite.answers import limited
from store.sqlite.answers import make_cursor
from store.sqlite.answers import read_cursor
from store.sqlite.answers import session_of_row
from store.sqlite.answers import span_of
from store.sqlite.asking import Asking
from store.sqlite.asking import Question
from store.sqlite.sessions import INDEXED

_SORTS = {"newest": "e.start", "longest": "e.finish - e.start", "errors": "e.errors"}


class SessionReader:
    """The part of `store.api.Reader` that knows sessions."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def session(self, session_id: SessionId) -> SessionSummary | None:
        with self._asking.question() as ask:
            row = ask.one(f"SELECT {SESSION_COLUMNS} FROM sessions e WHERE e.session_id = ?", (session_id,))
        return session_of_row(row) if row else None

    def spans_of_session(self, session_id: SessionId, limit: int = 10_000) -> Sequence[Span]:
        with self._asking.question() as ask:
            rows = ask.all(
                f"SELECT {SPAN_COLUMNS} FROM {SPAN_TABLES} WHERE s.session_id = ? "
                "ORDER BY s.start, s.span_id LIMIT ?",
                (session_id, limit),
            )
        return [span_of(row) for row in rows]

    def find_sessions(self, query: SessionQuery) -> Page[SessionSummary]:
        limit = limited(query.limit)
        if query.sort not in _SORTS:
            raise BadQuery(f"sort is {query.sort!r}: give newest, longest or errors.")
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
            truncated = _attributes(ask, query.attributes, conditions, values, "EXISTS")
            truncated |= _attributes(ask, query.excluded, conditions, values, "NOT EXISTS")
            after = read_cursor(query.cursor, query.sort)
            if after:
                conditions.append(f"({measure}, e.id) < (?, ?)")
                values += after
            rows = ask.all(
                f"SELECT {SESSION_COLUMNS}, {measure}, e.id FROM sessions e WHERE {' AND '.join(conditions)} "
                f"ORDER BY {measure} DESC, e.id DESC LIMIT ?",
                (*values, limit + 1),
            )
        cursor = (
            make_cursor(query.sort, rows[limit - 1][-2], rows[limit - 1][-1]) if len(rows) > limit else None
        )
        return Page([session_of_row(row[:-2]) for row in rows[:limit]], cursor, truncated)


def _attributes(
    ask: Question, wanted: Mapping[str, str], conditions: list[str], values: list[object], exists: str
) -> bool:
    """Add conditions for attributes; True if a scan for one of them was cut short."""
    truncated = False
    for name, value in wanted.items():
        if name in INDEXED:
            conditions.append(
                f"{exists} (SELECT 1 FROM session_pairs x WHERE x.session = e.id AND x.pair = "
                "(SELECT id FROM pairs WHERE tag = ? AND value = ?))"
            )
            values += [name, value]
            continue
        found, cut = _scan(ask, name, value)
        truncated |= cut
        marks = ", ".join("?" * len(found))
        conditions.append(f"e.session_id {'IN' if exists == 'EXISTS' else 'NOT IN'} ({marks})")
        values += found
    return truncated


def _scan(ask: Question, name: str, value: str) -> tuple[list[str], bool]:
    wanted = {name: value}
    condition, values = scan.raw_conditions(ask, wanted, "s")
    newest = (ask.one("SELECT max(seq) FROM spans") or (0,))[0] or 0
    oldest = (ask.one("SELECT min(seq) FROM spans") or (0,))[0] or 0
    floor = max(0, newest - scan.MAX_ROWS)
    rows = ask.each(
        "SELECT s.session_id, s.raw, r.body FROM spans s LEFT JOIN origins r ON r.id = s.resource "
        f"WHERE s.seq > ? AND s.session_id IS NOT NULL AND {condition}",
        (floor, *values),
    )
    found = {session for session, raw, resource in rows if scan.span_carries(raw, resource, wanted)}
    return sorted(found), floor >= oldest > 0
