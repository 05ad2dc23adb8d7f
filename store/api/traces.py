"""The contract for reading traces and their spans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from signals.model import Span, SpanId, TraceId
from store.queries import Page, TraceQuery
from store.results import Affected, BrowserLink, Presence, TraceSummary


class TraceReader(Protocol):
    """Traces: their spans, their summaries, and where an id leads."""

    def spans_of_trace(self, trace_id: TraceId, limit: int = 50_000) -> Sequence[Span]:
        """Every span of a trace, browser spans too, by start and then id. Empty if unknown.

        Cost: the trace's own size. No more than `limit` spans, the earliest.
        """

    def trace_ids_ending(self, last_16: str) -> Sequence[TraceId]:
        """The traces whose id ends in these 16 hexadecimal digits, newest first, at most 10.

        Traces that consist of browser spans only are found among the spans that arrived last.
        """

    def locate(self, trace_id: TraceId) -> Presence:
        """Whether a trace is stored, was pruned, or never arrived (as far as is remembered)."""

    def trace_of_span(self, span_id: str) -> TraceId | None:
        """The newest trace that holds a span of this id. May be a bounded scan."""

    def absent_spans(self, spans: Sequence[tuple[TraceId, SpanId]]) -> frozenset[tuple[TraceId, SpanId]]:
        """Those of the spans that are not stored. Cost: one look into an index each."""

    def browser_of_trace(self, trace_id: TraceId) -> BrowserLink | None:
        """The browser's event that this trace answered, by the agent's link or as its parent.

        The earliest if several claim it. Cost: constant.
        """

    def find_traces(self, query: TraceQuery) -> Page[TraceSummary]:
        """Summaries by start (newest first) or duration (slowest first), then id."""

    def affected_by_traces(self, query: TraceQuery) -> Affected:
        """Who is affected by the failing ones of these traces; with `query.error` all of them fail.

        Of the newest 500 that match, by tags among the newest 8,000, whatever `sort`, `limit` and `cursor`;
        `Affected.since_unix_nano` says whether there are more. `requests` counts traces.
        """

    def trace_summaries(self, trace_ids: Sequence[TraceId]) -> Mapping[TraceId, TraceSummary]:
        """The summaries of those of the traces that are stored."""
