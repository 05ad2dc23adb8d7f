"""`store.api.ApmReader` over ClickHouse, as far as it is built: what is measured of requests and calls.

Exact, from whole traces, up to MAX_TRACES of them; a window with more raises TooSlow rather than
answer for a part of it without a word, where the contract has no place to say so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from signals.model import SpanError
from store.api import BadQuery, TooSlow
from store.clickhouse.connection import Values
from store.clickhouse.derived import AROUND_NS, Derived, DerivedRequest
from store.clickhouse.part import Part
from store.clickhouse.span_rows import id_bytes, within
from store.histogram import bucket_of
from store.queries import Window
from store.question_parts import limited
from store.results import Breakdown, MapEdge, MapNode, Measure, Point, ServiceMap
from store.tallies import SUMMED, Tally, ranked

MAX_TRACES: Final = 20_000
"""Traces of a window that are read whole: some seconds, the first time."""
MAX_SCANNED: Final = 500_000
"""Spans with one attribute that a breakdown reads."""
_MAX_COLUMNS: Final = 1_000
_FEW: Final = 1_000
"""Of so few requests the durations themselves give the percentiles."""


class ClickHouseApmReader(Part):
    """Measures requests of backend services."""

    def services(self, window: Window, environment: str | None = None) -> Mapping[str, Measure]:
        tallies: dict[str, Tally] = {}
        for one in self._requests(window, environment):
            _count(tallies.setdefault(one.service, Tally()), one)
        return {name: tally.measure() for name, tally in sorted(tallies.items())}

    def operations(
        self, service: str | None, window: Window, environment: str | None = None
    ) -> Mapping[str, Measure]:
        tallies: dict[str, Tally] = {}
        for one in self._requests(window, environment, service):
            _count(tallies.setdefault(one.operation, Tally()), one)
        return {name: tally.measure() for name, tally in sorted(tallies.items())}

    def service_map(self, window: Window, environment: str | None = None) -> ServiceMap:
        measures = self.services(window, environment)
        calls = [
            call
            for one in self._whole(window)
            if environment in (None, one.environment)
            for call in one.calls
            if window.from_unix_nano <= call.start_unix_nano < window.to_unix_nano
        ]
        inferred = {(call.target, call.database) for call in calls if call.inferred}
        both = {name for name, database in inferred if database and (name, False) in inferred}
        edges: dict[tuple[str, str], Tally] = {}
        outside: dict[str, Tally] = {}
        unanswered: Counter[tuple[str, str]] = Counter()
        databases: set[str] = set()
        nodes = {name: MapNode(name, False, False, measure) for name, measure in measures.items()}
        for call in calls:
            target = call.target
            if call.database and target in both and target not in measures:
                target = f"{target} (database)"
            tallies = [edges.setdefault((call.source, target), Tally())]
            if target in measures:
                # A peer that reports itself elsewhere did not answer here.
                unanswered[call.source, target] += call.inferred or not call.answered
            else:
                tallies.append(outside.setdefault(target, Tally()))
                databases |= {target} if call.database else set()
            for tally in tallies:
                tally.add(bucket_of(call.duration_ns), 1, int(call.error), 0)
                tally.values.append(call.duration_ns)
        for name, tally in outside.items():
            nodes[name] = MapNode(name, True, name in databases, _measure(tally))
        for source, _ in edges:
            nodes.setdefault(source, MapNode(source, False, False, Measure()))
        return ServiceMap(
            tuple(nodes[name] for name in sorted(nodes)),
            tuple(MapEdge(*ends, _measure(edges[ends]), unanswered[ends]) for ends in sorted(edges)),
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
        filters = dict(where or {})
        if any(tag not in SUMMED for tag in filters):
            raise BadQuery("a time series is narrowed by promoted tags only: remove the others from `where`.")
        width = max(1, -(-window.duration_ns // columns))
        tallies = [Tally() for _ in range(columns)]
        for one in self._requests(window, environment, service):
            if operation in (None, one.operation) and one.carries(filters):
                _count(tallies[(one.start - window.from_unix_nano) // width], one)
        begin = window.from_unix_nano
        return [Point(begin + place * width, _measure(tally)) for place, tally in enumerate(tallies)]

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
        counted = [
            (trace, request)
            for trace, request in self._placed_requests(window, environment, service)
            if request.carries({tag: value for tag, value in filters.items() if tag in SUMMED})
        ]
        scanned = {tag: self._scan(tag, window) for tag in {*tags, *filters} - SUMMED}

        def values_of(tag: str, trace: str, request: DerivedRequest, *, own_only: bool) -> list[str]:
            if tag in SUMMED:
                return request.values(tag, received=own_only) or [""]
            ids = request.own if own_only else (*request.own, *request.call_spans)
            values = scanned[tag]
            return list({values[trace, one]: 0 for one in ids if (trace, one) in values}) or [""]

        for tag in filters.keys() - SUMMED:
            counted = [
                (trace, one)
                for trace, one in counted
                if filters[tag] in values_of(tag, trace, one, own_only=False)
            ]
        found = {}
        for tag in tags:
            tallies: dict[str, Tally] = {}
            for trace, one in counted:
                for value in values_of(tag, trace, one, own_only=received):
                    _count(tallies.setdefault(value, Tally()), one)
            rows = 0 if tag in SUMMED and not scanned else len(counted)
            found[tag] = ranked(tag, tallies, limit, rows, cut=False, requests=len(counted))
        return found

    def _scan(self, tag: str, window: Window) -> dict[tuple[str, bytes], str]:
        """The value of an attribute by (trace, span), of the spans around a window that carry it."""
        around = Window(max(0, window.from_unix_nano - AROUND_NS), window.to_unix_nano + AROUND_NS)
        values = Values()
        key = values.text(tag)
        rows = self.span_query(
            f"SELECT TraceId, SpanId, if(mapContains(SpanAttributes, {key}), SpanAttributes[{key}], "  # noqa: S608  # bound
            f"ResourceAttributes[{key}]) FROM {{table}} WHERE {within(around)} AND "
            f"(mapContains(SpanAttributes, {key}) OR mapContains(ResourceAttributes, {key})) "
            f"LIMIT {MAX_SCANNED + 1}",
            values,
        )
        if len(rows) > MAX_SCANNED:
            raise TooSlow(f"More than {MAX_SCANNED:,} spans carry {tag[:80]!r}: choose a shorter time.")
        return {(trace.rjust(32, "0"), id_bytes(span, 16)): value for trace, span, value in rows}

    def tags(self, window: Window) -> Sequence[str]:
        return sorted({tag for one in self._requests(window, None) for tag in one.tags})

    def _whole(self, window: Window) -> list[Derived]:
        return self.moment.once(("whole", window), lambda: self._whole_traces(window))

    def _whole_traces(self, window: Window) -> list[Derived]:
        if self.traces is None:
            return []
        reached = Window(max(0, window.from_unix_nano - AROUND_NS), window.to_unix_nano + AROUND_NS)
        found, cut = self.traces.newest(reached, MAX_TRACES)
        if cut:
            raise TooSlow(f"More than {MAX_TRACES:,} traces lie in this time: choose a shorter one.")
        return found

    def _requests(
        self, window: Window, environment: str | None, service: str | None = None
    ) -> list[DerivedRequest]:
        return [request for _, request in self._placed_requests(window, environment, service)]

    def _placed_requests(
        self, window: Window, environment: str | None, service: str | None = None
    ) -> list[tuple[str, DerivedRequest]]:
        """(trace, request) of each."""
        return [
            (one.summary.trace_id, request)
            for one in self._whole(window)
            for request in one.requests
            if window.from_unix_nano <= request.start < window.to_unix_nano
            and service in (None, request.service)
            and environment in (None, request.environment)
        ]


def _count(tally: Tally, one: DerivedRequest) -> None:
    origin = int(one.worst is SpanError.ORIGIN)
    tally.add(bucket_of(one.duration), 1, int(one.error), origin)
    if len(tally.values) <= _FEW:
        tally.values.append(one.duration)


def _measure(tally: Tally) -> Measure:
    return tally.measure()
