"""A log query as SQL: one page, the count, or the counts over time.

Conditions that an index answers are applied to all rows. A frequent text or an attribute
that is not indexed is searched in a bounded number of rows, from the end where the order begins.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import starmap
from typing import NamedTuple

import orjson

from signals.model import Severity
from store.api import BadQuery, LogQuery
from store.queries import Window
from store.question_parts import words_of
from store.sqlite.read import attribute_scan
from store.sqlite.read.attribute_names import is_never_seen
from store.sqlite.read.log_text import rare_rows
from store.sqlite.read.read_connection import ReadSession, Row
from store.sqlite.read.row_mapping import (
    LOG_COLUMNS,
    LOG_TABLES,
    make_cursor,
    read_cursor,
    span_bytes,
    trace_bytes,
)
from store.sqlite.read.text_match import holds
from store.sqlite.table_layout import LOG_SLOT_NS

_BEHIND_ALL = Window.ALL.to_unix_nano
"""Greater than any number of a log: the cursor of an oldest-first page that ended at a time."""
_ORDERS = {"after": "l.seq", "oldest": "l.time, l.seq", "newest": "l.time DESC, l.seq DESC"}


class Conditions(NamedTuple):
    """Parts of a WHERE clause, all of which must hold, and their values in order."""

    parts: list[str]
    values: list[object]

    def add(self, condition: str, *values: object) -> None:
        """Append one condition."""
        self.parts.append(condition)
        self.values.extend(values)

    def and_also(self, *others: Conditions) -> Conditions:
        """These and those of the others, as a new object."""
        together = Conditions(list(self.parts), list(self.values))
        for other in others:
            together.add(" AND ".join(other.parts) or "1", *other.values)
        return together

    def sql(self) -> str:
        """The clause; "1" without any condition."""
        return " AND ".join(self.parts) or "1"


class Hit(NamedTuple):
    """A log that matches, in order of time."""

    time: int
    seq: int
    severity: int


class _KnownHits(list[tuple[LogQuery, list[Hit]]]):
    """What searches by the text index found in one snapshot: a page asks several questions of one search."""


class Search:
    """One query. `order` is `newest`, `oldest` or, for logs that arrived after another, `after`."""

    def __init__(self, db: ReadSession, query: LogQuery) -> None:
        self._db = db
        self._query = query
        self._place = Conditions([], [])
        """Conditions on ids, and on the number where logs after another are sought."""
        self._window = query.window if query.after is None else None
        """The times that match; None where logs after another are sought, whatever their time."""
        self._found_by_text: Sequence[int] | None = None
        """The numbers of the rows that may hold the text; None where rows are read by time."""
        self._counted_by = Conditions([], [])
        """Conditions on service and severity, which `log_cells` has as columns too."""
        self._costly = Conditions([], [])
        """Conditions that need the row itself: texts and attributes."""
        self._hint = ""
        """The index that SQLite must use where its planner would choose a worse one."""
        self._bounded = False
        """Whether only a bounded number of rows may be read."""
        self.order = "after" if query.after is not None else "oldest" if query.oldest_first else "newest"
        self._add_conditions()

    def _add_conditions(self) -> None:
        query = self._query
        place = self._place
        ids = (query.trace_id, query.session_id, query.span_id)
        narrow = bool(query.trace_ids) or any(part is not None for part in ids)
        if query.trace_id is not None:
            place.add("l.trace_id = ?", trace_bytes(query.trace_id))
            self._hint = " INDEXED BY logs_by_trace"
        if query.trace_ids:
            self._of_traces(query)
        elif query.session_id is not None:
            place.add("l.session_id = ?", query.session_id)
        if query.span_id is not None:
            place.add("l.span_id = ?", span_bytes(query.span_id))
        if query.after is not None:
            place.add("l.seq > ?", log_number(query.after))
            self._hint = " NOT INDEXED"
        if query.service is not None:
            self._counted_by.add("l.service = ?", query.service)
        if query.severities:
            self._severities(query.severities)
        if query.text:
            self._text(query.text, narrow=narrow or query.after is not None)
        self._attributes(query, narrow=narrow)

    def _attributes(self, query: LogQuery, *, narrow: bool) -> None:
        """Conditions on attributes; nothing is read for one that nothing has."""
        nowhere = {
            name
            for name in {*query.attributes, *query.like, *(name for name, _ in query.excluded)}
            if is_never_seen(self._db, name)
        }
        if not nowhere.isdisjoint({*query.attributes, *query.like}):
            self._place.add("0")
            return
        excluded = [{name: value} for name, value in query.excluded if name not in nowhere]
        self._bounded |= not narrow and bool(query.attributes or query.like or excluded)
        find, find_part = attribute_scan.condition_for, attribute_scan.condition_holding
        for carried in (
            find(self._db, query.attributes, "log", "l"),
            find_part(self._db, query.like, "log", "l"),
        ):
            self._costly.add(carried.sql, *carried.values)
        for pair in excluded:
            carried = find(self._db, pair, "log", "l")
            self._costly.add(f"NOT ({carried.sql})", *carried.values)

    def _of_traces(self, query: LogQuery) -> None:
        """Logs of any of these traces, or of the session: each found by its own index."""
        among = ", ".join("?" * len(query.trace_ids))
        found = f"SELECT seq FROM logs INDEXED BY logs_by_trace WHERE trace_id IN ({among})"
        values: list[object] = [trace_bytes(trace_id) for trace_id in query.trace_ids]
        if query.session_id is not None:
            found += " UNION SELECT seq FROM logs INDEXED BY logs_by_session WHERE session_id = ?"
            values.append(query.session_id)
        self._place.add(f"l.seq IN ({found})", *values)
        if query.trace_id is None:
            self._hint = " NOT INDEXED"

    def _severities(self, severities: frozenset[Severity]) -> None:
        """OTLP numbers severities 1 to 24, four to each name; 0 is unspecified, and counts as info."""
        ranges = []
        for place, severity in enumerate(Severity):
            if severity in severities:
                low = place * 4 + 1
                high = 2**31 if severity is Severity.FATAL else low + 3
                ranges.append(f"l.severity BETWEEN {low} AND {high}")
                if severity is Severity.INFO:
                    ranges.append("l.severity <= 0")
        self._counted_by.add(f"({' OR '.join(ranges)})")

    def _text(self, text: str, *, narrow: bool) -> None:
        """Every word is a substring; the trigram index is used if it finds few."""
        words = words_of(text)
        self._found_by_text = None if narrow else rare_rows(self._db, words)
        self._bounded |= self._found_by_text is None and not narrow
        for word in words:
            held = holds(self._db, "l.body", word)
            self._costly.add(held.sql, *held.values)

    def _cheap(self, window: Window | None) -> Conditions:
        """The conditions that indexes answer, for rows of this window."""
        cheap = self._place.and_also(self._counted_by)
        if window is not None:
            cheap.add("l.time >= ?", window.from_unix_nano)
            cheap.add("l.time < ?", window.to_unix_nano)
        if self._query.environment is not None:
            resources = attribute_scan.resources_of(self._db, self._query.environment)
            cheap.add(f"l.resource IN ({attribute_scan.among(resources)})")
        return cheap

    def _bound(self, cheap: Conditions) -> int | None:
        """Time (for `after`: number) of the last row that is read; None if all are."""
        if not self._bounded:
            return None
        row = self._db.one(
            f"SELECT {'l.seq' if self.order == 'after' else 'l.time'} FROM logs l{self._hint} "
            f"WHERE {cheap.sql()} ORDER BY {_ORDERS[self.order].split(', l.seq')[0]} LIMIT 1 OFFSET ?",
            (*cheap.values, attribute_scan.MAX_LOGS - 1),
        )
        return row[0] if row else None

    def _within(self, bound: int | None, window: Window | None) -> Conditions:
        """The conditions that indexes answer, for rows of this window up to the bound.

        The bound of a time is an end of the window and not one more condition: SQLite reads an index up to
        the first of two bounds, 25 ms for 300,000 rows, and compares each with the second.
        """
        if bound is None:
            return self._cheap(window)
        if window is None:
            return self._cheap(None).and_also(Conditions(["l.seq <= ?"], [bound]))
        if self.order == "oldest":
            return self._cheap(Window(window.from_unix_nano, min(window.to_unix_nano, bound + 1)))
        return self._cheap(Window(max(window.from_unix_nano, bound), window.to_unix_nano))

    def page(self, limit: int) -> tuple[list[Row], str | None, bool]:
        """(rows of LOG_COLUMNS in order, cursor to go on, whether the bound ended the search)."""
        after = read_cursor(self._query.cursor, self.order)
        if self._found_by_text is not None:
            return self._page_of_hits(limit, after)
        window, beyond = self._window, Conditions([], [])
        if after and window is None:
            beyond.add("l.seq > ?", after[1])
        elif after and window is not None:
            beyond.add(f"(l.time, l.seq) {'>' if self.order == 'oldest' else '<'} (?, ?)", *after)
            window = (
                Window(max(window.from_unix_nano, after[0]), window.to_unix_nano)
                if self.order == "oldest"
                else Window(window.from_unix_nano, min(window.to_unix_nano, after[0] + 1))
            )
        bound = self._bound(self._cheap(window).and_also(beyond))
        rows = self._rows(self._within(bound, window).and_also(beyond, self._costly), limit + 1)
        if len(rows) > limit:
            last = rows[limit - 1]
            return rows[:limit], make_cursor(self.order, last[1], last[0]), False
        if bound is None:
            return rows, None, False
        behind = {"after": (0, bound), "oldest": (bound, _BEHIND_ALL), "newest": (bound, 0)}[self.order]
        return rows, make_cursor(self.order, *behind), True

    def _page_of_hits(self, limit: int, after: Sequence[int] | None) -> tuple[list[Row], str | None, bool]:
        """The page, of the rows that the text index found."""
        hits = self._hits()
        if self.order == "oldest":
            begin = 0 if after is None else bisect_right(hits, (*after, _BEHIND_ALL))
            page = hits[begin : begin + limit]
            more = begin + limit < len(hits)
        else:
            end = len(hits) if after is None else bisect_left(hits, tuple(after))
            page = hits[max(0, end - limit) : end]
            page.reverse()
            more = end > limit
        among = orjson.dumps([hit.seq for hit in page]).decode()
        where = Conditions(["l.seq IN (SELECT value FROM json_each(?))"], [among])
        cursor = make_cursor(self.order, page[-1].time, page[-1].seq) if more else None
        return self._rows(where, limit), cursor, False

    def _hits(self) -> list[Hit]:
        """All that match of the rows that the text index found, in order of time. Not to be changed."""
        known = self._db.noted.of(_KnownHits)
        query = replace(self._query, limit=1, cursor=None, oldest_first=False)
        for searched, hits in known:
            if searched == query:
                return hits
        where = self._cheap(self._window).and_also(self._costly)
        rows = self._db.all(
            "SELECT l.time, l.seq, l.severity FROM json_each(?) j CROSS JOIN logs l ON l.seq = j.value "
            f"WHERE {where.sql()}",
            (orjson.dumps(self._found_by_text).decode(), *where.values),
        )
        hits = sorted(starmap(Hit, rows))
        known.append((query, hits))
        return hits

    def _rows(self, where: Conditions, limit: int) -> list[Row]:
        """LOG_COLUMNS in order."""
        tables = LOG_TABLES.replace("logs l", f"logs l{self._hint}", 1)
        return self._db.all(
            f"SELECT {LOG_COLUMNS} FROM {tables} WHERE {where.sql()} ORDER BY {_ORDERS[self.order]} LIMIT ?",
            (*where.values, limit),
        )

    def count(self) -> int:
        """How many match, of all rows."""
        first, behind = self._whole_slots()
        if self._is_summed() and first < behind:
            return self._summed(first, behind)
        if self._found_by_text is not None:
            return len(self._hits())
        return self._counted(self._cheap(self._window).and_also(self._costly))

    def by_column(self, begin: int, width: int) -> tuple[list[tuple[int, int, int]], int | None]:
        """(column, severity number, count), a column and severity perhaps several times; the bound.

        Sums by slot serve columns of at least 4 slots: each slot is filed by its middle, and the
        parts of slots at both ends are counted row by row, as in `count`.
        """
        first, behind = self._whole_slots()
        if width >= 4 * LOG_SLOT_NS and self._is_summed() and first < behind:
            found = self._from_cells(begin, width, first, behind)
            for part in self._edges(first, behind):
                found += self._in_columns(begin, width, part._cheap(part._window))
            return found, None
        if self._found_by_text is not None:
            counts = Counter(((hit.time - begin) // width, hit.severity) for hit in self._hits())
            return [(*place, number) for place, number in counts.items()], None
        bound = self._bound(self._cheap(self._window))
        where = self._within(bound, self._window).and_also(self._costly)
        return self._in_columns(begin, width, where), bound

    def _in_columns(self, begin: int, width: int, where: Conditions) -> list[tuple[int, int, int]]:
        """(column, severity number, count) of the rows that the conditions select."""
        return self._db.all(
            f"SELECT (l.time - ?) / ?, l.severity, count(*) FROM logs l{self._hint} "
            f"WHERE {where.sql()} GROUP BY 1, 2",
            (begin, width, *where.values),
        )

    def _counted(self, where: Conditions) -> int:
        """How many rows the conditions select."""
        row = self._db.one(f"SELECT count(*) FROM logs l{self._hint} WHERE {where.sql()}", where.values)
        return row[0] if row else 0

    def _is_summed(self) -> bool:
        """Whether `log_cells` can answer the query."""
        query = self._query
        narrowed = (query.trace_id, query.span_id, query.session_id, query.after)
        return self.is_cheap and not query.trace_ids and all(part is None for part in narrowed)

    @property
    def is_cheap(self) -> bool:
        """Whether indexes decide which rows match."""
        query = self._query
        return not (query.attributes or query.like or query.excluded or query.text)

    def _in_cells(self) -> Conditions:
        """The conditions on a row of `log_cells`."""
        cells = Conditions([], []).and_also(self._counted_by)
        if self._query.environment is not None:
            cells.add("l.environment = ?", self._query.environment)
        return cells

    def _summed(self, first: int, behind: int) -> int:
        """The count: whole slots from `log_cells`, the parts of slots at both ends from rows."""
        cells = self._in_cells()
        row = self._db.one(
            f"SELECT sum(l.n) FROM log_cells l WHERE l.slot >= ? AND l.slot < ? AND {cells.sql()}",
            (first, behind, *cells.values),
        )
        total = (row[0] or 0) if row else 0
        return total + sum(part._counted(part._cheap(part._window)) for part in self._edges(first, behind))

    def _whole_slots(self) -> tuple[int, int]:
        """The first whole slot of the window, and the one behind the last."""
        window = self._query.window
        return -(-window.from_unix_nano // LOG_SLOT_NS), window.to_unix_nano // LOG_SLOT_NS

    def _edges(self, first: int, behind: int) -> list[Search]:
        """The same search in the parts of slots at both ends of the window."""
        window = self._query.window
        parts = (
            (window.from_unix_nano, first * LOG_SLOT_NS),
            (behind * LOG_SLOT_NS, window.to_unix_nano),
        )
        return [
            Search(self._db, replace(self._query, window=Window(begin, end)))
            for begin, end in parts
            if begin < end
        ]

    def _from_cells(self, begin: int, width: int, first: int, behind: int) -> list[tuple[int, int, int]]:
        """(column, severity number, count) from whole slots."""
        cells = self._in_cells()
        return self._db.all(
            "SELECT (l.slot * ? + ? - ?) / ?, l.severity, sum(l.n) FROM log_cells l "
            f"WHERE l.slot >= ? AND l.slot < ? AND {cells.sql()} GROUP BY 1, 2",
            (
                *(LOG_SLOT_NS, LOG_SLOT_NS // 2, begin, width),
                *(first, behind),
                *cells.values,
            ),
        )


def log_number(log_id: str) -> int:
    """A log's number in the table; raise BadQuery for anything but a log id."""
    if not (log_id.isascii() and log_id.isdigit() and len(log_id) < 19):
        raise BadQuery(f"{log_id[:80]!r} is not a log id: take one from a list of logs.")
    return int(log_id)
