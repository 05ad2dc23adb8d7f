"""`store.api.TraceReader` over SQLite."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from signals.model import SessionId, Span, SpanId, TraceId
from store.api import BadQuery, BrowserLink, Page, TraceQuery
from store.results import Affected, Presence, TraceSummary
from store.sqlite.read.affected import affected_traces
from store.sqlite.read.read_connection import SqlitePart
from store.sqlite.read.row_mapping import (
    TRACE_COLUMNS,
    limited,
    make_cursor,
    pruned_or_never_seen,
    span_bytes,
    trace_bytes,
    trace_of,
)
from store.sqlite.read.span_id_search import trace_of_span
from store.sqlite.read.spans_of import decoded, stored_spans
from store.sqlite.read.trace_search import LAST_ROW, TraceSearch

_START, _DURATION, _ERRORS, _TAGS, _SESSION = 3, 4, 6, 10, 11
"""Places in TRACE_COLUMNS."""
_MAX_TOTAL = 1_000
"""Traces that a total counts: about 5 ms."""
_MAX_AFFECTED = 500
"""Traces among which those affected are counted: 5 to 15 ms."""
MAX_LOOKED = 20_000
"""Traces whose tags are looked at in one query …"""
_MAX_LOOKED_AFFECTED = 8_000
"""… and to count those affected."""
_AT_ONCE = 500
"""Traces whose summaries are read at once."""
_NEWEST_SPANS = 20_000
"""Spans among which an id is searched that no aggregated trace ends in."""


class SqliteTraceReader(SqlitePart):
    """Finds traces and their spans."""

    def spans_of_trace(self, trace_id: TraceId, limit: int = 50_000) -> Sequence[Span]:
        with self._connections.session() as db:
            stored = stored_spans(db, leave_out_damaged=False)
            return decoded(stored, stored.by_time(trace_bytes(trace_id), limit))

    def trace_ids_ending(self, last_16: str) -> Sequence[TraceId]:
        tail = span_bytes(last_16)
        with self._connections.session() as db:
            rows = db.all(
                "SELECT trace_id FROM traces WHERE substr(trace_id, 9) = ? ORDER BY start DESC LIMIT 10",
                (tail,),
            )
            found = [trace_id for (trace_id,) in rows] or stored_spans(db).newest_traces_ending(
                tail, _NEWEST_SPANS
            )
        return [TraceId(trace_id.hex()) for trace_id in found]

    def locate(self, trace_id: TraceId) -> Presence:
        stored = trace_bytes(trace_id)
        with self._connections.session() as db:
            if stored_spans(db).has_trace(stored):
                return Presence.PRESENT
            return pruned_or_never_seen(db, stored)

    def trace_of_span(self, span_id: str) -> TraceId | None:
        with self._connections.session() as db:
            found = trace_of_span(db, span_bytes(span_id))
        return TraceId(found.hex()) if found else None

    def absent_spans(self, spans: Sequence[tuple[TraceId, SpanId]]) -> frozenset[tuple[TraceId, SpanId]]:
        with self._connections.session() as db:
            stored = stored_spans(db)
            return frozenset(
                (trace_id, span_id)
                for trace_id, span_id in spans
                if not stored.has_span(trace_bytes(trace_id), span_bytes(span_id))
            )

    def browser_of_trace(self, trace_id: TraceId) -> BrowserLink | None:
        stored = trace_bytes(trace_id)
        with self._connections.session() as db:
            row = db.one(
                "SELECT k.session_id, s.trace_id, s.span_id FROM links k JOIN spans s ON s.seq = k.seq "
                "WHERE k.trace_id = ? ORDER BY k.seq LIMIT 1",
                (stored,),
            ) or db.one(
                "SELECT s.session_id, s.trace_id, s.span_id FROM traces t "
                "JOIN spans s ON s.trace_id = t.trace_id "
                "WHERE substr(t.trace_id, 9) = substr(?, 9) AND t.trace_id = ? "
                "AND s.session_id = t.session_id ORDER BY s.start, s.span_id LIMIT 1",
                (stored, stored),
            )
        if row is None:
            return None
        return BrowserLink(SessionId(row[0]), TraceId(row[1].hex()), SpanId(row[2].hex()))

    def trace_summaries(self, trace_ids: Sequence[TraceId]) -> Mapping[TraceId, TraceSummary]:
        found: dict[TraceId, TraceSummary] = {}
        # In the order of the index, by the ends of ids.
        stored = sorted({trace_bytes(trace_id) for trace_id in trace_ids}, key=lambda each: (each[8:], each))
        with self._connections.session() as db:
            for begin in range(0, len(stored), _AT_ONCE):
                part = stored[begin : begin + _AT_ONCE]
                # Pairs of end and id: of two lists, SQLite looks up each end with each id.
                pairs = ", ".join(["(?, ?)"] * len(part))
                for row in db.each(
                    f"WITH asked (ending, trace_id) AS (VALUES {pairs}) SELECT {TRACE_COLUMNS} FROM asked a "
                    "CROSS JOIN traces t ON substr(t.trace_id, 9) = a.ending AND t.trace_id = a.trace_id",
                    [value for one in part for value in (one[8:], one)],
                ):
                    summary = trace_of(row)
                    found[summary.trace_id] = summary
        return found

    def find_traces(self, query: TraceQuery) -> Page[TraceSummary]:
        limit = limited(query.limit)
        if query.sort not in ("newest", "oldest", "slowest"):
            raise BadQuery(f"sort is {query.sort!r}: give newest, oldest or slowest.")
        with self._connections.session() as db:
            search = TraceSearch(db, query, MAX_LOOKED)
            rows = search.rows(limit + 1)
        column = _DURATION if query.sort == "slowest" else _START
        cursor = None
        truncated = search.truncated
        if len(rows) > limit:
            cursor = make_cursor(query.sort, rows[limit - 1][column], rows[limit - 1][-1])
        elif search.bound is not None:
            truncated = True
            # Of traces that begin at the bound all were searched.
            beyond = 0 if query.sort == "newest" else LAST_ROW
            cursor = None if query.sort == "slowest" else make_cursor(query.sort, search.bound, beyond)
        return Page([trace_of(row[:-1]) for row in rows[:limit]], cursor, truncated)

    def count_traces(self, query: TraceQuery) -> tuple[int, bool]:
        with self._connections.session() as db:
            search = TraceSearch(db, replace(query, sort="newest", cursor=None), MAX_LOOKED)
            found = len(search.rows(_MAX_TOTAL + 1, "t.id"))
        return min(found, _MAX_TOTAL), found > _MAX_TOTAL or search.truncated or search.bound is not None

    def affected_by_traces(self, query: TraceQuery) -> Affected:
        with self._connections.session() as db:
            search = TraceSearch(db, replace(query, sort="newest", cursor=None), _MAX_LOOKED_AFFECTED)
            rows = search.rows(_MAX_AFFECTED + 1)
            begun = [row[_START] for row in rows[:_MAX_AFFECTED]]
            cut = len(rows) > _MAX_AFFECTED or search.truncated or search.bound is not None
            since = min(begun, default=query.window.to_unix_nano) if cut else None
            counted = [(row[_ERRORS], row[_TAGS], row[_SESSION]) for row in rows[:_MAX_AFFECTED]]
            return affected_traces(db, counted, since, all_failed=query.error is not None)
