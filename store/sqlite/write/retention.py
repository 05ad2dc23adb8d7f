"""Bounded by size and by age: the oldest to arrive goes first, in short rounds, and it is said.

A trace goes whole, with everything derived of it. Age is time in the store, by the
store's own clock: what a sender's clock says makes nothing old. Must run inside
the writer's transaction, but for `shrink`.
"""

# ruff: noqa: S608 - what is put into SQL text are names and question marks of our own

from __future__ import annotations

import sqlite3
import time
from typing import Final

from signals.semantics import RUM_TAGS, environment_of
from store.decode import resource_attributes
from store.sqlite.tag_sets import SEARCH_SLOT_NS
from store.sqlite.write.aggregation_schedule import Settler
from store.sqlite.write.ingest import COUNT_LOGS, Ingest
from store.sqlite.write.session_aggregation import METRICS

_ROUND: Final = 2_000
"""Items of one round, at most."""
_LEAST_ROUND: Final = 100
_LOW_WATER: Final = 0.95
_TOMBSTONES: Final = 100_000
_DERIVED_EVERY_S: Final = 30.0
_PAIRS_ROUND: Final = 5_000
_VACUUM_PAGES: Final = 1_000


class Retention:
    """Prunes what the bounds do not hold any more."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        ingest: Ingest,
        settler: Settler,
        max_bytes: int,
        max_age_s: float,
    ) -> None:
        self._connection = connection
        self._ingest = ingest
        self._settler = settler
        self._max_bytes = max_bytes
        self._max_age_ns = round(max_age_s * 1e9)
        self._pruning = False
        self._next_derived_s = 0.0
        self._pairs_seen = 0
        self._tagsets_seen = 0
        self._page_bytes = int(self._pragma("page_size"))
        self.more = False
        """Whether another round is wanted at once."""
        ingest.facts.set("max_bytes", max_bytes)

    def begin_round(self) -> None:
        """One round, if there is anything to prune."""
        self.more = False
        upto = max(self._by_size(), self._by_age())
        if upto:
            self._prune(upto)
            self.more = True
        if self._ingest.facts.get("pruned_seq") and time.monotonic() >= self._next_derived_s:
            self._prune_derived()
            self._next_derived_s = time.monotonic() + _DERIVED_EVERY_S
        self._ingest.facts.flush()

    def shrink(self) -> None:
        """Give free pages back to the system while the file is larger than allowed."""
        if self._pragma("page_count") * self._page_bytes > self._max_bytes and self._pragma("freelist_count"):
            self._connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()

    def used_bytes(self) -> int:
        """What the data takes, free pages of the file not counted."""
        return int(self._pragma("page_count") - self._pragma("freelist_count")) * self._page_bytes

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _oldest(self) -> int:
        return self._end("min")

    def _end(self, which: str) -> int:
        """The lowest or the highest number of a span or log, 0 if there is none."""
        row = self._connection.execute(
            f"SELECT {which}(seq) FROM (SELECT {which}(seq) AS seq FROM spans "
            f"UNION ALL SELECT {which}(seq) FROM logs)"
        ).fetchone()
        return int(row[0] or 0)

    def _by_size(self) -> int:
        """The number up to which this round prunes for want of space; 0 if there is enough.

        As many items as the excess takes on the average: a small store is not emptied for a little.
        """
        used = self.used_bytes()
        enough = self._max_bytes * _LOW_WATER
        self._pruning = used > (enough if self._pruning else self._max_bytes)
        oldest = self._oldest()
        if not self._pruning or not oldest:
            return 0
        item_bytes = used / (self._end("max") - oldest + 1)
        return oldest + min(max(round((used - enough) / item_bytes), _LEAST_ROUND), _ROUND)

    def _by_age(self) -> int:
        row = self._connection.execute(
            "SELECT max(seq) FROM arrivals WHERE unix_nano < ?",
            (self._ingest.clock.now() - self._max_age_ns,),
        ).fetchone()
        horizon = int(row[0] or 0)
        oldest = self._oldest()
        return min(horizon, oldest + _ROUND) if oldest and oldest <= horizon else 0

    def _prune(self, upto: int) -> None:
        execute = self._connection.execute
        facts = self._ingest.facts
        facts.add("pruned_logs", self._prune_logs(upto))
        spans = 0
        rows = execute("SELECT DISTINCT trace_id FROM spans WHERE seq <= ?", (upto,)).fetchall()
        for (trace_id,) in rows:
            spans += self._prune_trace(trace_id)
        facts.add("pruned_spans", spans)
        facts.add("spans", -spans)
        execute("DELETE FROM links WHERE seq <= ?", (upto,))
        facts.at_least("pruned_seq", upto)
        reached = execute(
            "SELECT seq, unix_nano FROM arrivals WHERE seq <= ? ORDER BY seq DESC", (upto,)
        ).fetchone()
        if reached:
            facts.at_least("pruned_before", reached[1])
            execute("DELETE FROM arrivals WHERE seq < ?", (reached[0],))
        else:
            facts.at_least("pruned_before", 0)
        execute("DELETE FROM tombstones WHERE id <= (SELECT max(id) FROM tombstones) - ?", (_TOMBSTONES,))
        oldest = execute(
            "SELECT min(t) FROM (SELECT min(start) AS t FROM traces UNION ALL SELECT min(time) FROM logs "
            "UNION ALL SELECT min(start) FROM sessions)"
        ).fetchone()[0]
        if oldest is not None:
            facts.set("oldest", oldest)

    def _prune_logs(self, upto: int) -> int:
        execute = self._connection.execute
        if execute("SELECT 1 FROM sqlite_master WHERE name = 'logs_text'").fetchone():
            execute(
                "INSERT INTO logs_text (logs_text, rowid, body) "
                "SELECT 'delete', seq, body FROM logs WHERE seq <= ?",
                (upto,),
            )
        gone_by_cell = execute(
            "SELECT l.time / 10000000000, l.service, l.severity, o.body, -count(*) FROM logs l "
            "LEFT JOIN origins o ON o.id = l.resource WHERE l.seq <= ? GROUP BY 1, 2, 3, 4",
            (upto,),
        ).fetchall()
        self._connection.executemany(
            COUNT_LOGS,
            [
                (slot, service, severity, environment_of(resource_attributes(body or b"")), n)
                for slot, service, severity, body, n in gone_by_cell
            ],
        )
        execute("DELETE FROM log_cells WHERE n <= 0")
        gone = execute("DELETE FROM logs WHERE seq <= ?", (upto,)).rowcount
        self._ingest.facts.add("logs", -gone)
        return gone

    def _prune_trace(self, trace_id: bytes) -> int:
        execute = self._connection.execute
        sessions = execute(
            "SELECT session_id, count(*) FROM spans WHERE trace_id = ? AND session_id IS NOT NULL GROUP BY 1",
            (trace_id,),
        ).fetchall()
        gone = execute("DELETE FROM spans WHERE trace_id = ?", (trace_id,)).rowcount
        self._settler.traces.remove(trace_id)
        self._settler.drop(trace_id)
        execute("INSERT OR REPLACE INTO tombstones (name) VALUES (?)", (trace_id,))
        for session_id, count in sessions:
            self._prune_session(session_id, count)
        return gone

    def _prune_session(self, session_id: str, spans: int) -> None:
        execute = self._connection.execute
        row = execute(
            "UPDATE sessions SET events = events - ? WHERE session_id = ? RETURNING id, events",
            (spans, session_id),
        ).fetchone()
        if row is None or row[1] > 0:
            return
        self._settler.sessions.drop(session_id)
        execute("DELETE FROM session_pairs WHERE session = ?", (row[0],))
        execute("DELETE FROM sessions WHERE id = ?", (row[0],))
        execute("INSERT OR REPLACE INTO tombstones (name) VALUES (?)", (session_id.encode(),))

    def _prune_derived(self) -> None:
        """What ends by time or by use: rollups, samples, resources, tag pairs."""
        facts = self._ingest.facts
        before = facts.get("pruned_before")
        if before:
            self._settler.rollups.prune(before)
            self._connection.executemany(
                "DELETE FROM samples WHERE metric = ? AND start < ?",
                [(number, before) for number in range(len(METRICS))],
            )
        self._ingest.origins.prune(facts.get("pruned_seq"))
        marks = ", ".join("?" * len(RUM_TAGS))
        seen = self._pairs_seen
        self._connection.execute(
            "DELETE FROM pairs WHERE id > ? AND id <= ? "
            f"AND tag NOT IN ({marks}) "
            "AND NOT EXISTS (SELECT 1 FROM trace_pairs WHERE pair = pairs.id) "
            "AND NOT EXISTS (SELECT 1 FROM session_pairs WHERE pair = pairs.id)",
            (seen, seen + _PAIRS_ROUND, *RUM_TAGS),
        )
        highest = self._connection.execute("SELECT max(id) FROM pairs").fetchone()[0] or 0
        self._pairs_seen = 0 if seen + _PAIRS_ROUND >= highest else seen + _PAIRS_ROUND
        self._settler.pairs.forget()
        self._settler.traces.forget()
        self._prune_tagsets()

    def _prune_tagsets(self) -> None:
        """Drop the places of slots without a trace, and the sets that have no place left."""
        execute = self._connection.execute
        for (slot,) in execute("SELECT DISTINCT slot FROM set_slots").fetchall():
            begin = slot * SEARCH_SLOT_NS
            row = execute(
                "SELECT 1 FROM requests WHERE start >= ? AND start < ? LIMIT 1",
                (begin, begin + SEARCH_SLOT_NS),
            ).fetchone()
            if row is None:
                execute("DELETE FROM set_slots WHERE slot = ?", (slot,))
        seen = self._tagsets_seen
        execute(
            "DELETE FROM tagsets WHERE id > ? AND id <= ? "
            "AND NOT EXISTS (SELECT 1 FROM set_slots WHERE tagset = tagsets.id)",
            (seen, seen + _PAIRS_ROUND),
        )
        highest = execute("SELECT max(id) FROM tagsets").fetchone()[0] or 0
        self._tagsets_seen = 0 if seen + _PAIRS_ROUND >= highest else seen + _PAIRS_ROUND
        self._settler.tagsets.forget()
