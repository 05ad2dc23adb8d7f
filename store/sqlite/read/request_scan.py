"""Breakdowns that the rollups cannot give: the newest requests of the window, one by one."""

# ruff: noqa: S608 - what is put into SQL text are column names and question marks of our own

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

import orjson

from signals.semantics import PROMOTED, text_of
from signals.trace_tree import outline, requests_of
from store.queries import Window
from store.sqlite.packed_requests import LOW_CODE, SET_CODE, START_CODE, Packed, newest, split, unpack
from store.sqlite.read.rollup_sums import Tally
from store.sqlite.read_connection import Question
from store.sqlite.row_mapping import SPAN_COLUMNS, SPAN_TABLES, span_of
from store.sqlite.tag_sets import environment_in, read_sets, service_in, values_in

MAX_REQUESTS = 20_000
MAX_ROWS = 3_000
"""Traces whose packed requests are looked at."""
_AT_ONCE = 500
"""Rows whose tag sets are read together."""
MAX_TRACES = 60
"""Whole traces must be decoded for a tag that is not indexed."""

_INDEXED = frozenset(PROMOTED)
_Sets = Mapping[int, Mapping[str, str | list[str]]]
Found = tuple[dict[str, Tally], int, bool]
"""Tallies by value, rows looked at, whether older ones were left out."""


def scan_requests(
    ask: Question,
    service: str | None,
    tag: str,
    window: Window,
    where: Mapping[str, str],
    environment: str | None,
) -> Found:
    """Requests by the values of `tag`, of those that carry all of `where`."""
    bounded = {name: value for name, value in where.items() if name in _INDEXED}
    decoded = {name: value for name, value in where.items() if name not in _INDEXED}
    tallies: dict[str, Tally] = {}
    details = _Details(ask, {tag, *decoded} - _INDEXED)
    looked = 0
    for place, (row, sets) in enumerate(_with_sets(ask, newest(ask, window, service, MAX_ROWS + 1))):
        if place >= MAX_ROWS or looked >= MAX_REQUESTS or details.full(row.trace):
            return tallies, looked, True
        unbounded = dict(orjson.loads(row.unbounded)) if row.unbounded else {}
        for start, tagset, low, number in _requests(row, window):
            tags = sets.get(tagset, {})
            if service is not None and service_in(tags) != service:
                continue
            looked += 1
            if number in unbounded:
                tags = {**tags, **unbounded[number]}
            if environment is not None and environment != environment_in(tags):
                continue
            if any(value not in (values_in(tags, key) or [""]) for key, value in bounded.items()):
                continue
            if details.wanted:
                tags = {**tags, **details.of(row.trace, (service_in(tags), start))}
            if any(value not in (values_in(tags, key) or [""]) for key, value in decoded.items()):
                continue
            bucket, error, origin = split(low)
            for value in values_in(tags, tag) or [""]:
                tallies.setdefault(value, Tally()).add(bucket, 1, error, origin)
    return tallies, looked, False


def _with_sets(ask: Question, rows: Iterator[Packed]) -> Iterator[tuple[Packed, _Sets]]:
    """Rows, each with what its tag sets hold; no more rows are read than are used, but for a few."""
    at_once = 25
    while part := list(islice(rows, at_once)):
        sets = read_sets(ask, {tagset for row in part for tagset in unpack(SET_CODE, row.sets)})
        yield from ((row, sets) for row in part)
        at_once = _AT_ONCE


def _requests(row: Packed, window: Window) -> Iterator[tuple[int, int, int, int]]:
    """(start, tag set, low, place in the row) of the requests of a row that begin in the window."""
    columns = unpack(START_CODE, row.starts), unpack(SET_CODE, row.sets), unpack(LOW_CODE, row.lows)
    for place, (after, tagset, low) in enumerate(zip(*columns, strict=True)):
        if window.from_unix_nano <= row.start + after < window.to_unix_nano:
            yield row.start + after, tagset, low, place


class _Details:
    """Attributes of requests that only their decoded spans tell, trace by trace."""

    def __init__(self, ask: Question, names: set[str]) -> None:
        self._ask = ask
        self.wanted = names
        self._traces: dict[int, dict[tuple[str, int], dict[str, list[str]]]] = {}

    def full(self, trace: int) -> bool:
        return bool(self.wanted) and trace not in self._traces and len(self._traces) >= MAX_TRACES

    def of(self, trace: int, request: tuple[str, int]) -> dict[str, list[str]]:
        found = self._traces.get(trace)
        if found is None:
            found = self._traces[trace] = self._read(trace)
        return found.get(request, {})

    def _read(self, trace: int) -> dict[tuple[str, int], dict[str, list[str]]]:
        rows = self._ask.all(
            f"SELECT {SPAN_COLUMNS} FROM {SPAN_TABLES} "
            "WHERE s.trace_id = (SELECT trace_id FROM traces WHERE id = ?) ORDER BY s.seq LIMIT 5000",
            (trace,),
        )
        shape = outline([span_of(row) for row in rows])
        requests: dict[tuple[str, int], dict[str, list[str]]] = {}
        for request in requests_of(shape):
            entry = shape.spans[request.place]
            tags = requests.setdefault((entry.service, entry.start_unix_nano), {})
            for place in request.members:
                span = shape.spans[place]
                for name in self.wanted:
                    value = span.attributes.get(name, span.resource.get(name))
                    if value is not None and text_of(value) not in tags.get(name, ()):
                        tags.setdefault(name, []).append(text_of(value))
        return requests
