"""`store.api.SessionReader` over SQLite."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from signals.ids import read_trace_id
from signals.model import SessionId, Span
from store.api import BadQuery, CountedEvents, Page, SessionQuery, SessionSort, Window
from store.results import Presence, SessionSummary
from store.sqlite.read.attribute_names import is_never_seen
from store.sqlite.read.read_connection import ReadSession, SqlitePart
from store.sqlite.read.row_mapping import (
    SESSION_COLUMNS,
    limited,
    make_cursor,
    pruned_or_never_seen,
    read_cursor,
    session_of_row,
    trace_bytes,
)
from store.sqlite.read.rum_errors import error_sessions
from store.sqlite.read.sample_conditions import MAX_SAMPLES, narrowed
from store.sqlite.read.session_scan import Sought, carrying, first_sessions
from store.sqlite.read.session_spans import spans_of_session
from store.sqlite.read.text_match import holds
from store.sqlite.table_layout import HAPPENED_TAGS, SESSION_TAGS

_SORTS: Final[Mapping[SessionSort, str]] = {
    "newest": "e.start",
    "oldest": "-e.start",
    "longest": "e.finish - e.start",
    "shortest": "e.start - e.finish",
    "errors": "e.errors",
    "network_errors": "e.network_errors",
    "pages": "e.page_views",
}

_BEFORE: Final = "e.start < ?"
_BEFORE_BY_FINISH: Final = "+e.start < ?"
"""The same, and SQLite does not use the index by start for it."""
_FOUND_BY: Final = SESSION_TAGS | HAPPENED_TAGS
_LINK: Final = "link.traceId"
_MOST_COUNTED = 5_000
"""Sessions that are counted: each is looked up by its spans, 10 µs."""
_NEWEST = 20_000
"""Sessions among which one is searched by the end of its id."""


class SqliteSessionReader(SqlitePart):
    """Finds sessions and their spans."""

    def session(self, session_id: SessionId) -> SessionSummary | None:
        with self._connections.session() as db:
            row = db.one(f"SELECT {SESSION_COLUMNS} FROM sessions e WHERE e.session_id = ?", (session_id,))
        return session_of_row(row) if row else None

    def sessions_ending(self, ending: str) -> Sequence[SessionId]:
        if not ending:
            return []
        with self._connections.session() as db:
            rows = db.all(
                "SELECT session_id FROM (SELECT session_id FROM sessions ORDER BY finish DESC LIMIT ?) "
                "WHERE lower(substr(session_id, ?)) = lower(?) LIMIT 10",
                (_NEWEST, -len(ending), ending),
            )
        return [SessionId(found) for (found,) in rows]

    def locate_session(self, session_id: SessionId) -> Presence:
        with self._connections.session() as db:
            if db.one("SELECT 1 FROM spans WHERE session_id = ? LIMIT 1", (session_id,)):
                return Presence.PRESENT
            return pruned_or_never_seen(db, session_id.encode("utf-8", "replace"))

    def spans_of_session(self, session_id: SessionId, limit: int = 10_000) -> Sequence[Span]:
        with self._connections.session() as db:
            return spans_of_session(db, session_id, limit)

    def find_sessions(self, query: SessionQuery) -> Page[SessionSummary]:
        limit = limited(query.limit)
        measure = _measure_of(query.sort)
        with self._connections.session() as db:
            found = _selected(db, query, by_start=query.sort == "newest")
            conditions, values = [found.sql], [*found.values]
            after = read_cursor(query.cursor, query.sort)
            if after:
                conditions.append(f"({measure}, e.id) < (?, ?)")
                values += after
            bound = _add_scanned(db, query, conditions, values)
            rows = db.all(
                f"SELECT {SESSION_COLUMNS}, {measure}, e.id FROM sessions e WHERE {' AND '.join(conditions)} "
                f"ORDER BY {measure} DESC, e.id DESC LIMIT ?",
                (*values, limit + 1),
            )
        cursor = None
        if len(rows) > limit:
            cursor = make_cursor(query.sort, rows[limit - 1][-2], rows[limit - 1][-1])
        elif bound is not None and query.sort == "newest":
            cursor = make_cursor(query.sort, bound, 0)
        truncated = found.cut or (bound is not None and len(rows) <= limit)
        return Page([session_of_row(row[:-2]) for row in rows[:limit]], cursor, truncated)

    def count_sessions(self, query: SessionQuery) -> tuple[int, bool]:
        with self._connections.session() as db:
            found = _selected(db, query, by_start=False)
            conditions, values = [found.sql], [*found.values]
            bound = _add_scanned(db, query, conditions, values)
            row = db.one(
                f"SELECT count(*) FROM (SELECT 1 FROM sessions e WHERE {' AND '.join(conditions)} LIMIT ?)",
                (*values, _MOST_COUNTED + 1),
            )
        total = row[0] if row else 0
        return min(total, _MOST_COUNTED), found.cut or bound is not None or total > _MOST_COUNTED


class _Selected(NamedTuple):
    """What selects sessions `e` without a scan."""

    sql: str
    values: list[object]
    cut: bool
    """Not all events of the window were looked at."""


def _measure_of(sort: SessionSort) -> str:
    if sort not in _SORTS:
        raise BadQuery(f"sort is {sort!r}: give one of {', '.join(_SORTS)}.")
    return _SORTS[sort]


def _selected(db: ReadSession, query: SessionQuery, *, by_start: bool) -> _Selected:
    """`by_start`: the first ones in that order are asked for, and are met first by their own index.

    Otherwise by their end: of a short window few sessions end later than it begins.
    """
    window = query.window
    conditions = ["e.finish >= ?", _BEFORE if by_start else _BEFORE_BY_FINISH]
    values: list[object] = [window.from_unix_nano, window.to_unix_nano]
    cut = False
    if query.counted:
        names, cut = _sessions_behind(db, query.counted, window)
        conditions.append("e.session_id IN (SELECT value FROM json_each(?))")
        values.append(orjson.dumps(names).decode())
    _add_indexed(query.attributes, conditions, values, "EXISTS")
    _add_indexed(query.excluded, conditions, values, "NOT EXISTS")
    _add_like(db, query.like, conditions, values)
    # A session that spans the window may have been silent in it: one of its spans must fall there. It is the
    # dearest of the conditions, and the last.
    conditions.append(
        "EXISTS (SELECT 1 FROM spans s WHERE s.session_id = e.session_id AND s.start >= ? AND s.start < ?)"
    )
    values += [window.from_unix_nano, window.to_unix_nano]
    return _Selected(" AND ".join(conditions), values, cut)


def _sessions_behind(db: ReadSession, counted: CountedEvents, window: Window) -> tuple[list[str], bool]:
    """The sessions of the newest events that are counted, each once; True if there are older events."""
    if counted.error_id:
        return error_sessions(db, window, counted.where, counted.error_id)
    found = narrowed(db, counted.metric, window, counted.where)
    if found is None:
        return [], False
    rows = db.all(
        f"SELECT s.session_id FROM samples m JOIN spans s ON s.seq = m.seq WHERE {found[0]} "
        "ORDER BY m.start DESC LIMIT ?",
        (*found[1], MAX_SAMPLES + 1),
    )
    names = (name for (name,) in rows[:MAX_SAMPLES] if name)
    return list(dict.fromkeys(names)), len(rows) > MAX_SAMPLES


def _add_indexed(
    attributes: Mapping[str, str], conditions: list[str], values: list[object], exists: str
) -> None:
    """Add conditions for attributes that sessions are indexed by."""
    for name, value in attributes.items():
        if name == _LINK:
            conditions.append(
                f"{exists} (SELECT 1 FROM links x WHERE x.trace_id = ? AND x.session_id = e.session_id)"
            )
            values.append(_trace_bytes(value))
        elif name in _FOUND_BY:
            conditions.append(
                f"{exists} (SELECT 1 FROM session_pairs x WHERE x.session = e.id AND x.pair = "
                "(SELECT id FROM pairs WHERE tag = ? AND value = ?))"
            )
            values += [name, value]


def _add_like(db: ReadSession, like: Mapping[str, str], conditions: list[str], values: list[object]) -> None:
    """Add conditions for parts of attributes that sessions are indexed by."""
    for name, part in like.items():
        if name in _FOUND_BY:
            match = holds(db, "value", part)
            conditions.append(
                "EXISTS (SELECT 1 FROM session_pairs x WHERE x.session = e.id AND x.pair IN "
                f"(SELECT id FROM pairs WHERE tag = ? AND {match.sql}))"
            )
            values += [name, *match.values]


def _add_scanned(
    db: ReadSession, query: SessionQuery, conditions: list[str], values: list[object]
) -> int | None:
    """Add conditions for any other attribute, searched in the spans of the newest sessions.

    Returns the start of the last session that is searched; None if all of them are.
    """
    others = [
        Sought(name, value, part, carried)
        for attributes, part, carried in (
            (query.attributes, False, True),
            (query.like, True, True),
            (query.excluded, False, False),
        )
        for name, value in attributes.items()
        if name not in _FOUND_BY and (name != _LINK or part)
    ]
    if any(each.carried and is_never_seen(db, each.name) for each in others):
        conditions.append("0")
        return None
    others = [each for each in others if not is_never_seen(db, each.name)]
    if not others:
        return None
    conditions[:] = [each.replace(_BEFORE_BY_FINISH, _BEFORE) for each in conditions]
    # The spans of hundreds of sessions are searched once, for those that are shown and for their number.
    question = " AND ".join(conditions), str((values, others))
    scanned = db.noted.of(_Scanned)
    if question not in scanned:
        sessions, bound = first_sessions(db, question[0], values)
        scanned[question] = orjson.dumps(carrying(db, sessions, others)).decode(), bound
    found, bound = scanned[question]
    conditions[:] = ["e.id IN (SELECT value FROM json_each(?))"]
    values[:] = [found]
    return bound


class _Scanned(dict[tuple[str, str], tuple[str, int | None]]):
    """By what was sought: the numbers of the sessions that a scan found in one snapshot, as JSON, and the
    start of the last that was searched."""


def _trace_bytes(text: str) -> bytes:
    """A trace id as links keep it; for a text that is none, one that no link has."""
    trace_id = read_trace_id(text.strip())
    return trace_bytes(trace_id) if trace_id else b""
