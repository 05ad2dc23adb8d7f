"""Where a backend trace came from: the browser's session and event, if there is one."""

from __future__ import annotations

from dataclasses import dataclass

from observer.meaning.session import apm_link_of
from store.api import Reader
from store.api import SessionQuery
from store.model import SessionId
from store.model import SpanId
from store.model import TraceId
from store.model import Window
from store.trace import TraceAnalysis

EVERYTHING = Window(0, 2**63 - 1)
"""All that the store keeps: for questions that an id already narrows."""


@dataclass(frozen=True, slots=True)
class BrowserEvent:
    """One event of one browser session."""

    session_id: SessionId
    span_id: SpanId


def browser_of(reader: Reader, analysis: TraceAnalysis) -> BrowserEvent | None:
    """The browser's event that set a trace going.

    A fetch shares its trace id with the backend. A page's own request does not:
    there the agent's `link.traceId` points at the trace, and is looked up.
    """
    here = analysis.browser
    if here and here.session_id:
        return BrowserEvent(here.session_id, here.span_id)
    return _by_link(reader, analysis.trace_id) if analysis.trace_id else None


def _by_link(reader: Reader, trace_id: TraceId) -> BrowserEvent | None:
    query = SessionQuery(window=EVERYTHING, attributes={"link.traceId": trace_id}, limit=1)
    sessions = reader.find_sessions(query).items
    if not sessions:
        return None
    session_id = sessions[0].session_id
    for span in reader.spans_of_session(session_id):
        link = apm_link_of(span.attributes)
        if link and link.trace_id == trace_id:
            return BrowserEvent(session_id, span.span_id)
    return None
