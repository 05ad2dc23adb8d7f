"""Which metrics have a point in a window: their series, counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import orjson

from signals.attributes import environment_of
from signals.folding import fold
from signals.metrics import MetricInfo
from signals.model import Attributes
from store.api import MetricName, Window
from store.decode import resource_attributes
from store.sqlite.read.metric_points_of import RecentPoints, info_of
from store.sqlite.read.read_connection import ReadSession

_SERVICES: Final = 50
_FEW: Final = 40
"""Metrics whose series are read one metric after the other."""


class FoundNames:
    """Gathers the series of each metric that have a point in a window."""

    def __init__(
        self,
        window: Window,
        recent: RecentPoints,
        kept: Mapping[int, tuple[int, int]],
        *,
        narrowed: bool,
    ) -> None:
        """`kept`: the first and last time of each metric in its blocks; `narrowed`: series are left out."""
        self._window = window
        self._recent = recent
        self._kept = kept
        self._narrowed = narrowed
        self._series: dict[int, int] = {}
        self._services: dict[int, set[str]] = {}
        self._spans: dict[int, tuple[int, int]] = {}

    def add(self, metric: int, number: int, service: str, first: int, last: int) -> None:
        """Count one series."""
        window = self._window
        waiting = self._recent.points.get(number)
        if waiting:
            times = [point.time_unix_nano for point in waiting]
            self._reach(metric, min(times), max(times))
        if self._narrowed and metric in self._kept:
            # A series remembers its first point for longer than that is kept.
            self._reach(metric, max(first, self._kept[metric][0]), last)
        inside = last >= window.from_unix_nano and first < window.to_unix_nano
        if not inside and (not waiting or self._recent.span_of(number, window) is None):
            return
        self._series[metric] = self._series.get(metric, 0) + 1
        self._services.setdefault(metric, set()).add(service)

    def _reach(self, metric: int, first: int, last: int) -> None:
        low, high = self._spans.get(metric, (first, last))
        self._spans[metric] = (min(low, first), max(high, last))

    def name_of(self, row: tuple[Any, ...]) -> MetricName | None:
        """A metric from METRIC_COLUMNS; None if it has no point in the window."""
        metric = row[0]
        count = self._series.get(metric)
        kept = None if self._narrowed else self._kept.get(metric)
        spans = [span for span in (kept, self._spans.get(metric)) if span]
        if not count or not spans:
            return None
        return MetricName(
            info_of(row),
            tuple(sorted(self._services[metric])[:_SERVICES]),
            count,
            min(first for first, _ in spans),
            max(last for _, last in spans),
            row[7],
        )


def series_of(
    db: ReadSession, metrics: Sequence[int], service: str | None, environment: str | None
) -> list[tuple[int, int, str, int, int]]:
    """(metric, series, service, first, last) of fitting series of these metrics; where many, of any."""
    columns = "SELECT metric, id, service, first, last, resource, attributes FROM metric_series"
    rows = (
        db.all(columns)
        if len(metrics) > _FEW
        else [row for metric in metrics for row in db.all(f"{columns} WHERE metric = ?", (metric,))]
    )
    if service is not None:
        rows = [row for row in rows if row[2] == service]
    if environment is not None:
        environments = _Environments(db)
        rows = [row for row in rows if environments.of(row[5], row[6]) == environment]
    return [row[:5] for row in rows]


class _Environments:
    """Knows the environment of each resource, of which most series have theirs."""

    def __init__(self, db: ReadSession) -> None:
        self._bodies: dict[int, bytes] = dict(db.all("SELECT id, body FROM metric_resources"))
        self._known: dict[int, str] = {}

    def of(self, resource: int, attributes: str) -> str:
        """The environment of a series with this resource and these attributes of its points, as JSON."""
        if "environment" in attributes:
            return environment_of(orjson.loads(attributes), self._shared(resource))
        found = self._known.get(resource)
        if found is None:
            found = self._known[resource] = environment_of({}, self._shared(resource))
        return found

    def _shared(self, resource: int) -> Attributes:
        return resource_attributes(self._bodies.get(resource, b""))


def contains(info: MetricInfo, needle: str) -> bool:
    """Whether name, unit or description contains this folded text; always, if it is empty."""
    return not needle or any(needle in fold(text) for text in (info.name, info.unit, info.description))
