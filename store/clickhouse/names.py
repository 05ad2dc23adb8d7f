"""`store.api.NameReader` over ClickHouse."""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from signals.folding import fold
from signals.model import SessionId, SpanId, TraceId
from signals.semantics import PROMOTED
from store.clickhouse.conditions import is_backend
from store.clickhouse.connection import Values
from store.clickhouse.schema import LOGS
from store.clickhouse.sessions import ClickHouseSessionReader
from store.question_parts import check_digits, in_order
from store.results import KnownService
from store.tags import HAPPENED_TAGS, SESSION_TAGS

_NEWEST_SESSIONS: Final = 20_000
_MOST_VALUES: Final = 100_000
_ZEROS: Final = "0" * 16
_NAMES: Final = frozenset(PROMOTED) | SESSION_TAGS | HAPPENED_TAGS


class ClickHouseNameReader(ClickHouseSessionReader):
    """Finds names and ids by a part of them."""

    def values_holding(self, name: str, part: str, limit: int = 20) -> Sequence[str]:
        table = self.spans()
        if not part.strip() or table is None or name not in _NAMES:
            return []
        values = Values()
        key = values.text(name)
        found = f"coalesce(nullIf(SpanAttributes[{key}], ''), ResourceAttributes[{key}])"
        if table.has("LabTags"):
            found = f"coalesce(nullIf(LabTags[{key}], ''), {found})"
        rows = self.span_query(
            f"SELECT DISTINCT {found} AS value FROM {{table}} WHERE value != '' LIMIT {_MOST_VALUES}", values
        )
        sought = fold(part)
        return in_order({str(value) for (value,) in rows if sought in fold(value)}, part)[:limit]

    def services_holding(self, part: str, limit: int = 20) -> Sequence[KnownService]:
        if not part.strip():
            return []
        sought = fold(part)
        table = self.spans()
        own: set[str] = set()
        called: set[str] = set()
        if table is not None:
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
        rows = self.span_query(
            f"SELECT DISTINCT TraceId FROM {{table}} WHERE {' OR '.join(conditions)} "
            f"ORDER BY TraceId LIMIT {int(limit)}",
            values,
        )
        return [TraceId(trace_id) for (trace_id,) in rows]

    def span_ids_beginning(self, digits: str, limit: int = 20) -> Sequence[tuple[TraceId, SpanId]]:
        check_digits(digits, 16)
        values = Values()
        rows = self.span_query(
            f"SELECT DISTINCT TraceId, SpanId FROM {{table}} WHERE startsWith(SpanId, {values.text(digits)}) "
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
