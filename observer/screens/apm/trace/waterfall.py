"""The waterfall of one trace as a page of rows: order, depth, bars, marks, folding.

Pure: takes the analysis of a trace and a filter, returns rows. Knows no service by name
and no template. A page holds a thousand rows and, from other pages, the rows in which an
error began, those that match the filter, and their ancestors.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.screens.apm.trace.row_folding import RowDraft, RowLayout, lay_out
from observer.screens.apm.trace.timeline_bars import Bar, Stretches, bar_of, critical_stretches, stretch
from observer.screens.apm.trace.waterfall_filter import (
    ErrorFilter,
    WaterfallFilter,
    matches_besides_errors,
    matches_errors,
)
from observer.screens.apm.trace.waterfall_row import Gap, WaterfallRow
from signals.model import SpanError, SpanId
from signals.trace_analysis import TraceAnalysis, TraceRow

ROWS_LIMIT = 1000
"""Rows of one page."""
TARGETS_LIMIT = 1000
"""Rows from other pages that a page holds because they are errors, matches or the opened span."""
SERVICE_COLOURS = 8
_TICKS = 5


@dataclass(frozen=True, slots=True)
class Waterfall:
    """One page of rows, and what it leaves out."""

    rows: tuple[WaterfallRow, ...]
    ticks: tuple[int, ...]
    """Nanoseconds since the start of the trace."""
    counts: Mapping[ErrorFilter, int]
    """For each choice of errors, the spans that match it and the other filters."""
    matches: int
    folds_deep: bool
    """The trace is so large that deep rows start folded."""
    cut: int
    """Rows that did not fit into the page."""
    total: int
    """Rows of all pages, without those under a folded row."""
    offset: int
    """The first row of this page among them."""
    end: int
    """The row after its last one."""
    gap_after: Gap | None
    """Rows left out after the last one of the page."""

    @property
    def previous_offset(self) -> int | None:
        """The offset of the page before, or None on the first."""
        return max(0, self.offset - ROWS_LIMIT) if self.offset else None

    @property
    def next_offset(self) -> int | None:
        """The offset of the page after, or None on the last."""
        return self.end if self.end < self.total else None

    @property
    def next_rows(self) -> int:
        """The number of rows on the page after; 0 on the last."""
        return min(self.total - self.end, ROWS_LIMIT)

    def row_of(self, span_id: SpanId | None) -> WaterfallRow | None:
        """The row of a span, or None where the page does not hold it."""
        return next(
            (row for row in self.rows if row.trace_row.span.span_id == span_id and not row.group), None
        )


def build(analysis: TraceAnalysis, filters: WaterfallFilter) -> Waterfall:
    """One page of the rows of a trace. O(rows)."""
    rows = analysis.rows
    fitting = matches_besides_errors(rows, filters)
    matching = [fits and matches_errors(row, filters.errors) for fits, row in zip(fitting, rows, strict=True)]
    own = [row for fits, row in zip(fitting, rows, strict=True) if fits and not row.inferred]
    choices: tuple[ErrorFilter, ...] = ("all", "errors", "root")
    counts: dict[ErrorFilter, int] = {}
    for choice in choices:
        counts[choice] = sum(matches_errors(row, choice) for row in own)
    layout = lay_out(analysis, filters, matching)
    shown = [position for position, draft in enumerate(layout.drafts) if not draft.hidden]
    offset = min(filters.offset, max(0, len(shown) - 1)) // ROWS_LIMIT * ROWS_LIMIT
    end = min(offset + ROWS_LIMIT, len(shown))
    placed, after = _rows(analysis, layout, _kept(layout, shown, offset, end))
    return Waterfall(
        rows=tuple(placed),
        ticks=tuple(analysis.duration_ns * i // (_TICKS - 1) for i in range(_TICKS)),
        counts=counts,
        matches=counts[filters.errors],
        folds_deep=layout.folds_deep,
        cut=len(shown) - sum(not row.hidden for row in placed),
        total=len(shown),
        offset=offset,
        end=end,
        gap_after=Gap(after, len(shown) - after) if after else None,
    )


def colours_of(analysis: TraceAnalysis) -> dict[str, int]:
    """A colour from 1 to SERVICE_COLOURS for each service, in order of first start."""
    return {service.name: place % SERVICE_COLOURS + 1 for place, service in enumerate(analysis.services)}


def _kept(layout: RowLayout, shown: Sequence[int], offset: int, end: int) -> list[int]:
    """Positions of the drafts that the page holds: its own, targets on other pages, and their ancestors."""
    drafts = layout.drafts
    if len(shown) <= ROWS_LIMIT:
        return list(range(len(drafts)))
    first = shown[offset]
    last = shown[end] if end < len(shown) else len(drafts)
    kept = set(range(first, last))
    parents = _parents(drafts)
    targets = [at for at in shown if at not in kept and _is_target(layout, drafts[at])][:TARGETS_LIMIT]
    for target in targets:
        # The hidden rows under a target come along, so that it can unfold in place.
        under = target + 1
        while under < len(drafts) and drafts[under].hidden:
            kept.add(under)
            under += 1
    for start in (parents[first], *targets):
        at = start
        while at >= 0 and at not in kept:
            kept.add(at)
            at = parents[at]
    return sorted(kept)


def _parents(drafts: Sequence[RowDraft]) -> list[int]:
    """For each draft the position of its parent, -1 for a top row."""
    found = []
    path: list[int] = []
    for position, draft in enumerate(drafts):
        while path and drafts[path[-1]].level >= draft.level:
            path.pop()
        found.append(path[-1] if path else -1)
        path.append(position)
    return found


def _is_target(layout: RowLayout, draft: RowDraft) -> bool:
    """Whether a draft belongs on every page: an error's origin, a match, or the opened span."""
    row = layout.rows[draft.row_index]
    filters = layout.filters
    if filters.is_active and draft.matches and not filters.matches_only:
        return True
    if draft.group or filters.matches_only:
        return not draft.group and row.span.span_id == filters.opened
    return row.error is SpanError.ORIGIN or row.span.span_id == filters.opened


def _rows(analysis: TraceAnalysis, layout: RowLayout, kept: Sequence[int]) -> tuple[list[WaterfallRow], int]:
    """The kept drafts as rows, with the gaps between them, and the number of rows left out after the last."""
    drafts = layout.drafts
    numbers = []
    """For each draft, the number of shown rows before it."""
    number = 0
    for draft in drafts:
        numbers.append(number)
        number += not draft.hidden
    colours = colours_of(analysis)
    critical = critical_stretches(analysis)
    rows = []
    reached = 0
    for position in kept:
        draft = drafts[position]
        skipped = numbers[position] - reached
        gap = Gap(skipped, reached) if skipped > 0 else None
        rows.append(_row(analysis, layout, draft, colours, critical, gap))
        reached = numbers[position] + (not draft.hidden)
    return rows, number - reached


def _row(
    analysis: TraceAnalysis,
    layout: RowLayout,
    draft: RowDraft,
    colours: Mapping[str, int],
    critical: Stretches,
    gap: Gap | None,
) -> WaterfallRow:
    row = layout.rows[draft.row_index]
    if draft.group:
        bar, duration_ns = _group_bar(analysis, layout, draft)
    else:
        bar, duration_ns = bar_of(analysis, row, critical), row.span.duration_ns
    return WaterfallRow(
        key=("g" if draft.group else "") + layout.keys[draft.row_index],
        trace_row=row,
        level=draft.level,
        bar=bar,
        duration_ns=duration_ns,
        colour=colours.get(row.span.service, 1),
        foldable=draft.foldable,
        open=draft.open,
        hidden=draft.hidden,
        matches=draft.matches,
        group=draft.group,
        omitted=draft.omitted,
        gap_before=gap,
    )


def _group_bar(analysis: TraceAnalysis, layout: RowLayout, draft: RowDraft) -> tuple[Bar, int]:
    """The bar and the nanoseconds from the first start to the last end of the siblings."""
    members: list[TraceRow] = []
    index = draft.row_index
    for _ in range(draft.group):
        members.append(layout.rows[index])
        index = layout.ends[index]
    first = min(row.start_unix_nano for row in members)
    last = max(row.start_unix_nano + row.span.duration_ns for row in members)
    return Bar(*stretch(analysis, first, last - first)), last - first
