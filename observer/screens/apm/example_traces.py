"""A few example traces of a service: the query, and their rows in a short list."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from observer.request.scope import Scope
from store.api import Reader, TraceQuery, TraceSummary

EXAMPLES_LIMIT = 4


@dataclass(frozen=True, slots=True)
class ExampleTrace:
    """One trace in a short list."""

    trace_id: str
    operation: str
    error: str
    """`origin`, `received` or `none`."""
    duration_ns: int
    start_unix_nano: int


def find_examples(
    reader: Reader, scope: Scope, service: str, *, failing: bool, where: Mapping[str, str] | None = None
) -> tuple[ExampleTrace, ...]:
    """Up to EXAMPLES_LIMIT of the newest traces of a service, or of those with an error in it.

    `where` holds attributes that one span of the service carries.
    """
    query = TraceQuery(
        window=scope.window,
        service=service,
        error="any" if failing else None,
        attributes=where or {},
        limit=EXAMPLES_LIMIT,
        environment=scope.environment,
    )
    return tuple(_example(summary) for summary in reader.find_traces(query).items)


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
    )
