"""A trace query as SQL: pairs, groups of tag sets, and attributes of spans."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import compress, islice

import orjson

from signals.semantics import PROMOTED, UNBOUNDED
from store.api import BadQuery, TraceQuery
from store.queries import Window
from store.sqlite.packed_requests import SET_CODE
from store.sqlite.read import attribute_scan
from store.sqlite.read.attribute_names import is_never_seen
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.request_slots import tag_set_slots
from store.sqlite.read.row_mapping import TRACE_COLUMNS, read_cursor
from store.sqlite.read.spans_of import traces_with_span
from store.sqlite.read.tag_set_search import sets_containing, sets_of_environment, sets_with
from store.sqlite.read.text_match import traces_with_part
from store.sqlite.table_layout import TAG_SET_SLOT_NS
from store.tag_sets import ERROR, OPERATION, ORIGIN, SERVICE

_INDEXED = frozenset(PROMOTED)
_TRACES = "traces t"
_AT_ONCE = 500
"""Traces that carry all tags, of which so many are read at once."""
MAX_LOOKED = 20_000
"""Traces whose tags are looked at in one query."""
LAST_ROW = 2**62
"""Higher than the number of any row."""
_RARE = 500
"""Counting the traces of a pair stops here: one with fewer is the one to begin with."""


class TraceSearch:
    """A trace query as SQL.

    Pairs (services, errors, unbounded tags) are looked up in `trace_pairs`, all other
    promoted tags as groups of tag sets in `requests`, and any other attribute in `spans`.
    """

    def __init__(self, db: ReadSession, query: TraceQuery, most: int = MAX_LOOKED) -> None:
        self._db = db
        self._query = query
        self._most = most
        self._conditions: list[str] = []
        self._values: list[object] = []
        self._impossible = False
        self._by_time = query.sort != "slowest"
        self._order = "ASC" if query.sort == "oldest" else "DESC"
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
        if self._impossible or not all(carried) or self._names_nothing():
            return []
        if query.min_ns is not None:
            self._add("t.duration >= ?", query.min_ns)
        if query.max_ns is not None:
            self._add("t.duration <= ?", query.max_ns)
        measure = "t.start" if self._by_time else "t.duration"
        for name in query.like.keys() & UNBOUNDED:
            part = traces_with_part(self._db, name, query.like[name])
            self._add(part.sql, *part.values)
        after = read_cursor(query.cursor, query.sort)
        if after:
            self._add(f"({measure}, t.id) {'>' if query.sort == 'oldest' else '<'} (?, ?)", *after)
            if query.sort == "newest":
                window = Window(window.from_unix_nano, min(window.to_unix_nano, after[0] + 1))
            elif query.sort == "oldest":
                window = Window(max(window.from_unix_nano, after[0]), window.to_unix_nano)
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
        measure = start if self._by_time else "t.duration"
        return self._db.all(
            f"SELECT {TRACE_COLUMNS}, t.id FROM {tables} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {measure} {self._order}, t.id {self._order} LIMIT ?",
            (*self._values, window.from_unix_nano, window.to_unix_nano, limit),
        )

    def _add(self, condition: str, *values: object) -> None:
        self._conditions.append(condition)
        self._values += values

    def _carrying(
        self, tables: str, carried: Sequence[frozenset[int]], window: Window, limit: int, pair: int | None
    ) -> list[Row]:
        """Traces with a request of every one of these groups of tag sets, slot by slot, in order of time."""
        traces: list[Row] = []
        candidates: list[int] = []
        looked = 0
        # The smallest first: most traces are dismissed by it.
        groups = sorted(carried, key=len)
        for slot in self._slots(carried, window):
            begin = max(window.from_unix_nano, slot * TAG_SET_SLOT_NS)
            part = Window(begin, min(window.to_unix_nano, (slot + 1) * TAG_SET_SLOT_NS))
            found = []
            rows = self._packed(pair, part, self._most - looked)
            while chunk := list(islice(rows, _AT_ONCE)):
                looked += len(chunk)
                found += _with_all(chunk, groups)
            if self._by_time:
                for begun in range(0, len(found), _AT_ONCE):
                    traces += self._found(tables, part, limit - len(traces), found[begun : begun + _AT_ONCE])
                    if len(traces) >= limit:
                        return traces
            else:
                candidates += found
            if looked >= self._most:
                self.truncated = True
                break
        if self._by_time:
            return traces
        return self._found(tables, window, limit, candidates) if candidates else []

    def _packed(self, pair: int | None, part: Window, limit: int) -> Iterator[Row]:
        """(trace, packed sets) in order of time; with a pair, of traces that have it."""
        times = part.from_unix_nano, part.to_unix_nano
        if pair is None:
            return self._db.each(
                "SELECT trace, sets FROM requests WHERE start >= ? AND start < ? "
                f"ORDER BY start {self._order}, trace {self._order} LIMIT ?",
                (*times, limit),
            )
        return self._db.each(
            "SELECT p.trace, r.sets FROM trace_pairs p "
            "CROSS JOIN requests r ON r.start = p.start AND r.trace = p.trace "
            "WHERE p.pair = ? AND p.start >= ? AND p.start < ? "
            f"ORDER BY p.start {self._order}, p.trace {self._order} LIMIT ?",
            (pair, *times, limit),
        )

    def _slots(self, carried: Sequence[frozenset[int]], window: Window) -> list[int]:
        """Slots in which every group of sets occurs, in the order of the query."""
        slots: set[int] | None = None
        first, last = window.from_unix_nano // TAG_SET_SLOT_NS, window.to_unix_nano // TAG_SET_SLOT_NS
        for group in carried:
            here: set[int] = set()
            occupied = tag_set_slots(self._db, window) if len(group) > _AT_ONCE else None
            numbers = iter(group)
            while part := list(islice(numbers, _AT_ONCE)):
                rows = self._db.each(
                    "SELECT DISTINCT slot FROM set_slots "
                    "WHERE tagset IN (SELECT value FROM json_each(?)) AND slot >= ? AND slot <= ?",
                    (orjson.dumps(part).decode(), first, last),
                )
                here.update([slot for (slot,) in rows])
                # Some of the sets of an environment are in all slots in which there is anything.
                if occupied is not None and occupied <= here:
                    break
            slots = here if slots is None else slots & here
        return sorted(slots or (), reverse=self._order == "DESC")

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

    def _names_nothing(self) -> bool:
        """Whether an attribute is sought that nothing has."""
        sought = (query := self._query).attributes.keys() | query.like.keys()
        return any(is_never_seen(self._db, name) for name in sought - _INDEXED)

    def _scan(self, tables: str, window: Window) -> Window:
        """Search the spans of the window's first traces for what is not indexed.

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
            f"ORDER BY {start} {self._order} LIMIT 1 OFFSET ?",
            (*self._values, window.from_unix_nano, window.to_unix_nano, attribute_scan.MAX_TRACES - 1),
        )
        for names, carried in (
            (exact, attribute_scan.condition_for(self._db, exact, "span", "s")),
            (parts, attribute_scan.condition_holding(self._db, parts, "span", "s")),
        ):
            if names:
                needle = attribute_scan.needle_of(names)
                condition, values = traces_with_span(self._db, carried, needle)
                self._add(condition, *values)
        if row is None:
            return window
        self.bound = row[0]
        if self._query.sort == "oldest":
            return Window(window.from_unix_nano, row[0] + 1)
        return Window(row[0], window.to_unix_nano)


def _with_all(rows: Sequence[Row], groups: Sequence[frozenset[int]]) -> list[int]:
    """The traces, of (trace, packed sets), that carry a set of each of these groups."""
    traces = [trace for trace, _ in rows]
    # Views and not copies; `map` and `compress`, as this is done for every trace of a long time range.
    carried = [memoryview(sets).cast(SET_CODE) for _, sets in rows]
    for group in groups:
        has = [not lacks for lacks in map(group.isdisjoint, carried)]
        traces, carried = list(compress(traces, has)), list(compress(carried, has))
    return traces
