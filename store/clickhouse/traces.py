"""`store.api.TraceReader` over ClickHouse."""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from signals.folding import fold
from signals.model import SessionId, Span, SpanId, TraceId
from signals.semantics import PROMOTED
from store.api import BadQuery, BrowserLink, Page, TraceQuery
from store.clickhouse.conditions import carries, holds, is_backend, is_error_row, may_carry
from store.clickhouse.connection import Values
from store.clickhouse.derived import AROUND_NS, Derived
from store.clickhouse.part import Part
from store.clickhouse.span_rows import within
from store.queries import Window
from store.question_parts import limited, make_cursor, read_cursor, span_bytes, trace_bytes
from store.results import Presence, TraceSummary

MAX_LOOKED: Final = 20_000
"""Traces that one search looks at."""
_MAX_TOTAL: Final = 1_000
_FIRST_STRIDE_NS: Final = 60 * 10**9
_GROWTH: Final = 4
_GROWTH_OF_NOTHING: Final = 64
"""The same after a stride of a prepared store that has none: the conditions choose few."""
_SIZES: Final = (300, 3_000, MAX_LOOKED)
"""So many of the slowest are looked at, first, then, and at most."""


class ClickHouseTraceReader(Part):
    """Finds traces and their spans."""

    def spans_of_trace(self, trace_id: TraceId, limit: int = 50_000) -> Sequence[Span]:
        stored = trace_bytes(trace_id).hex()
        if self.span_rows is None:
            return []
        values = Values()
        found = self.span_rows.spans(
            f"TraceId = {values.text(stored)}", values, "Timestamp, SpanId", 2 * limit
        )
        return found[:limit]

    def trace_ids_ending(self, last_16: str) -> Sequence[TraceId]:
        tail = span_bytes(last_16).hex()
        values = Values()
        ending = f"endsWith(TraceId, {values.text(tail)})"
        settled = self.settled()
        if settled is not None and (found := settled.ids(ending, values)) is not None:
            values = Values()
            ending = f"TraceId IN {values.texts(found)}"
        rows = self.span_query(
            f"SELECT TraceId FROM {{table}} WHERE {ending} GROUP BY TraceId "
            "ORDER BY min(Timestamp) DESC LIMIT 10",
            values,
        )
        return [TraceId(trace_id) for (trace_id,) in rows]

    def locate(self, trace_id: TraceId) -> Presence:
        values = Values()
        condition = f"TraceId = {values.text(trace_bytes(trace_id).hex())}"
        found = self.span_query(f"SELECT 1 FROM {{table}} WHERE {condition} LIMIT 1", values)
        return Presence.PRESENT if found else Presence.NEVER_SEEN

    def trace_of_span(self, span_id: str) -> TraceId | None:
        values = Values()
        condition = f"SpanId = {values.text(span_bytes(span_id).hex())}"
        rows = self.span_query(
            f"SELECT TraceId FROM {{table}} WHERE {condition} ORDER BY Timestamp DESC LIMIT 1", values
        )
        return TraceId(rows[0][0]) if rows else None

    def absent_spans(self, spans: Sequence[tuple[TraceId, SpanId]]) -> frozenset[tuple[TraceId, SpanId]]:
        if not spans:
            return frozenset()
        values = Values()
        traces = values.texts([trace_bytes(trace_id).hex() for trace_id, _ in spans])
        ids = values.texts([span_bytes(span_id).hex() for _, span_id in spans])
        rows = self.span_query(
            f"SELECT DISTINCT TraceId, SpanId FROM {{table}} WHERE TraceId IN {traces} AND SpanId IN {ids}",
            values,
        )
        return frozenset(spans) - {(TraceId(trace_id), SpanId(span_id)) for trace_id, span_id in rows}

    def browser_of_trace(self, trace_id: TraceId) -> BrowserLink | None:
        stored = trace_bytes(trace_id).hex()
        if self.span_rows is None:
            return None
        values = Values()
        asked = values.text(stored)
        link = "lower(SpanAttributes['link.traceId'])"
        if self.span_rows.table.has("LabLink"):
            link = "LabLink"
        linked = self.span_rows.spans(f"{link} = {asked}", values, "Timestamp, SpanId", 10)
        own = [span for span in self.spans_of_trace(trace_id) if span.session_id]
        for span in (*linked, *own):
            if span.session_id:
                return BrowserLink(SessionId(span.session_id), span.trace_id, span.span_id)
        return None

    def trace_summaries(self, trace_ids: Sequence[TraceId]) -> Mapping[TraceId, TraceSummary]:
        if self.traces is None:
            return {}
        found = self.traces.of_ids([trace_bytes(trace_id).hex() for trace_id in trace_ids])
        return {one.summary.trace_id: one.summary for one in found}

    def find_traces(self, query: TraceQuery) -> Page[TraceSummary]:
        limit = limited(query.limit)
        if query.sort not in ("newest", "oldest", "slowest"):
            raise BadQuery(f"sort is {query.sort!r}: give newest, oldest or slowest.")
        after = read_cursor(query.cursor, query.sort)
        search = TraceSearch(self, query)
        found: list[TraceSummary] = []
        for one in search.each(after[0] if after else None):
            place = search.place(one.summary)
            if after and place >= (after[0], after[1]) and query.sort != "oldest":
                continue
            if after and query.sort == "oldest" and place <= (after[0], after[1]):
                continue
            found.append(one.summary)
            if len(found) > limit:
                break
        cursor = None
        if len(found) > limit:
            cursor = make_cursor(query.sort, *search.place(found[limit - 1]))
        return Page(found[:limit], cursor, search.truncated and cursor is None)

    def count_traces(self, query: TraceQuery) -> tuple[int, bool]:
        search = TraceSearch(self, replace(query, sort="newest", cursor=None))
        found = 0
        for _ in search.each(None):
            found += 1
            if found > _MAX_TOTAL:
                return _MAX_TOTAL, True
        return found, search.truncated


class TraceSearch:
    """The traces of a query in its order, read in strides of time that grow until enough are found."""

    def __init__(self, part: Part, query: TraceQuery, most: int = MAX_LOOKED) -> None:
        self._part = part
        self._query = query
        self._left = most
        self.truncated = False
        self._growth = _GROWTH
        if query.error not in (None, "any", "origin"):
            raise BadQuery(f"error is {query.error!r}: give any or origin.")

    def place(self, summary: TraceSummary) -> tuple[int, int]:
        """Where a trace stands in the order."""
        measure = summary.duration_ns if self._query.sort == "slowest" else summary.start_unix_nano
        return measure, int(summary.trace_id[16:], 16) >> 1

    def each(self, beyond: int | None) -> Iterator[Derived]:
        """Those that match, in order; `beyond` is the start (or duration) at which to begin."""
        if self._part.traces is None:
            return
        window = self._query.window
        if self._query.sort == "slowest":
            yield from self._slowest(window, beyond)
            return
        if beyond is not None and self._query.sort == "newest":
            window = Window(window.from_unix_nano, min(window.to_unix_nano, beyond + 1))
        elif beyond is not None:
            window = Window(max(window.from_unix_nano, beyond), window.to_unix_nano)
        if self._is_in_vain(window):
            return
        for stride in self._strides(window):
            found = self._candidates(Window(stride.from_unix_nano, stride.to_unix_nano + AROUND_NS))
            self._growth = _GROWTH_OF_NOTHING if not found and self._part.is_prepared() else _GROWTH
            yield from self._ordered(found, stride)
            if self._left <= 0:
                self.truncated = True
                return

    def _slowest(self, window: Window, beyond: int | None) -> Iterator[Derived]:
        """By their stored lengths more of them at a time, until enough are found."""
        query = self._query
        assert self._part.traces is not None
        longest = min((each for each in (query.max_ns, beyond) if each is not None), default=None)
        given: set[str] = set()
        for size in _SIZES:
            values = Values()
            found = self._part.traces.slowest(
                window, size, values, self._holding(values), (query.min_ns, longest)
            )
            if found is None:
                yield from self._ordered(self._candidates(window), window)
                return
            traces, floor = found
            for one in self._ordered(traces, window):
                duration = one.summary.duration_ns
                if (floor is None or duration > floor) and one.summary.trace_id not in given:
                    given.add(one.summary.trace_id)
                    yield one
            if floor is None:
                return
        self.truncated = True

    def _strides(self, window: Window) -> Iterator[Window]:
        """Neighbouring parts of the window that has data, each four times as long as the one before."""
        data = self._part.data_window()
        begin = max(window.from_unix_nano, data.from_unix_nano - AROUND_NS)
        end = min(window.to_unix_nano, data.to_unix_nano)
        width = _FIRST_STRIDE_NS
        while begin < end:
            if self._query.sort == "oldest":
                yield Window(begin, min(begin + width, end))
                begin += width
            else:
                yield Window(max(begin, end - width), end)
                end -= width
            width *= self._growth

    def _is_in_vain(self, window: Window) -> bool:
        """Whether an index tells that no span has a value that is asked for."""
        if not self._part.has_value_index():
            return False
        around = Window(max(0, window.from_unix_nano - AROUND_NS), window.to_unix_nano + AROUND_NS)
        for name, value in self._query.attributes.items():
            values = Values()
            condition = f"{may_carry(values, value)} AND {carries(values, name, value)}"
            sql = f"SELECT 1 FROM {{table}} WHERE {within(around)} AND {condition} LIMIT 1"
            if not self._part.span_query(sql, values):
                return True
        return False

    def _ordered(self, found: Sequence[Derived], window: Window) -> Iterator[Derived]:
        own = [
            one
            for one in found
            if window.from_unix_nano <= one.summary.start_unix_nano < window.to_unix_nano
            and self._matches(one)
        ]
        reverse = self._query.sort != "oldest"
        yield from sorted(own, key=lambda one: self.place(one.summary), reverse=reverse)

    def _candidates(self, window: Window) -> list[Derived]:
        query, values = self._query, Values()
        assert self._part.traces is not None
        limit = max(1, min(self._left, MAX_LOOKED))
        found, cut = self._part.traces.newest(
            window, limit, values, self._holding(values), (query.min_ns, query.max_ns)
        )
        self._left -= len(found)
        self.truncated |= cut
        return found

    def _holding(self, values: Values) -> list[str]:
        """Conditions for each of which a trace has a span that fulfils it."""
        query, table = self._query, self._part.spans_table()
        holding: list[str] = []
        backend = is_backend(table)
        for service in filter(None, (query.service, query.also)):
            failed = ""
            if query.error is not None and service == query.service:
                # The service itself failed: so one span has both.
                failed = f" AND {is_error_row(table)}"
            holding.append(f"(ServiceName = {values.text(service)} AND {backend}{failed})")
        if query.operation is not None:
            holding.append(f"SpanName = {values.text(query.operation)}")
        if query.error is not None and not query.service:
            holding.append(is_error_row(table))
        for name, value in query.attributes.items():
            may = f"{may_carry(values, value)} AND " if self._part.has_value_index() else ""
            holding.append(f"({may}{carries(values, name, value)} AND {backend})")
        for name, part in query.like.items():
            if name not in PROMOTED:
                key = values.text(name)
                own = f"if(mapContains(SpanAttributes, {key}), SpanAttributes[{key}], "
                text = f"{own}ResourceAttributes[{key}])"
                holding.append(f"({holds(text, part, values)} AND {backend})")
        return holding

    def _matches(self, one: Derived) -> bool:
        query, summary = self._query, one.summary
        if query.min_ns is not None and summary.duration_ns < query.min_ns:
            return False
        if query.max_ns is not None and summary.duration_ns > query.max_ns:
            return False
        if query.error is not None:
            worst = {each.name: each.error.value for each in summary.services}
            own = [worst.get(query.service, "none")] if query.service else list(worst.values())
            if not any(error != "none" if query.error == "any" else error == "origin" for error in own):
                return False
        requests = [each for each in one.requests if query.service in (None, each.service)]
        if query.operation is not None and all(each.operation != query.operation for each in requests):
            return False
        part = query.operation_contains
        if part is not None and not any(fold(part) in fold(each.operation) for each in requests):
            return False
        if query.environment is not None and all(
            each.environment != query.environment for each in one.requests
        ):
            return False
        return all(
            any(fold(sought) in fold(value) for each in one.requests for value in each.values(name))
            for name, sought in query.like.items()
            if name in PROMOTED
        )
