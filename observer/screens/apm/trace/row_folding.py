"""How the rows of a waterfall stand: which are folded, which alike siblings are one row, what is in the page.

Pure. Rows are drafts here, cheap enough for every row of the largest trace; only
those that a page holds become lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from observer.screens.apm.trace.waterfall_filter import Wish
from signals.model import SpanError
from signals.trace_analysis import TraceAnalysis, TraceRow

FOLD_ABOVE = 2000
"""Rows above which everything deeper than FOLD_DEPTH begins folded."""
FOLD_DEPTH = 3
GROUP_FROM = 3
"""Repeated siblings from this many on are one row."""
HIDDEN_OF_ONE = 40
"""Rows under one folded row that the page holds, hidden, so that it unfolds at once."""
HIDDEN_IN_ALL = 400


class Draft(NamedTuple):
    """One row in its place; the same words as in `lines.Line`."""

    place: int
    """Of its span (of a group's first) in the rows of the analysis."""
    end: int
    """The place after its subtree, or after the group."""
    level: int
    foldable: bool
    open: bool
    hidden: bool
    matches: bool
    group: int = 0
    below: int = 0


@dataclass(slots=True)
class Plan:
    """What is known of the rows of a trace while they are laid out; all lists are by place."""

    rows: Sequence[TraceRow]
    wish: Wish
    matching: Sequence[bool]
    deep: bool
    """The trace is so large that what is deep begins folded."""
    needed: set[int]
    """Places of rows that stand open: above errors, the opened span and, among filters, what matches."""
    ends: list[int]
    """The place after each subtree."""
    keys: list[str]
    troubled: list[bool]
    """Whether the subtree holds an error or something odd."""
    drafts: list[Draft] = field(default_factory=list)
    hidden: int = 0
    """Hidden rows so far that the page holds."""


def lay_out(analysis: TraceAnalysis, wish: Wish, matching: Sequence[bool]) -> Plan:
    """Every row that is not left out under a folded one, in order. O(rows)."""
    plan = _plan(analysis, wish, matching)
    if wish.filtering and wish.matches_only:
        plan.drafts = [
            Draft(place, place + 1, 1, foldable=False, open=True, hidden=False, matches=True)
            for place, fits in enumerate(matching)
            if fits
        ]
    else:
        _walk(plan)
    return plan


def _plan(analysis: TraceAnalysis, wish: Wish, matching: Sequence[bool]) -> Plan:
    rows = analysis.rows
    ends, parents = _extents(rows)
    troubled = [row.error is SpanError.ORIGIN or row.irregular for row in rows]
    needed: set[int] = set()
    for place in range(len(rows) - 1, -1, -1):
        row = rows[place]
        up = parents[place]
        if up >= 0 and troubled[place]:
            troubled[up] = True
        wanted = row.error is SpanError.ORIGIN or (wish.filtering and matching[place])
        if wanted or row.span.span_id == wish.opened:
            while up >= 0 and up not in needed:
                needed.add(up)
                up = parents[up]
    deep = len(rows) > FOLD_ABOVE and "all" not in wish.unfolded
    return Plan(rows, wish, matching, deep, needed, ends, _keys(rows), troubled)


def _extents(rows: Sequence[TraceRow]) -> tuple[list[int], list[int]]:
    """Per place: the place after its subtree, and its parent's place (-1 for a top row)."""
    ends = [len(rows)] * len(rows)
    parents = [-1] * len(rows)
    open_places: list[int] = []
    for place, row in enumerate(rows):
        while open_places and rows[open_places[-1]].depth >= row.depth:
            ends[open_places.pop()] = place
        if open_places:
            parents[place] = open_places[-1]
        open_places.append(place)
    return ends, parents


def _keys(rows: Sequence[TraceRow]) -> list[str]:
    seen: dict[str, int] = {}
    keys = []
    for row in rows:
        times = seen[row.span.span_id] = seen.get(row.span.span_id, 0) + 1
        keys.append(f"s-{row.span.span_id}" + (f"-{times}" if times > 1 else ""))
    return keys


def _walk(plan: Plan) -> None:
    """The rows in order; a folded row hides its subtree, or leaves it out where that is large."""
    groups = _groups(plan)
    hidden_until = place = 0
    extra: list[int] = []
    while place < len(plan.rows):
        while extra and extra[-1] <= place:
            extra.pop()
        hidden = place < hidden_until
        level = plan.rows[place].depth + 1 + len(extra)
        size = groups.get(place, 0)
        if size:
            end = _after_siblings(plan, place, size)
            is_open = _is_open(plan, f"g{plan.keys[place]}", begins_open=_seeks(plan, place, end))
            below = 0 if is_open else _left_out(plan, end - place)
            matches = any(plan.matching[place:end])
            plan.drafts.append(Draft(place, end, level, True, is_open, hidden, matches, size, below))
            if below:
                place = end
                continue
            extra.append(end)
            level += 1
            if not is_open:
                hidden_until = max(hidden_until, end)
            hidden = place < hidden_until
        end = plan.ends[place]
        foldable = end > place + 1
        is_open = not foldable or _is_open(plan, plan.keys[place], begins_open=_begins_open(plan, place))
        below = 0 if is_open else _left_out(plan, end - place - 1)
        plan.hidden += hidden
        plan.drafts.append(
            Draft(place, end, level, foldable, is_open, hidden, plan.matching[place], 0, below)
        )
        if not is_open:
            hidden_until = max(hidden_until, end)
        place = end if below else place + 1


def _left_out(plan: Plan, size: int) -> int:
    """How many rows under a folded one the page does not hold: all of them where they are many."""
    fits = size <= HIDDEN_OF_ONE and plan.hidden + size <= HIDDEN_IN_ALL
    return 0 if fits and not plan.deep else size


def _is_open(plan: Plan, key: str, begins_open: bool) -> bool:
    if key in plan.wish.folded:
        return False
    return begins_open or key in plan.wish.unfolded or "all" in plan.wish.unfolded


def _begins_open(plan: Plan, place: int) -> bool:
    return not plan.deep or plan.rows[place].depth < FOLD_DEPTH - 1 or place in plan.needed


def _seeks(plan: Plan, place: int, end: int) -> bool:
    """Whether a group holds what was asked for: the opened span, or some matches but not all of it."""
    if plan.wish.filtering:
        found = plan.matching[place:end]
        if any(found) and not all(found):
            return True
    opened = plan.wish.opened
    return opened is not None and any(row.span.span_id == opened for row in plan.rows[place:end])


def _groups(plan: Plan) -> dict[int, int]:
    """First places of runs of alike siblings, and how many they are; what failed is never put into one."""
    found: dict[int, int] = {}
    runs: dict[tuple[int, int], tuple[int, int]] = {}
    ups: list[int] = []
    for place, row in enumerate(plan.rows):
        while ups and plan.ends[ups[-1]] <= place:
            ups.pop()
        slot = (ups[-1] if ups else -1, row.depth)
        first, size = runs.get(slot, (-1, 0))
        if size and not row.inferred and _alike(plan, first, place):
            size += 1
        else:
            first, size = place, 0 if plan.troubled[place] or row.error is not SpanError.NONE else 1
        runs[slot] = (first, size)
        if size >= GROUP_FROM:
            found[first] = size
        ups.append(place)
    return found


def _alike(plan: Plan, one: int, other: int) -> bool:
    a, b = plan.rows[one], plan.rows[other]
    return (
        not plan.troubled[other]
        and b.error is SpanError.NONE
        and a.span.service == b.span.service
        and a.span.name == b.span.name
        and a.span.kind == b.span.kind
    )


def _after_siblings(plan: Plan, place: int, size: int) -> int:
    for _ in range(size):
        place = plan.ends[place]
    return place
