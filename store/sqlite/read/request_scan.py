"""Breakdowns that tag sets cannot answer: the newest requests of the window, one by one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, NamedTuple

import orjson

from signals.attributes import text_of
from signals.model import Attributes, SpanKind
from signals.semantics import PROMOTED
from signals.trace_tree import is_call, outline, requests_of
from store.decode import resource_attributes, some_attributes
from store.queries import Window
from store.sqlite.packed_requests import OUTCOME_CODE, SET_CODE, START_CODE, PackedRequests, split, unpack
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_rows import newest
from store.sqlite.read.request_slots import SlotKey, slots_within
from store.sqlite.read.rollup_sums import Tally
from store.sqlite.read.shared import BoundedCache
from store.sqlite.read.spans_of import stored_spans
from store.sqlite.read.tag_set_search import read_sets
from store.sqlite.stored_spans import StoredSpan
from store.sqlite.table_layout import (
    BROWSER_FLAG,
    DATABASE_FLAG,
    ERROR_FLAG,
    LONG_TRACE_NS,
    REQUEST_SLOT_NS,
)
from store.tag_sets import OF_CALLS, TagSet, environment_in, received_in, service_in, values_in

MAX_REQUESTS = 20_000
MAX_ROWS = 3_000
"""Traces whose packed requests are read."""
_AT_ONCE = 500
"""Rows whose tag sets are read together."""
MAX_TRACES = 60
"""Traces that are decoded for a tag that is not indexed, each whole."""
MAX_SPANS = 5_000
"""Spans of one of them."""

_DECODED_BYTES: Final = 2 * 1024**2

_INDEXED = frozenset(PROMOTED)
_KINDS: Final = frozenset(map(int, SpanKind))
_Sets = Mapping[int, TagSet]
Found = tuple[dict[str, Tally], int, int, bool]
"""(tallies by value, requests read, requests counted, whether older ones were left out)"""


def scan_requests(
    db: ReadSession,
    service: str | None,
    tag: str,
    window: Window,
    where: Mapping[str, str],
    environment: str | None,
    *,
    received: bool = False,
) -> Found:
    """Requests by the values of `tag`, of those that carry all of `where`."""
    bounded = {name: value for name, value in where.items() if name in _INDEXED}
    decoded = {name: value for name, value in where.items() if name not in _INDEXED}
    tallies: dict[str, Tally] = {}
    values_of = received_in if received else values_in
    details = _Details(db, service, {tag, *decoded} - _INDEXED, window)
    scanned = counted = 0
    for place, (row, sets) in enumerate(_with_sets(db, newest(db, window, service, MAX_ROWS + 1))):
        if place >= MAX_ROWS or scanned >= MAX_REQUESTS or details.is_full(row.trace):
            return tallies, scanned, counted, True
        unbounded = dict(orjson.loads(row.unbounded)) if row.unbounded else {}
        for start, tagset, outcome, number in _requests(row, window):
            tags = sets.get(tagset, {})
            if service is not None and service_in(tags) != service:
                continue
            scanned += 1
            if number in unbounded:
                tags = {**tags, **unbounded[number]}
            if environment is not None and environment != environment_in(tags):
                continue
            if any(value not in (values_in(tags, key) or [""]) for key, value in bounded.items()):
                continue
            if details.names:
                more = details.of(row, (service_in(tags), start))
                of_calls = [*values_in(tags, OF_CALLS), *values_in(more, OF_CALLS)]
                tags = {**tags, **more, OF_CALLS: of_calls}
            if any(value not in (values_in(tags, key) or [""]) for key, value in decoded.items()):
                continue
            bucket, error, origin = split(outcome)
            counted += 1
            for value in values_of(tags, tag) or [""]:
                tallies.setdefault(value, Tally()).add(bucket, 1, error, origin)
    return tallies, scanned, counted, False


def _with_sets(db: ReadSession, rows: Iterator[PackedRequests]) -> Iterator[tuple[PackedRequests, _Sets]]:
    """Rows, each with its tag sets.

    Few rows are read together at first, so that a scan that ends soon has read little in vain.
    """
    at_once = 25
    while part := list(islice(rows, at_once)):
        sets = read_sets(db, {tagset for row in part for tagset in unpack(SET_CODE, row.sets)})
        yield from ((row, sets) for row in part)
        at_once = _AT_ONCE


def _requests(row: PackedRequests, window: Window) -> Iterator[tuple[int, int, int, int]]:
    """(start, tag set, outcome, place in the row) of the requests of a row that begin in the window."""
    columns = unpack(START_CODE, row.starts), unpack(SET_CODE, row.sets), unpack(OUTCOME_CODE, row.outcomes)
    for place, (after, tagset, outcome) in enumerate(zip(*columns, strict=True)):
        if window.from_unix_nano <= row.start + after < window.to_unix_nano:
            yield row.start + after, tagset, outcome, place


_OfRequests = Mapping[tuple[str, int], Mapping[str, list[str]]]
"""Values by name, by the service and the start of a request. Shared: not to be changed."""


class _Decoded(BoundedCache[tuple[int, str | None, frozenset[str]], tuple[SlotKey, _OfRequests]]):
    """By trace, service and names that were sought: the slot of the trace, and what was found."""

    def __init__(self) -> None:
        super().__init__(_DECODED_BYTES, lambda known: 700 + 800 * len(known[1]))


class _Details:
    """Attributes of requests that are only in their spans, decoded trace by trace, and kept."""

    def __init__(self, db: ReadSession, service: str | None, names: set[str], window: Window) -> None:
        """Of the requests of one service, or of all."""
        self._db = db
        self._service = service
        self._window = window
        self._versions: Mapping[int, int] | None = None
        self.names = names
        self._sought = frozenset(names)
        self._spelled = [name.encode("utf-8", "replace") for name in names]
        self._traces: dict[int, _OfRequests] = {}

    def is_full(self, trace: int) -> bool:
        """Whether no further trace may be decoded."""
        return bool(self.names) and trace not in self._traces and len(self._traces) >= MAX_TRACES

    def of(self, row: PackedRequests, request: tuple[str, int]) -> Mapping[str, list[str]]:
        """The values by name of a request of a trace, given by its service and start."""
        found = self._traces.get(row.trace)
        if found is None:
            found = self._traces[row.trace] = self._kept(row)
        return found.get(request, {})

    def _kept(self, row: PackedRequests) -> _OfRequests:
        """What was decoded of a trace, as long as nothing of its slot is settled anew."""
        if self._versions is None:
            begun = Window(max(0, self._window.from_unix_nano - LONG_TRACE_NS), self._window.to_unix_nano)
            self._versions = dict(slots_within(self._db, begun) or ())
        slot = row.start // REQUEST_SLOT_NS
        version = self._versions.get(slot)
        if version is None:
            return self._read(row.trace)
        known = self._db.shared.of(_Decoded)
        key = row.trace, self._service, self._sought
        kept = known.get(key)
        if kept is not None and kept[0] == (slot, version):
            return kept[1]
        found = self._read(row.trace)
        known.update({key: ((slot, version), found)})
        return found

    def _read(self, trace: int) -> _OfRequests:
        row = self._db.one("SELECT trace_id FROM traces WHERE id = ?", (trace,))
        stored = stored_spans(self._db)
        spans = stored.by_arrival(row[0], MAX_SPANS) if row else ()
        shape = outline([_scanned(span, stored.body_of(span.resource)) for span in spans])
        requests: dict[tuple[str, int], dict[str, list[str]]] = {}
        for request in requests_of(shape):
            entry = shape.spans[request.place]
            if self._service not in (None, entry.service):
                continue
            tags = requests.setdefault((entry.service, entry.start_unix_nano), {})
            for place in request.members:
                span = shape.spans[place]
                of_call = is_call(span) and place != request.place
                own, shared = self._attributes(span.raw), resource_attributes(span.resource)
                for name in self.names:
                    value = own.get(name, shared.get(name))
                    if value is not None:
                        _note(tags, name, text_of(value), of_call=of_call)
        return requests

    def _attributes(self, raw: bytes) -> Attributes:
        """Those of a span that are looked for. A message holds texts as they are."""
        return some_attributes(raw, self._sought) if any(name in raw for name in self._spelled) else {}


class _ScannedSpan(NamedTuple):
    """What `signals.trace_tree` asks of a span, and what its attributes are read from."""

    span_id: bytes
    parent_span_id: bytes | None
    service: str
    name: str
    kind: int
    start_unix_nano: int
    duration_ns: int
    error: bool
    peer: str
    peer_is_database: bool
    browser: bool
    raw: bytes
    resource: bytes


def _scanned(span: StoredSpan, resource: bytes) -> _ScannedSpan:
    return _ScannedSpan(
        span_id=span.span_id,
        parent_span_id=span.parent or None,
        service=span.service,
        name=span.name,
        kind=span.kind if span.kind in _KINDS else 0,
        start_unix_nano=span.start,
        duration_ns=span.duration,
        error=bool(span.flags & ERROR_FLAG),
        peer=span.peer,
        peer_is_database=bool(span.flags & DATABASE_FLAG),
        browser=bool(span.flags & BROWSER_FLAG),
        raw=span.raw,
        resource=resource,
    )


def _note(tags: dict[str, list[str]], name: str, value: str, *, of_call: bool) -> None:
    """Add a value of one span of a request, and keep in OF_CALLS whether only calls carry it."""
    values, of_calls = tags.setdefault(name, []), tags.setdefault(OF_CALLS, [])
    pair = f"{name}={value}"
    if value not in values:
        values.append(value)
        if of_call:
            of_calls.append(pair)
    elif not of_call and pair in of_calls:
        of_calls.remove(pair)
