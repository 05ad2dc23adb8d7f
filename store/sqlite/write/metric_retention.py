"""Deletes metrics that exceed the bounds of size and age: oldest arrival first.

Must run inside the writer's transaction.
"""

from __future__ import annotations

import sqlite3
from typing import Final

from store.sqlite.table_layout import KEPT_POINTS, PRUNED_POINTS
from store.sqlite.write.ingest import Ingest

_ROUND: Final = 20
"""Chunks that one round deletes, at most."""
_EXEMPLARS_ROUND: Final = 2_000
_MAX_EXEMPLARS: Final = 200_000
"""The newest of all; some 25 MB."""


class MetricRetention:
    """Prunes chunks with their blocks, exemplars, and series of which no point is left."""

    def __init__(self, connection: sqlite3.Connection, ingest: Ingest) -> None:
        self._connection = connection
        self._ingest = ingest

    def is_older_than(self, arrived: int) -> bool:
        """Whether there are points that came before this time."""
        oldest = self._oldest()
        return oldest is not None and (not arrived or oldest < arrived)

    def _oldest(self) -> int | None:
        row = self._connection.execute("SELECT min(arrived) FROM metric_chunks").fetchone()
        return None if row[0] is None else int(row[0])

    def prune_oldest(self) -> bool:
        """Delete the points that came first; False if there are none."""
        oldest = self._oldest()
        return oldest is not None and self.prune(oldest + 1)

    def prune(self, before: int) -> bool:
        """Delete what came before this time, as much as one round should; whether there was anything."""
        execute = self._connection.execute
        rows = execute(
            "SELECT id, points, arrived FROM metric_chunks WHERE arrived < ? ORDER BY arrived LIMIT ?",
            (before, _ROUND),
        ).fetchall()
        exemplars = self._prune_exemplars(before)
        if not rows:
            return exemplars
        self._connection.executemany(
            "DELETE FROM metric_blocks WHERE chunk = ?", [(number,) for number, _, _ in rows]
        )
        self._connection.executemany(
            "DELETE FROM metric_chunks WHERE id = ?", [(number,) for number, _, _ in rows]
        )
        points = sum(row[1] for row in rows)
        self._ingest.counters.add(KEPT_POINTS, -points)
        self._ingest.counters.add(PRUNED_POINTS, points)
        # Where a round stopped among chunks that came at once, their series stay for the next.
        reached = rows[-1][2] if len(rows) == _ROUND else before
        self._ingest.metrics.prune(reached)
        return True

    def _prune_exemplars(self, before: int) -> bool:
        gone = self._connection.execute(
            "DELETE FROM metric_exemplars WHERE id IN (SELECT id FROM metric_exemplars ORDER BY id LIMIT ?) "
            "AND (arrived < ? OR id <= (SELECT max(id) FROM metric_exemplars) - ?)",
            (_EXEMPLARS_ROUND, before, _MAX_EXEMPLARS),
        ).rowcount
        return gone > 0
