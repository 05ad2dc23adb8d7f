"""Traces into summaries, requests and rollups: after the commit, and again when more spans come.

What a trace once added is kept beside it, so that settling again takes exactly
that away before adding anew. Must run inside the writer's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence

import orjson

from signals.model import SpanError
from signals.semantics import UNBOUNDED, environment_of, promoted_of
from signals.trace_tree import ABSENT, Outline, calls_of, outline, requests_of, services_of
from store.decode import resource_attributes, span_detail
from store.histogram import bucket_of
from store.rows import SpanRow
from store.sqlite.packed_requests import LOW_CODE, SET_CODE, START_CODE, low_of, pack, split, unpack, worst_of
from store.sqlite.rollups import Rollups
from store.sqlite.tag_sets import SEARCH_SLOT_NS, TagSets, union
from store.sqlite.write.interning import Pairs

MAX_SPANS = 50_000
"""Of a larger trace, the first to arrive are summed up."""

_OLD = (
    "SELECT id, start, services, tags, calls FROM traces WHERE substr(trace_id, 9) = substr(?, 9) "
    "AND trace_id = ?"
)
_INSERT_TRACE = (
    "INSERT INTO traces (id, trace_id, start, duration, service, operation, spans, errors, origins, "
    "complete, session_id, services, tags, calls) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_REQUESTS = (
    "INSERT INTO requests (start, trace, last, sets, lows, starts, unbounded) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_NONE, _RECEIVED, _ORIGIN = 0, 1, 2
"""Errors as numbers, in rows and here."""

_MAX_OWN = 5_000
Services = Sequence[tuple[str, int, int]]
"""(name, spans, worst error as a number) in order of first start."""


def _number_of(error: SpanError) -> int:
    return _NONE if error is SpanError.NONE else _ORIGIN if error is SpanError.ORIGIN else _RECEIVED


def _own_pairs(services: Services) -> Iterable[tuple[str, str]]:
    """What every trace is found by beside its tags."""
    for name, _, worst in services:
        yield ":service", name
        if worst:
            yield ":error", name
            yield ":error", ""
        if worst == _ORIGIN:
            yield ":origin", name
            yield ":origin", ""


class Traces:
    """Settles one trace at a time."""

    def __init__(
        self, connection: sqlite3.Connection, pairs: Pairs, tagsets: TagSets, rollups: Rollups
    ) -> None:
        self._connection = connection
        self._tagsets = tagsets
        self._pairs = pairs
        self._rollups = rollups
        self._traces: list[tuple[object, ...]] = []
        self._requests: list[tuple[object, ...]] = []
        self._trace_pairs: list[tuple[int, int, int]] = []
        self._own: dict[tuple[tuple[str, int], ...], list[int]] = {}
        self._next = 0

    def settle(self, trace_id: bytes, remembered: Sequence[SpanRow]) -> None:
        """Bring everything derived of a trace up to date, once `flush` was called.

        `remembered` are rows of it that are still in memory: they are used if they
        are all there is, else the trace is read from the table.
        """
        execute = self._connection.execute
        old = execute(_OLD, (trace_id, trace_id)).fetchone()
        if old is None and remembered and all(span.browser for span in remembered):
            return
        count = execute("SELECT count(*) FROM spans WHERE trace_id = ?", (trace_id,)).fetchone()[0]
        spans = remembered if count == len(remembered) else self._read(trace_id)
        if old is not None:
            self._take_back(*old)
        shape = outline(spans)
        if shape.initiating == ABSENT:
            return
        services = [(name, count, _number_of(error)) for name, count, error in services_of(shape)]
        trace = self._number() if old is None else old[0]
        self._add_trace(trace_id, trace, shape, spans, services)
        self._add_requests(trace, shape, services)

    def flush(self) -> None:
        """Write what was settled, inside the caller's transaction."""
        write = self._connection.executemany
        write(_INSERT_TRACE, self._traces)
        self._requests.sort(key=_by_start)
        write(_INSERT_REQUESTS, self._requests)
        self._trace_pairs.sort()
        write("INSERT OR IGNORE INTO trace_pairs (pair, start, trace) VALUES (?, ?, ?)", self._trace_pairs)
        self._tagsets.flush()
        self._traces.clear()
        self._requests.clear()
        self._trace_pairs.clear()

    def forget(self) -> None:
        """Trust nothing remembered: the transaction that wrote it is gone."""
        self._traces.clear()
        self._requests.clear()
        self._trace_pairs.clear()
        self._own.clear()
        self._next = 0

    def remove(self, trace_id: bytes) -> None:
        """Forget what was derived of a trace, but for what it added to the rollups: they end by time."""
        row = self._connection.execute(_OLD, (trace_id, trace_id)).fetchone()
        if row is not None:
            self._delete(row[0], row[1], row[2])

    def _number(self) -> int:
        if not self._next:
            self._next = self._connection.execute("SELECT max(id) FROM traces").fetchone()[0] or 0
        self._next += 1
        return self._next

    def _read(self, trace_id: bytes) -> list[SpanRow]:
        rows = self._connection.execute(
            "SELECT s.span_id, s.parent_span_id, s.service, s.name, s.kind, s.start, s.duration, s.flags, "
            "s.peer, s.session_id, o.body, s.raw FROM spans s LEFT JOIN origins o ON o.id = s.resource "
            "WHERE s.trace_id = ? ORDER BY s.seq LIMIT ?",
            (trace_id, MAX_SPANS),
        )
        found = []
        for (
            span_id,
            parent,
            service,
            name,
            kind,
            start,
            duration,
            flags,
            peer,
            session,
            resource,
            raw,
        ) in rows:
            browser = bool(flags & 4)
            tags = {}
            if not browser:
                tags = promoted_of(span_detail(raw).attributes, resource_attributes(resource or b""))
            found.append(
                SpanRow(
                    trace_id=trace_id,
                    span_id=span_id,
                    parent_span_id=parent or b"",
                    service=service,
                    name=name,
                    kind=kind,
                    start_unix_nano=start,
                    duration_ns=duration,
                    error=bool(flags & 1),
                    peer=peer,
                    peer_is_database=bool(flags & 2),
                    session_id=session or "",
                    browser=browser,
                    tags=tags,
                    resource=b"",
                    scope=b"",
                    raw=b"",
                )
            )
        return found

    def _take_back(self, trace: int, start: int, services: str, tags: str, calls: str) -> None:
        row = self._connection.execute(
            "SELECT sets, lows, starts FROM requests WHERE start = ? AND trace = ?", (start, trace)
        ).fetchone()
        sets, lows, starts = row or (b"", b"", b"")
        for number, low, after in zip(
            unpack(SET_CODE, sets), unpack(LOW_CODE, lows), unpack(START_CODE, starts), strict=True
        ):
            described = self._tagsets.numbered(number)
            bucket, error, _ = split(low)
            self._rollups.request(
                -1,
                described.environment,
                described.service,
                start + after,
                bucket,
                error,
                worst_of(low),
            )
        environment = environment_of(orjson.loads(tags))
        for call in orjson.loads(calls):
            self._rollups.call(-1, environment, call)
        self._delete(trace, start, services)

    def _delete(self, trace: int, start: int, services: str) -> None:
        execute = self._connection.execute
        carried = set(_own_pairs(orjson.loads(services)))
        row = execute(
            "SELECT unbounded FROM requests WHERE start = ? AND trace = ?", (start, trace)
        ).fetchone()
        if row is not None and row[0]:
            for _, unbounded in orjson.loads(row[0]):
                carried |= {(tag, value) for tag, values in unbounded.items() for value in values}
        self._connection.executemany(
            "DELETE FROM trace_pairs WHERE pair = ? AND start = ? AND trace = ?",
            [(self._pairs.id_of(pair), start, trace) for pair in carried],
        )
        execute("DELETE FROM requests WHERE start = ? AND trace = ?", (start, trace))
        execute("DELETE FROM traces WHERE id = ?", (trace,))

    def _add_trace(
        self,
        trace_id: bytes,
        trace: int,
        shape: Outline[SpanRow],
        spans: Iterable[SpanRow],
        services: Services,
    ) -> None:
        backend = shape.spans
        entry = backend[shape.initiating]
        start = backend[0].start_unix_nano
        end = max([span.start_unix_nano + span.duration_ns for span in backend])
        session = ""
        for span in spans:
            if span.session_id and (not session or span.span_id == entry.parent_span_id):
                session = span.session_id
        environment = environment_of(entry.tags)
        calls = []
        for source, target, begun, duration_ns, error, inferred, database in calls_of(shape):
            call = (
                source,
                target,
                begun,
                duration_ns,
                int(error),
                ("d" if database else "i") if inferred else "",
            )
            calls.append(call)
            self._rollups.call(1, environment, call)
        self._traces.append(
            (
                trace,
                trace_id,
                start,
                end - start,
                entry.service,
                entry.name,
                len(backend),
                len(backend) - shape.origins.count(SpanError.NONE),
                shape.origins.count(SpanError.ORIGIN),
                shape.complete,
                session or None,
                orjson.dumps(services).decode(),
                orjson.dumps(dict(entry.tags)).decode(),
                orjson.dumps(calls).decode(),
            )
        )

    def _add_requests(self, trace: int, shape: Outline[SpanRow], services: Services) -> None:
        spans, origins = shape.spans, shape.origins
        failing = any(span.error for span in spans)
        begun = spans[0].start_unix_nano
        carried: set[tuple[str, str]] = set()
        sets: list[int] = []
        lows: list[int] = []
        starts: list[int] = []
        unbounded: list[tuple[int, dict[str, list[str]]]] = []
        for request in requests_of(shape):
            span = spans[request.place]
            worst = max([_number_of(origins[place]) for place in request.members]) if failing else _NONE
            bags: list[Mapping[str, str]] = [spans[place].tags for place in request.members]
            if not all(map(UNBOUNDED.isdisjoint, bags)):
                varied = {tag: _listed(values) for tag, values in union(bags).items() if tag in UNBOUNDED}
                carried |= {(tag, value) for tag, values in varied.items() for value in values}
                unbounded.append((len(sets), varied))
                bags = [{tag: bag[tag] for tag in bag if tag not in UNBOUNDED} for bag in bags]
            described = self._tagsets.of(span.service, span.name, bags)
            bucket = bucket_of(span.duration_ns)
            start = span.start_unix_nano
            error = int(span.error)
            self._rollups.request(1, described.environment, span.service, start, bucket, error, worst)
            self._tagsets.place(described.number, begun // SEARCH_SLOT_NS)
            sets.append(described.number)
            lows.append(low_of(bucket, error, worst))
            starts.append(start - begun)
        self._requests.append(
            (
                begun,
                trace,
                begun + max(starts),
                pack(SET_CODE, sets),
                pack(LOW_CODE, lows),
                pack(START_CODE, starts),
                orjson.dumps(unbounded).decode() if unbounded else None,
            )
        )
        numbers = self._numbers_of(services)
        self._trace_pairs += [(number, begun, trace) for number in numbers]
        if carried:
            self._trace_pairs += [(self._pairs.id_of(pair), begun, trace) for pair in carried]

    def _numbers_of(self, services: Services) -> Sequence[int]:
        """The numbers of the pairs that every trace of these services is found by."""
        key = tuple([(name, worst) for name, _, worst in services])
        found = self._own.get(key)
        if found is None:
            if len(self._own) >= _MAX_OWN:
                self._own.clear()
            found = self._own[key] = [self._pairs.id_of(pair) for pair in set(_own_pairs(services))]
        return found


def _by_start(row: tuple[object, ...]) -> tuple[object, ...]:
    return row[:2]


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
