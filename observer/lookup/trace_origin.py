"""Where a backend trace came from: the browser's session and event, if there is one."""

from __future__ import annotations

from observer.lookup.session_events import SessionEvent, events_of, linked_traces
from signals.trace_analysis import TraceAnalysis
from store.api import BrowserLink, Reader


def browser_of(reader: Reader, analysis: TraceAnalysis) -> BrowserLink | None:
    """The browser's event that set a trace going.

    A fetch shares its trace id with the backend. A page's own request does not:
    there the agent's `link.traceId` points at the trace, and is looked up.
    """
    if analysis.trace_id is None:
        return None
    here = analysis.browser
    if here and here.session_id:
        return BrowserLink(here.session_id, analysis.trace_id, here.span_id)
    return reader.browser_of_trace(analysis.trace_id)


def event_of(reader: Reader, browser: BrowserLink) -> SessionEvent | None:
    """That event itself, or None if it is not here any more."""
    spans = [s for s in reader.spans_of_trace(browser.trace_id) if s.span_id == browser.span_id and s.browser]
    return events_of(spans[:1], reader.trace_summaries(linked_traces(spans)))[0] if spans else None
