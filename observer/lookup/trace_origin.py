"""Looks up the browser's session and event that caused a backend trace."""

from __future__ import annotations

from signals.session_events import SessionEvent, events_of, linked_traces
from signals.trace_analysis import TraceAnalysis
from store.api import BrowserLink, Reader


def browser_of(reader: Reader, analysis: TraceAnalysis) -> BrowserLink | None:
    """The browser's event that caused a trace, or None.

    A fetch shares its trace id with the backend. The request of a whole page does not:
    the agent's `link.traceId` points at the trace, and the store has an index of these.
    """
    if analysis.trace_id is None:
        return None
    caller = analysis.browser
    if caller and caller.session_id:
        return BrowserLink(caller.session_id, analysis.trace_id, caller.span_id)
    return reader.browser_of_trace(analysis.trace_id)


def event_of(reader: Reader, browser: BrowserLink) -> SessionEvent | None:
    """That event itself, or None if it has been pruned."""
    spans = [s for s in reader.spans_of_trace(browser.trace_id) if s.span_id == browser.span_id and s.browser]
    return events_of(spans[:1], reader.trace_summaries(linked_traces(spans)))[0] if spans else None
