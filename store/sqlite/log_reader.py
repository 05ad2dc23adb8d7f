"""Questions about logs."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from collections.abc import Sequence
from dataclasses import replace

from store.api import BadQuery
from store.api import LogQuery
from store.api import Page
from store.model import HistogramColumn
from store.model import Log
from store.model import LogField
from store.model import Severity
from store.semantics import text_of
from store.sqlite import scan
from store.sqlite.answers import LOG_COLUMNS
from store.sqlite.answers import LOG_TABLES
from store.sqlite.answers import limited
from store.sqlite.answers import log_of
from store.sqlite.answers import make_cursor
from store.sqlite.answers import read_cursor
from store.sqlite.answers import span_bytes
from store.sqlite.answers import trace_bytes
from store.sqlite.asking import Asking
from store.sqlite.asking import Question
from store.sqlite.asking import Row

_FEW = 20_000
"""With fewer hits than this, the text index leads; else the time does, and texts are compared."""
_FIELD_SAMPLE = 300
_MAX_COLUMNS = 1_000
_SLOT_NS = 10_000_000_000


class LogReader:
    """The part of `store.api.Reader` that knows logs."""

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    def log(self, log_id: str) -> Log | None:
        seq = _log_number(log_id)
        with self._asking.question() as ask:
            row = ask.one(f"SELECT {LOG_COLUMNS} FROM {LOG_TABLES} WHERE l.seq = ?", (seq,))
        return log_of(row) if row else None

    def find_logs(self, query: LogQuery) -> Page[Log]:
        limit = limited(query.limit)
        with self._asking.question() as ask:
            search = _Search(ask, query)
            rows = search.page(limit + 1)
        cursor = None
        if len(rows) > limit:
            last = rows[limit - 1]
            cursor = make_cursor(search.order, last[1], last[0])
        return Page([log_of(row) for row in rows[:limit]], cursor, search.truncated)

    def count_logs(self, query: LogQuery) -> int:
        with self._asking.question() as ask:
            return _Search(ask, query).count()

    def log_histogram(self, query: LogQuery, columns: int = 60) -> Sequence[HistogramColumn]:
        if not 1 <= columns <= _MAX_COLUMNS:
            raise BadQuery(f"columns is {columns}: give 1 to {_MAX_COLUMNS}.")
        begin = query.window.from_unix_nano
        width = max(1, -(-query.window.duration_ns // columns))
        counts: list[dict[Severity, int]] = [{} for _ in range(columns)]
        with self._asking.question() as ask:
            for column, number, count in _Search(ask, query).by_column(begin, width):
                if 0 <= column < columns:
                    severity = Severity.of(number)
                    counts[column][severity] = counts[column].get(severity, 0) + count
        return [HistogramColumn(begin + place * width, found) for place, found in enumerate(counts)]

    def log_fields(self, query: LogQuery, top: int = 5) -> tuple[Sequence[LogField], bool]:
        newest = replace(query, limit=_FIELD_SAMPLE, cursor=None, after=None, oldest_first=False)
        page = self.find_logs(newest)
        values: dict[str, Counter[str]] = {}
        for log in page.items:
            fields = {
                **log.resource,
                **log.attributes,
                "severity": log.severity.value,
                "service.name": log.service,
            }
            for name, value in fields.items():
                text = text_of(value)
                if text:
                    values.setdefault(name, Counter())[text[:256]] += 1
        found = [
            LogField(name, sum(counter.values()), tuple(counter.most_common(top)))
            for name, counter in values.items()
        ]
        found.sort(key=lambda log_field: (-log_field.count, log_field.name))
        return found, page.next_cursor is not None or page.truncated


class _Search:
    """A log query on its way into SQL."""

    def __init__(self, ask: Question, query: LogQuery) -> None:
        self._ask = ask
        self._query = query
        self._conditions: list[str] = []
        self._values: list[object] = []
        self._hint = ""
        self.order = "after" if query.after is not None else "oldest" if query.oldest_first else "newest"
        self.truncated = False
        self._narrow()

    def _where(self, condition: str, *values: object) -> None:
        self._conditions.append(condition)
        self._values += values

    def _narrow(self) -> None:
        query = self._query
        narrow = False
        if query.trace_id is not None:
            self._where("l.trace_id = ?", trace_bytes(query.trace_id))
            self._hint = " INDEXED BY logs_by_trace"
            narrow = True
        elif query.session_id is not None:
            self._where("l.session_id = ?", query.session_id)
            narrow = True
        if query.span_id is not None:
            self._where("l.span_id = ?", span_bytes(query.span_id))
        if query.after is not None:
            self._where("l.seq > ?", _log_number(query.after))
            self._hint = " NOT INDEXED"
        else:
            self._where("l.time >= ?", query.window.from_unix_nano)
            self._where("l.time < ?", query.window.to_unix_nano)
        if query.service is not None:
            self._where("l.service = ?", query.service)
        if query.environment is not None:
            resources = scan.resources_of(self._ask, query.environment)
            self._where(f"l.resource IN ({', '.join(map(str, sorted(resources)))})")
        if query.severities:
            self._severities(query.severities)
        if query.text:
            self._text(query.text, narrow=narrow or query.after is not None)
        if query.attributes:
            condition, values = scan.raw_conditions(self._ask, query.attributes, "l")
            self._where(condition, *values)

    def _severities(self, severities: frozenset[Severity]) -> None:
        ranges = []
        for place, severity in enumerate(Severity):
            if severity in severities:
                low = place * 4 + 1
                high = 2**31 if severity is Severity.FATAL else low + 3
                ranges.append(f"l.severity BETWEEN {low} AND {high}")
                if severity is Severity.INFO:
                    ranges.append("l.severity <= 0")
        self._where(f"({' OR '.join(ranges)})")

    def _text(self, text: str, *, narrow: bool) -> None:
        """Substring, upper and lower case alike; the trigram index leads where it finds few."""
        if not narrow and len(text) >= 3 and "\0" not in text:
            match = self._rare(text)
            if match is not None:
                self._where("l.seq IN (SELECT rowid FROM logs_text WHERE logs_text MATCH ?)", match)
        if text.isascii():
            pattern = text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
            self._where("l.body LIKE ? ESCAPE '\\'", f"%{pattern}%")
        else:
            self._where("instr(casefold(l.body), ?)", text.casefold())
            self._ask.add_function("casefold", str.casefold)

    def _rare(self, text: str) -> str | None:
        """The words of the text index that find this, if there is one and they find few."""
        if not self._ask.one("SELECT 1 FROM sqlite_master WHERE name = 'logs_text'"):
            return None
        grams = {text[begin : begin + 3] for begin in range(len(text) - 2)}
        match = " AND ".join('"' + gram.replace('"', '""') + '"' for gram in sorted(grams)[:24])
        row = self._ask.one(
            "SELECT count(*) FROM (SELECT 1 FROM logs_text WHERE logs_text MATCH ? LIMIT ?)",
            (match, _FEW + 1),
        )
        return match if row and row[0] <= _FEW else None

    def _sql(self) -> str:
        return " AND ".join(self._conditions) or "1"

    def page(self, limit: int) -> list[Row]:
        """LOG_COLUMNS in order; compared with what SQL cannot tell."""
        values = list(self._values)
        conditions = self._sql()
        after = read_cursor(self._query.cursor, self.order)
        if after and self.order == "after":
            conditions += " AND l.seq > ?"
            values.append(after[1])
        elif after:
            conditions += f" AND (l.time, l.seq) {'>' if self.order == 'oldest' else '<'} (?, ?)"
            values += after
        order = {"after": "l.seq", "oldest": "l.time, l.seq", "newest": "l.time DESC, l.seq DESC"}[self.order]
        tables = LOG_TABLES.replace("logs l", f"logs l{self._hint}", 1)
        sql = f"SELECT {LOG_COLUMNS} FROM {tables} WHERE {conditions} ORDER BY {order}"
        if not self._query.attributes:
            return self._ask.all(sql + " LIMIT ?", (*values, limit))
        return self._sifted(self._ask.each(sql + " LIMIT ?", (*values, scan.MAX_ROWS)), limit)

    def _sifted(self, rows: Iterator[Row], limit: int) -> list[Row]:
        found = []
        for looked, row in enumerate(rows, 1):
            if scan.log_carries(row[8], row[9], self._query.attributes):
                found.append(row)
                if len(found) >= limit:
                    break
            self.truncated = looked >= scan.MAX_ROWS
        return found

    def count(self) -> int:
        """How many match."""
        if not self._query.attributes:
            window = self._query.window
            first, behind = -(-window.from_unix_nano // _SLOT_NS), window.to_unix_nano // _SLOT_NS
            if self._is_plain() and first < behind:
                return self._summed(first, behind)
            row = self._ask.one(f"SELECT count(*) FROM logs l{self._hint} WHERE {self._sql()}", self._values)
            return row[0] if row else 0
        return sum(1 for _ in self._matching("l.seq"))

    def _summed(self, first: int, behind: int) -> int:
        """The count, whole slots from what is summed up, and the parts at both ends row by row."""
        window = self._query.window
        rest = "".join(f" AND {condition}" for condition in self._conditions[2:])
        total = 0
        for source, column, begin, end in (
            ("sum(l.n) FROM log_cells", "slot", first, behind),
            ("count(*) FROM logs", "time", window.from_unix_nano, first * _SLOT_NS),
            ("count(*) FROM logs", "time", behind * _SLOT_NS, window.to_unix_nano),
        ):
            row = self._ask.one(
                f"SELECT {source} l WHERE l.{column} >= ? AND l.{column} < ?{rest}",
                (begin, end, *self._values[2:]),
            )
            total += (row[0] or 0) if row else 0
        return total

    def by_column(self, begin: int, width: int) -> Iterator[tuple[int, int, int]]:
        """(column, severity number, count), a column and severity perhaps several times."""
        if self._is_summed(width):
            return self._from_cells(begin, width)
        if not self._query.attributes:
            return (
                (column, severity, count)
                for column, severity, count in self._ask.each(
                    f"SELECT (l.time - ?) / ?, l.severity, count(*) FROM logs l{self._hint} "
                    f"WHERE {self._sql()} GROUP BY 1, 2",
                    (begin, width, *self._values),
                )
            )
        return (((row[2] - begin) // width, row[3], 1) for row in self._matching("l.time, l.severity"))

    def _is_summed(self, width: int) -> bool:
        """Whether the counts by slot answer: wide columns, and nothing asked but service and severity."""
        return width >= 4 * _SLOT_NS and self._is_plain()

    def _is_plain(self) -> bool:
        """Whether nothing but service and severity is asked."""
        query = self._query
        narrowed = (query.trace_id, query.span_id, query.session_id, query.after, query.environment)
        return not query.attributes and not query.text and all(part is None for part in narrowed)

    def _from_cells(self, begin: int, width: int) -> Iterator[tuple[int, int, int]]:
        window = self._query.window
        conditions = ["l.slot >= ?", "l.slot < ?", *self._conditions[2:]]
        values = [window.from_unix_nano // _SLOT_NS, -(-window.to_unix_nano // _SLOT_NS), *self._values[2:]]
        rows = self._ask.each(
            "SELECT (l.slot * ? + ? - ?) / ?, l.severity, sum(l.n) FROM log_cells l "
            f"WHERE {' AND '.join(conditions)} GROUP BY 1, 2",
            (_SLOT_NS, _SLOT_NS // 2, begin, width, *values),
        )
        return ((column, severity, count) for column, severity, count in rows)

    def _matching(self, columns: str) -> Iterator[Row]:
        rows = self._ask.each(
            f"SELECT l.raw, r.body, {columns} FROM logs l{self._hint} "
            f"LEFT JOIN origins r ON r.id = l.resource WHERE {self._sql()} ORDER BY l.seq DESC LIMIT ?",
            (*self._values, scan.MAX_ROWS),
        )
        return (row for row in rows if scan.log_carries(row[0], row[1], self._query.attributes))


def _log_number(log_id: str) -> int:
    if not (log_id.isascii() and log_id.isdigit() and len(log_id) < 19):
        raise BadQuery(f"{log_id[:80]!r} is no log id: give one that a log list gave.")
    return int(log_id)
