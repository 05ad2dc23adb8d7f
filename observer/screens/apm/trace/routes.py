"""The page of one trace, and its update endpoint."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flask import Response, render_template, request

from observer.components import number_format as formats, updates
from observer.components.updates import Update
from observer.lookup.traces import SPANS_LIMIT, find_trace
from observer.request import context
from observer.request.links import here
from observer.request.page_request import scope_or_default
from observer.request.parameters import Query, span_id as parse_span_id
from observer.screens.apm.blueprint import blueprint
from observer.screens.apm.trace import view, waterfall
from observer.screens.apm.trace.trace_facts import TraceFacts
from observer.screens.apm.trace.trace_queries import find_facts, load_data
from observer.screens.apm.trace.waterfall_filter import ErrorFilter, WaterfallFilter
from observer.screens.apm.trace.waterfall_row import WaterfallRow
from signals.model import SpanId

_FILTERS: dict[str | None, ErrorFilter] = {None: "all", "all": "all", "errors": "errors", "root": "root"}
_FOLDS_LIMIT = 200
"""Folded rows read from an address."""
_TEXT_LIMIT = 200
_SETTLED_NS = 120 * 10**9
"""A complete trace that ended longer ago is unlikely to grow."""
GIVEN_UP_NS = 900 * 10**9
"""An incomplete trace that ended longer ago is not waited for."""


@dataclass(frozen=True, slots=True)
class RowLinks:
    """Addresses that every row completes with its own id; building each anew is slow."""

    opening: str
    closed: str
    folding: str
    unfolding: str
    folded: frozenset[str]

    def toggle(self, row: WaterfallRow) -> str:
        """The address that folds an open row, or unfolds a folded one."""
        if row.key in self.folded:
            return here(fold=",".join(sorted(self.folded - {row.key})))
        return (self.folding if row.open else self.unfolding) + row.key


@blueprint.get("/apm/traces/<trace_id>")
def trace(trace_id: str) -> str:
    """The waterfall of one trace."""
    reader = context.reader()
    query = Query(request.args, context.now_unix_nano())
    filters = _filters(query)
    facts = find_facts(reader, trace_id)
    rows = waterfall.build(facts.analysis, filters)
    opened = rows.row_of(filters.opened) if filters.opened else None
    page = view.build(
        facts, rows, filters, opened, load_data(reader, facts, opened, scope_or_default().environment)
    )
    return render_template(
        "apm/trace.html",
        page=page,
        facts=facts,
        analysis=facts.analysis,
        waterfall=rows,
        filters=filters,
        show_critical=query.text("critical") != "0",
        links=_row_links(filters),
        updates_address=_updates_address(facts),
    )


@blueprint.get("/apm/traces/<trace_id>/updates")
def trace_updates(trace_id: str) -> Response:
    """How many spans of a trace came since there were `spans` of them."""
    query = Query(request.args, context.now_unix_nano())
    seen = query.whole("spans", 0, 0, SPANS_LIMIT)
    found = find_trace(context.reader(), trace_id)
    more = max(0, sum(not span.browser for span in found.spans) - seen)
    return updates.answer(Update(more, f"{formats.plural(more, 'more span')} arrived"))


def _updates_address(facts: TraceFacts) -> str:
    """Where to ask whether more spans came; empty for a trace that is old and whole."""
    analysis = facts.analysis
    age_ns = context.now_unix_nano() - analysis.start_unix_nano - analysis.duration_ns
    if age_ns > (_SETTLED_NS if facts.complete else GIVEN_UP_NS) or facts.truncated:
        return ""
    path = f"/apm/traces/{facts.trace_id}/updates"
    return updates.address(scope_or_default(), path, [("spans", str(analysis.spans))])


def _filters(query: Query) -> WaterfallFilter:
    opened = query.text("span")
    return WaterfallFilter(
        errors=_FILTERS[query.choice("errors", ("all", "errors", "root"))],
        text=(query.text("q") or "").strip()[:_TEXT_LIMIT],
        min_ns=query.milliseconds_ns("min_ms") or 0,
        service=query.text("service") or "",
        matches_only=query.flag("only"),
        opened=SpanId(parse_span_id(opened, "span")) if opened else None,
        unfolded=_keys(query.text("unfold")),
        folded=_keys(query.text("fold")),
        offset=query.whole("at", 0, 0, SPANS_LIMIT * 2),
    )


def _keys(text: str | None) -> frozenset[str]:
    return frozenset((text or "").split(",")[:_FOLDS_LIMIT]) - {""}


def _row_links(filters: WaterfallFilter) -> RowLinks:
    return RowLinks(
        opening=_open_address(here(span=None), "span", ()),
        closed=here(span=None),
        folding=_open_address(here(fold=None), "fold", sorted(filters.folded)),
        unfolding=_open_address(here(unfold=None), "unfold", sorted(filters.unfolded)),
        folded=filters.folded,
    )


def _open_address(address: str, name: str, ids: Iterable[str]) -> str:
    """An address with one more argument, to whose end one more id can be appended."""
    start = f"{address}{'&' if '?' in address else '?'}{name}="
    return start + "".join(f"{each}," for each in ids)
