"""The analysis of the large trace viewed last, kept for a minute while its rows are folded and filtered.

Reading and analysing ten thousand spans takes a fifth of a second, two thousand a twentieth; laying out
and rendering a page of them a tenth of that. Every fold is a page of its own.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

from cachetools import TTLCache
from flask import current_app

from observer.lookup.traces import find_trace, full_trace_id
from observer.request import context
from signals.model import TraceId
from signals.trace_analysis import TraceAnalysis, analyse
from store.api import Reader, TraceSummary

_EXTENSION = "trace_cache"
FROM_SPANS = 1_000
_MAX_SPANS = 20_000
"""A larger trace would take too much memory."""
_TTL_NS = 60 * 10**9


@dataclass(frozen=True, slots=True)
class AnalysedTrace:
    """A trace that was read and analysed."""

    trace_id: TraceId
    analysis: TraceAnalysis
    truncated: bool
    """Only the earliest spans were read."""
    summary: TraceSummary | None
    """The store's summary at that time, of large traces only; another one since means that spans arrived."""


def _new_cache() -> TTLCache[TraceId, AnalysedTrace]:
    return TTLCache(maxsize=1, ttl=_TTL_NS, timer=context.now_unix_nano)


@dataclass(frozen=True, slots=True)
class _TraceCache:
    lock: threading.Lock = field(default_factory=threading.Lock)
    """A TTLCache is not safe to share between threads."""
    traces: TTLCache[TraceId, AnalysedTrace] = field(default_factory=_new_cache)

    def get(self, trace_id: TraceId) -> AnalysedTrace | None:
        with self.lock:
            self.traces.expire()
            return self.traces.get(trace_id)

    def put(self, found: AnalysedTrace) -> None:
        with self.lock:
            self.traces[found.trace_id] = found


def analysed_trace(reader: Reader, trace_id: str) -> AnalysedTrace:
    """The trace with this id of 32 digits, or with these last 16, from the cache if it is unchanged.

    Raises Malformed for a text that is not a trace id, Unknown where no such trace is in the store.
    """
    full_id = full_trace_id(reader, trace_id)
    cache: _TraceCache = current_app.extensions.setdefault(_EXTENSION, _TraceCache())
    kept = cache.get(full_id)
    if kept is not None and kept.summary == reader.trace_summaries([full_id]).get(full_id):
        return kept
    found = find_trace(reader, full_id)
    large = FROM_SPANS < len(found.spans) <= _MAX_SPANS
    # The summary must be older than the analysis: spans that arrive in between make the two differ.
    summary = reader.trace_summaries([full_id]).get(full_id) if large else None
    fresh = AnalysedTrace(full_id, analyse(found.spans), found.truncated, summary)
    if summary is not None and summary.spans == fresh.analysis.spans:
        cache.put(fresh)
    return fresh
