"""Takes the points of metrics in: finds their series, and writes all of a commit as one row.

That row is what is acknowledged; `metric_settling` makes blocks of it later. Must run inside the writer's
transaction.
"""

from __future__ import annotations

import contextlib
import math
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import orjson

from signals.attributes import text_of
from signals.metrics import MetricInfo, MetricKind, Temporality
from store.metric_points import plain_of
from store.metric_rows import ExemplarRow, MetricRow, MetricSeriesRow
from store.rows import Batch, TooManySeries
from store.sqlite.row_checks import exemplar_check, plain_check, series_check
from store.sqlite.table_layout import KEPT_POINTS
from store.sqlite.write.counters import Counters

_ALIVE_NS: Final = 3600 * 10**9
"""A series without a point for so long no longer counts against the bounds: a process that restarts makes
its series anew."""
_SWEEP_NS: Final = 60 * 10**9
_EXEMPLARS_OF_POINT: Final = 8
"""An SDK sends at most one per bucket; what is more is not kept."""
_EXEMPLAR: Final = (
    "INSERT INTO metric_exemplars (series, time, arrived, value, trace_id, span_id, attributes, checksum) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_MOST_REASONS: Final = 8
"""Metrics that are named of one batch, where all together have too many series."""


@dataclass(frozen=True, slots=True)
class SeriesBounds:
    """How many series may be alive at once."""

    of_metric: int = 2_000
    in_all: int = 20_000


@dataclass(slots=True)
class _Metric:
    id: int
    info: MetricInfo
    alive: int = 0


@dataclass(slots=True)
class _Series:
    id: int
    metric: _Metric
    info: MetricInfo
    last: int = 0
    """The time of its newest point since the writer was opened."""
    arrived: int = 0


class MetricIngest:
    """Numbers series and packs points."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        counters: Counters,
        bounds: SeriesBounds,
        now: Callable[[], int],
    ) -> None:
        self._connection = connection
        self._counters = counters
        self._bounds = bounds
        self._now = now
        self._next_sweep = 0
        self._series: dict[bytes, _Series] = {}
        self._metrics: dict[tuple[object, ...], _Metric] = {}
        self.waiting = 0
        """Points that are not settled yet."""
        self.waiting_since = 0
        """When the oldest of them came."""
        self.invalidate()

    def invalidate(self) -> None:
        """Read the living series anew: a transaction was rolled back, or series were deleted."""
        self._series.clear()
        self._metrics.clear()
        rows = self._connection.execute(
            "SELECT s.digest, s.id, s.last, s.arrived, m.name, m.unit, m.kind, m.temporality, m.monotonic, "
            "m.description FROM metric_series s JOIN metrics m ON m.id = s.metric WHERE s.arrived >= ?",
            (self._now() - _ALIVE_NS,),
        ).fetchall()
        for digest, number, last, arrived, name, unit, kind, temporality, monotonic, description in rows:
            info = MetricInfo(
                name, unit, MetricKind(kind), Temporality(temporality), bool(monotonic), description
            )
            metric = self._metric_of(info)
            metric.alive += 1
            self._series[digest] = _Series(number, metric, metric.info, last, arrived)
        row = self._connection.execute("SELECT total(points), min(arrived) FROM metric_recent").fetchone()
        self.waiting, self.waiting_since = int(row[0]), int(row[1] or 0)
        self._note_recent()

    def _note_recent(self) -> None:
        """Take the newest times of points that are not settled: the table of series does not know them yet.

        Else what a sender repeats after the end of a process would be kept twice.
        """
        by_number = {series.id: series for series in self._series.values()}
        for (body,) in self._connection.execute("SELECT body FROM metric_recent"):
            # One that is damaged is said and set aside by settling.
            with contextlib.suppress(ValueError, TypeError):
                for number, _, time, _ in orjson.loads(body):
                    series = by_number.get(number)
                    if series is not None:
                        series.last = max(series.last, time)

    def prune(self, before: int) -> None:
        """Delete the series of which nothing came since this time, and what only they needed."""
        alive = {series.id for series in self._series.values() if series.arrived >= before}
        execute = self._connection.execute
        rows = execute("SELECT id, digest FROM metric_series WHERE arrived < ?", (before,)).fetchall()
        ended = [(number, digest) for number, digest in rows if number not in alive]
        self._connection.executemany(
            "DELETE FROM metric_series WHERE id = ?", [(number,) for number, _ in ended]
        )
        for _, digest in ended:
            series = self._series.pop(digest, None)
            if series is not None:
                series.metric.alive -= 1
        self._metrics = {key: metric for key, metric in self._metrics.items() if metric.alive}
        execute("DELETE FROM metrics WHERE id NOT IN (SELECT metric FROM metric_series)")
        execute("DELETE FROM metric_resources WHERE id NOT IN (SELECT resource FROM metric_series)")

    def settled(self, points: int) -> None:
        """So many of the points that waited do not wait any more."""
        self.waiting = max(self.waiting - points, 0)
        self.waiting_since = self._now() if self.waiting else 0

    def insert(self, batches: Sequence[Batch]) -> None:
        """Keep the points of these batches, those of too many series left out."""
        if not any(batch.metrics for batch in batches):
            return
        now = self._now()
        if now >= self._next_sweep:
            self._sweep(now)
        points: list[tuple[Any, ...]] = []
        living = self._series
        refused: dict[int, int] = {}
        for batch in batches:
            batch.repeated_points = 0
            folded: dict[TooManySeries, int] = {}
            batch.folded = folded
            for row in batch.metrics:
                of, start, time, value, exemplars = row
                series = living.get(of.digest)
                if series is None or series.info is not of.info:
                    series = self._series_of(row, now)
                    if series is None:
                        self._refuse(of.info, folded, refused)
                        continue
                if time == series.last:
                    # The same export once more, or a sender that says two things of one moment.
                    batch.repeated_points += 1
                    continue
                series.last, series.arrived = time, now
                points.append((series.id, start, time, value if type(value) is int else plain_of(value)))
                if exemplars:
                    self._keep_exemplars(series, row, now)
        if points:
            self._connection.execute(
                "INSERT INTO metric_recent (arrived, points, body, checksum) VALUES (?, ?, ?, ?)",
                (now, len(points), body := orjson.dumps(points), plain_check(now, len(points), body)),
            )
            self._counters.add(KEPT_POINTS, len(points))
            self.waiting += len(points)
            self.waiting_since = self.waiting_since or now
        # Once per metric and not per point: of a metric that explodes nearly all points are refused.
        self._connection.executemany(
            "UPDATE metrics SET folded = folded + ? WHERE id = ?",
            [(number, metric) for metric, number in refused.items()],
        )

    def _series_of(self, row: MetricRow, now: int) -> _Series | None:
        """The series of a row, made if it is new; None where there are too many."""
        found = self._series.get(row.series.digest)
        if found is None:
            if self._too_many(row.series.info):
                return None
            metric = self._metric_of(row.series.info)
            found = self._find(row, metric, now) or self._add(row, metric, now)
        if found.info is not row.series.info:
            self._describe(found, row.series.info)
        return found

    def _too_many(self, info: MetricInfo) -> TooManySeries | None:
        """Why no further series of this metric can live; None if one can."""
        metric, name = self._metrics.get(_key_of(info)), info.name[:80]
        if metric is not None and metric.alive >= self._bounds.of_metric:
            return TooManySeries(
                info.name,
                f"metric {name!r} has {metric.alive:,} series, the most that are kept of one: leave out the "
                "attribute that varies most",
            )
        if len(self._series) >= self._bounds.in_all:
            return TooManySeries(
                "",
                f"the store has {len(self._series):,} series, the most that it keeps: a new one of metric "
                f"{name!r} was refused",
            )
        return None

    def _refuse(self, info: MetricInfo, folded: dict[TooManySeries, int], refused: dict[int, int]) -> None:
        """Count a refused point by its reason, and by the metric's id where the metric is kept."""
        reason = self._too_many(info)
        if reason is None:
            return
        if not reason.metric and reason not in folded and len(folded) >= _MOST_REASONS:
            reason = TooManySeries("", f"{reason.message.partition(':')[0]}: new ones of others were refused")
        folded[reason] = folded.get(reason, 0) + 1
        metric = self._metrics.get(_key_of(info))
        if metric is not None:
            refused[metric.id] = refused.get(metric.id, 0) + 1

    def _find(self, row: MetricRow, metric: _Metric, now: int) -> _Series | None:
        """A series that is stored, but was not alive."""
        stored = self._connection.execute(
            "SELECT id FROM metric_series WHERE digest = ?", (row.series.digest,)
        ).fetchone()
        if stored is None:
            return None
        return self._remember(row.series, _Series(int(stored[0]), metric, row.series.info, 0, now))

    def _remember(self, row: MetricSeriesRow, series: _Series) -> _Series:
        self._series[row.digest] = series
        series.metric.alive += 1
        return series

    def _add(self, row: MetricRow, metric: _Metric, now: int) -> _Series:
        series = row.series
        execute = self._connection.execute
        found = execute("SELECT id FROM metric_resources WHERE body = ?", (series.resource,)).fetchone()
        resource = (
            found[0]
            if found
            else execute("INSERT INTO metric_resources (body) VALUES (?)", (series.resource,)).lastrowid
        )
        attributes = {_sound(key): _sound(text_of(value)) for key, value in series.attributes.items()}
        time = row.time_unix_nano
        cursor = execute(
            "INSERT INTO metric_series (metric, digest, service, resource, scope, attributes, first, last, "
            "arrived) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                metric.id,
                series.digest,
                _sound(series.service),
                resource,
                _sound(series.scope),
                orjson.dumps(attributes).decode(),
                time,
                time,
                now,
            ),
        )
        number = int(cursor.lastrowid or 0)
        texts = (_sound(series.service), _sound(series.scope), orjson.dumps(attributes).decode())
        check = series_check(number, series.digest, texts, series.resource, _key_of(series.info))
        execute("UPDATE metric_series SET checksum = ? WHERE id = ?", (check, number))
        return self._remember(series, _Series(number, metric, series.info, 0, now))

    def _metric_of(self, info: MetricInfo) -> _Metric:
        key = _key_of(info)
        found = self._metrics.get(key)
        if found is None:
            found = self._metrics[key] = self._stored_metric(key, info)
        return found

    def _stored_metric(self, key: tuple[object, ...], info: MetricInfo) -> _Metric:
        row = self._connection.execute(
            "SELECT id FROM metrics WHERE name = ? AND unit = ? AND kind = ? AND temporality = ? "
            "AND monotonic = ?",
            key,
        ).fetchone()
        if row is not None:
            return _Metric(int(row[0]), info)
        cursor = self._connection.execute(
            "INSERT INTO metrics (name, unit, kind, temporality, monotonic, description, folded) "
            "VALUES (?, ?, ?, ?, ?, ?, 0)",
            (*key, _sound(info.description)),
        )
        return _Metric(int(cursor.lastrowid or 0), info)

    def _describe(self, series: _Series, info: MetricInfo) -> None:
        if series.info.description != info.description:
            self._connection.execute(
                "UPDATE metrics SET description = ? WHERE id = ?",
                (_sound(info.description), series.metric.id),
            )
        series.info = info

    def _keep_exemplars(self, series: _Series, row: MetricRow, now: int) -> None:
        kept, digest = row.exemplars[:_EXEMPLARS_OF_POINT], row.series.digest
        self._connection.executemany(_EXEMPLAR, [_exemplar(series.id, digest, each, now) for each in kept])

    def keep_saved(self, of: MetricSeriesRow, exemplar: ExemplarRow) -> bool:
        """Keep an exemplar of a series whose points are kept; False where they are not, or it is there."""
        found = self._connection.execute(
            "SELECT id FROM metric_series WHERE digest = ?", (of.digest,)
        ).fetchone()
        if found is None:
            return False
        row = _exemplar(int(found[0]), of.digest, exemplar, self._now())
        number, time, _, value, trace, span, *_ = row
        known = self._connection.execute(
            "SELECT 1 FROM metric_exemplars WHERE series = ? AND time = ? AND value IS ? AND trace_id IS ? "
            "AND span_id IS ?",
            (number, time, value, trace, span),
        ).fetchone()
        if known is None:
            self._connection.execute(_EXEMPLAR, row)
        return known is None

    def _sweep(self, now: int) -> None:
        """Forget the series that ended, so that others may take their place."""
        self._next_sweep = now + _SWEEP_NS
        for digest, series in list(self._series.items()):
            if series.arrived < now - _ALIVE_NS:
                del self._series[digest]
                series.metric.alive -= 1


def _exemplar(series: int, digest: bytes, of: ExemplarRow, now: int) -> tuple[Any, ...]:
    """The parameters of `_EXEMPLAR`."""
    value = None if math.isnan(of.value) else of.value
    attributes = {_sound(key): _sound(text_of(value)) for key, value in of.attributes.items()}
    text = orjson.dumps(attributes).decode()
    check = exemplar_check(digest, of.time_unix_nano, value, (of.trace_id, of.span_id), text)
    return series, of.time_unix_nano, now, value, of.trace_id or None, of.span_id or None, text, check


def _key_of(info: MetricInfo) -> tuple[object, ...]:
    return (_sound(info.name), _sound(info.unit), info.kind.value, int(info.temporality), info.monotonic)


def _sound(text: str) -> str:
    """With question marks for lone surrogates, which UTF-8 cannot encode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode()
    return text
