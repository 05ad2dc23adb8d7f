"""What of the settler's tables counts for a question, and which traces are read from their spans beside them.

Of every minute whose spans are those that were settled, the rows of the settler count. Traces with a span in
any other minute are left out of them, and are derived from their spans as without these tables: so answers
are the same with and without.
"""

# ruff: noqa: S608 - what is put into SQL text are checked names and numbers of our own

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from store.clickhouse.connection import Connections, Row, Values
from store.clickhouse.derived import AROUND_NS, Derived
from store.clickhouse.derived_before import ALL_TRACES, Among
from store.clickhouse.own_tables import (
    ARRIVALS,
    BLOCK,
    BLOCKS,
    HOMES,
    LONG,
    MINUTE_NS,
    MINUTES,
    REQUESTS,
    SPANS,
    TRACE_BODIES,
)
from store.clickhouse.settled_sql import IS_SUMMED, block_of, blocks_sql, dirty_sql, touched_sql
from store.clickhouse.span_rows import within
from store.clickhouse.stored_traces import derived_of
from store.queries import Window

_MOST_RANGES: Final = 100
"""With more pieces of time that are not settled, all spans are read."""
_AROUND: Final = AROUND_NS // MINUTE_NS
_AT_ONCE: Final = 2_000
_MOST_IDS: Final = 10_000
_MOST_LONG: Final = 1_000
"""Of more traces that last long, the older ones count as several."""
_MOST_UNSUMMED: Final = 200
"""Of more than so many ten minutes without sums it is asked where there are sums."""
_MOST_IN_STRIDES: Final = 10_000
_STRIDES: Final = (20, 80, 320)
"""Minutes in which the newest traces are looked for, before all of a window."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The settler's tables as of one version."""

    connections: Connections
    at: int
    dirty: Sequence[int]
    """The minutes that are not settled, in order."""
    lengths: bool = True
    """Whether the table of traces tells how long each lasts: one that was made long ago does not."""
    long: tuple[int, int] | None = None
    """The first and the last minute of traces of which a part only is settled."""
    made: int = 0
    """The newest version of the sums of ten minutes."""
    unsummed: Sequence[int] = ()
    """The ten minutes, by their first, whose traces are settled otherwise than they are summed."""

    def source(self, table: str) -> str:
        """What stands after FROM."""
        return self.connections.source(table)

    def published(self, window: Window, *, before: int = 2, after: int = 1) -> str:
        """The condition that a row counts, of traces that begin around a window."""
        begin = max(0, window.from_unix_nano // MINUTE_NS - before * _AROUND)
        end = window.to_unix_nano // MINUTE_NS + after * _AROUND
        inside = f"Home >= {begin} AND Home <= {end}"
        return (
            f"{inside} AND (Home, Version) GLOBAL IN (SELECT Home, max(Version) FROM {self.source(HOMES)} "
            f"WHERE Version <= {self.at} AND {inside} GROUP BY Home)"
        )

    def blocks(self) -> str:
        """The (Home, Version) of ten minutes whose sums are of the versions that count."""
        rows = blocks_sql(self.source(HOMES), self.source(BLOCKS), self.at, self.made)
        return f"SELECT Block, max(Made) FROM ({rows}) GROUP BY Block HAVING {IS_SUMMED}"

    def unsummed_rows(self) -> str:
        """The condition on cells of minutes that those of ten minutes lack; empty if they lack none."""
        if not self.unsummed:
            return ""
        if len(self.unsummed) > _MOST_UNSUMMED:
            return f"{block_of('Home')} GLOBAL NOT IN (SELECT Block FROM ({self.blocks()}))"
        # What a trace has lies around the minute in which it begins: so little is read.
        listed = ", ".join(map(str, self.unsummed))
        first, last = min(self.unsummed) - _AROUND, max(self.unsummed) + BLOCK + 2 * _AROUND
        return f"(Slot >= {first} AND Slot < {last} AND {block_of('Home')} IN ({listed}))"

    def open_rows(self, window: Window) -> str:
        """The condition on spans of the minutes around a window that are not settled; empty if all are."""
        parts = [within(part) for part in self.open_parts(window)]
        return f"({' OR '.join(f'({part})' for part in parts)})" if parts else ""

    def open_parts(self, window: Window) -> list[Window]:
        """These minutes, neighbours put together."""
        return list(together(self._near(window)))

    def open_traces(self, window: Window) -> str:
        """SQL for the ids of traces that are derived from their spans; empty if there are none."""
        rows = self.open_rows(window)
        found = [touched_sql(self.source(SPANS), rows)] if rows else []
        if lasting := self.long_traces(window):
            found.append(lasting)
        return " UNION ALL ".join(found)

    def long_traces(self, window: Window) -> str:
        """SQL for the ids of those of which a part only is settled; empty if there are none."""
        begin = window.from_unix_nano // MINUTE_NS - 2 * _AROUND
        end = window.to_unix_nano // MINUTE_NS + 2 * _AROUND
        if self.long is None or self.long[0] > end or self.long[1] < begin:
            return ""
        return (
            f"SELECT TraceId FROM (SELECT TraceId, max(Last) AS ended FROM {self.source(LONG)} "
            f"GROUP BY TraceId HAVING min(First) <= {end} AND ended >= {begin} "
            f"ORDER BY ended DESC, TraceId LIMIT {_MOST_LONG})"
        )

    def derived(self, rows: Sequence[Row]) -> dict[tuple[str, int], Derived | None]:
        """Those of rows (id, spans, first time, last time) that were derived from as many spans, by both."""
        begin, end = min(row[2] for row in rows), max(row[2] for row in rows)
        window = Window(begin, end + 1)
        linked = self._linked(window)
        found: dict[tuple[str, int], Derived | None] = {}
        for place in range(0, len(rows), _AT_ONCE):
            values = Values()
            asked = {row[0]: row[1] for row in rows[place : place + _AT_ONCE] if row[0] not in linked}
            stored = self.connections.rows(
                f"SELECT TraceId, Spans, Body FROM {self.source(TRACE_BODIES)} "
                f"WHERE {self.published(window, before=0, after=0)} "
                f"AND TraceId IN {values.texts(list(asked))}",
                values,
            )
            for trace_id, spans, body in stored:
                if asked.get(trace_id) == spans:
                    with suppress(ValueError):
                        found[trace_id, spans] = derived_of(body) if body else None
        return found

    def requested(self, window: Window, condition: str) -> str:
        """SQL for the ids of traces with a settled request in a window that fulfils a condition."""
        return (
            f"SELECT DISTINCT TraceId FROM {self.source(REQUESTS)} WHERE {condition} AND "
            f"Start >= {window.from_unix_nano} AND Start < {window.to_unix_nano} AND {self.published(window)}"
        )

    def newest(
        self, window: Window, limit: int, among: Among = ALL_TRACES, values: Values | None = None
    ) -> Sequence[Row]:
        """Rows (id, spans, first time, last time) of the newest settled traces in a window."""
        if limit > _MOST_IN_STRIDES:
            return self._listed(window, limit, 0, among, values)
        rows = self.connections.rows(f"SELECT max(Home) FROM {self.source(HOMES)}")
        newest = min(int(rows[0][0]), window.to_unix_nano // MINUTE_NS)
        oldest = window.from_unix_nano // MINUTE_NS - 2 * _AROUND
        # Traces that begin later are newer: what lies further back is looked at if these are too few.
        for minutes in _STRIDES:
            begin = max(oldest, newest - minutes)
            found = self._listed(window, limit, begin, among, values)
            if len(found) >= limit or begin == oldest:
                return found
        return self._listed(window, limit, 0, among, values)

    def slowest(
        self, window: Window, limit: int, among: Among = ALL_TRACES, values: Values | None = None
    ) -> Sequence[Row]:
        """The same of those that lasted longest, and how long each did."""
        return self._listed(window, limit, 0, among, values, "Duration DESC, First DESC")

    def _listed(self, window: Window, limit: int, begin: int, among: Among, values: Values | None,
                order: str = "First DESC") -> Sequence[Row]:  # fmt: skip
        condition = f"{self.published(window)} AND First < {window.to_unix_nano} "
        condition += f"AND Last >= {window.from_unix_nano} AND Home >= {begin}"
        if self.lengths:
            for sign, length in ((">=", among.shortest), ("<=", among.longest)):
                condition += f" AND Duration {sign} {length}" if length is not None else ""
        if opened := self.open_traces(window):
            condition += f" AND TraceId GLOBAL NOT IN ({opened})"
        for ids in among.ids(begin * MINUTE_NS):
            condition += f" AND TraceId GLOBAL IN ({ids})"
        return self.connections.rows(
            f"SELECT TraceId, Spans, First, Last{', Duration' if self.lengths else ''} "
            f"FROM {self.source(TRACE_BODIES)} WHERE {condition} ORDER BY {order}, TraceId LIMIT {limit}",
            values,
        )

    def _linked(self, window: Window) -> frozenset[str]:
        """The traces that a browser's event names which came after they were settled."""
        if not (opened := self.open_rows(window)):
            return frozenset()
        rows = self.connections.rows(
            f"SELECT DISTINCT LabLink FROM {self.source(SPANS)} WHERE {opened} AND LabLink != ''"
        )
        return frozenset(str(link) for (link,) in rows)

    def ids(self, condition: str, values: Values) -> list[str] | None:
        """The ids of traces by a condition on them, of all that were settled and of what is not yet.

        Some of them may be no more: the spans are asked for them afterwards. None if that does not help.
        """
        if not self.is_worth_it(Window.ALL):
            return None
        sql = f"SELECT TraceId FROM {self.source(TRACE_BODIES)} WHERE {condition}"
        if opened := self.open_rows(Window.ALL):
            sql += f" UNION ALL SELECT TraceId FROM {self.source(SPANS)} WHERE {opened} AND {condition}"
        rows = self.connections.rows(f"SELECT DISTINCT TraceId FROM ({sql}) LIMIT {_MOST_IDS + 1}", values)
        return [str(trace_id) for (trace_id,) in rows] if len(rows) <= _MOST_IDS else None

    def is_worth_it(self, window: Window) -> bool:
        """Whether most of a window is settled."""
        near = self._near(window)
        length = window.duration_ns // MINUTE_NS + 1
        return len(near) <= length // 2 + 2 * _AROUND and len(list(together(near))) <= _MOST_RANGES

    def upto_unix_nano(self, newest: int) -> int:
        """Up to where no minute is left to settle, of data that ends at `newest`."""
        return min((minute * MINUTE_NS for minute in self.dirty), default=newest)

    def _near(self, window: Window) -> list[int]:
        begin = window.from_unix_nano // MINUTE_NS - 2 * _AROUND
        end = window.to_unix_nano // MINUTE_NS + 2 * _AROUND
        return [minute for minute in self.dirty if begin <= minute <= end]


def read_settled(connections: Connections, *, lengths: bool, long: bool) -> Settled | None:
    """The newest version, and what is not settled; None while nothing is."""
    homes, blocks = connections.source(HOMES), connections.source(BLOCKS)
    # Sums are made after what they sum is published: their versions are newer.
    rows = connections.rows(
        f"SELECT (SELECT max(Version) FROM {homes}) AS at, (SELECT max(Version) FROM {blocks}) AS made"
    )
    at, made = int(rows[0][0]), int(rows[0][1])
    if not at:
        return None
    minutes = dirty_sql(connections.source(ARRIVALS), connections.source(MINUTES), at)
    parts = [
        f"SELECT 'dirty' AS kind, toInt64(Minute) AS first, toInt64(0) AS last FROM ({minutes})",
        f"SELECT 'unsummed' AS kind, toInt64(Block) AS first, toInt64(0) AS last FROM "
        f"({blocks_sql(homes, blocks, at, made)}) GROUP BY Block HAVING NOT ({IS_SUMMED})",
    ]
    if long:
        parts.append(
            "SELECT 'long' AS kind, min(First) AS first, max(Last) AS last "
            f"FROM {connections.source(LONG)} HAVING count() > 0"
        )
    found: dict[str, list[tuple[int, int]]] = {"dirty": [], "unsummed": [], "long": []}
    for kind, first, last in connections.rows(" UNION ALL ".join(parts)):
        found[str(kind)].append((int(first), int(last)))
    dirty, unsummed = (sorted(first for first, _ in found[kind]) for kind in ("dirty", "unsummed"))
    return Settled(connections, at, dirty, lengths, next(iter(found["long"]), None), made, unsummed)


def together(minutes: Sequence[int]) -> Iterator[Window]:
    """These minutes, neighbours put together."""
    begin = end = None
    for minute in minutes:
        if end is not None and minute == end:
            end = minute + 1
            continue
        if begin is not None and end is not None:
            yield Window(begin * MINUTE_NS, end * MINUTE_NS)
        begin, end = minute, minute + 1
    if begin is not None and end is not None:
        yield Window(begin * MINUTE_NS, end * MINUTE_NS)
