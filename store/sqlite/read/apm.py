"""`store.api.ApmReader` over SQLite, and the deployment environments of all telemetry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Literal

from store.api import BadQuery
from store.queries import CoverageOf, Window
from store.results import Affected, Breakdown, Coverage, MapEdge, MapNode, Measure, Point, ServiceMap
from store.sqlite.read.affected import affected_requests
from store.sqlite.read.coverage import coverage_of
from store.sqlite.read.exact_samples import make_calls_exact, make_services_exact
from store.sqlite.read.read_connection import SqlitePart
from store.sqlite.read.request_groups import (
    SUMMED,
    are_few,
    by_tag,
    carried_tags,
    columns_by_set,
    ranked,
)
from store.sqlite.read.request_scan import scan_requests
from store.sqlite.read.rollup_sums import Columns, Tally, series_columns, sum_series
from store.sqlite.read.row_mapping import limited
from store.sqlite.read.series_filter import SeriesFilter
from store.sqlite.table_layout import (
    CALL_SERIES,
    FINE_S,
    INFERRED,
    INFERRED_DATABASE,
    REPORTED,
    SECOND_NS,
    SERVICE_SERIES,
)
from store.tag_sets import OPERATION

_MAX_COLUMNS = 1_000


class SqliteApmReader(SqlitePart):
    """Measures requests of backend services."""

    def services(
        self, window: Window, environment: str | None = None, *, exact: bool = True
    ) -> Mapping[str, Measure]:
        with self._connections.session() as db:
            found = sum_series(
                db, SeriesFilter(SERVICE_SERIES, environment=environment), window, lambda key: key.subject
            )
            if exact:
                make_services_exact(db, window, environment, found)
        return {str(name): tally.measure() for name, tally in sorted(found.items()) if tally.requests > 0}

    def operations(
        self, service: str | None, window: Window, environment: str | None = None
    ) -> Mapping[str, Measure]:
        with self._connections.session() as db:
            tallies, _, _, _ = by_tag(db, service, (OPERATION,), window, {}, environment)
        return {name: tally.measure() for name, tally in sorted(tallies[OPERATION].items())}

    def service_map(self, window: Window, environment: str | None = None) -> ServiceMap:
        with self._connections.session() as db:
            services = sum_series(
                db, SeriesFilter(SERVICE_SERIES, environment=environment), window, lambda key: key.subject
            )
            calls = sum_series(
                db,
                SeriesFilter(CALL_SERIES, environment=environment),
                window,
                lambda key: (key.subject, key.item, key.value),
            )
            make_services_exact(db, window, environment, services)
            make_calls_exact(db, window, environment, calls)
        reporting = {name for name, tally in services.items() if tally.requests > 0}
        nodes = {
            str(name): MapNode(str(name), False, False, services[name].measure())
            for name in sorted(reporting, key=str)
        }
        both = _names_of_both(
            {(target, flag) for (_, target, flag), tally in calls.items() if tally.requests > 0}
        )
        edges: dict[tuple[str, str], Tally] = {}
        unanswered: Counter[tuple[str, str]] = Counter()
        outside: dict[str, Tally] = {}
        databases: set[str] = set()
        for (source, target, flag), tally in calls.items():
            if tally.requests <= 0:
                continue
            if flag == INFERRED_DATABASE and target in both and target not in reporting:
                target = f"{target} (database)"
            edges.setdefault((source, target), Tally()).merge(tally)
            if target in reporting and flag != REPORTED:
                unanswered[source, target] += tally.requests
            if target not in reporting:
                outside.setdefault(target, Tally()).merge(tally)
                if flag == INFERRED_DATABASE:
                    databases.add(target)
            if source not in reporting and source not in outside:
                nodes.setdefault(source, MapNode(source, False, False, Measure()))
        for name, tally in outside.items():
            nodes[name] = MapNode(name, True, name in databases, tally.measure())
        return ServiceMap(
            tuple(nodes[name] for name in sorted(nodes)),
            tuple(MapEdge(*ends, edges[ends].measure(), unanswered[ends]) for ends in sorted(edges)),
        )

    def series(
        self,
        service: str | None,
        window: Window,
        columns: int = 60,
        operation: str | None = None,
        environment: str | None = None,
        where: Mapping[str, str] | None = None,
    ) -> Sequence[Point]:
        if not 1 <= columns <= _MAX_COLUMNS:
            raise BadQuery(f"columns is {columns}: give 1 to {_MAX_COLUMNS}.")
        width = max(1, -(-window.duration_ns // columns))
        tallies = [Tally() for _ in range(columns)]
        filters = dict(where or {}) if operation is None else {**(where or {}), OPERATION: operation}
        if any(tag not in SUMMED for tag in filters):
            raise BadQuery("a time series is narrowed by promoted tags only: remove the others from `where`.")
        with self._connections.session() as db:
            found: Columns = ()
            cut = not filters and not are_few(db, window)
            if not cut:
                found, cut = columns_by_set(db, service, window, width, filters, environment)
            if cut and not filters:
                found = series_columns(
                    db, SeriesFilter(SERVICE_SERIES, service, environment=environment), window, width
                )
            for column, bucket, n, errors, origins in found:
                if 0 <= column < columns:
                    tallies[column].add(bucket, n, errors, origins)
        begin = window.from_unix_nano
        return [Point(begin + place * width, tally.measure()) for place, tally in enumerate(tallies)]

    def breakdowns(
        self,
        service: str | None,
        tags: Sequence[str],
        window: Window,
        where: Mapping[str, str] | None = None,
        limit: int = 50,
        environment: str | None = None,
        *,
        received: bool = False,
    ) -> Mapping[str, Breakdown]:
        limited(limit)
        filters = dict(where or {})
        summed = [tag for tag in tags if tag in SUMMED] if all(tag in SUMMED for tag in filters) else []
        found: dict[str, Breakdown] = {}
        with self._connections.session() as db:
            if summed:
                tallies, scanned, counted, cut = by_tag(
                    db, service, summed, window, filters, environment, received=received
                )
                found = {
                    tag: ranked(tag, tallies[tag], limit, scanned if cut else 0, cut=cut, requests=counted)
                    for tag in summed
                }
            for tag in tags:
                if tag not in found:
                    values, scanned, counted, cut = scan_requests(
                        db, service, tag, window, filters, environment, received=received
                    )
                    found[tag] = ranked(tag, values, limit, scanned, cut=cut, requests=counted)
        return found

    def affected(
        self,
        service: str | None,
        window: Window,
        where: Mapping[str, str] | None = None,
        operation: str | None = None,
        error: Literal["any", "origin"] = "any",
        environment: str | None = None,
        *,
        amounts: bool = False,
    ) -> Affected:
        filters = dict(where or {}) if operation is None else {**(where or {}), OPERATION: operation}
        if any(tag not in SUMMED for tag in filters):
            raise BadQuery("who is affected is narrowed by promoted tags only: remove the others.")
        if error not in ("any", "origin"):
            raise BadQuery(f"error is {error!r}: give any or origin.")
        with self._connections.session() as db:
            return affected_requests(db, service, window, filters, error, environment, amounts=amounts)

    def coverage(self, window: Window, of: CoverageOf = "requests") -> Coverage:
        with self._connections.session() as db:
            return coverage_of(db, window, of)

    def tags(self, window: Window) -> Sequence[str]:
        with self._connections.session() as db:
            return carried_tags(db, window)

    def environments(self, window: Window) -> Sequence[str]:
        with self._connections.session() as db:
            slot_ns = FINE_S * SECOND_NS
            backend = db.all(
                "SELECT DISTINCT s.environment FROM series s WHERE s.environment <> '' AND EXISTS ("
                "SELECT 1 FROM cells c WHERE c.series = s.id AND c.width = ? AND c.slot >= ? AND c.slot < ? "
                "AND c.n > 0)",
                (FINE_S, window.from_unix_nano // slot_ns, -(-window.to_unix_nano // slot_ns)),
            )
            browser = db.all(
                "SELECT DISTINCT environment FROM sessions WHERE finish >= ? AND +start < ?",
                (window.from_unix_nano, window.to_unix_nano),
            )
        return sorted({name for (name,) in [*backend, *browser]} - {""})


def _names_of_both(called: set[tuple[str, str]]) -> set[str]:
    """Names that an inferred database shares with another inferred service, for example a queue."""
    return {name for name, flag in called if flag == INFERRED_DATABASE and (name, INFERRED) in called}
