"""`store.api.ApmReader` over ClickHouse: what is measured of requests and calls.

Exact. Where a window is settled, from the settler's tables; else from whole traces, up to MAX_TRACES of
them. A window with more raises TooSlow rather than answer for a part of it without a word, where the contract
has no place to say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from signals.model import SpanError
from signals.semantics import PROMOTED
from store.api import BadQuery, TooSlow
from store.clickhouse.connection import Values
from store.clickhouse.derived import AROUND_NS, Derived, DerivedRequest
from store.clickhouse.part import Part
from store.clickhouse.service_map import CALL_KEY, CallKey, key_of, map_of
from store.clickhouse.settled import Settled
from store.clickhouse.settled_measures import (
    CALL,
    FEW,
    REQUEST,
    Asked,
    add_durations,
    tag_tallies,
    tag_values,
    tags_within,
    tallies,
)
from store.clickhouse.settled_scan import Scan, bounded, scan
from store.clickhouse.span_rows import id_bytes, within
from store.histogram import bucket_of
from store.queries import Window
from store.question_parts import limited
from store.results import Breakdown, Measure, Point, ServiceMap
from store.tallies import SUMMED, Tally, ranked

MAX_TRACES: Final = 20_000
"""Traces of a window that are read whole: some seconds, the first time."""
MAX_SCANNED: Final = 500_000
"""Spans with one attribute that a breakdown reads."""
_MAX_COLUMNS: Final = 1_000
KEPT: Final = SUMMED | frozenset(PROMOTED)
"""Tags that a request has; any other stands in its spans alone."""


@dataclass(frozen=True, slots=True)
class _Key:
    """What requests are grouped by, as SQL and of one request."""

    sql: str
    of: Callable[[DerivedRequest], Sequence[Any]]
    summed: bool = False
    """Whether cells have it, too."""


_BY_SERVICE: Final = _Key("Service", lambda one: [one.service], summed=True)
_BY_OPERATION: Final = _Key("Operation", lambda one: [one.operation], summed=True)


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which requests are counted."""

    window: Window
    environment: str | None = None
    service: str | None = None
    operation: str | None = None
    where: Mapping[str, str] = field(default_factory=dict)

    def matches(self, one: DerivedRequest) -> bool:
        """Whether a request is one of them."""
        return (
            self.environment in (None, one.environment)
            and self.service in (None, one.service)
            and self.operation in (None, one.operation)
            and one.carries(self.where)
        )

    def condition(self, values: Values) -> str:
        """The same in SQL."""
        parts = ["1"]
        for column, value in (
            ("Environment", self.environment), ("Service", self.service), ("Operation", self.operation)
        ):  # fmt: skip
            if value is not None:
                parts.append(f"{column} = {values.text(value)}")
        parts += [f"has({tag_values(tag)}, {values.text(value)})" for tag, value in self.where.items()]
        return " AND ".join(parts)


class ClickHouseApmReader(Part):
    """Measures requests of backend services."""

    def services(
        self, window: Window, environment: str | None = None, *, exact: bool = True
    ) -> Mapping[str, Measure]:
        found = self._tallies(_BY_SERVICE, _Asked(window, environment))
        return {name: tally.measure() for name, tally in sorted(found.items())}

    def operations(
        self, service: str | None, window: Window, environment: str | None = None
    ) -> Mapping[str, Measure]:
        found = self._tallies(_BY_OPERATION, _Asked(window, environment, service))
        return {name: tally.measure() for name, tally in sorted(found.items())}

    def service_map(self, window: Window, environment: str | None = None) -> ServiceMap:
        settled = self._settled(window)
        found = self._summed(settled, _BY_SERVICE, _Asked(window, environment))
        measures = {name: tally.measure() for name, tally in sorted(found.items())}
        return map_of(measures, self._calls(settled, window, environment))

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
        begin = window.from_unix_nano
        width = max(1, -(-window.duration_ns // columns))
        asked = _Asked(window, environment, service, operation, filters)
        key = _Key(f"intDiv(Start - {begin}, {width})", lambda one: [(one.start - begin) // width])
        tallies = self._tallies(key, asked)
        empty = Tally()
        return [Point(begin + place * width, tallies.get(place, empty).measure()) for place in range(columns)]

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
        asked = _Asked(window, environment, service, None, filters)
        newest = self._newest_part(asked, tags)
        cut = newest.window != asked.window
        if any(tag not in KEPT for tag in filters):
            # By one value the requests that carry it are summed; by any other tag they are counted as well.
            requests, found = self._filtered(newest, tags, received=received)
            return {
                tag: ranked(tag, tallies, limit, requests, cut=cut, requests=requests)
                for tag, tallies in found.items()
            }
        requests, others = self._number_of(asked), [tag for tag in tags if tag not in KEPT]
        kept = self._by_tags([tag for tag in tags if tag in KEPT], asked, received=received)
        scanned = 0 if all(tag in SUMMED for tag in (*tags, *filters)) else requests
        result = {tag: ranked(tag, kept[tag], limit, scanned, cut=False, requests=requests) for tag in kept}
        counted = self._number_of(newest) if cut and others else requests
        for tag in others:
            tallies = self._by_other(tag, newest, received=received)
            result[tag] = ranked(tag, tallies, limit, counted, cut=cut, requests=counted)
        return {tag: result[tag] for tag in tags}

    def _number_of(self, asked: _Asked) -> int:
        return sum(tally.requests for tally in self._tallies(_BY_SERVICE, asked).values())

    def _newest_part(self, asked: _Asked, tags: Sequence[str]) -> _Asked:
        """What is read of a window for attributes that stand in spans alone."""
        settled = self._settled(asked.window)
        if settled is None or all(tag in KEPT for tag in (*tags, *asked.where)):
            return asked
        return replace(asked, window=bounded(settled, asked.window, asked.service))

    def _by_tags(self, tags: Sequence[str], asked: _Asked, *, received: bool) -> dict[str, dict[str, Tally]]:
        """Requests by tags that they have."""
        settled = self._settled(asked.window)
        values = Values()
        found: dict[str, dict[str, Tally]] = {tag: {} for tag in tags}
        if settled is not None and tags:
            question = Asked(REQUEST, "''", asked.condition(values), asked.window, summed=False)
            found = tag_tallies(settled, question, tags, values, received=received)
        for one in self._requests(settled, asked.window):
            if asked.matches(one):
                for tag in tags:
                    for value in one.values(tag, received=received) or [""]:
                        _count(found[tag].setdefault(value, Tally()), one)
        return found

    def _by_other(self, tag: str, asked: _Asked, *, received: bool) -> dict[str, Tally]:
        """Requests by an attribute that is in their spans alone."""
        settled = self._settled(asked.window)
        _, found = self._scanned(asked, [tag], settled, received=received)
        tallies = found[tag]
        if settled is not None:
            question = Scan(asked.window, _reached(asked.window), asked.service, asked.environment,
                            asked.where, {}, received)  # fmt: skip
            _merge(tallies, scan(settled, question, tag))
        return tallies

    def _filtered(
        self, asked: _Asked, tags: Sequence[str], *, received: bool
    ) -> tuple[int, dict[str, dict[str, Tally]]]:
        """The requests that carry attributes which are not promoted, and these by tags."""
        settled = self._settled(asked.window)
        requests, found = self._scanned(asked, tags, settled, received=received)
        if settled is not None:
            where, others = _parted(asked.where)
            question = Scan(asked.window, _reached(asked.window), asked.service, asked.environment,
                            where, others, received)  # fmt: skip
            for tag in tags:
                _merge(found[tag], scan(settled, question, tag))
            tag, value = next(iter(others.items()))
            counts = scan(settled, replace(question, received=False), tag)
            requests += counts.get(value, Tally()).requests
        return requests, found

    def _scanned(
        self, asked: _Asked, tags: Sequence[str], settled: Settled | None, *, received: bool
    ) -> tuple[int, dict[str, dict[str, Tally]]]:
        """The same of the traces that are read from their spans, by the spans that carry the tags."""
        where, others = _parted(asked.where)
        counted = [
            (trace, request)
            for trace, request in self._placed_requests(settled, asked)
            if request.carries(where)
        ]
        scanned = {tag: self._scan(tag, asked.window) if counted else {} for tag in {*tags, *others} - KEPT}

        def values_of(tag: str, trace: str, request: DerivedRequest, *, own_only: bool) -> list[str]:
            if tag in KEPT:
                return request.values(tag, received=own_only) or [""]
            ids = request.own if own_only else (*request.own, *request.call_spans)
            values = scanned[tag]
            return list({values[trace, one]: 0 for one in ids if (trace, one) in values}) or [""]

        for tag, sought in others.items():
            counted = [
                (trace, one) for trace, one in counted if sought in values_of(tag, trace, one, own_only=False)
            ]
        found = {}
        for tag in tags:
            tallies: dict[str, Tally] = {}
            for trace, one in counted:
                for value in values_of(tag, trace, one, own_only=received):
                    _count(tallies.setdefault(value, Tally()), one)
            found[tag] = tallies
        return len(counted), found

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
        settled = self._settled(window)
        if settled is None:
            return sorted({tag for one in self._requests(None, window) for tag in one.tags})
        found = {tag for one in self._requests(settled, window) for tag in one.tags}
        return sorted(found | tags_within(settled, window))

    def _tallies(self, key: _Key, asked: _Asked) -> dict[Any, Tally]:
        """Requests summed by a key."""
        return self._summed(self._settled(asked.window), key, asked)

    def _summed(self, settled: Settled | None, key: _Key, asked: _Asked) -> dict[Any, Tally]:
        found: dict[Any, Tally] = {}
        values = Values()
        condition = asked.condition(values)
        question = Asked(REQUEST, key.sql, condition, asked.window, key.summed and not asked.where)
        if settled is not None:
            found = tallies(settled, question, values)
        for one in self._requests(settled, asked.window):
            if asked.matches(one):
                for name in key.of(one):
                    _count(found.setdefault(name, Tally()), one)
        if settled is not None:
            _complete(settled, question, values, found)
        return {name: tally for name, tally in found.items() if tally.requests}

    def _calls(
        self, settled: Settled | None, window: Window, environment: str | None
    ) -> dict[CallKey, Tally]:
        """Calls summed by what a map tells apart."""
        found: dict[CallKey, Tally] = {}
        values = Values()
        condition = "1" if environment is None else f"Environment = {values.text(environment)}"
        question = Asked(CALL, CALL_KEY, condition, window, summed=True)
        if settled is not None:
            found = {CallKey(*key): tally for key, tally in tallies(settled, question, values).items()}
        for one in self._open(settled, window):
            if environment in (None, one.environment):
                for call in one.calls:
                    if window.from_unix_nano <= call.start_unix_nano < window.to_unix_nano:
                        tally = found.setdefault(key_of(call), Tally())
                        _add(tally, call.duration_ns, int(call.error), 0)
        if settled is not None:
            _complete(settled, question, values, found, lambda name: CallKey(*name))
        return {name: tally for name, tally in found.items() if tally.requests}

    def _settled(self, window: Window) -> Settled | None:
        """What is settled of a window, None if most of it is not."""
        settled = self.settled()
        return settled if settled is not None and settled.is_worth_it(window) else None

    def _open(self, settled: Settled | None, window: Window) -> list[Derived]:
        """The traces that are read from their spans: all of a window, or those that are not settled."""
        if settled is None:
            return self._whole(window)
        traces = self.traces
        if traces is None:
            return []
        found, cut = self.moment.once(
            ("open", window), lambda: traces.touched(_reached(window), settled, MAX_TRACES)
        )
        if cut:
            raise TooSlow(
                f"More than {MAX_TRACES:,} traces of this time are not settled yet: try again later."
            )
        return found

    def _whole(self, window: Window) -> list[Derived]:
        return self.moment.once(("whole", window), lambda: self._whole_traces(window))

    def _whole_traces(self, window: Window) -> list[Derived]:
        if self.traces is None:
            return []
        found, cut = self.traces.newest(_reached(window), MAX_TRACES)
        if cut:
            raise TooSlow(f"More than {MAX_TRACES:,} traces lie in this time: choose a shorter one.")
        return found

    def _requests(self, settled: Settled | None, window: Window) -> list[DerivedRequest]:
        """The requests of these traces in a window."""
        begin, end = window.from_unix_nano, window.to_unix_nano
        return [
            one for each in self._open(settled, window) for one in each.requests if begin <= one.start < end
        ]

    def _placed_requests(self, settled: Settled | None, asked: _Asked) -> list[tuple[str, DerivedRequest]]:
        """(trace, request) of each that is read from spans."""
        begin, end = asked.window.from_unix_nano, asked.window.to_unix_nano
        return [
            (one.summary.trace_id, request)
            for one in self._open(settled, asked.window)
            for request in one.requests
            if begin <= request.start < end
            and asked.service in (None, request.service)
            and asked.environment in (None, request.environment)
        ]


def _reached(window: Window) -> Window:
    return Window(max(0, window.from_unix_nano - AROUND_NS), window.to_unix_nano + AROUND_NS)


def _parted(where: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Filters by tags that requests have, and by other attributes."""
    others = {tag: value for tag, value in where.items() if tag not in KEPT}
    return {tag: value for tag, value in where.items() if tag in KEPT}, others


def _merge(into: dict[str, Tally], found: Mapping[str, Tally]) -> None:
    for value, tally in found.items():
        into.setdefault(value, Tally()).merge(tally)


def _complete(settled: Settled, question: Asked, values: Values, found: Mapping[Any, Tally],
              name_of: Callable[[Any], Any] = lambda name: name) -> None:  # fmt: skip
    few = [name for name, tally in found.items() if 0 < tally.requests <= FEW]
    add_durations(settled, question, values, found, few, name_of)


def _count(tally: Tally, one: DerivedRequest) -> None:
    _add(tally, one.duration, int(one.error), int(one.worst is SpanError.ORIGIN))


def _add(tally: Tally, duration_ns: int, error: int, origin: int) -> None:
    tally.add(bucket_of(duration_ns), 1, error, origin)
    if len(tally.values) < FEW:
        tally.values.append(duration_ns)
