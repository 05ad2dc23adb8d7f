"""What the pages of a trace ask the store."""

from __future__ import annotations

from observer.components.related_metrics import related_metrics
from observer.lookup.trace_origin import browser_of, event_of
from observer.lookup.traces import dead_links
from observer.screens.apm.trace.exemplar_list import SHOWN
from observer.screens.apm.trace.trace_cache import analysed_trace
from observer.screens.apm.trace.trace_facts import TraceFacts, facts_of
from observer.screens.apm.trace.view import TraceData
from observer.screens.apm.trace.waterfall_row import WaterfallRow
from signals.model import SpanId, TraceId
from store.api import LogQuery, Reader, Window


def find_facts(reader: Reader, trace_id: str) -> TraceFacts:
    """The facts of the trace with this id, or with these last 16 digits. Raises Malformed or Unknown."""
    found = analysed_trace(reader, trace_id)
    browser = browser_of(reader, found.analysis)
    return facts_of(found.trace_id, found.analysis, browser, truncated=found.truncated)


def load_data(
    reader: Reader, facts: TraceFacts, opened: WaterfallRow | None, environment: str | None
) -> TraceData:
    """The browser's event of a trace, its number of logs and those of the opened row, and its metrics."""
    span_logs = 0
    dead: frozenset[tuple[TraceId, SpanId]] = frozenset()
    if opened is not None and not opened.trace_row.inferred:
        span_id = opened.trace_row.span.span_id
        span_logs = reader.count_logs(
            LogQuery(window=Window.ALL, trace_id=facts.trace_id, span_id=span_id, environment=environment)
        )
        dead = dead_links(reader, [opened.trace_row.span])
    analysis = facts.analysis
    begin = analysis.start_unix_nano
    return TraceData(
        event=event_of(reader, facts.browser) if facts.browser else None,
        logs=reader.count_logs(LogQuery(window=Window.ALL, trace_id=facts.trace_id, environment=environment)),
        span_logs=span_logs,
        dead_links=dead,
        metrics=related_metrics(reader, [analysis.service], Window(begin, begin + analysis.duration_ns)),
        exemplars=reader.exemplars_of_trace(facts.trace_id, SHOWN),
    )
