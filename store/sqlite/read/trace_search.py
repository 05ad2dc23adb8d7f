"""A trace query as SQL: pairs, groups of tag sets, and attributes of spans."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import islice
from typing import NamedTuple

import orjson

from signals.attributes import SEAT
from signals.semantics import PROMOTED, UNBOUNDED
from store.api import BadQuery, TraceQuery
from store.queries import Window
from store.sqlite.read import attribute_scan
from store.sqlite.read.attribute_names import is_never_seen
from store.sqlite.read.carrying_traces import AT_ONCE, Carried, CarryingTraces
from store.sqlite.read.longest_traces import may_last
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.request_slots import tag_set_slots
from store.sqlite.read.row_mapping import TRACE_COLUMNS, read_cursor
from store.sqlite.read.spans_of import traces_with_span
from store.sqlite.read.tag_set_search import sets_containing, sets_of_environment, sets_with
from store.sqlite.read.text_match import traces_with_part
from store.sqlite.table_layout import TAG_SET_SLOT_NS
from store.tag_sets import ERROR, MANY_PERSONS, OPERATION, ORIGIN, PERSON, SERVICE

_INDEXED = frozenset(PROMOTED)
_TRACES = "traces t"
LAST_ROW = 2**62
"""Higher than the number of any row."""
_RARE = 500
"""Counting the traces of a pair stops here: one with fewer is the one to begin with."""


class _Asked(NamedTuple):
    """What is to be read."""

    columns: str
    tables: str
    window: Window
    limit: int


class TraceSearch:
    """A trace query as SQL.

    Pairs (services, errors, unbounded tags, a person) are looked up in `trace_pairs`, all other
    promoted tags as groups of tag sets in `requests`, and any other attribute in `spans`.
    """

    def __init__(self, db: ReadSession, query: TraceQuery, most: int) -> None:
        """`most` is how many traces' tags are looked at."""
        self._db = db
        self._query = query
        self._most = most
        self._conditions: list[str] = []
        self._values: list[object] = []
        self._impossible = False
        self._person = self._indexed_person()
        self._by_time = query.sort != "slowest"
        self._order = "ASC" if query.sort == "oldest" else "DESC"
        self.truncated = False
        self.bound: int | None = None
        """Start of the last trace whose spans were searched."""

    def rows(self, limit: int, columns: str = f"{TRACE_COLUMNS}, t.id") -> list[Row]:
        """The columns, in order; unless others are asked for TRACE_COLUMNS and the row's number."""
        query = self._query
        window = query.window
        pairs = self._pairs()
        carried = self._carried()
        if self._impossible or not all(carried.values()) or self._names_nothing():
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
        tables, pair = self._from(list(pairs))
        window = self._scan(tables, window)
        found = _Asked(columns, tables, window, limit)
        if not carried:
            return self._found_in_parts(found) if pair is None else self._found(found)
        return self._carrying(found, Carried(carried, None if pair is None else (pair, pairs[pair])))

    def _carried(self) -> dict[Hashable, frozenset[int]]:
        """The groups of tag sets of which a trace must have one each, by what they are found by."""
        db, query = self._db, self._query
        carried: dict[Hashable, frozenset[int]] = {}
        for name, value in query.attributes.items():
            if name in _INDEXED and name not in UNBOUNDED and (name != SEAT or self._person is None):
                carried["with", name, value, None] = sets_with(db, name, value)
        for name, part in query.like.items():
            if name in _INDEXED and name not in UNBOUNDED:
                carried["containing", name, part, None] = sets_containing(db, name, part)
        service = query.service
        if query.operation is not None:
            found = sets_with(db, OPERATION, query.operation, service)
            carried["with", OPERATION, query.operation, service] = found
        if query.operation_contains is not None:
            found = sets_containing(db, OPERATION, query.operation_contains, service)
            carried["containing", OPERATION, query.operation_contains, service] = found
        if query.environment is not None:
            carried["environment", query.environment] = sets_of_environment(db, query.environment)
        return carried

    def _found_in_parts(self, asked: _Asked) -> list[Row]:
        """`_found`, without the minutes of the window in which no trace lasts as long as is sought."""
        least = self._query.min_ns
        parts = None if least is None or not self._by_time else may_last(self._db, asked.window, least)
        if parts is None:
            return self._found(asked)
        found: list[Row] = []
        for part in parts if self._order == "DESC" else reversed(parts):
            found += self._found(asked._replace(window=part, limit=asked.limit - len(found)))
            if len(found) >= asked.limit:
                break
        return found

    def _found(self, asked: _Asked, among: Sequence[int] | None = None) -> list[Row]:
        """Rows that match all conditions, of the traces `among` if given."""
        tables, window = asked.tables, asked.window
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
            f"SELECT {asked.columns} FROM {tables} WHERE {' AND '.join(conditions)} "
            f"ORDER BY {measure} {self._order}, t.id {self._order} LIMIT ?",
            (*self._values, window.from_unix_nano, window.to_unix_nano, asked.limit),
        )

    def _add(self, condition: str, *values: object) -> None:
        self._conditions.append(condition)
        self._values += values

    def _carrying(self, asked: _Asked, carried: Carried) -> list[Row]:
        """Traces with a request of every one of these groups of tag sets, slot by slot, in order of time."""
        traces: list[Row] = []
        candidates: list[int] = []
        window, limit = asked.window, asked.limit
        carrying = CarryingTraces(self._db, carried, self._most, newest_first=self._order == "DESC")
        for slot in self._slots(list(carried.groups.values()), window):
            begin = max(window.from_unix_nano, slot * TAG_SET_SLOT_NS)
            part = Window(begin, min(window.to_unix_nano, (slot + 1) * TAG_SET_SLOT_NS))
            found = carrying.within(part)
            if self._by_time:
                for begun in range(0, len(found), AT_ONCE):
                    of_part = asked._replace(window=part, limit=limit - len(traces))
                    traces += self._found(of_part, found[begun : begun + AT_ONCE])
                    if len(traces) >= limit:
                        return traces
            else:
                candidates += found
            if carrying.is_full:
                self.truncated = True
                break
        if self._by_time:
            return traces
        return self._found(asked, candidates) if candidates else []

    def _slots(self, carried: Sequence[frozenset[int]], window: Window) -> list[int]:
        """Slots in which every group of sets occurs, in the order of the query."""
        slots: set[int] | None = None
        first, last = window.from_unix_nano // TAG_SET_SLOT_NS, window.to_unix_nano // TAG_SET_SLOT_NS
        for group in carried:
            here: set[int] = set()
            occupied = tag_set_slots(self._db, window) if len(group) > AT_ONCE else None
            numbers = iter(group)
            while part := list(islice(numbers, AT_ONCE)):
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

    def _pairs(self) -> dict[int, tuple[str, str]]:
        """The pairs that a trace must have by their ids; none and `_impossible` if one does not exist."""
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
        if self._person is not None:
            pairs.append((PERSON, self._person))
        found = {}
        for pair in pairs:
            row = self._db.one("SELECT id FROM pairs WHERE tag = ? AND value = ?", pair)
            if row is None:
                self._impossible = True
                return {}
            found[row[0]] = pair
        return found

    def _indexed_person(self) -> str | None:
        """The person that is sought, if the pairs of persons tell all of the window's traces.

        Not beside attributes that are only in spans: the first traces of the window are searched for these,
        and not the first of a person, which are spread over hours.
        """
        query = self._query
        person = query.attributes.get(SEAT)
        if person is None or not _INDEXED.issuperset(query.attributes.keys() | query.like.keys()):
            return None
        many = self._db.one(
            "SELECT 1 FROM trace_pairs WHERE pair = (SELECT id FROM pairs WHERE tag = ? AND value = '') "
            "AND start >= ? AND start < ? LIMIT 1",
            (MANY_PERSONS, query.window.from_unix_nano, query.window.to_unix_nano),
        )
        return None if many else person

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
