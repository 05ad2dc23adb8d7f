"""The waterfall of one trace as rows to place: order, depth, bars, marks, what is folded and why.

Pure: takes the analysis of a trace and what the reader asked for, gives rows. Knows
no service by name and no template. A page holds a thousand rows and, wherever they
stand, those where an error began, what matches, and what stands above them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from observer.screens.apm.trace.row_folding import (
    FOLD_ABOVE as FOLD_ABOVE,
    FOLD_DEPTH as FOLD_DEPTH,
    HIDDEN_OF_ONE as HIDDEN_OF_ONE,
    Draft,
    Plan,
    lay_out,
)
from observer.screens.apm.trace.timeline_bars import (
    BAR as BAR,
    Bar,
    Stretches,
    bar_of,
    critical_stretches,
    stretch,
)
from observer.screens.apm.trace.waterfall_filter import (
    ErrorFilter as ErrorFilter,
    Line as Line,
    Wish as Wish,
    fits_error,
    narrowed,
)
from signals.model import SpanError
from signals.trace_analysis import TraceAnalysis

ROWS_LIMIT = 1000
"""Rows of one page; the next page has the next."""
SOUGHT_LIMIT = 1000
"""Rows from other pages that a page holds because they are what is looked for."""
SERVICE_COLOURS = 8


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The rows, and what to say of those that are not there."""

    lines: tuple[Line, ...]
    ticks: tuple[int, ...]
    """Nanoseconds since the beginning of the trace, five of them."""
    counts: Mapping[ErrorFilter, int]
    """Spans that each choice of errors would match, whatever else is asked for being kept."""
    matching: int
    folded_deep: bool
    """The trace is so large that everything deep began folded."""
    cut: int
    """Rows that did not fit into the page."""
    total: int
    """Rows of all pages; those under a folded row do not count."""
    at: int
    """Where this page begins among them, and `until` where it ends."""
    until: int
    cut_after: int
    """Rows left out after the last one."""

    @property
    def earlier(self) -> int | None:
        """`Wish.at` of the page before, or None on the first."""
        return max(0, self.at - ROWS_LIMIT) if self.at else None

    @property
    def later(self) -> int | None:
        """`Wish.at` of the page after, or None on the last."""
        return self.until if self.until < self.total else None


def build(analysis: TraceAnalysis, wish: Wish) -> Waterfall:
    """The rows of a trace as the reader wants them. O(rows)."""
    rows = analysis.rows
    fitting = narrowed(rows, wish)
    matching = [fits and fits_error(row, wish.errors) for fits, row in zip(fitting, rows, strict=True)]
    counted: dict[ErrorFilter, int] = {}
    choices: tuple[ErrorFilter, ...] = ("all", "errors", "root")
    own = [row for fits, row in zip(fitting, rows, strict=True) if fits and not row.inferred]
    for choice in choices:
        counted[choice] = sum(fits_error(row, choice) for row in own)
    plan = lay_out(analysis, wish, matching)
    shown = [at for at, draft in enumerate(plan.drafts) if not draft.hidden]
    begin = min(wish.at, max(0, len(shown) - 1)) // ROWS_LIMIT * ROWS_LIMIT
    until = min(begin + ROWS_LIMIT, len(shown))
    kept = _kept(plan, shown, begin, until)
    lines, after = _lines(analysis, plan, kept)
    held = sum(not line.hidden for line in lines)
    return Waterfall(
        lines=tuple(lines),
        ticks=tuple(analysis.duration_ns * i // 4 for i in range(5)),
        counts=counted,
        matching=counted[wish.errors],
        folded_deep=plan.deep,
        cut=len(shown) - held,
        total=len(shown),
        at=begin,
        until=until,
        cut_after=after,
    )


def colours_of(analysis: TraceAnalysis) -> dict[str, int]:
    """A colour for each service, in order of first start."""
    return {service.name: place % SERVICE_COLOURS + 1 for place, service in enumerate(analysis.services)}


def _kept(plan: Plan, shown: Sequence[int], begin: int, until: int) -> list[int]:
    """Which drafts the page holds, in order: its own, what is looked for elsewhere, and all above these."""
    drafts = plan.drafts
    if len(shown) <= ROWS_LIMIT:
        return list(range(len(drafts)))
    first = shown[begin]
    last = shown[until] if until < len(shown) else len(drafts)
    kept = set(range(first, last))
    above = _above(drafts)
    sought = [at for at in shown if at not in kept and _is_sought(plan, drafts[at])][:SOUGHT_LIMIT]
    for at in sought:
        under = at + 1
        while under < len(drafts) and drafts[under].hidden:  # so that it can unfold in place
            kept.add(under)
            under += 1
    for at in (above[first], *sought):
        while at >= 0 and at not in kept:
            kept.add(at)
            at = above[at]
    return sorted(kept)


def _above(drafts: Sequence[Draft]) -> list[int]:
    """For each draft the one that it stands under, -1 for the top."""
    found = []
    path: list[int] = []
    for at, draft in enumerate(drafts):
        while path and drafts[path[-1]].level >= draft.level:
            path.pop()
        found.append(path[-1] if path else -1)
        path.append(at)
    return found


def _is_sought(plan: Plan, draft: Draft) -> bool:
    row = plan.rows[draft.place]
    if plan.wish.filtering and draft.matches and not plan.wish.matches_only:
        return True
    if draft.group or plan.wish.matches_only:
        return not draft.group and row.span.span_id == plan.wish.opened
    return row.error is SpanError.ORIGIN or row.span.span_id == plan.wish.opened


def _lines(analysis: TraceAnalysis, plan: Plan, kept: Sequence[int]) -> tuple[list[Line], int]:
    """The drafts that are kept as lines, each told what was left out before it; and what after the last."""
    drafts = plan.drafts
    numbers = []  # of each draft among the rows that are shown
    number = 0
    for draft in drafts:
        numbers.append(number)
        number += not draft.hidden
    colours = colours_of(analysis)
    critical = critical_stretches(analysis)
    lines = []
    reached = 0
    for at in kept:
        draft = drafts[at]
        skipped = max(0, numbers[at] - reached)
        lines.append(_line(analysis, plan, draft, colours, critical, (skipped, reached if skipped else 0)))
        reached = numbers[at] + (not draft.hidden)
    return lines, number - reached


def _line(
    analysis: TraceAnalysis,
    plan: Plan,
    draft: Draft,
    colours: Mapping[str, int],
    critical: Stretches,
    skipped: tuple[int, int],
) -> Line:
    row = plan.rows[draft.place]
    return Line(
        key=("g" if draft.group else "") + plan.keys[draft.place],
        row=row,
        level=draft.level,
        bar=_group_bar(analysis, plan, draft) if draft.group else bar_of(analysis, row, critical),
        colour=colours.get(row.span.service, 1),
        foldable=draft.foldable,
        open=draft.open,
        hidden=draft.hidden,
        matches=draft.matches,
        group=draft.group,
        below=draft.below,
        skipped=skipped[0],
        skipped_at=skipped[1],
    )


def _group_bar(analysis: TraceAnalysis, plan: Plan, draft: Draft) -> Bar:
    """From the first start to the last end of the siblings."""
    members = []
    at = draft.place
    for _ in range(draft.group):
        members.append(plan.rows[at].span)
        at = plan.ends[at]
    first = min(span.start_unix_nano for span in members)
    last = max(span.end_unix_nano for span in members)
    return Bar(*stretch(analysis, first, last - first))
