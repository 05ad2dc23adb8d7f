"""Deletes what exceeds the bounds of size and age: oldest arrival first, in short transactions, counted.

A trace is deleted whole; what is derived from it follows in the settler (`settled_retention`), which is
told by the handover. store/README.md says for each table how its rows end. Age is time in the store, by the
store's own clock: a sender's clock ages nothing. Must run inside the writer's
transaction, except `shrink`.
"""

from __future__ import annotations

import sqlite3
import time
from typing import Final

from store.sqlite.stored_spans import of_connection
from store.sqlite.write.handover import Pruned
from store.sqlite.write.ingest import OLDEST_COUNTED_NS, Ingest
from store.sqlite.write.metric_retention import MetricRetention
from store.sqlite.write.settled_view import SettledView

_ROUND: Final = 2_000
"""Spans and logs that one round deletes, at most, so that writers do not wait long behind it."""
_LEAST_ROUND: Final = 100
_LOW_WATER: Final = 0.95
"""Share of the size limit down to which a full store is pruned."""
_TOMBSTONES: Final = 100_000
"""Names of pruned traces and sessions that are remembered, the newest."""
_DERIVED_EVERY_S: Final = 30.0
"""Pause between two rounds over resources without use: each reads the whole table."""
_VACUUM_PAGES: Final = 1_000
"""Pages given back to the system at once: 4 MB."""


class Retention:
    """Prunes what exceeds the bounds."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        ingest: Ingest,
        settled: SettledView,
        max_bytes: int,
        max_age_s: float,
    ) -> None:
        self._connection = connection
        self._ingest = ingest
        self._settled = settled
        self._stored = of_connection(connection)
        self._metrics = MetricRetention(connection, ingest)
        self._max_bytes = max_bytes
        self._max_age_ns = round(max_age_s * 1e9)
        self._pruning = False
        self._next_derived_s = 0.0
        self._gone_settled = ingest.counters.get("pruned_spans")
        """How many spans had been pruned when nothing waited for the settler last."""
        self._dated = True
        """Whether the oldest time is that of what is left."""
        self._page_bytes = int(self._pragma("page_size"))
        self.more = False
        """Whether the last round stopped at its limit: another one should follow at once."""
        ingest.counters.set("max_bytes", max_bytes)

    def begin_round(self) -> None:
        """One round, if there is anything to prune."""
        self.more = False
        by_size, by_age = self._by_size(), self._by_age()
        if by_size and self._metrics.is_older_than(self._arrival_of(self._oldest())):
            by_size = 0
            self.more = self._metrics.prune_oldest()
        upto = max(by_size, by_age)
        if upto:
            self._prune(upto)
            self.more = True
        if self._metrics.prune(self._ingest.clock.now() - self._max_age_ns):
            self.more = True
        if not self._dated and not self._settled.waits:
            self._date_oldest()
        if self._ingest.logs.is_full:
            # Only of a file of before, whose logs all are rows.
            self._ingest.logs.pack()
            self.more = True
        pruned = self._ingest.counters.get("pruned_seq")
        if pruned and time.monotonic() >= self._next_derived_s:
            self._ingest.origins.prune(pruned)
            self._next_derived_s = time.monotonic() + _DERIVED_EVERY_S
        self._ingest.counters.flush()

    def shrink(self) -> None:
        """Give some free pages back to the system if the files are larger than allowed."""
        taken = self._pragma("page_count") * self._page_bytes + self._settled.used_bytes()
        if taken > self._max_bytes and self._pragma("freelist_count"):
            self._connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()

    def used_bytes(self) -> int:
        """Bytes that the data takes, free pages of the files not counted.

        Of what is settled, that of spans which were pruned and still wait for the settler is taken as gone.
        """
        own = int(self._pragma("page_count") - self._pragma("freelist_count")) * self._page_bytes
        return own + round(self._settled.used_bytes() * self._share_left())

    def _share_left(self) -> float:
        """What is left of the spans that are settled."""
        counters = self._ingest.counters
        left, gone = counters.get("spans"), counters.get("pruned_spans")
        if not self._settled.waits:
            self._gone_settled = gone
        waiting = gone - self._gone_settled
        return left / (left + waiting) if waiting else 1.0

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _oldest(self) -> int:
        """The lowest number of a span or log, 0 if there is none."""
        return self._end("min")

    def _end(self, which: str) -> int:
        """The lowest (`min`) or the highest (`max`) number of a span or log, 0 if there is none."""
        logs = self._ingest.logs
        if which == "max":
            return max(self._stored.newest(), logs.newest())
        return min([number for number in (self._stored.oldest(), logs.oldest()) if number], default=0)

    def _by_size(self) -> int:
        """The number up to which this round prunes to save space; 0 if there is enough.

        As many items as the excess amounts to on average, so that a small store is not emptied
        for a small excess.
        """
        used = self.used_bytes()
        enough = self._max_bytes * _LOW_WATER
        self._pruning = used > (enough if self._pruning else self._max_bytes)
        oldest = self._oldest()
        if not self._pruning:
            return 0
        if not oldest:
            self._metrics.prune_oldest()
            return 0
        item_bytes = used / (self._end("max") - oldest + 1)
        return oldest + min(max(round((used - enough) / item_bytes), _LEAST_ROUND), _ROUND)

    def _arrival_of(self, seq: int) -> int:
        """When this number of the sequence came, right to 5 s and never too late."""
        row = self._connection.execute("SELECT max(unix_nano) FROM arrivals WHERE seq < ?", (seq,)).fetchone()
        return int(row[0] or 0)

    def _by_age(self) -> int:
        """The number up to which this round prunes what is too old; 0 if nothing is."""
        row = self._connection.execute(
            "SELECT max(seq) FROM arrivals WHERE unix_nano < ?",
            (self._ingest.clock.now() - self._max_age_ns,),
        ).fetchone()
        horizon = int(row[0] or 0)
        oldest = self._oldest()
        return min(horizon, oldest + _ROUND) if oldest and oldest <= horizon else 0

    def _prune(self, upto: int) -> None:
        execute = self._connection.execute
        counters = self._ingest.counters
        counters.add("pruned_logs", self._prune_logs(upto))
        traces, sessions = sorted(self._stored.traces_from(-1, upto)), set[str]()
        self._ingest.forget_spans()
        spans = sum(self._prune_trace(trace_id, sessions) for trace_id in traces)
        for session_id in sorted(sessions):
            self._bury(session_id)
        counters.add("pruned_spans", spans)
        counters.add("spans", -spans)
        execute("DELETE FROM late_batches WHERE seq <= ?", (upto,))
        self._ingest.names.prune(upto)
        counters.at_least("pruned_seq", upto)
        reached = execute(
            "SELECT seq, unix_nano FROM arrivals WHERE seq <= ? ORDER BY seq DESC", (upto,)
        ).fetchone()
        if reached:
            counters.at_least("pruned_before", reached[1])
            # The last one before `upto` stays: it dates what is now the oldest.
            execute("DELETE FROM arrivals WHERE seq < ?", (reached[0],))
        else:
            counters.at_least("pruned_before", 0)
        execute("DELETE FROM tombstones WHERE id <= (SELECT max(id) FROM tombstones) - ?", (_TOMBSTONES,))
        before = counters.get("pruned_before")
        self._ingest.handover.pruned.append(Pruned(upto, traces, sorted(sessions), before))
        self._ingest.hand_over()
        self._dated = False

    def _date_oldest(self) -> None:
        """Note the oldest time, once it is settled that what was pruned is gone."""
        # As in the ingest, a stray time of long ago is nobody's oldest, unless there is nothing else.
        counted = self._ingest.clock.now() - OLDEST_COUNTED_NS
        oldest = self._oldest_time(counted) or self._oldest_time(0)
        if oldest is not None:
            self._ingest.counters.set("oldest", oldest)
        self._dated = True

    def _oldest_time(self, since: int) -> int | None:
        """The oldest time from this one on; None if there is none."""
        found = self._ingest.logs.oldest_time(since), self._settled.oldest(since)
        return min([time for time in found if time is not None], default=None)

    def _prune_logs(self, upto: int) -> int:
        self._connection.execute("DELETE FROM deployments WHERE seq <= ?", (upto,))
        gone = self._ingest.logs.prune(upto)
        self._ingest.counters.add("logs", -gone)
        return gone

    def _prune_trace(self, trace_id: bytes, sessions: set[str]) -> int:
        """Delete a trace; adds the sessions that lost spans, and returns how many it had."""
        execute = self._connection.execute
        rows = execute(
            "SELECT DISTINCT session_id FROM spans WHERE trace_id = ? AND session_id IS NOT NULL", (trace_id,)
        )
        sessions.update(session_id for (session_id,) in rows)
        gone = self._stored.count(trace_id)
        execute("DELETE FROM spans WHERE trace_id = ?", (trace_id,))
        execute(
            "DELETE FROM trace_parts WHERE seq IN (SELECT seq FROM part_ids WHERE trace_id = ?)", (trace_id,)
        )
        execute("DELETE FROM part_ids WHERE trace_id = ?", (trace_id,))
        execute("INSERT OR REPLACE INTO tombstones (name) VALUES (?)", (trace_id,))
        return gone

    def _bury(self, session_id: str) -> None:
        """Remember a session that has no spans left."""
        execute = self._connection.execute
        if execute("SELECT 1 FROM spans WHERE session_id = ? LIMIT 1", (session_id,)).fetchone() is None:
            execute("INSERT OR REPLACE INTO tombstones (name) VALUES (?)", (session_id.encode(),))
