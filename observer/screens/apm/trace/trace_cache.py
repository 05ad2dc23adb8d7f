"""The analysis of the large trace that was looked at last, kept while somebody folds and filters it.

Reading and analysing ten thousand spans takes a fifth of a second, two thousand a twentieth; laying out and
drawing a page of them a tenth of that. Every fold is a page of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import current_app

from observer.lookup.traces import find_trace, full_trace_id
from observer.request import context
from signals.model import TraceId
from signals.trace_analysis import TraceAnalysis, analyse
from store.api import Reader, TraceSummary

_KEY = "large_trace"
FROM_SPANS = 1_000
_MOST_SPANS = 20_000
"""A larger trace would take too much memory to be kept."""
_KEPT_NS = 60 * 10**9


@dataclass(frozen=True, slots=True)
class Analysed:
    trace_id: TraceId
    analysis: TraceAnalysis
    truncated: bool
    summary: TraceSummary | None
    """What the store said of the trace then; where it says something else now, spans came."""
    at_unix_nano: int


def analysed(reader: Reader, text: str) -> Analysed:
    """The trace that an address names, analysed now or a moment ago. Raises Malformed or Unknown."""
    kept: Analysed | None = current_app.extensions.get(_KEY)
    now = context.now_unix_nano()
    if kept is not None and not 0 <= now - kept.at_unix_nano < _KEPT_NS:
        kept = current_app.extensions[_KEY] = None
    if kept is not None and kept.trace_id.endswith(text.strip().lower()):
        trace_id = full_trace_id(reader, text)
        if kept.trace_id == trace_id and kept.summary == reader.trace_summaries([trace_id]).get(trace_id):
            return kept
    found = find_trace(reader, text)
    large = FROM_SPANS < len(found.spans) <= _MOST_SPANS
    # Asked before it is analysed: what comes meanwhile makes the two differ.
    summary = reader.trace_summaries([found.trace_id]).get(found.trace_id) if large else None
    fresh = Analysed(found.trace_id, analyse(found.spans), found.truncated, summary, now)
    if large and summary is not None and summary.spans == fresh.analysis.spans:
        current_app.extensions[_KEY] = fresh
    return fresh
