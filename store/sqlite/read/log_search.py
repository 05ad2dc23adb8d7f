"""A log query on its way into SQL: one page, how many, and when.

What an index answers is asked of all rows. A frequent text or an attribute that is not
indexed is looked for in a bounded number of rows, from the end that the order begins at.
"""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from signals.model import Severity
from store.api import BadQuery, LogQuery
from store.queries import Window
from store.sqlite.read import attribute_scan
from store.sqlite.read_connection import Question, Row
from store.sqlite.row_mapping import (
    LOG_COLUMNS,
    LOG_TABLES,
    make_cursor,
    read_cursor,
    span_bytes,
    trace_bytes,
)

_FEW = 20_000
"""With fewer hits than this, the text index leads; else the time does, and texts are compared."""
_GRAMS = 24
"""Trigrams that the index is asked for at once."""
_TEXT_CHARACTERS = 1_000
_MOST_WORDS = 20
_WORDS = re.compile(r'"([^"]+)(?:"|$)|(\S+)')
_SLOT_NS = 10_000_000_000
_BEHIND_ALL = Window.ALL.to_unix_nano
_ORDERS = {"after": "l.seq", "oldest": "l.time, l.seq", "newest": "l.time DESC, l.seq DESC"}


class Conditions(NamedTuple):
    """Parts of a WHERE clause, and their values in order."""

    parts: list[str]
    values: list[object]

    def add(self, condition: str, *values: object) -> None:
        self.parts.append(condition)
        self.values.extend(values)

    def and_also(self, *others: Conditions) -> Conditions:
        """These and those of the others, as new ones."""
        together = Conditions(list(self.parts), list(self.values))
        for other in others:
            together.add(" AND ".join(other.parts) or "1", *other.values)
        return together

    def sql(self) -> str:
        return " AND ".join(self.parts) or "1"


class Search:
    """One query. `order` is `newest`, `oldest` or, for what follows a log, `after`."""

    def __init__(self, ask: Question, query: LogQuery) -> None:
        self._ask = ask
        self._query = query
        self._place = Conditions([], [])
        self._kept = Conditions([], [])
        """What the sums by slot know, too: service and severity."""
        self._costly = Conditions([], [])
        self._hint = ""
        self._bounded = False
        self.order = "after" if query.after is not None else "oldest" if query.oldest_first else "newest"
        self._narrow()

    def _narrow(self) -> None:
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
        else:
            place.add("l.time >= ?", query.window.from_unix_nano)
            place.add("l.time < ?", query.window.to_unix_nano)
        if query.service is not None:
            self._kept.add("l.service = ?", query.service)
        if query.severities:
            self._severities(query.severities)
        if query.text:
            self._text(query.text, narrow=narrow or query.after is not None)
        if query.attributes:
            carried = attribute_scan.condition_for(self._ask, query.attributes, "log", "l")
            self._costly.add(carried.sql, *carried.values)
            self._bounded |= not narrow
        for name, value in query.excluded:
            carried = attribute_scan.condition_for(self._ask, {name: value}, "log", "l")
            self._costly.add(f"NOT ({carried.sql})", *carried.values)
            self._bounded |= not narrow

    def _of_traces(self, query: LogQuery) -> None:
        """What any of these traces holds, or names the session: each found by its own index."""
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
        ranges = []
        for place, severity in enumerate(Severity):
            if severity in severities:
                low = place * 4 + 1
                high = 2**31 if severity is Severity.FATAL else low + 3
                ranges.append(f"l.severity BETWEEN {low} AND {high}")
                if severity is Severity.INFO:
                    ranges.append("l.severity <= 0")
        self._kept.add(f"({' OR '.join(ranges)})")

    def _text(self, text: str, *, narrow: bool) -> None:
        """Every word is a substring; the trigram index leads where it finds few."""
        words = words_of(text)
        match = None if narrow else self._rare(words)
        if match is not None:
            self._place.add("l.seq IN (SELECT rowid FROM logs_text WHERE logs_text MATCH ?)", match)
        self._bounded |= match is None and not narrow
        for word in words:
            if word.isascii():
                pattern = word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
                self._costly.add("l.body LIKE ? ESCAPE '\\'", f"%{pattern}%")
            else:
                self._costly.add("instr(casefold(l.body), ?)", word.casefold())
                self._ask.add_function("casefold", 1, str.casefold)

    def _rare(self, words: Sequence[str]) -> str | None:
        """What the text index is asked for rows with all of these words, if they are few."""
        indexed = [word for word in words if len(word) >= 3 and "\0" not in word]
        if not indexed or not self._ask.one("SELECT 1 FROM sqlite_master WHERE name = 'logs_text'"):
            return None
        share = max(2, _GRAMS // len(indexed))
        grams = {gram for word in indexed for gram in _grams(word, share)}
        match = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in sorted(grams))
        row = self._ask.one(
            "SELECT count(*) FROM (SELECT 1 FROM logs_text WHERE logs_text MATCH ? LIMIT ?)",
            (match, _FEW + 1),
        )
        return match if row and row[0] <= _FEW else None

    def _cheap(self) -> Conditions:
        """What indexes answer, of rows."""
        cheap = self._place.and_also(self._kept)
        if self._query.environment is not None:
            resources = attribute_scan.resources_of(self._ask, self._query.environment)
            cheap.add(f"l.resource IN ({attribute_scan.among(resources)})")
        return cheap

    def _bound(self, cheap: Conditions) -> int | None:
        """Time (of `after`: number) of the last row that is looked at; None if all are."""
        if not self._bounded:
            return None
        row = self._ask.one(
            f"SELECT {'l.seq' if self.order == 'after' else 'l.time'} FROM logs l{self._hint} "
            f"WHERE {cheap.sql()} ORDER BY {_ORDERS[self.order].split(', l.seq')[0]} LIMIT 1 OFFSET ?",
            (*cheap.values, attribute_scan.MAX_LOGS - 1),
        )
        return row[0] if row else None

    def _within(self, bound: int | None) -> Conditions:
        sign = {"after": "l.seq <=", "oldest": "l.time <=", "newest": "l.time >="}[self.order]
        return Conditions([], []) if bound is None else Conditions([f"{sign} ?"], [bound])

    def page(self, limit: int) -> tuple[list[Row], str | None, bool]:
        """LOG_COLUMNS in order; where to go on; whether the bound ended it."""
        cheap = self._cheap()
        after = read_cursor(self._query.cursor, self.order)
        if after and self.order == "after":
            cheap.add("l.seq > ?", after[1])
        elif after:
            cheap.add(f"(l.time, l.seq) {'>' if self.order == 'oldest' else '<'} (?, ?)", *after)
        bound = self._bound(cheap)
        rows = self._rows(cheap.and_also(self._within(bound), self._costly), limit + 1)
        if len(rows) > limit:
            last = rows[limit - 1]
            return rows[:limit], make_cursor(self.order, last[1], last[0]), False
        if bound is None:
            return rows, None, False
        behind = {"after": (0, bound), "oldest": (bound, _BEHIND_ALL), "newest": (bound, 0)}[self.order]
        return rows, make_cursor(self.order, *behind), True

    def _rows(self, where: Conditions, limit: int) -> list[Row]:
        tables = LOG_TABLES.replace("logs l", f"logs l{self._hint}", 1)
        return self._ask.all(
            f"SELECT {LOG_COLUMNS} FROM {tables} WHERE {where.sql()} ORDER BY {_ORDERS[self.order]} LIMIT ?",
            (*where.values, limit),
        )

    def count(self) -> int:
        """How many match, of all rows."""
        window = self._query.window
        first, behind = -(-window.from_unix_nano // _SLOT_NS), window.to_unix_nano // _SLOT_NS
        if self._is_summed() and first < behind:
            return self._summed(first, behind)
        return self._counted(self._cheap().and_also(self._costly))

    def by_column(self, begin: int, width: int) -> tuple[list[tuple[int, int, int]], int | None]:
        """(column, severity number, count), a column and severity perhaps several times; the bound."""
        if width >= 4 * _SLOT_NS and self._is_summed():
            return self._from_cells(begin, width), None
        cheap = self._cheap()
        bound = self._bound(cheap)
        where = cheap.and_also(self._within(bound), self._costly)
        rows = self._ask.all(
            f"SELECT (l.time - ?) / ?, l.severity, count(*) FROM logs l{self._hint} "
            f"WHERE {where.sql()} GROUP BY 1, 2",
            (begin, width, *where.values),
        )
        return rows, bound

    def _counted(self, where: Conditions) -> int:
        row = self._ask.one(f"SELECT count(*) FROM logs l{self._hint} WHERE {where.sql()}", where.values)
        return row[0] if row else 0

    def _is_summed(self) -> bool:
        """Whether nothing is asked that the sums by slot do not know."""
        query = self._query
        narrowed = (query.trace_id, query.span_id, query.session_id, query.after)
        return self.is_cheap and not query.trace_ids and all(part is None for part in narrowed)

    @property
    def is_cheap(self) -> bool:
        """Whether no row has to be read to tell whether it matches."""
        return not (self._query.attributes or self._query.excluded or self._query.text)

    def _in_cells(self) -> Conditions:
        cells = Conditions([], []).and_also(self._kept)
        if self._query.environment is not None:
            cells.add("l.environment = ?", self._query.environment)
        return cells

    def _summed(self, first: int, behind: int) -> int:
        """The count, whole slots from what is summed up, and the parts at both ends row by row."""
        window, cells = self._query.window, self._in_cells()
        row = self._ask.one(
            f"SELECT sum(l.n) FROM log_cells l WHERE l.slot >= ? AND l.slot < ? AND {cells.sql()}",
            (first, behind, *cells.values),
        )
        total = (row[0] or 0) if row else 0
        for begin, end in (
            (window.from_unix_nano, first * _SLOT_NS),
            (behind * _SLOT_NS, window.to_unix_nano),
        ):
            if begin < end:
                part = replace(self._query, window=Window(begin, end))
                total += self._counted(Search(self._ask, part)._cheap())
        return total

    def _from_cells(self, begin: int, width: int) -> list[tuple[int, int, int]]:
        window, cells = self._query.window, self._in_cells()
        return self._ask.all(
            "SELECT (l.slot * ? + ? - ?) / ?, l.severity, sum(l.n) FROM log_cells l "
            f"WHERE l.slot >= ? AND l.slot < ? AND {cells.sql()} GROUP BY 1, 2",
            (
                *(_SLOT_NS, _SLOT_NS // 2, begin, width),
                *(window.from_unix_nano // _SLOT_NS, -(-window.to_unix_nano // _SLOT_NS)),
                *cells.values,
            ),
        )


def words_of(text: str) -> Sequence[str]:
    """The words and "quoted phrases" of a text search; raise BadQuery where there are too many.

    A quote opens a phrase only at the beginning of a word, so that `key="value"` is itself.
    """
    if len(text) > _TEXT_CHARACTERS:
        raise BadQuery(
            f"The text to look for has {len(text):,} characters: give at most {_TEXT_CHARACTERS:,}."
        )
    found = [phrase or word for phrase, word in _WORDS.findall(text) if phrase or word.strip('"')]
    if len(found) > _MOST_WORDS:
        raise BadQuery(f"The text to look for has {len(found)} words: give at most {_MOST_WORDS}.")
    return found or [text]


def _grams(word: str, most: int) -> Sequence[str]:
    """Trigrams of a word, at most so many, from all over it."""
    step = max(1, -(-(len(word) - 2) // most))
    return [word[begin : begin + 3] for begin in range(0, len(word) - 2, step)]


def log_number(log_id: str) -> int:
    """A log's number in the table; raise BadQuery for what is no log id."""
    if not (log_id.isascii() and log_id.isdigit() and len(log_id) < 19):
        raise BadQuery(f"{log_id[:80]!r} is no log id: give one that a log list gave.")
    return int(log_id)
