"""Aggregates traces into summaries, requests and rollups: after the commit, and again for late spans.

A trace's contribution to the rollups can be computed from its rows in `traces` and
`requests`, so that aggregating it again subtracts the previous contribution before
adding the new one. Must run inside the settler's transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from operator import attrgetter

import orjson

from signals.attributes import environment_of
from signals.model import SpanError
from signals.semantics import UNBOUNDED, is_error_answer, promoted_of
from signals.trace_tree import ABSENT, Outline, calls_of, members_of, outline, services_of
from store.decode import resource_attributes, span_detail
from store.histogram import bucket_of
from store.rows import SpanRow
from store.sqlite.packed_calls import StoredCall, pack_calls, unpack_calls
from store.sqlite.packed_requests import (
    OUTCOME_CODE,
    SET_CODE,
    START_CODE,
    outcome_of,
    split,
    unpack,
    worst_of,
)
from store.sqlite.stored_spans import of_connection
from store.sqlite.table_layout import (
    BROWSER_FLAG,
    CLOCK_SHIFT,
    DATABASE_FLAG,
    ERROR_FLAG,
    ERROR_ORIGIN,
    INFERRED,
    INFERRED_DATABASE,
    NO_ERROR,
    REPORTED,
    TAG_SET_SLOT_NS,
    UNANSWERED,
    error_code,
)
from store.sqlite.write.interning import PairIds
from store.sqlite.write.known_traces import KnownTraces, Previous
from store.sqlite.write.many_rows import ManyRows
from store.sqlite.write.rollups import Rollups
from store.sqlite.write.slot_versions import SlotVersions
from store.sqlite.write.tag_set_ids import StoredTagSet, TagSetIds
from store.sqlite.write.trace_requests import TraceRequests, bags_of, by_start, packed, worst_of_each
from store.tag_sets import ERROR, MANY_PERSONS, ORIGIN, PERSON, SERVICE

MAX_SPANS = 50_000
"""Spans of a trace that are aggregated: the first to arrive."""

_INSERT_TRACE = (
    "INSERT INTO traces (id, trace_id, start, duration, service, operation, spans, errors, origins, "
    "complete, session_id, services, tags, calls) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_REQUESTS = (
    "INSERT INTO requests (start, trace, last, sets, lows, starts, unbounded) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_PAIR = "INSERT OR IGNORE INTO trace_pairs (pair, start, trace)"
_CACHED_PAIRS = 5_000
_PERSONS: Callable[[StoredTagSet], tuple[str, ...]] = attrgetter("persons")
_BROWSER: Callable[[SpanRow], bool] = attrgetter("browser")
_MOST_PERSONS = 4
"""Of one trace that it is found by: who sends another with every span makes no row for each."""


Services = Sequence[tuple[str, int, int]]
"""(name, spans, code of the worst error) in order of first start; `traces.services` as JSON."""


def _service_pairs(services: Services) -> Iterable[tuple[str, str]]:
    """The pairs that a trace is found by beside its unbounded tags."""
    for name, _, worst in services:
        yield SERVICE, name
        if worst != NO_ERROR:
            yield ERROR, name
            yield ERROR, ""
        if worst == ERROR_ORIGIN:
            yield ORIGIN, name
            yield ORIGIN, ""


def _persons_of(sets: Iterable[StoredTagSet]) -> frozenset[str]:
    """The persons that a trace with these tag sets carries."""
    return frozenset[str]().union(*map(_PERSONS, sets))


def _person_pairs(persons: frozenset[str]) -> Iterable[tuple[str, str]]:
    """The pairs that a trace of these persons is found by."""
    if len(persons) > _MOST_PERSONS:
        return [(MANY_PERSONS, "")]
    return [(PERSON, person) for person in persons]


class TraceAggregation:
    """Aggregates one trace at a time; rows are written by `flush`."""

    def __init__(
        self,
        connection: sqlite3.Connection,
        main: sqlite3.Connection,
        pairs: PairIds,
        tag_sets: TagSetIds,
        rollups: Rollups,
        versions: SlotVersions,
    ) -> None:
        """Read spans from `main`; all else is of `connection`."""
        self._connection = connection
        self._stored = of_connection(main)
        self.known = KnownTraces(connection, self._stored)
        """Whoever aggregates many lets them be looked up before."""
        self._tag_sets = tag_sets
        self._pairs = pairs
        self._rollups = rollups
        self._traces: list[tuple[object, ...]] = []
        self._requests: list[TraceRequests] = []
        self._trace_pairs: list[tuple[int, int, int]] = []
        self._pair_rows = ManyRows(connection, _INSERT_PAIR, 3)
        self._versions = versions
        self._service_pair_ids = lru_cache(_CACHED_PAIRS)(self._ids_of)
        self._person_pair_ids = lru_cache(_CACHED_PAIRS)(self._ids_of_persons)
        self._last_id = 0
        """The highest id handed out; 0 until the table is asked."""

    def aggregate(self, trace_id: bytes, remembered: Sequence[SpanRow]) -> None:
        """Bring everything derived from a trace up to date, once `flush` was called.

        `remembered` are rows of it that are still in memory: they are used if they
        are all there is, else the trace is read from the table.
        """
        old, count = self.known.take(trace_id)
        if old is None and remembered and all(map(_BROWSER, remembered)):
            return
        spans = remembered if count == len(remembered) else self._read(trace_id)
        if old is not None:
            self._see_last_id()
            self._subtract(old)
        if not spans:
            return
        shape = outline(spans)
        if shape.initiating == ABSENT:
            return
        services = [(name, count, error_code(error)) for name, count, error in services_of(shape)]
        trace = self._new_id() if old is None else old.id
        self._add_trace(trace_id, trace, shape, spans, services)
        self._add_requests(trace, shape, services)

    def flush(self) -> None:
        """Write what was aggregated."""
        write = self._connection.executemany
        write(_INSERT_TRACE, self._traces)
        self._tag_sets.flush()
        # In the order of the primary keys, so that neighbouring rows share a page.
        self._requests.sort(key=by_start)
        write(_INSERT_REQUESTS, [packed(each) for each in self._requests])
        for each in self._requests:
            self._versions.change(each.start)
        self._versions.write()
        self._trace_pairs.sort()
        self._pair_rows.insert(self._trace_pairs)
        self._traces.clear()
        self._requests.clear()
        self._trace_pairs.clear()
        self.known.forget()

    def on_rollback(self) -> None:
        """Drop what was not flushed, and the caches."""
        self._traces.clear()
        self._requests.clear()
        self._trace_pairs.clear()
        self._versions.clear()
        self.known.forget()
        self.invalidate()

    def invalidate(self) -> None:
        """Empty the caches: rows of `pairs` or `traces` were deleted, or rolled back."""
        self._service_pair_ids.cache_clear()
        self._person_pair_ids.cache_clear()
        self._last_id = 0

    def remove(self, trace_id: bytes) -> None:
        """Delete what was derived from a pruned trace, except its part of the rollups: they end by time."""
        old, _ = self.known.take(trace_id)
        if old is not None:
            self._delete(old)
            self._versions.write()

    def _see_last_id(self) -> None:
        """Ask for the highest id. Must come before a row is deleted whose id is to be used again."""
        if not self._last_id:
            self._last_id = self._connection.execute("SELECT max(id) FROM traces").fetchone()[0] or 0

    def _new_id(self) -> int:
        self._see_last_id()
        self._last_id += 1
        return self._last_id

    def _read(self, trace_id: bytes) -> list[SpanRow]:
        stored = self._stored
        stored.forget_bodies()
        found = []
        for span in stored.by_arrival(trace_id, MAX_SPANS):
            browser = bool(span.flags & BROWSER_FLAG)
            tags, shift_ns = {}, 0
            if not browser:
                detail = span_detail(span.raw)
                tags = promoted_of(detail.attributes, resource_attributes(stored.body_of(span.resource)))
                shift_ns = span.start - (detail.start_unix_nano or span.start)
            found.append(
                SpanRow(
                    trace_id=trace_id,
                    span_id=span.span_id,
                    parent_span_id=span.parent,
                    service=span.service,
                    name=span.name,
                    kind=span.kind,
                    start_unix_nano=span.start,
                    duration_ns=span.duration,
                    error=bool(span.flags & ERROR_FLAG),
                    peer=span.peer,
                    peer_is_database=bool(span.flags & DATABASE_FLAG),
                    session_id=span.session,
                    browser=browser,
                    tags=tags,
                    resource=b"",
                    scope=b"",
                    raw=b"",
                    clock_shift_ns=shift_ns,
                )
            )
        return found

    def _subtract(self, old: Previous) -> None:
        """Take the previous contribution out of the rollups, and delete its rows."""
        row = self._connection.execute(
            "SELECT sets, lows, starts FROM requests WHERE start = ? AND trace = ?", (old.start, old.id)
        ).fetchone()
        sets, outcomes, starts = row or (b"", b"", b"")
        for number, outcome, after in zip(
            unpack(SET_CODE, sets), unpack(OUTCOME_CODE, outcomes), unpack(START_CODE, starts), strict=True
        ):
            tag_set = self._tag_sets.numbered(number)
            bucket, error, _ = split(outcome)
            self._rollups.request(-1, tag_set.series, old.start + after, bucket, error, worst_of(outcome))
        environment = environment_of(orjson.loads(old.tags))
        self._rollups.calls(-1, environment, unpack_calls(old.calls, old.start))
        self._delete(old)

    def _delete(self, old: Previous) -> None:
        execute = self._connection.execute
        carried = set(_service_pairs(orjson.loads(old.services)))
        row = execute(
            "SELECT sets, unbounded FROM requests WHERE start = ? AND trace = ?", (old.start, old.id)
        ).fetchone()
        if row is not None:
            numbers = set(unpack(SET_CODE, row[0]))
            carried |= set(_person_pairs(_persons_of(map(self._tag_sets.numbered, numbers))))
            for _, unbounded in orjson.loads(row[1] or "[]"):
                carried |= {(tag, value) for tag, values in unbounded.items() for value in values}
        self._connection.executemany(
            "DELETE FROM trace_pairs WHERE pair = ? AND start = ? AND trace = ?",
            [(self._pairs.id_of(pair), old.start, old.id) for pair in carried],
        )
        execute("DELETE FROM requests WHERE start = ? AND trace = ?", (old.start, old.id))
        self._versions.change(old.start)
        execute("DELETE FROM traces WHERE id = ?", (old.id,))

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
        start = min(shape.starts)
        end = max([begun + span.duration_ns for begun, span in zip(shape.starts, backend, strict=True)])
        session = ""
        for span in spans:
            if span.session_id and (not session or span.span_id == entry.parent_span_id):
                session = span.session_id
        environment = environment_of(entry.tags)
        tags: dict[str, object] = dict(entry.tags)
        if entry.clock_shift_ns:
            tags[CLOCK_SHIFT] = entry.clock_shift_ns
        calls = _stored_calls(shape)
        self._rollups.calls(1, environment, calls)
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
                orjson.dumps(tags).decode(),
                pack_calls(calls, start),
            )
        )

    def _add_requests(self, trace: int, shape: Outline[SpanRow], services: Services) -> None:
        spans, starts = shape.spans, shape.starts
        begun = min(starts)
        slot = begun // TAG_SET_SLOT_NS
        found = TraceRequests(begun, trace, [], [], [], [])
        sets, outcomes, after = found.sets, found.outcomes, found.starts
        count, note_slot, of_one = self._rollups.request, self._tag_sets.note_slot, self._tag_sets.of_one
        worsts = worst_of_each(shape)
        for entry, members in members_of(shape):
            span = spans[entry]
            tags = span.tags
            if len(members) == 1 and tags.keys().isdisjoint(UNBOUNDED):
                # Of hostile data nearly every request.
                tag_set = of_one(span.service, span.name, tags)
            else:
                bags, called = bags_of(entry, members, spans, found)
                tag_set = self._tag_sets.of(span.service, span.name, bags, called)
            bucket = bucket_of(span.duration_ns)
            start = starts[entry]
            error = int(span.error)
            worst = max([worsts[place] for place in members]) if worsts else NO_ERROR
            count(1, tag_set.series, start, bucket, error, worst)
            if tag_set.slot != slot:
                note_slot(tag_set, slot)
            sets.append(tag_set)
            outcomes.append(outcome_of(bucket, error, worst))
            after.append(start - begun)
        self._requests.append(found)
        own = tuple([(name, worst) for name, _, worst in services])
        self._trace_pairs += [(number, begun, trace) for number in self._service_pair_ids(own)]
        persons = _persons_of(found.sets)
        # Who are too many are all the same, and would be thousands of keys of a kilobyte.
        ids_of = self._person_pair_ids if len(persons) <= _MOST_PERSONS else self._ids_of_persons
        self._trace_pairs += [(number, begun, trace) for number in ids_of(persons)]
        if found.unbounded:
            carried = {(tag, value) for _, tags in found.unbounded for tag in tags for value in tags[tag]}
            self._trace_pairs += [(self._pairs.id_of(pair), begun, trace) for pair in carried]

    def _ids_of(self, services: tuple[tuple[str, int], ...]) -> Sequence[int]:
        """The ids of the pairs that every trace of these services (name, worst error) is found by."""
        pairs = _service_pairs([(name, 0, worst) for name, worst in services])
        return [self._pairs.id_of(pair) for pair in set(pairs)]

    def _ids_of_persons(self, persons: frozenset[str]) -> Sequence[int]:
        """The ids of the pairs that every trace of these persons is found by."""
        return [self._pairs.id_of(pair) for pair in _person_pairs(persons)]


def _stored_calls(shape: Outline[SpanRow]) -> list[StoredCall]:
    return [
        (
            source,
            target,
            begun,
            duration_ns,
            1 if error else 0,
            (INFERRED_DATABASE if database else INFERRED)
            if inferred
            else REPORTED
            if answered
            else UNANSWERED,
        )
        for source, target, begun, duration_ns, error, inferred, database, answered in calls_of(
            shape, _answered_badly
        )
    ]


def _answered_badly(span: SpanRow) -> bool:
    return is_error_answer(span.tags)
