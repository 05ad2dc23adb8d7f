"""In which part of a window there are requests, over ClickHouse. Whether a writer ran is not known."""

# ruff: noqa: S608 - what is put into SQL text are checked names and numbers of our own

from __future__ import annotations

from typing import Final

from store.clickhouse.conditions import is_backend, is_browser_row
from store.clickhouse.part import Part
from store.clickhouse.schema import LOGS, TRACES
from store.clickhouse.span_rows import within
from store.coverage_slots import holes_of, merged, slot_of
from store.queries import CoverageOf, Window
from store.results import Coverage, Gap

_ENTRY: Final = (
    "(SpanKind IN ('Server', 'Consumer', 'SPAN_KIND_SERVER', 'SPAN_KIND_CONSUMER') OR ParentSpanId = '')"
)
_DELAY_NS: Final = 10 * 10**9
"""What happened at the edge of a gap may arrive so much later."""


class ClickHouseCoverageReader(Part):
    """Tells gaps."""

    def coverage(self, window: Window, of: CoverageOf = "requests") -> Coverage:
        slot_ns = slot_of(window)
        table = self.spans()
        slots: list[int] = []
        # A slot that the window cuts counts as a whole one, as where slots are all that is kept.
        begin, end = window.from_unix_nano // slot_ns, -(-window.to_unix_nano // slot_ns)
        whole = Window(begin * slot_ns, end * slot_ns)
        if table is not None:
            chosen = is_browser_row(table) if of == "browsers" else f"{_ENTRY} AND {is_backend(table)}"
            rows = self.span_query(
                f"SELECT DISTINCT intDiv(toUnixTimestamp64Nano(Timestamp), {slot_ns}) AS slot FROM {{table}} "
                f"WHERE {within(whole)} AND {chosen} ORDER BY slot"
            )
            slots = [int(slot) for (slot,) in rows]
        parts = merged(slots, slot_ns, window)
        holes = holes_of(parts, window) if parts else [window]
        empty_ns = sum(hole.duration_ns for hole in holes)
        return Coverage(window.duration_ns - empty_ns, tuple(map(self._explained, holes)))

    def _explained(self, hole: Window) -> Gap:
        inner = Window(hole.from_unix_nano + _DELAY_NS, max(hole.to_unix_nano - _DELAY_NS, 0))
        other = any(self._arrived(name, inner) for name in (TRACES, LOGS))
        return Gap(hole.from_unix_nano, hole.to_unix_nano, "unknown", other_telemetry=other)

    def _arrived(self, name: str, window: Window) -> bool:
        table = self.table(name)
        if table is None or window.duration_ns <= 0:
            return False
        condition = within(window)
        if table.has("LabArrival"):
            first, last = (at // 1_000_000 << 22 for at in (window.from_unix_nano, window.to_unix_nano))
            condition = f"LabArrival >= {first} AND LabArrival < {min(last, 2**64 - 1)}"
        return bool(self._query(name, f"SELECT 1 FROM {{table}} WHERE {condition} LIMIT 1"))
