"""The page of one trace: its facts, its waterfall, the panel of the opened span. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.components.number_format import count, plural
from observer.components.related_metrics import RelatedMetrics
from observer.screens.apm.trace.exemplar_list import ExemplarList, exemplar_list
from observer.screens.apm.trace.row_folding import FOLD_DEPTH
from observer.screens.apm.trace.span_panel import SpanPanel, span_panel
from observer.screens.apm.trace.trace_facts import TraceFacts
from observer.screens.apm.trace.waterfall import Waterfall
from observer.screens.apm.trace.waterfall_filter import ErrorFilter, WaterfallFilter
from observer.screens.apm.trace.waterfall_row import WaterfallRow
from signals.model import SpanId, TraceId
from signals.session_events import SessionEvent
from store.api import TraceExemplar

_ERROR_CHOICES: tuple[tuple[ErrorFilter, str], ...] = (
    ("all", "All"),
    ("errors", "Errors"),
    ("root", "Root cause"),
)


@dataclass(frozen=True, slots=True)
class TraceData:
    """What the store answered about a trace besides its spans."""

    event: SessionEvent | None
    """The browser's event that started the trace, if it is in the store."""
    logs: int
    span_logs: int
    """Logs of the opened span; 0 without one."""
    dead_links: frozenset[tuple[TraceId, SpanId]] = frozenset()
    """Links of the opened span to spans that are not in the store."""
    metrics: RelatedMetrics | None = None
    """Those of the entry's service around the trace; None without any."""
    exemplars: tuple[Sequence[TraceExemplar], bool] = ((), False)
    """The metrics that have observations of this trace as exemplars; True if there are more."""


@dataclass(frozen=True, slots=True)
class ErrorChoice:
    """One choice of errors with the number of spans that it matches."""

    key: ErrorFilter
    label: str
    count: int
    current: bool


@dataclass(frozen=True, slots=True)
class TracePage:
    """The page of one trace."""

    facts: TraceFacts
    summary: str
    """Spans and services, such as `12 spans in 3 services`."""
    waterfall: Waterfall
    error_choices: tuple[ErrorChoice, ...]
    match_note: str
    """How many spans match; empty without a filter, as the next three are where they do not apply."""
    fold_note: str
    opened_note: str
    """Why the span that was to be opened is not shown."""
    paging_note: str
    panel: SpanPanel | None
    event: SessionEvent | None
    logs: int
    metrics: RelatedMetrics | None
    exemplars: ExemplarList


def build(
    facts: TraceFacts,
    waterfall: Waterfall,
    filters: WaterfallFilter,
    opened: WaterfallRow | None,
    data: TraceData,
) -> TracePage:
    """The page; `opened` is the waterfall's row of the opened span."""
    analysis = facts.analysis
    services = plural(len(analysis.services), "service")
    panel = span_panel(analysis, opened, data.span_logs, data.dead_links) if opened else None
    return TracePage(
        facts=facts,
        summary=f"{plural(analysis.spans, 'span')} in {services}",
        waterfall=waterfall,
        error_choices=tuple(
            ErrorChoice(key, label, waterfall.counts[key], key == filters.errors)
            for key, label in _ERROR_CHOICES
        ),
        match_note=_match_note(facts, waterfall, filters),
        fold_note=_fold_note(waterfall),
        opened_note=_opened_note(filters) if filters.opened and not opened else "",
        paging_note=_paging_note(waterfall, filters),
        panel=panel,
        event=data.event,
        logs=data.logs,
        metrics=data.metrics,
        exemplars=exemplar_list(*data.exemplars),
    )


def _match_note(facts: TraceFacts, waterfall: Waterfall, filters: WaterfallFilter) -> str:
    if not filters.is_active:
        return ""
    note = f"{count(waterfall.matches)} of {plural(facts.analysis.spans, 'span')} match"
    return f"{note}." if filters.matches_only else f"{note}; the others are dimmed."


def _fold_note(waterfall: Waterfall) -> str:
    if not waterfall.folds_deep:
        return ""
    return f"Large trace: rows deeper than {FOLD_DEPTH} levels start folded, except the path to each error."


def _opened_note(filters: WaterfallFilter) -> str:
    reason = "the filters exclude it" if filters.is_active else "it has not arrived, or is in another trace"
    return f"Span {filters.opened} is not among these rows: {reason}."


def _paging_note(waterfall: Waterfall, filters: WaterfallFilter) -> str:
    if waterfall.previous_offset is None and waterfall.next_offset is None:
        return ""
    note = f"Rows {count(waterfall.offset + 1)} to {count(waterfall.end)} of {count(waterfall.total)}"
    if filters.matches_only:
        return f"{note}."
    shown = "Error origins and matches" if filters.is_active else "Error origins"
    return f"{note}. {shown} of all pages are shown on every page."
