"""Deletes of what is settled by time: rollups, samples; by disuse: tag pairs, tag sets, slots.

What was derived from pruned traces goes at once (`aggregation_schedule`). Must run inside the settler's
transaction, except `shrink`.
"""

# ruff: noqa: S608 - what is put into SQL text are names and question marks of our own

from __future__ import annotations

import sqlite3
import time
from typing import Final

from signals.browser_events import RUM_TAGS
from store.sqlite.mark_names import PRUNED_BEFORE
from store.sqlite.table_layout import METRICS, TAG_SET_SLOT_NS
from store.sqlite.write.aggregation_schedule import AggregationSchedule
from store.sqlite.write.slot_versions import SampleVersions

_EVERY_S: Final = 30.0
"""Pause between two rounds: each reads whole tables."""
_ROUND: Final = 5_000
"""Tag pairs, and tag sets, that are checked for use in one round."""
_VACUUM_PAGES: Final = 1_000
"""Pages given back to the system at once: 4 MB."""
_FREE_SHARE: Final = 0.25
"""Of the file: free pages beyond it are given back."""


class SettledRetention:
    """What ends in the settled file without being told one by one."""

    def __init__(self, connection: sqlite3.Connection, schedule: AggregationSchedule) -> None:
        self._connection = connection
        self._schedule = schedule
        self._next_s = 0.0
        self._pairs_seen = 0
        self._tag_sets_seen = 0

    @property
    def is_due(self) -> bool:
        """Whether a round is worth a transaction."""
        return bool(self._schedule.marks.get(PRUNED_BEFORE)) and time.monotonic() >= self._next_s

    def prune(self) -> None:
        """One round."""
        self._next_s = time.monotonic() + _EVERY_S
        before = self._schedule.marks.get(PRUNED_BEFORE)
        self._schedule.rollups.prune(before)
        self._connection.executemany(
            "DELETE FROM samples WHERE metric = ? AND start < ?",
            [(number, before) for number in range(len(METRICS))],
        )
        SampleVersions(self._connection).prune(before)
        # Pairs of RUM tags stay: rows of `samples` hold their ids, and no index leads back.
        marks = ", ".join("?" * len(RUM_TAGS))
        seen = self._pairs_seen
        self._connection.execute(
            "DELETE FROM pairs WHERE id > ? AND id <= ? "
            f"AND tag NOT IN ({marks}) "
            "AND NOT EXISTS (SELECT 1 FROM trace_pairs WHERE pair = pairs.id) "
            "AND NOT EXISTS (SELECT 1 FROM session_pairs WHERE pair = pairs.id)",
            (seen, seen + _ROUND, *RUM_TAGS),
        )
        highest = self._connection.execute("SELECT max(id) FROM pairs").fetchone()[0] or 0
        self._pairs_seen = 0 if seen + _ROUND >= highest else seen + _ROUND
        self._schedule.pairs.invalidate()
        self._schedule.traces.invalidate()
        self._prune_tag_sets()

    def shrink(self) -> None:
        """Give some free pages back to the system if there are many. Must run outside of a transaction."""
        pages, free = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count")
        )
        if free > max(pages * _FREE_SHARE, _VACUUM_PAGES):
            self._connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()

    def _prune_tag_sets(self) -> None:
        """Delete the slots without a trace, and the sets that have no slot left."""
        execute = self._connection.execute
        for (slot,) in execute("SELECT DISTINCT slot FROM set_slots").fetchall():
            begin = slot * TAG_SET_SLOT_NS
            row = execute(
                "SELECT 1 FROM requests WHERE start >= ? AND start < ? LIMIT 1",
                (begin, begin + TAG_SET_SLOT_NS),
            ).fetchone()
            if row is None:
                execute("DELETE FROM set_slots WHERE slot = ?", (slot,))
        seen = self._tag_sets_seen
        execute(
            "DELETE FROM tagsets WHERE id > ? AND id <= ? "
            "AND NOT EXISTS (SELECT 1 FROM set_slots WHERE tagset = tagsets.id)",
            (seen, seen + _ROUND),
        )
        highest = execute("SELECT max(id) FROM tagsets").fetchone()[0] or 0
        self._tag_sets_seen = 0 if seen + _ROUND >= highest else seen + _ROUND
        self._schedule.tag_sets.invalidate()
