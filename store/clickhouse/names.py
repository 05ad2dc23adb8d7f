"""`store.api.NameReader` over ClickHouse."""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from signals.folding import fold
from signals.model import SessionId, SpanId, TraceId
from store.clickhouse.conditions import is_backend
from store.clickhouse.connection import Values
from store.clickhouse.own_tables import VALUES
from store.clickhouse.schema import LOGS
from store.clickhouse.seen_values import ANSWERED, CALLED, SENDER, SOUGHT
from store.clickhouse.sessions import ClickHouseSessionReader
from store.question_parts import check_digits, in_order
from store.results import KnownService

_NEWEST_SESSIONS: Final = 20_000
_MOST_VALUES: Final = 100_000
_ZEROS: Final = "0" * 16


class ClickHouseNameReader(ClickHouseSessionReader):
    """Finds names and ids by a part of them."""

    def values_holding(self, name: str, part: str, limit: int = 20) -> Sequence[str]:
        table = self.spans()
        if not part.strip() or table is None or name not in SOUGHT:
            return []
        sought = fold(part)
        if self.has_own(VALUES):
            return in_order({each for each in self.seen_values(name) if sought in fold(each)}, part)[:limit]
        values = Values()
        key = values.text(name)
        found = f"coalesce(nullIf(SpanAttributes[{key}], ''), ResourceAttributes[{key}])"
        if table.has("LabTags"):
            found = f"coalesce(nullIf(LabTags[{key}], ''), {found})"
        rows = self.span_query(
            f"SELECT DISTINCT {found} AS value FROM {{table}} WHERE value != '' LIMIT {_MOST_VALUES}", values
        )
        return in_order({str(value) for (value,) in rows if sought in fold(value)}, part)[:limit]

    def services_holding(self, part: str, limit: int = 20) -> Sequence[KnownService]:
        if not part.strip():
            return []
        sought = fold(part)
        table = self.spans()
        own: set[str] = set()
        called: set[str] = set()
        if self.has_own(VALUES):
            own = self.seen_values(SENDER)
            called = self.seen_values(CALLED) | self.seen_values(ANSWERED)
        elif table is not None:
            own = self._names(
                table.name, f"SELECT DISTINCT ServiceName FROM {{table}} WHERE {is_backend(table)}"
            )
            called = self._called()
        logged = self._names(LOGS, "SELECT DISTINCT ServiceName FROM {table}")
        fitting = {name for name in own | called | logged if name and sought in fold(name)}
        return [
            KnownService(name, name in own, name in called, name in logged)
            for name in in_order(fitting, part)[:limit]
        ]

    def sessions_holding(self, part: str, limit: int = 20) -> Sequence[SessionId]:
        if not part.strip():
            return []
        sought = fold(part)
        return [name for name in self.newest_sessions(_NEWEST_SESSIONS) if sought in fold(name)][:limit]

    def never_seen(self, names: Iterable[str]) -> Sequence[str]:
        # Its searches read every row of their range, and are complete.
        return []

    def trace_ids_with(self, digits: str, limit: int = 20) -> Sequence[TraceId]:
        check_digits(digits, 32)
        values = Values()
        own, padded = values.text(digits), values.text(_ZEROS + digits)
        conditions = [f"startsWith(TraceId, {own})"]
        if len(digits) <= 16:
            conditions.append(f"startsWith(TraceId, {padded})")
        if len(digits) % 2 == 0:
            conditions.append(f"endsWith(TraceId, {own})")
        condition = f"({' OR '.join(conditions)})"
        settled = self.settled()
        if settled is not None and (found := settled.ids(condition, values)) is not None:
            values = Values()
            condition = f"TraceId IN {values.texts(found)}"
        rows = self.span_query(
            f"SELECT DISTINCT TraceId FROM {{table}} WHERE {condition} ORDER BY TraceId LIMIT {int(limit)}",
            values,
        )
        return [TraceId(trace_id) for (trace_id,) in rows]

    def span_ids_beginning(self, digits: str, limit: int = 20) -> Sequence[tuple[TraceId, SpanId]]:
        check_digits(digits, 16)
        values = Values()
        sought = values.text(digits)
        # Of a whole id the server's index tells where it is not.
        found = f"SpanId = {sought}" if len(digits) == 16 else f"startsWith(SpanId, {sought})"
        rows = self.span_query(
            f"SELECT DISTINCT TraceId, SpanId FROM {{table}} WHERE {found} "
            f"ORDER BY TraceId, SpanId LIMIT {int(limit)}",
            values,
        )
        return [(TraceId(trace_id), SpanId(span_id)) for trace_id, span_id in rows]

    def _names(self, table: str, sql: str) -> set[str]:
        return {str(name) for (name,) in self._query(table, sql)}

    def _called(self) -> set[str]:
        """Services that others name as whom they call."""
        table = self.spans()
        if table is None:
            return set()
        named = ["SpanAttributes['peer.service']", table.column("LabPeer")]
        found = self._names(table.name, f"SELECT DISTINCT arrayJoin([{', '.join(named)}]) FROM {{table}}")
        # A call is also known by the span of its answer.
        answered = self._names(
            table.name,
            "SELECT DISTINCT b.ServiceName FROM {table} AS b WHERE b.SpanKind IN ('Server', 'Consumer') "
            "AND b.ParentSpanId != ''",
        )
        return {name for name in found | answered if name}
