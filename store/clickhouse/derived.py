"""What follows from the spans of whole traces: summaries, requests and calls, by the rules of `signals`.

Computed when it is asked for, from a bounded number of traces, and remembered while a trace does not grow.
"""

# ruff: noqa: S608 - what is put into SQL text are checked names and bound parameters

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cachetools import LRUCache

from signals.attributes import SEAT, environment_of
from signals.model import ServiceInTrace, SessionId, SpanError, TraceId
from signals.semantics import is_error_answer
from signals.trace_tree import ABSENT, Call, Outline, calls_of, is_call, outline, requests_of, services_of
from store.clickhouse.connection import Connections, Row, Values
from store.clickhouse.derived_before import Among, Lasting, StoredTraces
from store.clickhouse.span_rows import SpanRows, within
from store.queries import Window
from store.results import TraceSummary
from store.rows import SpanRow
from store.tag_sets import Tags, environment_in
from store.tags import SYNTHETIC_TAG

AROUND_NS: Final = 600 * 10**9
"""A trace's spans are looked for so far around the window in which one of them is."""
_CACHED_SPANS: Final = 200_000
_AT_ONCE: Final = 500
_STRIDES_NS: Final = (1800 * 10**9, 7200 * 10**9)
"""The newest traces of a longer window are looked for at its end first."""
_MAX_SPANS: Final = 50_000
MOST_OPEN: Final = 20_000
"""Traces that are read from their spans beside those that are stored."""
_NEWEST: Final = "min(Timestamp) DESC"
_NAMED: Final = "nullIf(SpanAttributes['splunk.rumSessionId'], ''), SpanAttributes['session.id']"


@dataclass(frozen=True, slots=True)
class DerivedRequest:
    """One entry into a service."""

    service: str
    operation: str
    start: int
    duration: int
    error: bool
    worst: SpanError
    """The worst of the spans of its service under it."""
    tags: Tags
    """The promoted tags of these spans."""
    of_calls: frozenset[tuple[str, str]]
    """Those (tag, value) that only its calls to others carry."""
    environment: str
    own: tuple[bytes, ...]
    """The ids of its spans, its calls to others left out."""
    call_spans: tuple[bytes, ...]
    """The ids of these."""

    def values(self, tag: str, *, received: bool = False) -> list[str]:
        """The values of a tag."""
        found = self.tags.get(tag, [])
        values = [found] if isinstance(found, str) else found
        return [value for value in values if not received or (tag, value) not in self.of_calls]

    def carries(self, where: Mapping[str, str]) -> bool:
        """Whether it has all of these values; "" stands for none."""
        return all(value in (self.values(tag) or [""]) for tag, value in where.items())


@dataclass(frozen=True, slots=True)
class Derived:
    """A trace with a backend span."""

    summary: TraceSummary
    requests: tuple[DerivedRequest, ...]
    calls: tuple[Call, ...]
    environment: str
    synthetic: bool
    person: str
    size: int


class Traces:
    """Derives traces, and remembers them by how many rows they have."""

    def __init__(
        self,
        connections: Connections,
        rows: SpanRows,
        stored: Callable[[], StoredTraces[Derived] | None] = lambda: None,
    ) -> None:
        """`stored` gives traces that were derived before."""
        self._connections = connections
        self._rows = rows
        self._stored = stored
        self._lock = threading.Lock()
        self._known: LRUCache[tuple[str, int], Derived | None] = LRUCache(
            _CACHED_SPANS, getsizeof=lambda one: one.size if one else 1
        )

    def newest(self, window: Window, limit: int, values: Values | None = None, holding: Sequence[str] = (),
               lasting: Lasting = (None, None)) -> tuple[list[Derived], bool]:  # fmt: skip
        """The newest traces with a span in the window; True if there are more than the limit.

        For each condition of `holding` they have a span that fulfils it. By `lasting`, the shortest and the
        longest, only those are narrowed whose length is stored.
        """
        stored = self._stored()
        if stored is not None and stored.is_worth_it(window):
            among = self._among(window, holding, lasting)
            newest = [
                *stored.newest(window, limit + 1, among, values),
                *self._touched(window, stored, limit + 1, values, holding),
            ]
            newest.sort(key=lambda row: (-row[2], row[0]))
            return self._of(newest[:limit]), len(newest) > limit
        for stride_ns in _STRIDES_NS:
            begin = window.to_unix_nano - stride_ns
            if begin > window.from_unix_nano:
                part = Window(begin, window.to_unix_nano)
                rows = self._listed(part, limit + 1, values, holding)
                # What began before this part may be followed by others that have no span in it.
                if len(rows) > limit and rows[-1][2] >= begin:
                    return self._of(rows[:limit]), True
        rows = self._listed(window, limit + 1, values, holding)
        return self._of(rows[:limit]), len(rows) > limit

    def slowest(self, window: Window, limit: int, values: Values, holding: Sequence[str],
                lasting: Lasting) -> tuple[list[Derived], int | None] | None:  # fmt: skip
        """Traces of a window, all that last longer than a length, None if these are all there are.

        None where most of the window is not stored.
        """
        stored = self._stored()
        if stored is None or not stored.lengths or not stored.is_worth_it(window):
            return None
        rows = stored.slowest(window, limit, self._among(window, holding, lasting), values)
        others = self._touched(window, stored, MOST_OPEN + 1, values, holding)
        if len(others) > MOST_OPEN:
            return None
        return self._of([*rows, *others]), int(rows[-1][4]) if len(rows) == limit else None

    def _among(self, window: Window, holding: Sequence[str], lasting: Lasting) -> Among:
        around = _around(window)

        def ids(begin: int) -> Sequence[str]:
            part = Window(min(max(begin, around.from_unix_nano), around.to_unix_nano), around.to_unix_nano)
            return [self._holders(part, condition) for condition in holding]

        return Among(ids, *lasting)

    def _listed(
        self, window: Window, limit: int, values: Values | None, holding: Sequence[str]
    ) -> Sequence[Row]:
        around = _around(window)
        condition = f"{within(around)} {self._holding(around, holding)}"
        rows = self._grouped(condition, f"countIf({within(window)}) > 0", limit, values)
        # What reaches far may reach further than what was looked at.
        edge = AROUND_NS // 2
        far = [
            row[0]
            for row in rows
            if row[3] - row[2] > AROUND_NS
            or row[2] < window.from_unix_nano - edge
            or row[3] >= window.to_unix_nano + edge
        ]
        if not far:
            return rows
        asked = Values()
        whole = self._grouped(f"TraceId IN {asked.texts(far)}", "1", len(far), asked)
        found = {row[0]: row for row in (*rows, *whole)}
        return sorted(found.values(), key=lambda row: (-row[2], row[0]))

    def with_requests(
        self, window: Window, limit: int, condition: str, values: Values
    ) -> tuple[list[Derived], bool] | None:
        """The newest traces with a request in the window that fulfils a condition; None if few are stored.

        Those that are read from their spans are not narrowed.
        """
        stored = self._stored()
        if stored is None or not stored.is_worth_it(window):
            return None
        around = _around(window)
        requested = stored.requested(window, condition)
        newest = [
            *stored.newest(around, limit + 1, Among(lambda _: (requested,)), values),
            *self._touched(around, stored, limit + 1),
        ]
        newest.sort(key=lambda row: (-row[2], row[0]))
        return self._of(newest[:limit]), len(newest) > limit

    def _holding(self, around: Window, conditions: Sequence[str]) -> str:
        # Few traces are put together then, and each condition reads the columns that it names once.
        return "".join(
            f"AND TraceId GLOBAL IN ({self._holders(around, condition)}) " for condition in conditions
        )

    def _holders(self, around: Window, condition: str) -> str:
        return f"SELECT TraceId FROM {self._rows.table.source} WHERE {within(around)} AND {condition}"

    def touched(
        self, window: Window, stored: StoredTraces[Derived], limit: int
    ) -> tuple[list[Derived], bool]:
        """The traces with a span in the window that are not among the stored ones; True if there are more."""
        rows = self._touched(window, stored, limit + 1)
        return self._of(rows[:limit]), len(rows) > limit

    def _touched(self, window: Window, stored: StoredTraces[Derived], limit: int,
                 values: Values | None = None, holding: Sequence[str] = ()) -> Sequence[Row]:  # fmt: skip
        found: dict[str, Row] = {}
        holders = self._holding(_around(window), holding)
        having = f"countIf({within(window)}) > 0"
        if parts := stored.open_parts(window):
            reach = 2 * AROUND_NS
            around = " OR ".join(
                f"({within(Window(max(0, part.from_unix_nano - reach), part.to_unix_nano + reach))})"
                for part in parts
            )
            condition = f"({around}) AND TraceId GLOBAL IN ({stored.open_traces(window)}) {holders}"
            found = {row[0]: row for row in self._grouped(condition, having, limit, values)}
        if lasting := stored.long_traces(window):
            condition = f"TraceId GLOBAL IN ({lasting}) {holders}"
            found |= {row[0]: row for row in self._grouped(condition, having, limit, values)}
        return sorted(found.values(), key=lambda row: (-row[2], row[0]))[:limit]

    def _grouped(self, condition: str, having: str, limit: int, values: Values | None) -> Sequence[Row]:
        """Rows (id, spans, first time, last time) of the newest traces."""
        return self._connections.rows(
            "SELECT TraceId, count(), toUnixTimestamp64Nano(min(Timestamp)), "
            f"toUnixTimestamp64Nano(max(Timestamp)) FROM {self._rows.table.source} WHERE {condition} "
            f"GROUP BY TraceId HAVING {having} ORDER BY {_NEWEST}, TraceId LIMIT {limit}",
            values,
        )

    def of_ids(self, ids: Iterable[str]) -> list[Derived]:
        """These traces, as far as they are stored."""
        asked, found = list(dict.fromkeys(ids)), []
        for begin in range(0, len(asked), _AT_ONCE):
            values = Values()
            part = asked[begin : begin + _AT_ONCE]
            rows = self._grouped(f"TraceId IN {values.texts(part)}", "1", len(part), values)
            found += self._of(rows)
        return found

    def _of(self, rows: Sequence[Row]) -> list[Derived]:
        keys = [(str(row[0]), int(row[1])) for row in rows]
        with self._lock:
            known = {key: self._known[key] for key in keys if key in self._known}
        missing = [row for key, row in zip(keys, rows, strict=True) if key not in known]
        if missing and (stored := self._stored()) is not None:
            known |= stored.derived(missing)
            missing = [row for row in missing if (str(row[0]), row[1]) not in known]
        counts = dict(keys)
        for begin in range(0, len(missing), _AT_ONCE):
            part = missing[begin : begin + _AT_ONCE]
            for trace_id, derived in self.read(part).items():
                known[trace_id, counts[trace_id]] = derived
        with self._lock:
            for key in keys:
                if key in known and key not in self._known:
                    derived = known[key]
                    if (derived.size if derived else 1) <= _MAX_SPANS:
                        self._known[key] = derived
        return [one for key in keys if (one := known.get(key)) is not None]

    def read(self, rows: Sequence[Row]) -> dict[str, Derived | None]:
        """Traces by their ids, of rows (id, spans, first time, last time): None without a backend's span."""
        values = Values()
        ids = [str(row[0]) for row in rows]
        begin, end = min(row[2] for row in rows), max(row[3] for row in rows)
        times = within(Window(begin, end + 1))
        spans = self._rows.light(f"TraceId IN {values.texts(ids)} AND {times}", values)
        by_trace: dict[str, list[SpanRow]] = {trace_id: [] for trace_id in ids}
        stored = {trace_id.rjust(32, "0"): trace_id for trace_id in ids}
        for span in spans:
            by_trace[stored[span.trace_id.hex()]].append(span)
        linked = self._linked(ids, begin, end)
        return {trace_id: derive(own, linked.get(trace_id, "")) for trace_id, own in by_trace.items()}

    def _linked(self, ids: Sequence[str], begin: int, end: int) -> dict[str, str]:
        """The sessions whose events name one of these traces as their answer."""
        values = Values()
        table = self._rows.table
        session = f"coalesce(nullIf({table.column('LabSession')}, ''), {_NAMED})"
        linked, also = "lower(SpanAttributes['link.traceId'])", ""
        if table.has("LabLink"):
            linked, also = "LabLink", "AND LabLink != ''"
        around = Window(max(0, begin - AROUND_NS), end + AROUND_NS)
        rows = self._connections.rows(
            f"SELECT {linked} AS link, argMin({session}, Timestamp) FROM {table.source} "
            f"WHERE {within(around)} {also} AND link IN {values.texts([each.lower() for each in ids])} "
            "GROUP BY link",
            values,
        )
        return {str(link): str(session) for link, session in rows if session}


def _around(window: Window) -> Window:
    return Window(max(0, window.from_unix_nano - AROUND_NS), window.to_unix_nano + AROUND_NS)


def derive(spans: Sequence[SpanRow], linked: str = "") -> Derived | None:
    """What follows from a trace's spans; None without any of a backend."""
    shape = outline(spans)
    if shape.initiating == ABSENT:
        return None
    backend = shape.spans
    entry = backend[shape.initiating]
    start = min(shape.starts)
    end = max(begun + span.duration_ns for begun, span in zip(shape.starts, backend, strict=True))
    session = ""
    for span in spans:
        if span.session_id and (not session or span.span_id == entry.parent_span_id):
            session = span.session_id
    session = session or linked
    summary = TraceSummary(
        trace_id=TraceId(entry.trace_id.hex()),
        service=entry.service,
        operation=entry.name,
        start_unix_nano=start,
        duration_ns=end - start,
        spans=len(backend),
        errors=len(backend) - shape.origins.count(SpanError.NONE),
        origin_errors=shape.origins.count(SpanError.ORIGIN),
        services=tuple(ServiceInTrace(*each) for each in services_of(shape)),
        session_id=SessionId(session) if session else None,
        complete=shape.complete,
        tags=dict(entry.tags),
        clock_shift_ns=entry.clock_shift_ns,
    )
    requests = tuple(_request(shape, each.place, each.members) for each in requests_of(shape))
    people = (value for one in requests for value in one.values(SEAT))
    return Derived(
        summary,
        requests,
        tuple(calls_of(shape, lambda span: is_error_answer(span.tags))),
        environment_of(entry.tags),
        any(SYNTHETIC_TAG in span.tags for span in backend),
        next(iter(people), ""),
        len(spans),
    )


def _request(shape: Outline[SpanRow], place: int, members: Sequence[int]) -> DerivedRequest:
    spans, span = shape.spans, shape.spans[place]
    tags: dict[str, set[str]] = {}
    own: set[tuple[str, str]] = set()
    for member in members:
        call = is_call(spans[member]) and member != place
        for tag, value in spans[member].tags.items():
            tags.setdefault(tag, set()).add(value)
            if not call:
                own.add((tag, value))
    worst = max((shape.origins[member] for member in members), key=_RANK.__getitem__)
    merged: Tags = {tag: sorted(values) for tag, values in tags.items()}
    return DerivedRequest(
        span.service, span.name, shape.starts[place], span.duration_ns, span.error, worst, merged,
        frozenset((tag, value) for tag, values in tags.items() for value in values) - own,
        environment_in(merged),
        tuple(spans[member].span_id for member in members if member == place or not is_call(spans[member])),
        tuple(spans[member].span_id for member in members if member != place and is_call(spans[member])),
    )  # fmt: skip


_RANK: Final = {SpanError.NONE: 0, SpanError.RECEIVED: 1, SpanError.ORIGIN: 2}
