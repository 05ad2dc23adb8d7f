"""Which logs of a block have the ids that a query names, and in which parts they may be."""

from __future__ import annotations

from collections.abc import Callable

from store.api import LogQuery
from store.sqlite.log_keys import session_key, trace_key
from store.sqlite.read.log_blocks import Block
from store.sqlite.read.row_mapping import span_bytes, trace_bytes

WithIds = Callable[[Block], set[int]]
"""The places of the logs of a block that have an id."""


def ids_of(query: LogQuery) -> tuple[set[int] | None, list[WithIds]]:
    """(keys of the parts with logs of a query by ids, None of any other; which of their logs are meant)."""
    keys: set[int] | None = None
    tests: list[WithIds] = []
    session = query.session_id
    if session is not None:
        keys = {session_key(session)}
    if query.trace_ids:
        traces = frozenset(map(trace_bytes, query.trace_ids))
        keys = (keys or set()) | {trace_key(trace_id) for trace_id in traces}
        tests.append(lambda block: _of_session(block, session) | _of_traces(block, traces))
    elif session is not None:
        tests.append(lambda block: _of_session(block, session))
    if query.trace_id is not None:
        trace = trace_bytes(query.trace_id)
        keys = {trace_key(trace)}
        tests.append(lambda block: _of_trace(block, trace))
    if query.span_id is not None:
        span = span_bytes(query.span_id)
        tests.append(lambda block: set(block.spans.with_bytes(span)))
    return keys, tests


def _of_traces(block: Block, traces: frozenset[bytes]) -> set[int]:
    return {place for place, trace_id in enumerate(block.traces.all()) if trace_id in traces}


def _of_trace(block: Block, trace_id: bytes) -> set[int]:
    return set(block.traces.with_bytes(trace_id))


def _of_session(block: Block, session: str | None) -> set[int]:
    kinds = [kind.session == session for kind in block.table.kinds]
    return {place for place, kind in enumerate(block.table.places) if kinds[kind]}
