"""Traces into summaries, requests and rollups: after the commit, and again when more spans come.

What a trace once added is kept beside it, so that settling again takes exactly
that away before adding anew. Must run inside the writer's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from collections.abc import Mapping
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
from store.semantics import UNBOUNDED
from store.semantics import environment_of
from store.semantics import promoted_of
from store.sqlite.intern import Pairs
from store.sqlite.rollups import Rollups
from store.sqlite.tagsets import OPERATION
from store.sqlite.tagsets import Tags
from store.sqlite.tagsets import TagSets
from store.sqlite.tagsets import environment_in
from store.sqlite.tagsets import parse

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

    def __init__(
        self, connection: sqlite3.Connection, pairs: Pairs, tagsets: TagSets, rollups: Rollups
    ) -> None:
        self._connection = connection
        self._tagsets = tagsets
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
        old = execute("SELECT id, tags, calls FROM traces WHERE trace_id = ?", (trace_id,)).fetchone()
        if old is not None:
            self._take_back(*old)
        shape = outline(spans)
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

    def _take_back(self, trace: int, tags: str, calls: str) -> None:
        rows = self._connection.execute(
            "SELECT q.service, q.start, q.bucket, q.error, q.worst, s.body FROM requests q "
            "JOIN tagsets s ON s.id = q.tagset WHERE q.trace = ?",
            (trace,),
        )
        for service, begun, bucket, error, worst, body in rows:
            self._rollups.request(-1, environment_in(parse(body)), service, begun, bucket, error, worst)
        environment = environment_of(orjson.loads(tags))
        for call in orjson.loads(calls):
            self._rollups.call(-1, environment, call)
        self._delete(trace)

    def _delete(self, trace: int) -> None:
        execute = self._connection.execute
        start, services = execute("SELECT start, services FROM traces WHERE id = ?", (trace,)).fetchone()
        carried = set(_own_pairs(orjson.loads(services)))
        rows = execute("SELECT unbounded FROM requests WHERE trace = ? AND unbounded IS NOT NULL", (trace,))
        for (unbounded,) in rows:
            carried |= {(tag, value) for tag, values in orjson.loads(unbounded).items() for value in values}
        self._connection.executemany(
            "DELETE FROM trace_pairs WHERE pair = ? AND start = ? AND trace = ?",
            [(self._pairs.id_of(pair), start, trace) for pair in carried],
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
        for call in calls:
            self._rollups.call(1, environment_of(entry.tags), call)
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
        spans = shape.spans
        for request in requests_of(shape):
            span = spans[request.place]
            worst = max(_ERROR_NUMBER[shape.origins[place]] for place in request.members)
            tags = _union([spans[place].tags for place in request.members])
            unbounded = {tag: _listed(tags.pop(tag)) for tag in UNBOUNDED if tag in tags}
            carried |= {(tag, value) for tag, values in unbounded.items() for value in values}
            tags[OPERATION] = span.name
            bucket = bucket_of(span.duration_ns)
            start = span.start_unix_nano
            self._rollups.request(
                1, environment_in(tags), span.service, start, bucket, int(span.error), worst
            )
            rows.append(
                (
                    trace,
                    span.service,
                    start,
                    bucket,
                    int(span.error),
                    worst,
                    self._tagsets.id_of(tags),
                    orjson.dumps(unbounded).decode() if unbounded else None,
                )
            )
        self._connection.executemany(
            "INSERT INTO requests (trace, service, start, bucket, error, worst, tagset, unbounded) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        begun = spans[0].start_unix_nano
        self._connection.executemany(
            "INSERT OR IGNORE INTO trace_pairs (pair, start, trace) VALUES (?, ?, ?)",
            [(self._pairs.id_of(pair), begun, trace) for pair in carried],
        )


def _union(bags: Sequence[Mapping[str, str]]) -> Tags:
    """All values of all tags; lists sorted, so that equal sets are equal."""
    tags: Tags = dict(bags[0])
    several = False
    for bag in bags[1:]:
        for tag, value in bag.items():
            known = tags.get(tag)
            if known is None:
                tags[tag] = value
            elif known != value:
                several = True
                if isinstance(known, str):
                    tags[tag] = [known, value]
                elif value not in known and len(known) < _MAX_VALUES:
                    known.append(value)
    if several:
        for values in tags.values():
            if isinstance(values, list):
                values.sort()
    return tags


def _listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
