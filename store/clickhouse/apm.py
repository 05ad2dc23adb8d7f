"""`store.api.ApmReader` over ClickHouse: what is measured of requests and calls.

Exact. Where a window is settled, from the settler's tables; else from whole traces, up to MAX_TRACES of
them. A window with more raises TooSlow rather than answer for a part of it without a word, where the contract
has no place to say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from signals.model import SpanError
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
    tag_values,
    tags_within,
    tallies,
)
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

    def services(self, window: Window, environment: str | None = None) -> Mapping[str, Measure]:
        found = self._tallies(_BY_SERVICE, _Asked(window, environment))
        return {name: tally.measure() for name, tally in sorted(found.items())}

    def operations(
        self, service: str | None, window: Window, environment: str | None = None
    ) -> Mapping[str, Measure]:
        found = self._tallies(_BY_OPERATION, _Asked(window, environment, service))
        return {name: tally.measure() for name, tally in sorted(found.items())}

    def service_map(self, window: Window, environment: str | None = None) -> ServiceMap:
        measures = self.services(window, environment)
        return map_of(measures, self._calls(window, environment))

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
        if any(tag not in SUMMED for tag in (*tags, *filters)):
            return self._scanned(service, tags, window, filters, limit, environment, received=received)
        asked = _Asked(window, environment, service, None, filters)
        requests = sum(tally.requests for tally in self._tallies(_BY_SERVICE, asked).values())
        return {
            tag: ranked(
                tag,
                self._tallies(_by_tag(tag, received=received), asked),
                limit,
                0,
                cut=False,
                requests=requests,
            )
            for tag in tags
        }

    def _scanned(
        self, service: str | None, tags: Sequence[str], window: Window, filters: Mapping[str, str],
        limit: int, environment: str | None, *, received: bool,
    ) -> Mapping[str, Breakdown]:  # fmt: skip
        """The same where some tags are not promoted: from the spans that carry them."""
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
            found[tag] = ranked(tag, tallies, limit, len(counted), cut=False, requests=len(counted))
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
        settled = self._settled(window)
        if settled is None:
            return sorted({tag for _, one in self._placed_requests(window, None) for tag in one.tags})
        found = {tag for one in self._requests(settled, window) for tag in one.tags}
        return sorted(found | tags_within(settled, window))

    def _tallies(self, key: _Key, asked: _Asked) -> dict[Any, Tally]:
        """Requests summed by a key."""
        settled = self._settled(asked.window)
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

    def _calls(self, window: Window, environment: str | None) -> dict[CallKey, Tally]:
        """Calls summed by what a map tells apart."""
        settled = self._settled(window)
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


def _reached(window: Window) -> Window:
    return Window(max(0, window.from_unix_nano - AROUND_NS), window.to_unix_nano + AROUND_NS)


def _by_tag(tag: str, *, received: bool) -> _Key:
    return _Key(
        f"arrayJoin({tag_values(tag, received=received)})",
        lambda one: one.values(tag, received=received) or [""],
    )


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
