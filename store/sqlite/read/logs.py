"""`store.api.LogReader` over SQLite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from signals.log_fields import LogField, fields_of
from signals.model import Log, Severity
from store.api import BadQuery, HistogramColumn, LogHistogram, LogQuery, Page
from store.sqlite.read.log_blocks import LogBlocks
from store.sqlite.read.log_rows import LogRows
from store.sqlite.read.log_search import Search, log_number
from store.sqlite.read.read_connection import SqlitePart
from store.sqlite.read.row_mapping import limited

_FIELD_SAMPLE = 300
"""The newest matching logs whose fields are counted."""
_MAX_COLUMNS = 1_000


class SqliteLogReader(SqlitePart):
    """Finds and counts logs."""

    def log(self, log_id: str) -> Log | None:
        seq = log_number(log_id)
        with self._connections.session() as db:
            found = LogBlocks(db).place_of(seq)
            return LogRows(db).log(*found) if found else None

    def newest_log_id(self) -> str:
        with self._connections.session() as db:
            return str(LogBlocks(db).newest_number())

    def find_logs(self, query: LogQuery) -> Page[Log]:
        limit = limited(query.limit)
        with self._connections.session() as db:
            places, cursor, truncated = Search(db, query).places(limit)
            return Page(LogRows(db).logs(places), cursor, truncated)

    def count_logs(self, query: LogQuery) -> int:
        with self._connections.session() as db:
            return Search(db, query).count()

    def log_histogram(self, query: LogQuery, columns: int = 60) -> LogHistogram:
        if not 1 <= columns <= _MAX_COLUMNS:
            raise BadQuery(f"columns is {columns}: give 1 to {_MAX_COLUMNS}.")
        begin = query.window.from_unix_nano
        width = max(1, -(-query.window.duration_ns // columns))
        counts: list[dict[Severity, int]] = [{} for _ in range(columns)]
        with self._connections.session() as db:
            search = Search(db, query)
            found, since = search.by_column(begin, width)
            is_all = not search.is_cheap or search.is_by_slots(width)
            total = sum([n for _, _, n in found]) if is_all else search.count()
        for column, number, count in found:
            if 0 <= column < columns:
                severity = Severity.of(number)
                counts[column][severity] = counts[column].get(severity, 0) + count
        return LogHistogram(
            [HistogramColumn(begin + place * width, counted) for place, counted in enumerate(counts)],
            total,
            since,
        )

    def log_fields(self, query: LogQuery, top: int = 5) -> tuple[Sequence[LogField], bool]:
        newest = replace(query, limit=_FIELD_SAMPLE, cursor=None, after=None, oldest_first=False)
        limit = limited(newest.limit)
        with self._connections.session() as db:
            places, cursor, truncated = Search(db, newest).places(limit)
            logs = LogRows(db).with_fields(places)
        return fields_of(logs, top), cursor is not None or truncated
