"""The folding of a waterfall's rows: which start folded, which siblings are grouped, which the page holds.

Pure. Rows are drafts here, cheap enough for every row of the largest trace; only
those that a page holds become `WaterfallRow`s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from observer.screens.apm.trace.waterfall_filter import WaterfallFilter
from signals.model import SpanError
from signals.trace_analysis import TraceAnalysis, TraceRow

FOLD_ABOVE = 2000
"""Rows above which everything deeper than FOLD_DEPTH starts folded."""
FOLD_DEPTH = 3
GROUP_FROM = 3
"""Similar siblings that are enough for a group."""
HIDDEN_OF_ONE = 40
"""Rows under one folded row that the page holds, hidden, so that it unfolds at once."""
HIDDEN_IN_ALL = 400


class RowDraft(NamedTuple):
    """One row in its position; fields of the same name as those of `WaterfallRow` mean the same."""

    row_index: int
    """Of its span, or of a group's first span, in the rows of the analysis."""
    end: int
    """The index after its subtree, or after the group."""
    level: int
    foldable: bool
    open: bool
    hidden: bool
    matches: bool
    group: int = 0
    omitted: int = 0


@dataclass(slots=True)
class RowLayout:
    """The rows of a trace and how they are laid out; all lists are by index of the row."""

    rows: Sequence[TraceRow]
    filters: WaterfallFilter
    matching: Sequence[bool]
    folds_deep: bool
    """The trace is so large that deep rows start folded."""
    kept_open: set[int]
    """Rows that start open: above errors, above the opened span and, with filters, above matches."""
    ends: list[int]
    """The index after each subtree."""
    keys: list[str]
    has_problem: list[bool]
    """Whether the subtree holds an error or a span with notes."""
    drafts: list[RowDraft] = field(default_factory=list)
    hidden: int = 0
    """Hidden rows so far that the page holds."""


def lay_out(analysis: TraceAnalysis, filters: WaterfallFilter, matching: Sequence[bool]) -> RowLayout:
    """Every row that is not omitted under a folded one, in order. O(rows)."""
    layout = _layout(analysis, filters, matching)
    if filters.is_active and filters.matches_only:
        layout.drafts = [
            RowDraft(index, index + 1, 1, foldable=False, open=True, hidden=False, matches=True)
            for index, matches in enumerate(matching)
            if matches
        ]
    else:
        _add_drafts(layout)
    return layout


def _layout(analysis: TraceAnalysis, filters: WaterfallFilter, matching: Sequence[bool]) -> RowLayout:
    rows = analysis.rows
    ends, parents = _extents(rows)
    has_problem = [row.error is SpanError.ORIGIN or (row.irregular and not row.inferred) for row in rows]
    kept_open: set[int] = set()
    # From the last row to the first: a parent is visited after all rows of its subtree.
    for index in range(len(rows) - 1, -1, -1):
        row = rows[index]
        parent = parents[index]
        if parent >= 0 and has_problem[index]:
            has_problem[parent] = True
        target = row.error is SpanError.ORIGIN or (filters.is_active and matching[index])
        if target or row.span.span_id == filters.opened:
            while parent >= 0 and parent not in kept_open:
                kept_open.add(parent)
                parent = parents[parent]
    folds_deep = len(rows) > FOLD_ABOVE and "all" not in filters.unfolded
    return RowLayout(rows, filters, matching, folds_deep, kept_open, ends, _keys(rows), has_problem)


def _extents(rows: Sequence[TraceRow]) -> tuple[list[int], list[int]]:
    """For each row: the index after its subtree, and its parent's index (-1 for a top row)."""
    ends = [len(rows)] * len(rows)
    parents = [-1] * len(rows)
    ancestors: list[int] = []
    for index, row in enumerate(rows):
        while ancestors and rows[ancestors[-1]].depth >= row.depth:
            ends[ancestors.pop()] = index
        if ancestors:
            parents[index] = ancestors[-1]
        ancestors.append(index)
    return ends, parents


def _keys(rows: Sequence[TraceRow]) -> list[str]:
    seen: dict[str, int] = {}
    keys = []
    for row in rows:
        times = seen[row.span.span_id] = seen.get(row.span.span_id, 0) + 1
        keys.append(f"s-{row.span.span_id}" + (f"-{times}" if times > 1 else ""))
    return keys


def _add_drafts(layout: RowLayout) -> None:
    """Draft the rows in order; a folded row hides its subtree, or omits it where it is large."""
    groups = _groups(layout)
    hidden_until = index = 0
    open_groups: list[int] = []
    """The ends of the groups around the current row: each indents it by one level."""
    while index < len(layout.rows):
        while open_groups and open_groups[-1] <= index:
            open_groups.pop()
        hidden = index < hidden_until
        level = layout.rows[index].depth + 1 + len(open_groups)
        size = groups.get(index, 0)
        if size:
            end = _after_siblings(layout, index, size)
            is_open = _is_open(
                layout, f"g{layout.keys[index]}", starts_open=_holds_target(layout, index, end)
            )
            omitted = 0 if is_open else _omitted(layout, end - index)
            matches = any(layout.matching[index:end])
            layout.drafts.append(RowDraft(index, end, level, True, is_open, hidden, matches, size, omitted))
            if omitted:
                index = end
                continue
            open_groups.append(end)
            level += 1
            if not is_open:
                hidden_until = max(hidden_until, end)
            hidden = index < hidden_until
        end = layout.ends[index]
        foldable = end > index + 1
        is_open = not foldable or _is_open(
            layout, layout.keys[index], starts_open=_starts_open(layout, index)
        )
        omitted = 0 if is_open else _omitted(layout, end - index - 1)
        layout.hidden += hidden
        layout.drafts.append(
            RowDraft(index, end, level, foldable, is_open, hidden, layout.matching[index], 0, omitted)
        )
        if not is_open:
            hidden_until = max(hidden_until, end)
        index = end if omitted else index + 1


def _omitted(layout: RowLayout, size: int) -> int:
    """How many of the rows under a folded one the page does not hold: none of a few, all of many."""
    fits = size <= HIDDEN_OF_ONE and layout.hidden + size <= HIDDEN_IN_ALL
    return 0 if fits and not layout.folds_deep else size


def _is_open(layout: RowLayout, key: str, starts_open: bool) -> bool:
    filters = layout.filters
    if key in filters.folded or key in filters.unfolded:
        return key not in filters.folded
    return "all" not in filters.folded and (starts_open or "all" in filters.unfolded)


def _starts_open(layout: RowLayout, index: int) -> bool:
    shallow = layout.rows[index].depth < FOLD_DEPTH - 1
    return not layout.folds_deep or shallow or index in layout.kept_open


def _holds_target(layout: RowLayout, index: int, end: int) -> bool:
    """Whether a group holds the opened span, or some matches among rows that do not match."""
    if layout.filters.is_active:
        matching = layout.matching[index:end]
        if any(matching) and not all(matching):
            return True
    opened = layout.filters.opened
    return opened is not None and any(row.span.span_id == opened for row in layout.rows[index:end])


def _groups(layout: RowLayout) -> dict[int, int]:
    """First index and size of each run of similar siblings; a row with a problem is in no group."""
    found: dict[int, int] = {}
    runs: dict[tuple[int, int], tuple[int, int]] = {}
    ancestors: list[int] = []
    for index, row in enumerate(layout.rows):
        while ancestors and layout.ends[ancestors[-1]] <= index:
            ancestors.pop()
        siblings = (ancestors[-1] if ancestors else -1, row.depth)
        first, size = runs.get(siblings, (-1, 0))
        if size and not row.inferred and _similar(layout, first, index):
            size += 1
        else:
            first = index
            size = 0 if layout.has_problem[index] or row.error is not SpanError.NONE else 1
        runs[siblings] = (first, size)
        if size >= GROUP_FROM:
            found[first] = size
        ancestors.append(index)
    return found


def _similar(layout: RowLayout, first: int, index: int) -> bool:
    """Whether a row may join the group of an earlier one: same service, name and kind, and no problem."""
    a, b = layout.rows[first], layout.rows[index]
    return (
        not layout.has_problem[index]
        and b.error is SpanError.NONE
        and a.span.service == b.span.service
        and a.span.name == b.span.name
        and a.span.kind == b.span.kind
    )


def _after_siblings(layout: RowLayout, index: int, size: int) -> int:
    for _ in range(size):
        index = layout.ends[index]
    return index
