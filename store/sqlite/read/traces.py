"""`store.api.TraceReader` over SQLite."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from signals.model import SessionId, Span, SpanId, TraceId
from signals.semantics import PROMOTED, UNBOUNDED
from store.api import BadQuery, BrowserLink, Page, TraceQuery
from store.queries import Window
from store.results import Affected, Presence, TraceSummary
from store.sqlite.packed_requests import SET_CODE
from store.sqlite.read import attribute_scan
from store.sqlite.read.affected import affected_traces
from store.sqlite.read.read_connection import ReadSession, Row, SqlitePart
from store.sqlite.read.row_mapping import (
    SPAN_COLUMNS,
    SPAN_TABLES,
    TRACE_COLUMNS,
    limited,
    make_cursor,
    pruned_or_never_seen,
    read_cursor,
    span_bytes,
    span_of,
    trace_bytes,
    trace_of,
)
from store.sqlite.read.tag_set_search import sets_containing, sets_of_environment, sets_with
from store.sqlite.read.text_match import traces_with_part
from store.sqlite.table_layout import BROWSER_FLAG, TAG_SET_SLOT_NS
from store.sqlite.tag_sets import ERROR, OPERATION, ORIGIN, SERVICE

_INDEXED = frozenset(PROMOTED)
_TRACES = "traces t"
_START, _DURATION, _ERRORS, _TAGS, _SESSION = 3, 4, 6, 10, 11
"""Places in TRACE_COLUMNS."""
_MAX_AFFECTED = 500
"""Traces among which those affected are counted: 5 to 15 ms."""
_MAX_LOOKED_AFFECTED = 8_000
"""Traces whose tags are looked at for that."""
_AT_ONCE = 500
"""Traces that carry all tags, of which so many are read at once."""
_MAX_LOOKED = 20_000
"""Traces whose tags are looked at in one query."""
_NEWEST_SPANS = 20_000
"""Spans among which an id is searched that no aggregated trace ends in."""
_RARE = 500
"""Counting the traces of a pair stops here: one with fewer is the one to begin with."""


class SqliteTraceReader(SqlitePart):
    """Finds traces and their spans."""

    def spans_of_trace(self, trace_id: TraceId, limit: int = 50_000) -> Sequence[Span]:
        with self._connections.session() as db:
            rows = db.all(
                f"SELECT {SPAN_COLUMNS} FROM {SPAN_TABLES} WHERE s.trace_id = ? "
                "ORDER BY s.start, s.span_id LIMIT ?",
                (trace_bytes(trace_id), limit),
            )
        return [span_of(row) for row in rows]

    def trace_ids_ending(self, last_16: str) -> Sequence[TraceId]:
        tail = span_bytes(last_16)
        with self._connections.session() as db:
            rows = db.all(
                "SELECT trace_id FROM traces WHERE substr(trace_id, 9) = ? ORDER BY start DESC LIMIT 10",
                (tail,),
            ) or db.all(
                "SELECT DISTINCT trace_id FROM spans NOT INDEXED "
                "WHERE seq > (SELECT max(seq) FROM spans) - ? AND substr(trace_id, 9) = ? LIMIT 10",
                (_NEWEST_SPANS, tail),
            )
        return [TraceId(trace_id.hex()) for (trace_id,) in rows]

    def locate(self, trace_id: TraceId) -> Presence:
        stored = trace_bytes(trace_id)
        with self._connections.session() as db:
            if db.one("SELECT 1 FROM spans WHERE trace_id = ? LIMIT 1", (stored,)):
                return Presence.PRESENT
            return pruned_or_never_seen(db, stored)

    def trace_of_span(self, span_id: str) -> TraceId | None:
        with self._connections.session() as db:
            row = db.one(
                # Reads this index from end to end, a twentieth of the table: an index by span id
                # would cost time for every span that arrives.
                "SELECT trace_id FROM spans INDEXED BY spans_by_id WHERE span_id = ? "
                "ORDER BY +seq DESC LIMIT 1",
                (span_bytes(span_id),),
            )
        return TraceId(row[0].hex()) if row else None

    def absent_spans(self, spans: Sequence[tuple[TraceId, SpanId]]) -> frozenset[tuple[TraceId, SpanId]]:
        with self._connections.session() as db:
            return frozenset(
                (trace_id, span_id)
                for trace_id, span_id in spans
                if db.one(
                    "SELECT 1 FROM spans WHERE trace_id = ? AND span_id = ?",
                    (trace_bytes(trace_id), span_bytes(span_id)),
                )
                is None
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
        stored = [trace_bytes(trace_id) for trace_id in trace_ids]
        with self._connections.session() as db:
            for begin in range(0, len(stored), _AT_ONCE):
                part = stored[begin : begin + _AT_ONCE]
                marks = ", ".join("?" * len(part))
                for row in db.each(
                    f"SELECT {TRACE_COLUMNS} FROM traces t WHERE substr(t.trace_id, 9) IN ({marks}) "
                    f"AND t.trace_id IN ({marks})",
                    ([one[8:] for one in part] + part),
                ):
                    summary = trace_of(row)
                    found[summary.trace_id] = summary
        return found

    def find_traces(self, query: TraceQuery) -> Page[TraceSummary]:
        limit = limited(query.limit)
        if query.sort not in ("newest", "slowest"):
            raise BadQuery(f"sort is {query.sort!r}: give newest or slowest.")
        with self._connections.session() as db:
            search = _Search(db, query)
            rows = search.rows(limit + 1)
        column = _START if query.sort == "newest" else _DURATION
        cursor = None
        truncated = search.truncated
        if len(rows) > limit:
            cursor = make_cursor(query.sort, rows[limit - 1][column], rows[limit - 1][-1])
        elif search.bound is not None:
            truncated = True
            cursor = make_cursor(query.sort, search.bound, 0) if query.sort == "newest" else None
        return Page([trace_of(row[:-1]) for row in rows[:limit]], cursor, truncated)

    def affected_by_traces(self, query: TraceQuery) -> Affected:
        with self._connections.session() as db:
            search = _Search(db, replace(query, sort="newest", cursor=None), _MAX_LOOKED_AFFECTED)
            rows = search.rows(_MAX_AFFECTED + 1)
            begun = [row[_START] for row in rows[:_MAX_AFFECTED]]
            cut = len(rows) > _MAX_AFFECTED or search.truncated or search.bound is not None
            since = min(begun, default=query.window.to_unix_nano) if cut else None
            counted = [(row[_ERRORS], row[_TAGS], row[_SESSION]) for row in rows[:_MAX_AFFECTED]]
            return affected_traces(db, counted, since, all_failed=query.error is not None)


class _Search:
    """A trace query as SQL.

    Pairs (services, errors, unbounded tags) are looked up in `trace_pairs`, all other
    promoted tags as groups of tag sets in `requests`, and any other attribute in `spans`.
    """

    def __init__(self, db: ReadSession, query: TraceQuery, most: int = _MAX_LOOKED) -> None:
        self._db = db
        self._query = query
        self._most = most
        self._conditions: list[str] = []
        self._values: list[object] = []
        self._impossible = False
        self.truncated = False
        self.bound: int | None = None
        """Start of the last trace whose spans were searched."""

    def rows(self, limit: int) -> list[Row]:
        """TRACE_COLUMNS and the row's number, in order."""
        query = self._query
        window = query.window
        pairs = self._pairs()
        carried = [
            sets_with(self._db, name, value)
            for name, value in query.attributes.items()
            if name in _INDEXED and name not in UNBOUNDED
        ]
        carried += [
            sets_containing(self._db, name, part)
            for name, part in query.like.items()
            if name in _INDEXED and name not in UNBOUNDED
        ]
        if query.operation is not None:
            carried.append(sets_with(self._db, OPERATION, query.operation, query.service))
        if query.operation_contains is not None:
            carried.append(sets_containing(self._db, OPERATION, query.operation_contains, query.service))
        if query.environment is not None:
            carried.append(sets_of_environment(self._db, query.environment))
        if self._impossible or not all(carried):
            return []
        if query.min_ns is not None:
            self._add("t.duration >= ?", query.min_ns)
        if query.max_ns is not None:
            self._add("t.duration <= ?", query.max_ns)
        measure = "t.start" if query.sort == "newest" else "t.duration"
        for name in query.like.keys() & UNBOUNDED:
            part = traces_with_part(self._db, name, query.like[name])
            self._add(part.sql, *part.values)
        after = read_cursor(query.cursor, query.sort)
        if after:
            self._add(f"({measure}, t.id) < (?, ?)", *after)
            if query.sort == "newest":
                window = Window(window.from_unix_nano, min(window.to_unix_nano, after[0] + 1))
        tables, pair = self._from(pairs)
        window = self._scan(tables, window)
        if not carried:
            return self._found(tables, window, limit)
        return self._carrying(tables, carried, window, limit, pair)

    def _found(
        self, tables: str, window: Window, limit: int, among: Sequence[int] | None = None
    ) -> list[Row]:
        """Rows that match all conditions, of the traces `among` if given."""
        by_pair = among is None and tables != _TRACES
        start = "p.start" if by_pair else "t.start"
        if among is not None:
            tables = (
                _TRACES
                if tables == _TRACES
                else f"{_TRACES} JOIN trace_pairs p ON p.trace = t.id AND p.start = t.start"
            )
        conditions = [*self._conditions, f"{start} >= ?", f"{start} < ?"]
        if among is not None:
            conditions.append(f"t.id IN ({', '.join(map(str, among))})")
        measure = start if self._query.sort == "newest" else "t.duration"
        return self._db.all(
            f"SELECT {TRACE_COLUMNS}, t.id FROM {tables} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {measure} DESC, t.id DESC LIMIT ?",
            (*self._values, window.from_unix_nano, window.to_unix_nano, limit),
        )

    def _add(self, condition: str, *values: object) -> None:
        self._conditions.append(condition)
        self._values += values

    def _carrying(
        self, tables: str, carried: Sequence[frozenset[int]], window: Window, limit: int, pair: int | None
    ) -> list[Row]:
        """Traces with a request of every one of these groups of tag sets, slot by slot, newest first."""
        rows: list[Row] = []
        candidates: list[int] = []
        looked = 0
        for slot in self._slots(carried, window):
            begin = max(window.from_unix_nano, slot * TAG_SET_SLOT_NS)
            part = Window(begin, min(window.to_unix_nano, (slot + 1) * TAG_SET_SLOT_NS))
            found = []
            for trace, sets in self._packed(pair, part, self._most - looked):
                looked += 1
                # A view and not a copy: most traces are dismissed by their first group.
                ids = memoryview(sets).cast(SET_CODE)
                for group in carried:
                    if group.isdisjoint(ids):
                        break
                else:
                    found.append(trace)
            if self._query.sort == "newest":
                for begun in range(0, len(found), _AT_ONCE):
                    rows += self._found(tables, part, limit - len(rows), found[begun : begun + _AT_ONCE])
                    if len(rows) >= limit:
                        return rows
            else:
                candidates += found
            if looked >= self._most:
                self.truncated = True
                break
        if self._query.sort == "newest":
            return rows
        return self._found(tables, window, limit, candidates) if candidates else []

    def _packed(self, pair: int | None, part: Window, limit: int) -> Iterator[Row]:
        """(trace, packed sets), newest first; with a pair, of traces that have it."""
        times = part.from_unix_nano, part.to_unix_nano
        if pair is None:
            return self._db.each(
                "SELECT trace, sets FROM requests WHERE start >= ? AND start < ? "
                "ORDER BY start DESC, trace DESC LIMIT ?",
                (*times, limit),
            )
        return self._db.each(
            "SELECT p.trace, r.sets FROM trace_pairs p "
            "CROSS JOIN requests r ON r.start = p.start AND r.trace = p.trace "
            "WHERE p.pair = ? AND p.start >= ? AND p.start < ? ORDER BY p.start DESC, p.trace DESC LIMIT ?",
            (pair, *times, limit),
        )

    def _slots(self, carried: Sequence[frozenset[int]], window: Window) -> list[int]:
        """Slots in which every group of sets occurs, newest first."""
        slots: set[int] | None = None
        for group in carried:
            rows = self._db.all(
                "SELECT DISTINCT slot FROM set_slots "
                f"WHERE tagset IN ({', '.join(map(str, group))}) AND slot >= ? AND slot <= ?",
                (window.from_unix_nano // TAG_SET_SLOT_NS, window.to_unix_nano // TAG_SET_SLOT_NS),
            )
            here = {slot for (slot,) in rows}
            slots = here if slots is None else slots & here
        return sorted(slots or (), reverse=True)

    def _pairs(self) -> list[int]:
        """The ids of the pairs that a trace must have; none and `_impossible` if one does not exist."""
        query = self._query
        pairs = [(name, value) for name, value in query.attributes.items() if name in UNBOUNDED]
        if query.error is not None:
            if query.error not in ("any", "origin"):
                raise BadQuery(f"error is {query.error!r}: give any or origin.")
            pairs.append((ERROR if query.error == "any" else ORIGIN, query.service or ""))
        elif query.service:
            pairs.append((SERVICE, query.service))
        if query.also:
            pairs.append((SERVICE, query.also))
        found = []
        for pair in pairs:
            row = self._db.one("SELECT id FROM pairs WHERE tag = ? AND value = ?", pair)
            if row is None:
                self._impossible = True
                return []
            found.append(row[0])
        return found

    def _from(self, pairs: list[int]) -> tuple[str, int | None]:
        """(tables to read from, id of the pair to begin with): the rarest; the others become conditions."""
        if not pairs:
            return _TRACES, None
        window = self._query.window
        counts = []
        for pair in pairs:
            row = self._db.one(
                "SELECT count(*) FROM (SELECT 1 FROM trace_pairs "
                "WHERE pair = ? AND start >= ? AND start < ? LIMIT ?)",
                (pair, window.from_unix_nano, window.to_unix_nano, _RARE if len(pairs) > 1 else 0),
            )
            counts.append((row[0] if row else 0, pair))
        rarest = min(counts)[1]
        self._add("p.pair = ?", rarest)
        for pair in pairs:
            if pair != rarest:
                self._add(
                    "EXISTS (SELECT 1 FROM trace_pairs x "
                    "WHERE x.pair = ? AND x.start = p.start AND x.trace = p.trace)",
                    pair,
                )
        return "trace_pairs p CROSS JOIN traces t ON t.id = p.trace", rarest

    def _scan(self, tables: str, window: Window) -> Window:
        """Search the spans of the window's newest traces for what is not indexed.

        Returns the part of the window that they fill: all of it if nothing needs to be searched for.
        """
        query = self._query
        exact = {name: value for name, value in query.attributes.items() if name not in _INDEXED}
        parts = {name: part for name, part in query.like.items() if name not in _INDEXED}
        if not exact and not parts:
            return window
        start = "t.start" if tables == _TRACES else "p.start"
        conditions = [*self._conditions, f"{start} >= ?", f"{start} < ?"]
        row = self._db.one(
            f"SELECT {start} FROM {tables} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {start} DESC LIMIT 1 OFFSET ?",
            (*self._values, window.from_unix_nano, window.to_unix_nano, attribute_scan.MAX_TRACES - 1),
        )
        for carried in (
            attribute_scan.condition_for(self._db, exact, "span", "s"),
            attribute_scan.condition_holding(self._db, parts, "span", "s"),
        ):
            self._add(
                "EXISTS (SELECT 1 FROM spans s "
                f"WHERE s.trace_id = t.trace_id AND NOT s.flags & {BROWSER_FLAG} "
                f"AND ({carried.sql}))",
                *carried.values,
            )
        if row is None:
            return window
        self.bound = row[0]
        return Window(row[0], window.to_unix_nano)
