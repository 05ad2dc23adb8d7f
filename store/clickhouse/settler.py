"""The settler: computes what follows from whole traces, minute by minute, some minutes behind.

A minute is dirty while its number of spans is not the one of when it was settled: it is new, or something
came late. Its traces are computed anew, together with all other traces that begin in the same minutes as
they do, under a new version; then the version is published. What was written and not published is never
read: a settler may be killed at any moment. Spans that arrive meanwhile leave their minute dirty.
"""

# ruff: noqa: S608 - what is put into SQL text are checked names and numbers of our own

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from store.api import StoreError
from store.clickhouse.connection import Connections
from store.clickhouse.derived import AROUND_NS, Traces
from store.clickhouse.event_settler import forgotten, with_neighbours, write_samples
from store.clickhouse.lease import Lease
from store.clickhouse.own_tables import (
    ARRIVALS,
    BLOCK,
    BLOCKS,
    CALL_CELLS,
    CALLS,
    EVENT_MINUTES,
    HOMES,
    LONG,
    MINUTE_NS,
    MINUTES,
    REQUEST_CELLS,
    REQUESTS,
    SAMPLES,
    SPANS,
    TRACE_BODIES,
    minute_of,
)
from store.clickhouse.settled_rows import Settled, call_columns, request_columns, trace_columns
from store.clickhouse.settled_sql import block_of, blocks_sql, dirty_sql, touched_sql
from store.clickhouse.span_rows import SpanRows, within
from store.clickhouse.tables import find_table
from store.queries import Window

BEHIND_S: Final = 120.0
"""A minute is settled so much later: browsers and batches of senders have arrived by then."""
_MOST_SPANS: Final = 60_000
"""Of the minutes of one step: some seconds of work, 100 MB."""
_MOST_SPANS_OF_EVENTS: Final = 250_000
"""The same where only those of browsers are read."""
_COUNTED: Final = ("Minute", "Version", "Spans")
_MOST_MINUTES: Final = 30
_AT_ONCE: Final = 1_500
_AROUND: Final = AROUND_NS // MINUTE_NS
_FAR: Final = 360
"""Minutes in which another part of a trace is looked for."""
_KEEP_NS: Final = 900 * 10**9
"""A reader may still read a version that was followed by another so long ago."""
_PAUSE_S: Final = 5.0
_FORGETS_S: Final = 60.0
"""So often old versions are looked for."""
_OF_HOMES: Final = (TRACE_BODIES, REQUESTS, CALLS, REQUEST_CELLS, CALL_CELLS)


class Settler:
    """Settles one store, while it holds the lease."""

    def __init__(self, connections: Connections, lease: Lease, behind_s: float = BEHIND_S) -> None:
        self._connections = connections
        self._lease = lease
        self._behind_ns = int(behind_s * 1e9)
        self._version = 0
        self._database = connections.address.database
        self._stopped = threading.Event()
        self._forgets_s = 0.0
        self._samples = False

    def run(self, pause_s: float = _PAUSE_S) -> None:
        """Settle until `stop`; a server that does not answer is asked again later."""
        while not self._stopped.is_set():
            try:
                busy = self.step() > 0
            except StoreError:
                busy = False
            if not busy:
                self._stopped.wait(pause_s)
        with suppress(StoreError):
            self.close()

    def stop(self) -> None:
        """End after the step in work."""
        self._stopped.set()

    def close(self) -> None:
        """Release the lease, and close the connections."""
        self._lease.stop()
        self._connections.close()

    def step(self) -> int:
        """Settle the newest dirty minutes; returns how many, 0 with nothing to do or without the lease."""
        if not self._lease.hold():
            return 0
        return self._settle_traces() + self._settle_events()

    def _settle_events(self) -> int:
        """What browsers measured; such tables may be missing in a store that was prepared long ago."""
        if not self._has_samples():
            return 0
        version = self._next_version()
        minutes = self._dirty(version, EVENT_MINUTES, _MOST_SPANS_OF_EVENTS)
        if not minutes:
            return 0
        several = with_neighbours(self._connections, minutes)
        write_samples(self._connections, several, version)
        counted = [(minute, version, spans) for minute, spans in several.items()]
        held = self._lease.still_held()
        return len(minutes) if held and self._publish(EVENT_MINUTES, _COUNTED, counted) else 0

    def _has_samples(self) -> bool:
        if not self._samples:
            self._samples = find_table(self._connections, SAMPLES) is not None
        return self._samples

    def _settle_traces(self) -> int:
        version = self._next_version()
        minutes = self._dirty(version, MINUTES, _MOST_SPANS)
        if not minutes:
            self._sum_blocks(version)
            self._forget(version)
            return 0
        homes = self._homes(minutes)
        for part in self._read(homes):
            for table, columns in (
                (TRACE_BODIES, trace_columns(part, version)),
                (REQUESTS, request_columns(part, version)),
                (CALLS, call_columns(part, version)),
            ):
                self._insert(table, columns)
        self._note_long(homes, version)
        self._sum(1, version, f"Version = {version}", "Home", version)
        if not self._lease.still_held():
            return 0
        # The version counts from here on; while minutes are dirty, readers look at their spans as well.
        if not self._publish(HOMES, ("Home", "Version"), [(home, version) for home in homes]):
            return 0
        counted = [(minute, version, spans) for minute, spans in minutes.items()]
        self._publish(MINUTES, _COUNTED, counted)
        return len(minutes)

    def _next_version(self) -> int:
        rows = self._connections.rows(
            f"SELECT toUnixTimestamp64Nano(now64(9)), max(Version) FROM {self._source(HOMES)}"
        )
        self._version = max(int(rows[0][0]), int(rows[0][1]) + 1, self._version + 1)
        return self._version

    def _dirty(self, now_ns: int, settled: str, most_spans: int) -> dict[int, int]:
        """The newest dirty minutes by a table of settled ones, which lie together, with their spans."""
        last, ahead = self._ends(now_ns)
        rows = self._connections.rows(
            f"SELECT Minute, sum(Spans) FROM ({dirty_sql(self._source(ARRIVALS), self._source(settled))}) "
            f"WHERE Minute <= {last} OR Minute > {ahead} GROUP BY Minute ORDER BY Minute DESC "
            f"LIMIT {_MOST_MINUTES}"
        )
        found: dict[int, int] = {}
        for minute, spans in rows:
            near = not found or next(iter(found)) - minute < _MOST_MINUTES
            if not near or (found and sum(found.values()) + spans > most_spans):
                break
            found[int(minute)] = int(spans)
        return found

    def _ends(self, now_ns: int) -> tuple[int, int]:
        """The last minute that is over, and the one from which on a sender's clock must be wrong."""
        return (now_ns - self._behind_ns) // MINUTE_NS - 1, now_ns // MINUTE_NS + 1

    def _homes(self, minutes: Mapping[int, int]) -> list[int]:
        """The minutes in which traces begin, or began when they were settled, that have a span in these."""
        listed = ", ".join(map(str, minutes))
        own = f"{minute_of('Timestamp')} IN ({listed}) AND {within(_hull(minutes, 0))}"
        source = self._source(SPANS)
        rows = self._connections.rows(
            f"SELECT min(minute) AS home, groupUniqArrayArray([minute]) FROM (SELECT TraceId, "
            f"{minute_of('Timestamp')} AS minute FROM {source} WHERE {within(_hull(minutes, _AROUND))} AND "
            f"TraceId GLOBAL IN ({touched_sql(source, own)})) GROUP BY TraceId",
            unlimited=True,
        )
        begun = {int(home) for home, _ in rows}
        others = {int(each) for _, several in rows for each in several} - begun
        if others:
            named = ", ".join(map(str, others))
            known = self._connections.rows(
                f"SELECT DISTINCT Home FROM {self._source(HOMES)} WHERE Home IN ({named})"
            )
            begun |= {int(home) for (home,) in known}
        return sorted(begun)

    def _read(self, homes: Sequence[int]) -> Iterator[list[Settled]]:
        """All traces that begin in these minutes, some at a time."""
        if not homes:
            return
        table = find_table(self._connections, SPANS)
        assert table is not None
        traces = Traces(self._connections, SpanRows(self._connections, table))
        listed = ", ".join(map(str, homes))
        time = "toUnixTimestamp64Nano"
        hull = _hull(homes, _AROUND)
        inside = f"{minute_of('Timestamp')} IN ({listed}) AND {within(_hull(homes, 0))}"
        rows = self._connections.rows(
            f"SELECT TraceId, count(), {time}(min(Timestamp)) AS first, {time}(max(Timestamp)) FROM "
            f"{table.source} WHERE {within(hull)} AND TraceId GLOBAL IN (SELECT TraceId FROM {table.source} "
            f"WHERE {inside}) GROUP BY TraceId HAVING intDiv(first, {MINUTE_NS}) IN ({listed}) "
            f"ORDER BY intDiv(first, {MINUTE_NS}), TraceId",
            unlimited=True,
        )
        for begin in range(0, len(rows), _AT_ONCE):
            part = rows[begin : begin + _AT_ONCE]
            derived = traces.read(part)
            yield [
                Settled(int(row[2]) // MINUTE_NS, row[0], row[1], row[2], row[3], derived[row[0]])
                for row in part
            ]
            self._lease.still_held()

    def _note_long(self, homes: Sequence[int], version: int) -> None:
        """Traces that last longer than what is looked at, of which a part only is settled."""
        if not homes or find_table(self._connections, LONG) is None:
            return
        first, last = min(homes), max(homes)
        own = f"Home >= {first} AND Home <= {last}"
        minute = minute_of("Timestamp")
        for own_time, rows in (
            # Spans follow each other without a pause as long as what is looked at,
            (minute, f"{self._source(SPANS)} WHERE {within(_hull(homes, 2 * _AROUND))}"),
            # or there is one, and both parts were settled.
            (
                "Home",
                f"{self._source(TRACE_BODIES)} WHERE Home >= {first - _FAR} AND Home <= {last + _FAR} AND "
                f"TraceId GLOBAL IN (SELECT TraceId FROM {self._source(TRACE_BODIES)} WHERE {own} "
                f"AND Version = {version})",
            ),
        ):
            self._connections.run(
                f"INSERT INTO {self._database}.{LONG} (TraceId, First, Last) SELECT TraceId, "
                f"min({own_time}) AS begun, max({own_time}) AS ended FROM {rows} GROUP BY TraceId "
                f"HAVING ended - begun > {_AROUND}"
            )

    def _sum_blocks(self, version: int) -> None:
        """Sums of ten minutes, of those whose traces are settled otherwise than when they were summed."""
        of = blocks_sql(self._source(HOMES), self._source(BLOCKS), version)
        rows = self._connections.rows(
            f"SELECT Block, max(Newest) FROM ({of}) "
            "GROUP BY Block HAVING max(Newest) != argMax(Summed, Made) ORDER BY Block DESC LIMIT 100"
        )
        last, ahead = self._ends(version)
        blocks = {int(home): int(of) for home, of in rows if home <= last - BLOCK + 1 or home > ahead}
        if not blocks:
            return
        asked_blocks = ", ".join(map(str, blocks))
        homes = (
            f"SELECT Home, max(Version) FROM {self._source(HOMES)} "
            f"WHERE {block_of('Home')} IN ({asked_blocks}) AND Version <= {version} GROUP BY Home"
        )
        self._sum(BLOCK, version, f"(Home, Version) GLOBAL IN ({homes})", block_of("Home"), None)
        if self._lease.still_held():
            summed = [(home, version, of) for home, of in blocks.items()]
            self._publish(BLOCKS, ("Home", "Version", "Of"), summed)

    def _sum(self, width: int, version: int, where: str, home: str, own: int | None) -> None:
        """Cells of this many minutes, from the rows of requests and calls."""
        slot = f"intDiv(Start, {width * MINUTE_NS}) * {width}"
        # What this settler wrote lies on the server it speaks with.
        of = (lambda name: f"{self._database}.{name}") if own is not None else self._source
        common = "Bucket, Environment"
        for cells, rows, keys, sums in (
            (REQUEST_CELLS, REQUESTS, "Service, Operation", "sum(Error), sum(Origin)"),
            (CALL_CELLS, CALLS, "Source, Target, Error, Inferred, Database, Answered", ""),
        ):
            counted = "Requests, Errors, Origins" if sums else "Requests"
            self._connections.run(
                f"INSERT INTO {self._database}.{cells} "
                f"(Home, Version, Width, Slot, {keys}, {common}, {counted}) "
                f"SELECT {home} AS block, {version}, {width}, {slot} AS place, {keys}, {common}, "
                f"count(){', ' + sums if sums else ''} FROM {of(rows)} WHERE {where} "
                f"GROUP BY block, place, {keys}, {common} SETTINGS max_partitions_per_insert_block = 0, "
                "deduplicate_insert_select = 'disable'"
            )

    def _forget(self, version: int) -> None:
        """Delete versions that were followed by others some time ago, and those that were never published."""
        if time.monotonic() < self._forgets_s:
            return
        self._forgets_s = time.monotonic() + _FORGETS_S
        before = version - _KEEP_NS
        for table, kept in ((HOMES, _OF_HOMES), (BLOCKS, (REQUEST_CELLS, CALL_CELLS))):
            rows = self._connections.rows(
                f"SELECT Home, arrayFilter(v -> v != last AND v < {before}, groupArray(Version)) AS old, "
                f"max(if(Version < {before}, Version, 0)) AS last FROM {self._source(table)} GROUP BY Home "
                "HAVING notEmpty(old) LIMIT 1000"
            )
            self._delete(
                (*kept, table), [(int(home), int(old)) for home, several, _ in rows for old in several]
            )
        rows = self._connections.rows(
            f"SELECT DISTINCT Home, Version FROM {self._source(TRACE_BODIES)} WHERE Version < {before} "
            f"AND (Home, Version) GLOBAL NOT IN (SELECT Home, Version FROM {self._source(HOMES)}) LIMIT 1000"
        )
        self._delete(_OF_HOMES, [(int(home), int(old)) for home, old in rows])
        if self._has_samples():
            self._delete((SAMPLES,), forgotten(self._connections, before))

    def _delete(self, tables: Sequence[str], versions: Sequence[tuple[int, int]]) -> None:
        if not versions:
            return
        pairs = ", ".join(f"({home}, {version})" for home, version in versions)
        address = self._connections.address
        on = f" ON CLUSTER {address.cluster}" if address.cluster else ""
        for name in tables:
            self._connections.run(
                f"ALTER TABLE {self._database}.{name}{on} DELETE WHERE (Home, Version) IN ({pairs})"
            )

    def _publish(self, table: str, names: Sequence[str], rows: Sequence[tuple[int, ...]]) -> bool:
        """Insert rows if the server finds that the lease is held, however late; returns whether it did."""
        listed = ", ".join(f"({', '.join(map(str, row))})" for row in rows)
        columns = ", ".join(f"tupleElement(one, {place + 1})" for place in range(len(names)))
        self._connections.run(
            f"INSERT INTO {self._database}.{table} ({', '.join(names)}) SELECT {columns} "
            f"FROM (SELECT arrayJoin([{listed}]) AS one) WHERE {self._lease.is_held_sql()}"
        )
        found = self._connections.rows(
            f"SELECT count() FROM {self._source(table)} WHERE Version = {rows[0][1]}"
        )
        return bool(found[0][0])

    def _insert(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        if columns:
            self._connections.insert(table, columns, "")

    def _source(self, table: str) -> str:
        return self._connections.source(table)


def _hull(minutes: Iterable[int], around: int) -> Window:
    several = list(minutes)
    begin, end = min(several) - around, max(several) + 1 + around
    return Window(max(0, begin) * MINUTE_NS, max(0, end) * MINUTE_NS)
