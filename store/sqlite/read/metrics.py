"""`store.api.MetricReader` over SQLite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import orjson

from signals.folding import fold
from signals.metrics import Exemplar, MetricInfo
from signals.model import SpanId, TraceId
from store.api import (
    FITTING_AGGREGATIONS,
    BadQuery,
    MetricChart,
    MetricExemplar,
    MetricName,
    MetricQuery,
    MetricSeries,
    MetricValue,
    Window,
)
from store.metric_points import NOTHING, Run, value_at
from store.sqlite.read.metric_columns_of import column_values
from store.sqlite.read.metric_increase import AROUND_NS, Columns, Cutter
from store.sqlite.read.metric_names_of import FoundNames, contains, series_of
from store.sqlite.read.metric_points_of import (
    METRIC_COLUMNS,
    RecentPoints,
    has_metrics,
    info_of,
    matching_series,
    recent_points,
    runs_of_series,
)
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.row_mapping import limited
from store.sqlite.read.trace_exemplars import SqliteTraceExemplars

_MAX_COLUMNS: Final = 2_000
_EXEMPLARS_READ: Final = 20_000
_SLOT_EXEMPLARS: Final = 4
_LATEST_BLOCKS: Final = 32
_NO_ATTRIBUTES: Final[Mapping[str, str]] = {}


class SqliteMetricReader(SqliteTraceExemplars):
    """Names, charts, exemplars and newest values of metrics."""

    def metric_names(
        self,
        window: Window,
        service: str | None = None,
        text: str | None = None,
        limit: int = 500,
        environment: str | None = None,
    ) -> tuple[Sequence[MetricName], bool]:
        limited(limit)
        with self._connections.session() as db:
            if not has_metrics(db):
                return [], False
            metrics = db.all(f"SELECT {METRIC_COLUMNS} FROM metrics ORDER BY name, unit, kind, id")  # noqa: S608  # columns of ours
            needle = fold(text or "")
            metrics = [row for row in metrics if contains(info_of(row), needle)]
            kept = {
                metric: (first, last)
                for metric, first, last in db.all(
                    "SELECT metric, min(first), max(last) FROM metric_blocks GROUP BY metric"
                )
            }
            series = series_of(db, [row[0] for row in metrics], service, environment)
            recent = recent_points(db)
        names = FoundNames(window, recent, kept, narrowed=service is not None or environment is not None)
        for row in series:
            names.add(*row)
        found = [name for row in metrics if (name := names.name_of(row))]
        return found[:limit], len(found) > limit

    def metric_chart(self, query: MetricQuery) -> MetricChart:
        columns = _columns_of(query)
        limited(query.limit)
        with self._connections.session() as db:
            recent = recent_points(db) if has_metrics(db) else RecentPoints()
            number, info, others = _stream_of(db, query, recent)
            if info is None:
                return MetricChart(None, [], columns.width, streams=others)
            if query.agg not in FITTING_AGGREGATIONS[info.kind]:
                raise BadQuery(
                    f"{query.agg[:40]!r} does not fit {info.name[:80]!r}, which is a {info.kind.value}: "
                    f"give one of {', '.join(FITTING_AGGREGATIONS[info.kind])}."
                )
            around = _around(query.window)
            rises = query.agg not in ("avg", "min", "max", "last", "count") or info.kind.is_distribution
            # What rose in the window may end in a point after it.
            reached = replace(query, window=around) if rises else query
            series = matching_series(db, number, reached, recent)
            runs = runs_of_series(db, number, series, recent, around.from_unix_nano, around.to_unix_nano)
        groups: dict[tuple[str, ...], list[int]] = {}
        for each in series.values():
            if each.id in runs:
                key = tuple(each.attributes.get(name, "") for name in query.by)
                groups.setdefault(key, []).append(each.id)
        cutter = Cutter(columns)
        starts = [columns.begin + place * columns.width for place in range(columns.count)]
        charted = []
        for key, members in groups.items():
            values = column_values(info, query.agg, [runs[member] for member in members], cutter)
            values = [None if value is None or value != value else value for value in values]
            if any(value is not None for value in values):
                attributes = dict(zip(query.by, key, strict=True))
                charted.append(MetricSeries(attributes, len(members), list(zip(starts, values, strict=True))))
        charted.sort(key=lambda each: (-_mean(each), list(each.attributes.values())))
        left_out = max(len(charted) - query.limit, 0)
        interval = _interval(runs.values(), cutter)
        return MetricChart(info, charted[: query.limit], columns.width, left_out, others, interval)

    def metric_exemplars(self, query: MetricQuery, limit: int = 100) -> Sequence[MetricExemplar]:
        limited(limit)
        window = query.window
        found: list[tuple[Any, ...]] = []
        with self._connections.session() as db:
            recent = recent_points(db) if has_metrics(db) else RecentPoints()
            number, info, _ = _stream_of(db, query, recent)
            if info is None:
                return []
            series = matching_series(db, number, query, recent)
            for each in series.values():
                found += db.all(
                    "SELECT time, value, trace_id, span_id, attributes, series FROM metric_exemplars "
                    "WHERE series = ? AND time >= ? AND time < ? ORDER BY time DESC LIMIT ?",
                    (each.id, window.from_unix_nano, window.to_unix_nano, _EXEMPLARS_READ),
                )
        rows = _spread(found, limit)
        return [
            MetricExemplar(
                Exemplar(
                    time,
                    math.nan if value is None else value,
                    TraceId(trace.hex()) if trace else None,
                    SpanId(span.hex()) if span else None,
                    orjson.loads(attributes),
                ),
                series[of].attributes,
            )
            for time, value, trace, span, attributes, of in rows
        ]

    def metric_latest(self, query: MetricQuery, limit: int = 1_000) -> tuple[Sequence[MetricValue], bool]:
        limited(limit)
        window = query.window
        found: dict[int, MetricValue | None] = {}
        with self._connections.session() as db:
            recent = recent_points(db) if has_metrics(db) else RecentPoints()
            number, info, _ = _stream_of(db, query, recent)
            if info is None:
                return [], False
            series = matching_series(db, number, query, recent)
            selected = dict(series)
            for begin, end in _backwards(db, number, window):
                runs = runs_of_series(db, number, selected, recent, begin, end)
                for each, of_series in runs.items():
                    newest = _newest(of_series, window)
                    if newest is not None:
                        run, place = newest
                        time = run.times[place]
                        value = (
                            None
                            if run.shape[0] == NOTHING
                            else MetricValue(info, series[each].attributes, time, value_at(run, place))
                        )
                        known = found.get(each)
                        if known is None or known.time_unix_nano < time:
                            found[each] = value
                for each in found:
                    selected.pop(each, None)
                if not selected:
                    break
        values = [value for value in found.values() if value is not None]
        values.sort(key=lambda each: sorted(each.attributes.items()))
        return values[:limit], len(values) > limit

    def metric_attributes(
        self, name: str, window: Window, top: int = 20, environment: str | None = None
    ) -> Sequence[tuple[str, Sequence[tuple[str, int]]]]:
        limited(top)
        query = MetricQuery(window, name, environment=environment)
        counts: dict[str, dict[str, int]] = {}
        with self._connections.session() as db:
            recent = recent_points(db) if has_metrics(db) else RecentPoints()
            number, info, _ = _stream_of(db, query, recent)
            series = matching_series(db, number, query, recent) if info else {}
        for each in series.values():
            for attribute, value in each.attributes.items():
                of_values = counts.setdefault(attribute, {})
                of_values[value] = of_values.get(value, 0) + 1
        ordered = sorted(counts.items(), key=lambda pair: (len(pair[1]), pair[0]))
        return [
            (attribute, sorted(values.items(), key=lambda pair: (-pair[1], pair[0]))[:top])
            for attribute, values in ordered
        ]


def _backwards(db: ReadSession, metric: int, window: Window) -> list[tuple[int, int]]:
    """Spans of time that hold all blocks of the window, the newest first."""
    lasts = [
        last
        for (last,) in db.all(
            "SELECT last FROM metric_blocks WHERE metric = ? AND last >= ? AND first < ? ORDER BY last DESC",
            (metric, window.from_unix_nano, window.to_unix_nano),
        )
    ]
    spans, end = [], window.to_unix_nano
    for place in range(_LATEST_BLOCKS - 1, len(lasts), _LATEST_BLOCKS):
        spans.append((max(lasts[place], window.from_unix_nano), end))
    return [*spans, (window.from_unix_nano, end)]


def _newest(runs: Sequence[Any], window: Window) -> tuple[Any, int] | None:
    """The run and the place in it of the newest point in the window."""
    for run in reversed(runs):
        if run.times[0] >= window.to_unix_nano:
            continue
        for place in range(len(run.times) - 1, -1, -1):
            if run.times[place] < window.from_unix_nano:
                return None
            if run.times[place] < window.to_unix_nano:
                return run, place
    return None


def _columns_of(query: MetricQuery) -> Columns:
    window = query.window
    if not 1 <= query.columns <= _MAX_COLUMNS:
        raise BadQuery(f"columns is {query.columns}: give 1 to {_MAX_COLUMNS}.")
    if window.duration_ns <= 0:
        raise BadQuery("The window ends before it begins: give a later end.")
    width = -(-window.duration_ns // query.columns)
    count = -(-window.duration_ns // width)
    return Columns(window.from_unix_nano, width, count, window.to_unix_nano)


def _around(window: Window) -> Window:
    return Window(window.from_unix_nano - AROUND_NS, window.to_unix_nano + AROUND_NS)


def _stream_of(
    db: ReadSession, query: MetricQuery, recent: RecentPoints
) -> tuple[int, MetricInfo | None, list[MetricInfo]]:
    """The metric that a query means: the one with the newest point of those that fit; and the others."""
    if not has_metrics(db):
        return 0, None, []
    rows = db.all(f"SELECT {METRIC_COLUMNS} FROM metrics WHERE name = ?", (query.name,))  # noqa: S608  # as above
    fitting = [
        row
        for row in rows
        if (query.unit is None or row[2] == query.unit)
        and (query.kind is None or row[3] == query.kind)
        and (query.temporality is None or row[4] == query.temporality)
        and (query.monotonic is None or bool(row[5]) == query.monotonic)
    ]
    if not fitting:
        return 0, None, [info_of(row) for row in rows]
    chosen = fitting[0]
    if len(fitting) > 1:
        newest = {row[0]: _newest_of(db, row[0], recent) for row in fitting}
        chosen = max(fitting, key=lambda row: (newest[row[0]], row[0]))
    return chosen[0], info_of(chosen), [info_of(row) for row in rows if row is not chosen]


def _newest_of(db: ReadSession, metric: int, recent: RecentPoints) -> int:
    rows = db.all("SELECT id, last FROM metric_series WHERE metric = ?", (metric,))
    times = [last for _, last in rows]
    for number, _ in rows:
        times += [point.time_unix_nano for point in recent.points.get(number, ())]
    return max(times, default=0)


def _interval(series: Iterable[Sequence[Run]], cutter: Cutter) -> int:
    """The median of how often series report, in ns; 0 without any that has two points."""
    found = sorted(
        cutter.spacing(run.times).interval
        for run in (max(runs, key=lambda each: len(each.times)) for runs in series if runs)
        if len(run.times) > 1
    )
    return found[len(found) // 2] if found else 0


def _mean(series: MetricSeries) -> float:
    values = [value for _, value in series.points if value is not None]
    mean = sum(values) / len(values)
    return mean if mean == mean else -math.inf


def _spread(rows: list[tuple[Any, ...]], limit: int) -> list[tuple[Any, ...]]:
    """At most so many of these, of all times and values; those with a trace first, then the newest first."""
    rows.sort(key=lambda row: (row[2] is None, -row[0]))
    if len(rows) <= limit:
        return rows
    with_trace = [row for row in rows if row[2] is not None]
    chosen = _spread_over(with_trace, limit)
    if len(chosen) < limit:
        chosen += _spread_over([row for row in rows if row[2] is None], limit - len(chosen))
    return sorted(chosen, key=lambda row: (row[2] is None, -row[0]))


def _spread_over(rows: Sequence[tuple[Any, ...]], limit: int) -> list[tuple[Any, ...]]:
    if len(rows) <= limit:
        return list(rows)
    oldest, newest = rows[-1][0], rows[0][0]
    slots: dict[int, list[tuple[Any, ...]]] = {}
    count = max(limit // _SLOT_EXEMPLARS, 1)
    for row in rows:
        slots.setdefault((row[0] - oldest) * count // (newest - oldest + 1), []).append(row)
    ranked = [sorted(slot, key=lambda row: _value_of(row[1])) for slot in slots.values()]
    chosen: list[tuple[Any, ...]] = []
    # In rounds: of each slot the greatest, the least, then those between.
    for turn in range(max(len(slot) for slot in ranked)):
        for slot in ranked:
            if len(chosen) == limit:
                return chosen
            if turn < len(slot):
                chosen.append(slot[-1 - turn // 2] if turn % 2 == 0 else slot[turn // 2])
    return chosen


def _value_of(value: float | None) -> float:
    return -math.inf if value is None else value
