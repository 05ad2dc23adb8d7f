"""`store.api.LogReader` over ClickHouse.

A log's id is its number of arrival where the table has one; of the exporter's own tables, it is made of the
time and the content, and what arrived after another is not known.
"""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from signals.attributes import ENVIRONMENT_NAMES
from signals.log_fields import LogField, fields_of
from signals.model import Log, SessionId, Severity, SpanId, TraceId
from store.api import BadQuery, HistogramColumn, LogHistogram, LogQuery, Page
from store.clickhouse.conditions import carries, holds
from store.clickhouse.connection import Row, Values
from store.clickhouse.part import Part
from store.clickhouse.schema import LOGS
from store.clickhouse.span_rows import within
from store.question_parts import limited, make_cursor, read_cursor, span_bytes, trace_bytes, words_of
from store.row_model import log_of

_FIELD_SAMPLE: Final = 300
_MAX_COLUMNS: Final = 1_000
_RAW: Final = ("LabRaw", "LabResource", "LabScope")
_HASH: Final = "bitShiftRight(cityHash64(Timestamp, TraceId, SpanId, ServiceName, Body), 1)"


class ClickHouseLogReader(Part):
    """Finds and counts logs."""

    def log(self, log_id: str) -> Log | None:
        number = _number(log_id)
        rows = self._rows(f"{self._id()} = {number}", Values(), "", 1)
        return self._log(rows[0]) if rows else None

    def newest_log_id(self) -> str:
        order = self._id() if self._has_arrival() else "Timestamp"
        rows = self.log_query(f"SELECT {self._id()} FROM {{table}} ORDER BY {order} DESC LIMIT 1")
        return str(rows[0][0]) if rows else "0"

    def find_logs(self, query: LogQuery) -> Page[Log]:
        limit = limited(query.limit)
        if self.table(LOGS) is None:
            return Page([])
        values = Values()
        condition, order = self._condition(query, values), self._order(query)
        after = read_cursor(query.cursor, order)
        place = "toUnixTimestamp64Nano(Timestamp)"
        if after and order == "after":
            condition += f" AND {self._id()} > {int(after[1])}"
        elif after:
            sign = ">" if order == "oldest" else "<"
            condition += f" AND ({place}, {self._id()}) {sign} ({int(after[0])}, {int(after[1])})"
        by = {
            "after": self._id(),
            "oldest": f"Timestamp, {self._id()}",
            "newest": f"Timestamp DESC, {self._id()} DESC",
        }[order]
        rows = self._rows(condition, values, by, limit + 1)
        cursor = None
        if len(rows) > limit:
            cursor = make_cursor(order, rows[limit - 1][1], rows[limit - 1][0])
        return Page([self._log(row) for row in rows[:limit]], cursor)

    def count_logs(self, query: LogQuery) -> int:
        if self.table(LOGS) is None:
            return 0
        values = Values()
        rows = self.log_query(f"SELECT count() FROM {{table}} WHERE {self._condition(query, values)}", values)
        return int(rows[0][0])

    def log_histogram(self, query: LogQuery, columns: int = 60) -> LogHistogram:
        if not 1 <= columns <= _MAX_COLUMNS:
            raise BadQuery(f"columns is {columns}: give 1 to {_MAX_COLUMNS}.")
        begin = query.window.from_unix_nano
        width = max(1, -(-query.window.duration_ns // columns))
        counts: list[dict[Severity, int]] = [{} for _ in range(columns)]
        values, total = Values(), 0
        if self.table(LOGS) is not None:
            for column, number, count in self.log_query(
                f"SELECT intDiv(toUnixTimestamp64Nano(Timestamp) - {begin}, {width}) AS place, "
                f"SeverityNumber, count() FROM {{table}} WHERE {self._condition(query, values)} "
                "GROUP BY place, SeverityNumber",
                values,
            ):
                total += count
                if 0 <= column < columns:
                    severity = Severity.of(number)
                    counts[column][severity] = counts[column].get(severity, 0) + count
        return LogHistogram(
            [HistogramColumn(begin + place * width, counted) for place, counted in enumerate(counts)], total
        )

    def log_fields(self, query: LogQuery, top: int = 5) -> tuple[Sequence[LogField], bool]:
        newest = replace(query, limit=_FIELD_SAMPLE, cursor=None, after=None, oldest_first=False)
        page = self.find_logs(newest)
        return fields_of(page.items, top), page.next_cursor is not None or page.truncated

    def _has_arrival(self) -> bool:
        table = self.table(LOGS)
        return table is not None and table.has("LabArrival")

    def _id(self) -> str:
        return "LabArrival" if self._has_arrival() else _HASH

    def _order(self, query: LogQuery) -> str:
        return "after" if query.after is not None else "oldest" if query.oldest_first else "newest"

    def _rows(self, condition: str, values: Values, order: str, limit: int) -> Sequence[Row]:
        table = self.table(LOGS)
        if table is None:
            return []
        column = table.column
        raw = ", ".join(f"{column(name)} AS {name}" for name in _RAW)
        sql = (
            f"SELECT {self._id()}, toUnixTimestamp64Nano(Timestamp), SeverityNumber, Body, ServiceName, "
            f"TraceId, SpanId, {column('LabSession')}, {raw}, LogAttributes, ResourceAttributes, "
            f"{column('SeverityText')}, {column('EventName')}, {column('TraceFlags')}, "
            f"{column('ScopeName')}, {column('ScopeVersion')} FROM {{table}} WHERE {condition}"
        )
        return self.log_query(f"{sql}{f' ORDER BY {order}' if order else ''} LIMIT {limit}", values, _RAW)

    def _log(self, row: Row) -> Log:
        raw, resource, scope = row[8], row[9], row[10]
        if raw:
            ids = bytes.fromhex(row[5]), bytes.fromhex(row[6])
            return log_of((row[0], row[1], row[2], row[3], row[4], *ids, row[7], raw, resource, scope))
        session = row[11].get("splunk.rumSessionId") or row[11].get("session.id") or row[7]
        return Log(
            log_id=str(row[0]),
            time_unix_nano=row[1],
            severity=Severity.of(row[2]),
            severity_number=row[2],
            body=row[3],
            service=row[4],
            trace_id=TraceId(row[5]) if row[5] else None,
            span_id=SpanId(row[6]) if row[6] else None,
            session_id=SessionId(session) if session else None,
            attributes=row[11],
            resource=row[12],
            scope=row[16],
            severity_text=row[13],
            event_name=row[14],
            value=row[3],
            flags=row[15],
            scope_version=row[17],
            as_text=True,
        )

    def _condition(self, query: LogQuery, values: Values) -> str:
        parts = [within(query.window)]
        if query.after is not None:
            if not self._has_arrival():
                raise BadQuery("This store does not know in which order logs arrived: ask by time.")
            parts = [f"{self._id()} > {_number(query.after)}"]
        if query.trace_id is not None:
            parts.append(f"TraceId = {values.text(trace_bytes(query.trace_id).hex())}")
        session = self._of_session(query, values)
        if query.trace_ids:
            among = f"TraceId IN {values.texts([trace_bytes(one).hex() for one in query.trace_ids])}"
            parts.append(f"({among} OR {session})" if session else among)
        elif session:
            parts.append(session)
        if query.span_id is not None:
            parts.append(f"SpanId = {values.text(span_bytes(query.span_id).hex())}")
        if query.service is not None:
            parts.append(f"ServiceName = {values.text(query.service)}")
        if query.severities:
            parts.append(_severities(query.severities))
        if query.environment is not None:
            parts.append(_environment(query.environment, values))
        parts += [holds("Body", word, values) for word in words_of(query.text or "") if word]
        parts += [carries(values, *pair, own="LogAttributes") for pair in query.attributes.items()]
        parts += [f"NOT ({carries(values, *pair, own='LogAttributes')})" for pair in query.excluded]
        for name, part in query.like.items():
            key = values.text(name)
            own = f"if(mapContains(LogAttributes, {key}), LogAttributes[{key}], ResourceAttributes[{key}])"
            parts.append(holds(own, part, values))
        return " AND ".join(parts)

    def _of_session(self, query: LogQuery, values: Values) -> str:
        table = self.table(LOGS)
        if query.session_id is None or table is None:
            return ""
        session = values.text(query.session_id)
        named = f"{session} IN (LogAttributes['splunk.rumSessionId'], LogAttributes['session.id'])"
        # Into a table of ours the exporter writes, too, and leaves our columns empty.
        return f"if(LabRaw != '', LabSession = {session}, {named})" if table.has("LabSession") else named


def _severities(severities: frozenset[Severity]) -> str:
    ranges = []
    for place, severity in enumerate(Severity):
        if severity in severities:
            low = place * 4 + 1
            high = 255 if severity is Severity.FATAL else low + 3
            ranges.append(f"SeverityNumber BETWEEN {low} AND {high}")
            if severity is Severity.INFO:
                ranges.append("SeverityNumber = 0")
    return f"({' OR '.join(ranges)})"


def _environment(environment: str, values: Values) -> str:
    named = ", ".join(f"nullIf(ResourceAttributes['{name}'], '')" for name in ENVIRONMENT_NAMES)
    return f"coalesce({named}, '') = {values.text(environment)}"


def _number(log_id: str) -> int:
    if not (log_id.isascii() and log_id.isdigit() and len(log_id) < 21):
        raise BadQuery(f"{log_id[:80]!r} is not a log id: take one from a list of logs.")
    return int(log_id)
