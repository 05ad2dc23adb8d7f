"""A few example traces of a service: the query, and their rows in a short list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observer.lookup.traces import has_arrived
from observer.request.scope import Scope
from store.api import Reader, TraceQuery, TraceSummary

EXAMPLES_LIMIT = 4
_LOOKED_AT = 24
"""Traces that are read for EXAMPLES_LIMIT of them: the newest may still be on their way."""


@dataclass(frozen=True, slots=True)
class ExampleTrace:
    """One trace in a short list."""

    trace_id: str
    operation: str
    error: str
    """`origin`, `received` or `none`."""
    duration_ns: int
    start_unix_nano: int
    incomplete: bool = False
    """Spans of it never came."""


def find_examples(
    reader: Reader, scope: Scope, service: str, *, failing: bool, where: Mapping[str, str] | None = None
) -> tuple[ExampleTrace, ...]:
    """Up to EXAMPLES_LIMIT of the newest traces of a service, or of those with an error in it.

    A trace of which spans are missing is no example while they may come: the error may yet be
    answered by a retry, or have begun elsewhere.
    `where` holds attributes that one span of the service carries.
    """
    query = TraceQuery(
        window=scope.window,
        service=service,
        error="any" if failing else None,
        attributes=where or {},
        limit=_LOOKED_AT,
        environment=scope.environment,
    )
    found = [each for each in reader.find_traces(query).items if has_arrived(each, scope.now_unix_nano)]
    return tuple(_example(summary) for summary in found[:EXAMPLES_LIMIT])


def error_of(summary: TraceSummary) -> str:
    """`origin` where an error began in the trace, `received` where spans only carry one, else `none`."""
    if summary.origin_errors:
        return "origin"
    return "received" if summary.errors else "none"


def _example(summary: TraceSummary) -> ExampleTrace:
    return ExampleTrace(
        trace_id=summary.trace_id,
        operation=summary.operation,
        error=error_of(summary),
        duration_ns=summary.duration_ns,
        start_unix_nano=summary.start_unix_nano,
        incomplete=not summary.complete,
    )
