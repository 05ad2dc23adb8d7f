"""Finds the series of a query and loads their points: from blocks, and from what is not settled yet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import orjson

from signals.attributes import environment_of, text_of
from signals.metrics import MetricInfo, MetricKind, Temporality
from store.api import MetricQuery, Window
from store.decode import resource_attributes
from store.metric_points import PlainPoint, Run, runs_of
from store.sqlite.metric_blocks import ChunkTimes, read_block
from store.sqlite.metric_runs import TimesCache, joined
from store.sqlite.read.read_connection import ReadSession

SCOPE_NAME: Final = "otel.scope.name"
"""The attribute under which a series has the name of its instrumentation scope."""
SERVICE_NAME: Final = "service.name"
METRIC_COLUMNS: Final = "id, name, unit, kind, temporality, monotonic, description, folded"


@dataclass(frozen=True, slots=True)
class FoundSeries:
    """A series with all its attributes as text, those of its resource included."""

    id: int
    resource: int
    attributes: Mapping[str, str]


@dataclass(slots=True)
class RecentPoints:
    """The points that are not settled, by series."""

    points: dict[int, list[PlainPoint]] = field(default_factory=dict)

    def span_of(self, series: int, window: Window) -> tuple[int, int] | None:
        """The first and the last time in the window; None without any."""
        times = [point.time_unix_nano for point in self.points.get(series, ())]
        inside = [time for time in times if window.from_unix_nano <= time < window.to_unix_nano]
        return (min(inside), max(inside)) if inside else None


def has_metrics(db: ReadSession) -> bool:
    """Whether the file has the tables: one of an earlier version gets them when a writer opens it."""
    return db.one("SELECT 1 FROM sqlite_master WHERE name = 'metric_exemplars'") is not None


def info_of(row: tuple[object, ...]) -> MetricInfo:
    """A metric from METRIC_COLUMNS."""
    _, name, unit, kind, temporality, monotonic, description, _ = row
    return MetricInfo(
        str(name),
        str(unit),
        MetricKind(kind),
        Temporality(temporality),  # type: ignore[arg-type]  # an integer, as written
        bool(monotonic),
        str(description),
    )


class _Waiting:
    """What a snapshot's questions share of the points that are not settled."""

    points: RecentPoints | None = None


def recent_points(db: ReadSession) -> RecentPoints:
    """What waits to be settled, of all series; read once for all questions of a snapshot."""
    waiting = db.noted.of(_Waiting)
    if waiting.points is not None:
        return waiting.points
    found: dict[int, list[PlainPoint]] = {}
    for (body,) in db.each("SELECT body FROM metric_recent ORDER BY id"):
        for series, start, time, plain in orjson.loads(body):
            found.setdefault(series, []).append(PlainPoint(start, time, plain))
    waiting.points = RecentPoints(found)
    return waiting.points


def matching_series(
    db: ReadSession, metric: int, query: MetricQuery, recent: RecentPoints
) -> dict[int, FoundSeries]:
    """The series of a metric that the query selects and that may have a point in its window."""
    window = query.window
    rows = db.all(
        "SELECT s.id, s.service, s.scope, s.attributes, s.resource, r.body, s.first, s.last "
        "FROM metric_series s LEFT JOIN metric_resources r ON r.id = s.resource "
        "WHERE s.metric = ? ORDER BY s.id",
        (metric,),
    )
    resources: dict[int, dict[str, str]] = {}
    found: dict[int, FoundSeries] = {}
    for number, service, scope, attributes, resource, body, first, last in rows:
        inside = last >= window.from_unix_nano and first < window.to_unix_nano
        if not inside and recent.span_of(number, window) is None:
            continue
        shared = resources.get(resource)
        if shared is None:
            shared = resources[resource] = {
                name: text_of(value) for name, value in resource_attributes(body or b"").items()
            }
        merged = {**shared, SERVICE_NAME: service, **({SCOPE_NAME: scope} if scope else {})}
        own = orjson.loads(attributes)
        if query.environment is not None and environment_of(own, shared) != query.environment:
            continue
        merged.update(own)
        if _matches(merged, query):
            found[number] = FoundSeries(number, resource, merged)
    return found


def _matches(attributes: Mapping[str, str], query: MetricQuery) -> bool:
    return all(attributes.get(name, "") == value for name, value in query.attributes.items()) and not any(
        attributes.get(name, "") == value for name, value in query.excluded
    )


def runs_of_series(
    db: ReadSession,
    metric: int,
    selected: Mapping[int, FoundSeries],
    recent: RecentPoints,
    begin: int,
    end: int,
) -> dict[int, list[Run]]:
    """The points of these series in blocks that have any from `begin` to `end`, in order of time."""
    parts: dict[int, list[Run]] = {}
    resources = {each.resource for each in selected.values()}
    rows = db.all(
        "SELECT b.rowid, b.chunk, c.resource FROM metric_blocks b JOIN metric_chunks c ON c.id = b.chunk "
        "WHERE b.metric = ? AND b.last >= ? AND b.first < ? ORDER BY b.chunk",
        (metric, begin, end),
    )
    for number, chunk, resource in rows:
        # Bodies of other processes are not read: decompressing them is most of a chart's cost.
        if resource not in resources:
            continue
        (body,) = db.one("SELECT body FROM metric_blocks WHERE rowid = ?", (number,)) or (b"",)
        (times,) = db.one("SELECT body FROM metric_chunks WHERE id = ?", (chunk,)) or (b"",)
        for series, run in read_block(body, ChunkTimes(times), selected):
            parts.setdefault(series, []).append(run)
    for series, points in recent.points.items():
        if series in selected:
            parts.setdefault(series, []).extend(runs_of(_in_order(points)))
    cache = TimesCache()
    return {series: joined(runs, cache) for series, runs in parts.items()}


def _in_order(points: list[PlainPoint]) -> Iterable[PlainPoint]:
    if all(one.time_unix_nano < other.time_unix_nano for one, other in pairwise(points)):
        return points
    found: dict[int, PlainPoint] = {}
    for point in points:
        found.setdefault(point.time_unix_nano, point)
    return [found[time] for time in sorted(found)]
