"""The values of single samples and requests, read from their spans where there are few.

Rollups, samples and packed requests know a duration by its bucket only, which is right within
2 %. Of few, a percentile is one of the values that a person sees beside it, or lies between two.
"""

# ruff: noqa: S608 - what is put into SQL text are question marks of our own

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final, NamedTuple

import orjson

from signals.attributes import environment_of
from signals.browser_events import rum_samples
from store.decode import sampled_detail
from store.histogram import bucket_of
from store.queries import RumMetric, Window
from store.sqlite.packed_calls import unpack_calls
from store.sqlite.packed_requests import each, split
from store.sqlite.read.read_connection import ReadSession
from store.sqlite.read.request_rows import newest
from store.sqlite.read.rollup_sums import Tally
from store.sqlite.read.spans_of import stored_spans
from store.sqlite.read.tag_set_search import read_sets
from store.sqlite.stored_spans import StoredSpan
from store.sqlite.table_layout import LONG_TRACE_NS
from store.tag_sets import environment_in, service_in

FEW: Final = 40
"""So many values are read for one set of percentiles: about 1 ms where spans must be decoded."""
_MOST: Final = 400
"""Values that are read for one question."""
_MOST_SPANS: Final = 5_000
_MOST_TALLIES: Final = 10
"""Services whose few requests are looked up for one question."""
_IS_DURATION: Final = frozenset(
    {"page_views", "page_load", "route_changes", "custom_events"} | {"network_requests", "network_errors"}
)
"""Metrics whose value is the span's duration, a column."""


def sample_values(db: ReadSession, metric: RumMetric, seqs: Collection[int]) -> dict[int, int]:
    """The value of a metric in each of these browser spans, in ns; spans without one are left out."""
    numbers = list(seqs)
    marks = ", ".join("?" * len(numbers))
    if metric in _IS_DURATION:
        return dict(db.all(f"SELECT seq, duration FROM spans WHERE seq IN ({marks})", numbers))
    found: dict[int, int] = {}
    for seq, name, duration, raw in db.all(
        f"SELECT seq, name, duration, raw FROM spans WHERE seq IN ({marks})", numbers
    ):
        attributes, events, _ = sampled_detail(raw)
        for sample in rum_samples(name, attributes, duration, events):
            if sample.metric == metric:
                found[seq] = sample.value_ns
    return found


def make_samples_exact(
    db: ReadSession, metric: RumMetric, tallies: Mapping[str, Tally], seqs: Mapping[str, Sequence[int]]
) -> None:
    """Give the tallies with few samples their values; `seqs` are the samples of each tally by its name."""
    few = {name: seqs[name] for name, tally in tallies.items() if 0 < tally.requests <= FEW and name in seqs}
    needed: set[int] = set()
    for name in sorted(few, key=lambda name: len(few[name])):
        if len(needed) + len(few[name]) > _MOST:
            break
        needed.update(few[name])
    if not needed:
        return
    values = sample_values(db, metric, needed)
    for name, own in few.items():
        if all(seq in values for seq in own):
            tallies[name].values = [values[seq] for seq in own]


class Request(NamedTuple):
    """A packed request, and how to find its span."""

    trace: int
    """`traces.id`."""
    service: str
    start: int
    bucket: int


def _entries_first(span: StoredSpan) -> tuple[bool, bool, int]:
    return span.kind not in (2, 5), bool(span.parent), -span.duration


def request_durations(db: ReadSession, requests: Sequence[Request]) -> list[int]:
    """The durations of these requests in ns, shorter than the requests where spans are gone.

    A request is found among the spans of its trace by service, start and bucket. Of several
    that begin at once, the first row counts: one of an entry's kind, then a root, then the longest.
    """
    found: list[int] = []
    spans: dict[tuple[int, str], dict[tuple[int, int], int]] = {}
    stored = stored_spans(db)
    for request in requests:
        key = (request.trace, request.service)
        if key not in spans:
            row = db.one("SELECT trace_id FROM traces WHERE id = ?", (request.trace,))
            own = [span for span in stored.of_trace(row[0]) if span.service == key[1]] if row else []
            spans[key] = {}
            for span in sorted(own, key=_entries_first)[:_MOST_SPANS]:
                spans[key].setdefault((span.start, bucket_of(span.duration)), span.duration)
        duration = spans[key].get((request.start, request.bucket))
        if duration is not None:
            found.append(duration)
    return found


def make_services_exact(
    db: ReadSession, window: Window, environment: str | None, tallies: Mapping[str, Tally]
) -> None:
    """Give the tallies of services with few requests their durations."""
    few = sorted(
        (name for name, tally in tallies.items() if 0 < tally.requests <= FEW),
        key=lambda name: tallies[name].requests,
    )
    for service in few[:_MOST_TALLIES]:
        rows = [
            (row.trace, start, tagset, outcome)
            for row in newest(db, window, service, FEW + 1)
            for start, tagset, outcome in each(row, window)
        ]
        sets = read_sets(db, {tagset for _, _, tagset, _ in rows})
        requests = [
            Request(trace, service, start, split(outcome)[0])
            for trace, start, tagset, outcome in rows
            if service_in(sets.get(tagset, {})) == service
            and environment in (None, environment_in(sets.get(tagset, {})))
        ]
        tallies[service].values = request_durations(db, requests)


def make_calls_exact(
    db: ReadSession,
    window: Window,
    environment: str | None,
    tallies: Mapping[tuple[str, str, str], Tally],
) -> None:
    """Give the tallies by (source, target, flag) their durations, where there are few calls in all."""
    few = {key for key, tally in tallies.items() if 0 < tally.requests <= FEW}
    if not few:
        return
    rows = db.all(
        "SELECT start, tags, calls FROM traces "
        "WHERE start >= ? AND start < ? AND start + duration >= ? LIMIT ?",
        (window.from_unix_nano - LONG_TRACE_NS, window.to_unix_nano, window.from_unix_nano, _MOST + 1),
    )
    # A trace that was settled again meanwhile is read as it is now: counts that differ are not exact.
    if len(rows) > _MOST:
        return
    for trace_start, tags, calls in rows:
        if environment not in (None, environment_of(orjson.loads(tags))):
            continue
        for source, target, start, duration_ns, _, flag in unpack_calls(calls, trace_start):
            key = (source, target, flag)
            if key in few and window.from_unix_nano <= start < window.to_unix_nano:
                tallies[key].values.append(duration_ns)
