"""Traces into summaries, requests and rollups: after the commit, and again when more spans come.

What a trace once added is kept beside it, so that settling again takes exactly
that away before adding anew. Must run inside the writer's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from collections.abc import Sequence

import orjson

from store.decode import resource_attributes
from store.decode import span_detail
from store.histogram import bucket_of
from store.model import SpanError
from store.model import SpanRow
from store.outline import ABSENT
from store.outline import Outline
from store.outline import calls_of
from store.outline import outline
from store.outline import requests_of
from store.outline import services_of
from store.semantics import environment_of
from store.semantics import promoted_of
from store.sqlite.intern import Pairs
from store.sqlite.rollups import Rollups

MAX_SPANS = 50_000
"""Of a larger trace, the first to arrive are summed up."""

_ERROR_NUMBER = {SpanError.NONE: 0, SpanError.RECEIVED: 1, SpanError.ORIGIN: 2}
_MAX_VALUES = 64
"""Values of one tag that one request or trace is found by."""

Services = Sequence[tuple[str, int, int]]
"""(name, spans, worst error as a number) in order of first start."""


def _own_pairs(services: Services) -> Iterable[tuple[str, str]]:
    """What every trace is found by beside its tags."""
    for name, _, worst in services:
        yield ":service", name
        if worst:
            yield ":error", name
            yield ":error", ""
        if worst == _ERROR_NUMBER[SpanError.ORIGIN]:
            yield ":origin", name
            yield ":origin", ""


class Traces:
    """Settles one trace at a time."""

    def __init__(self, connection: sqlite3.Connection, pairs: Pairs, rollups: Rollups) -> None:
        self._connection = connection
        self._pairs = pairs
        self._rollups = rollups

    def settle(self, trace_id: bytes, remembered: Sequence[SpanRow]) -> None:
        """Bring everything derived of a trace up to date.

        `remembered` are rows of it that are still in memory: they are used if they
        are all there is, else the trace is read from the table.
        """
        execute = self._connection.execute
        count = execute("SELECT count(*) FROM spans WHERE trace_id = ?", (trace_id,)).fetchone()[0]
        spans = remembered if count == len(remembered) else self._read(trace_id)
        shape = outline(spans)
        old = execute("SELECT id, start, tags, calls FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        if old is not None:
            self._take_back(*old)
        if shape.initiating == ABSENT:
            return
        services = [(name, count, _ERROR_NUMBER[error]) for name, count, error in services_of(shape)]
        trace = self._insert(trace_id, None if old is None else old[0], shape, spans, services)
        self._insert_requests(trace, shape, services)

    def remove(self, trace_id: bytes) -> None:
        """Forget what was derived of a trace, but for what it added to the rollups: they end by time."""
        row = self._connection.execute("SELECT id FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        if row is not None:
            self._delete(row[0])

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

    def _take_back(self, trace: int, start: int, tags: str, calls: str) -> None:
        rows = self._connection.execute(
            "SELECT service, operation, start, bucket, error, worst, tags FROM requests WHERE trace = ?",
            (trace,),
        )
        for service, operation, begun, bucket, error, worst, carried in rows:
            self._rollups.request(-1, service, operation, begun, bucket, error, worst, orjson.loads(carried))
        environment = environment_of(orjson.loads(tags))
        for call in orjson.loads(calls):
            self._rollups.call(-1, environment, call)
        self._delete(trace)

    def _delete(self, trace: int) -> None:
        execute = self._connection.execute
        row = execute("SELECT start, services FROM traces WHERE id = ?", (trace,)).fetchone()
        services = orjson.loads(row[1])
        carried = set(_own_pairs(services))
        for operation, tags in execute("SELECT operation, tags FROM requests WHERE trace = ?", (trace,)):
            carried.add((":operation", operation))
            carried |= {(tag, value) for tag, values in orjson.loads(tags).items() for value in values}
        self._connection.executemany(
            "DELETE FROM trace_pairs WHERE pair = ? AND start = ? AND trace = ?",
            [(self._pairs.id_of(pair), row[0], trace) for pair in carried],
        )
        execute("DELETE FROM requests WHERE trace = ?", (trace,))
        execute("DELETE FROM traces WHERE id = ?", (trace,))

    def _insert(
        self,
        trace_id: bytes,
        trace: int | None,
        shape: Outline[SpanRow],
        spans: Iterable[SpanRow],
        services: Services,
    ) -> int:
        backend = shape.spans
        entry = backend[shape.initiating]
        start = backend[0].start_unix_nano
        end = max(span.start_unix_nano + span.duration_ns for span in backend)
        session = ""
        for span in spans:
            if span.session_id and (not session or span.span_id == entry.parent_span_id):
                session = span.session_id
        calls = [
            (
                call.source,
                call.target,
                call.start_unix_nano,
                call.duration_ns,
                int(call.error),
                ("d" if call.database else "i") if call.inferred else "",
            )
            for call in calls_of(shape)
        ]
        environment = environment_of(entry.tags)
        for call in calls:
            self._rollups.call(1, environment, call)
        cursor = self._connection.execute(
            "INSERT INTO traces (id, trace_id, start, duration, service, operation, spans, errors, origins, "
            "complete, session_id, services, tags, calls) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                trace,
                trace_id,
                start,
                end - start,
                entry.service,
                entry.name,
                len(backend),
                sum(error is not SpanError.NONE for error in shape.origins),
                sum(error is SpanError.ORIGIN for error in shape.origins),
                shape.complete,
                session or None,
                orjson.dumps(services).decode(),
                orjson.dumps(dict(entry.tags)).decode(),
                orjson.dumps(calls).decode(),
            ),
        )
        return int(cursor.lastrowid or 0)

    def _insert_requests(self, trace: int, shape: Outline[SpanRow], services: Services) -> None:
        rows = []
        carried = set(_own_pairs(services))
        for request in requests_of(shape):
            span = shape.spans[request.place]
            carried.add((":operation", span.name))
            tags: dict[str, list[str]] = {}
            worst = 0
            for place in request.members:
                worst = max(worst, _ERROR_NUMBER[shape.origins[place]])
                for pair in shape.spans[place].tags.items():
                    values = tags.setdefault(pair[0], [])
                    if pair[1] not in values and len(values) < _MAX_VALUES:
                        values.append(pair[1])
                        carried.add(pair)
            bucket = bucket_of(span.duration_ns)
            error = int(span.error)
            start = span.start_unix_nano
            self._rollups.request(1, span.service, span.name, start, bucket, error, worst, tags)
            rows.append(
                (
                    trace,
                    span.service,
                    span.name,
                    start,
                    span.duration_ns,
                    bucket,
                    error,
                    worst,
                    orjson.dumps(tags).decode(),
                )
            )
        self._connection.executemany(
            "INSERT INTO requests (trace, service, operation, start, duration, bucket, error, worst, tags) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        begun = shape.spans[0].start_unix_nano
        self._connection.executemany(
            "INSERT OR IGNORE INTO trace_pairs (pair, start, trace) VALUES (?, ?, ?)",
            [(self._pairs.id_of(pair), begun, trace) for pair in carried],
        )
