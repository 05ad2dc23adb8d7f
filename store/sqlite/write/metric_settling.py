"""Makes blocks of the points that were committed, and larger blocks of small ones.

A point is in `metric_recent` or in one block, never in both: a crash between loses nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Final

import orjson

from store.metric_points import PlainPoint, Run, runs_of
from store.sqlite.metric_blocks import ChunkTimes, SeriesRun, read_block, write_chunk
from store.sqlite.metric_runs import joined
from store.sqlite.row_checks import plain_check
from store.sqlite.table_layout import KEPT_POINTS
from store.sqlite.write.ingest import Ingest

_SETTLE_POINTS: Final = 40_000
"""Waiting points above which they are settled …"""
_SETTLE_NS: Final = 30 * 10**9
"""… or when the oldest waits for so long: readers decode all that wait."""
_ROUND_POINTS: Final = 60_000
_FAN_IN: Final = 8
"""So many chunks of a resource and level become one of the next level."""
_LEVELS: Final = 3
_MERGED_POINTS: Final = 100_000
"""Points of one chunk, at most: that many take some 0.2 s to write, for which senders wait."""

_WAITING: Final = "SELECT id, points, arrived, body FROM metric_recent ORDER BY id"

_Points = dict[int, list[PlainPoint]]


class MetricSettling:
    """Settles what `MetricIngest` wrote."""

    def __init__(self, connection: sqlite3.Connection, ingest: Ingest) -> None:
        self._connection = connection
        self._ingest = ingest
        self._places: dict[int, tuple[int, int]] = {}
        """Id of a series to its (resource, metric)."""
        self._merge_next = True

    def is_due(self) -> bool:
        """Whether there is work worth a transaction."""
        metrics = self._ingest.metrics
        if not metrics.waiting:
            return self._merge_next
        waited = self._ingest.clock.now() - metrics.waiting_since
        return self._merge_next or metrics.waiting >= _SETTLE_POINTS or waited >= _SETTLE_NS

    def on_rollback(self) -> None:
        """Forget what is in memory."""
        self._places.clear()

    def settle(self) -> None:
        """One round: make blocks of what waits long enough, or merge some."""
        if self._merge_next:
            self._merge_next = self._merge()
        else:
            self._settle_recent()
            self._merge_next = True
        self._ingest.counters.flush()

    def _settle_recent(self) -> None:
        rows = []
        taken = 0
        for row in self._connection.execute(
            "SELECT id, points, arrived, body FROM metric_recent ORDER BY id"
        ):
            rows.append(row)
            taken += row[1]
            if taken >= _ROUND_POINTS:
                break
        if not rows:
            self._ingest.metrics.invalidate()
            return
        points: _Points = {}
        for row in rows:
            for series, start, time, plain in orjson.loads(row[3]):
                points.setdefault(series, []).append(PlainPoint(start, time, plain))
        arrived = rows[-1][2]
        kept = 0
        for resource, of_series in self._by_resource(points):
            kept += self._write(resource, of_series, level=0, arrived=arrived)
        self._connection.execute("DELETE FROM metric_recent WHERE id <= ?", (rows[-1][0],))
        self._ingest.counters.add(KEPT_POINTS, kept - taken)
        self._ingest.metrics.settled(taken)

    def _by_resource(self, points: _Points) -> Iterable[tuple[int, dict[int, list[Run]]]]:
        """By resource, the runs of each of its series."""
        found: dict[int, dict[int, list[Run]]] = {}
        for series, of_series in points.items():
            place = self._places.get(series) or self._place_of(series)
            if place is not None:
                found.setdefault(place[0], {})[series] = list(runs_of(_in_order(of_series)))
        return found.items()

    def _place_of(self, series: int) -> tuple[int, int] | None:
        row = self._connection.execute(
            "SELECT resource, metric FROM metric_series WHERE id = ?", (series,)
        ).fetchone()
        if row is None:
            return None
        if len(self._places) > 100_000:
            self._places.clear()
        found = self._places[series] = (row[0], row[1])
        return found

    def _write(
        self, resource: int, of_series: Mapping[int, Sequence[Run]], *, level: int, arrived: int
    ) -> int:
        """Store a chunk with its blocks; returns how many points it has."""
        of_metrics: dict[int, list[SeriesRun]] = {}
        spans: dict[int, list[int]] = {}
        dates, points = [], 0
        for series, runs in of_series.items():
            place = self._places.get(series) or self._place_of(series)
            if place is None:
                continue
            first, last = runs[0].times[0], runs[-1].times[-1]
            span = spans.setdefault(place[1], [first, last])
            span[0], span[1] = min(span[0], first), max(span[1], last)
            of_metrics.setdefault(place[1], []).extend((series, run) for run in runs)
            dates.append((first, last, arrived, series))
            points += sum(len(run.times) for run in runs)
        if not of_metrics:
            return 0
        written = write_chunk(of_metrics)
        chunk = self._connection.execute(
            "INSERT INTO metric_chunks (resource, level, arrived, points, body, checksum) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            (resource, level, arrived, points, written.chunk, plain_check(written.chunk)),
        ).lastrowid
        self._connection.executemany(
            "INSERT INTO metric_blocks (chunk, metric, first, last, body, checksum) "
            "VALUES (?, ?, ?, ?, ?, ?)",
            [
                (chunk, metric, *spans[metric], body, plain_check(written.chunk, body))
                for metric, body in written.blocks.items()
            ],
        )
        if not level:
            self._connection.executemany(
                "UPDATE metric_series SET first = min(first, ?), last = max(last, ?), arrived = ? "
                "WHERE id = ?",
                dates,
            )
        return points

    def _merge(self) -> bool:
        """Merge the oldest chunks of one resource and level; False if there is nothing to merge."""
        row = self._connection.execute(
            "SELECT level, resource FROM metric_chunks WHERE level < ? GROUP BY level, resource "
            "HAVING count(*) >= ? LIMIT 1",
            (_LEVELS, _FAN_IN),
        ).fetchone()
        if row is None:
            return False
        level, resource = row
        chunks = self._connection.execute(
            "SELECT id, arrived, points, body FROM metric_chunks WHERE level = ? AND resource = ? "
            "ORDER BY id LIMIT ?",
            (level, resource, _FAN_IN),
        ).fetchall()
        numbers = [(chunk[0],) for chunk in chunks]
        before = sum(chunk[2] for chunk in chunks)
        if before > _MERGED_POINTS:
            self._connection.executemany(
                f"UPDATE metric_chunks SET level = {_LEVELS} WHERE id = ?",  # noqa: S608  # a number of ours
                numbers,
            )
            return True
        of_series: dict[int, list[Run]] = {}
        for number, _, _, body in chunks:
            times = ChunkTimes(body)
            for series, run in self._runs_of(number, times):
                of_series.setdefault(series, []).append(run)
        merged = {series: joined(runs) for series, runs in of_series.items()}
        self._connection.executemany("DELETE FROM metric_blocks WHERE chunk = ?", numbers)
        self._connection.executemany("DELETE FROM metric_chunks WHERE id = ?", numbers)
        kept = self._write(resource, merged, level=level + 1, arrived=max(chunk[1] for chunk in chunks))
        self._ingest.counters.add(KEPT_POINTS, kept - before)
        return True

    def _runs_of(self, chunk: int, times: ChunkTimes) -> Iterator[tuple[int, Run]]:
        rows = self._connection.execute("SELECT body FROM metric_blocks WHERE chunk = ?", (chunk,)).fetchall()
        for (body,) in rows:
            yield from read_block(body, times)


def _in_order(points: list[PlainPoint]) -> list[PlainPoint]:
    """By time, the first of each time."""
    if all(one[1] < other[1] for one, other in pairwise(points)):
        return points
    found: dict[int, PlainPoint] = {}
    for point in points:
        found.setdefault(point.time_unix_nano, point)
    return [found[time] for time in sorted(found)]
