"""Derived traces as columns of the settler's tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from signals.model import SpanError
from store.clickhouse.derived import Derived, DerivedRequest
from store.clickhouse.row_columns import time_of
from store.clickhouse.stored_traces import body_of
from store.histogram import bucket_of

Columns = dict[str, list[Any]]


class Settled(NamedTuple):
    """One trace: the minute of its first span, and what follows from it (None without a backend's span)."""

    home: int
    trace_id: str
    """As the table of spans has it."""
    spans: int
    first: int
    last: int
    derived: Derived | None


def trace_columns(traces: Iterable[Settled], version: int) -> Columns:
    """Columns of TRACE_BODIES."""
    return _columns(
        ("Home", "Version", "TraceId", "Spans", "First", "Last", "Body"),
        [
            (one.home, version, one.trace_id, one.spans, one.first, one.last,
             body_of(one.derived) if one.derived else "")
            for one in traces
        ],
    )  # fmt: skip


def request_columns(traces: Iterable[Settled], version: int) -> Columns:
    """Columns of REQUESTS."""
    names = ("Home", "Version", "TraceId", "Start", "Duration", "Service", "Operation", "Environment",
             "Bucket", "Error", "Origin", "Tags", "OfCalls")  # fmt: skip
    return _columns(names, [
        (one.home, version, one.trace_id, time_of(each.start), each.duration, each.service,
         each.operation, each.environment, bucket_of(each.duration), int(each.error),
         int(each.worst is SpanError.ORIGIN), _tags(each), _of_calls(each))
        for one in traces if one.derived for each in one.derived.requests
    ])  # fmt: skip


def call_columns(traces: Iterable[Settled], version: int) -> Columns:
    """Columns of CALLS."""
    names = ("Home", "Version", "TraceId", "Start", "Duration", "Source", "Target", "Environment", "Bucket",
             "Error", "Inferred", "Database", "Answered")  # fmt: skip
    return _columns(names, [
        (one.home, version, one.trace_id, time_of(each.start_unix_nano), each.duration_ns,
         each.source, each.target, one.derived.environment,
         bucket_of(each.duration_ns), int(each.error), int(each.inferred), int(each.database),
         int(each.answered))
        for one in traces if one.derived for each in one.derived.calls
    ])  # fmt: skip


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Columns:
    if not rows:
        return {}
    return dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))


def _tags(one: DerivedRequest) -> dict[str, list[str]]:
    return {tag: [value] if isinstance(value, str) else value for tag, value in one.tags.items()}


def _of_calls(one: DerivedRequest) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for tag, value in sorted(one.of_calls):
        found.setdefault(tag, []).append(value)
    return found
