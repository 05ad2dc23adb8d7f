"""The waterfall of one trace as rows to place: order, depth, bars, marks, what is folded and why.

Pure: takes the analysis of a trace and what the reader asked for, gives rows. Knows
no service by name and no template.
"""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Sequence
from dataclasses import dataclass
from dataclasses import field
from typing import Literal

from observer.apm.timebars import BAR as BAR
from observer.apm.timebars import Bar
from observer.apm.timebars import Stretches
from observer.apm.timebars import bar_of
from observer.apm.timebars import critical_stretches
from observer.apm.timebars import stretch
from store.model import SpanError
from store.model import SpanId
from store.semantics import text_of
from store.trace import TraceAnalysis
from store.trace import TraceRow

FOLD_ABOVE = 2000
"""Rows above which everything deeper than FOLD_DEPTH begins folded."""
FOLD_DEPTH = 3
ROWS_LIMIT = 1000
"""Rows that one page holds; what is beyond is told and reached by filters."""
GROUP_FROM = 3
"""Repeated siblings from this many on are one row."""
SERVICE_COLOURS = 8

ErrorFilter = Literal["all", "errors", "root"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the reader asked of the waterfall; all of it comes from the address."""

    errors: ErrorFilter = "all"
    text: str = ""
    min_ns: int = 0
    matches_only: bool = False
    opened: SpanId | None = None
    """The span whose detail stands open."""
    unfolded: frozenset[str] = frozenset()
    """Ids of rows that begin folded and were opened; `all` opens everything."""
    folded: frozenset[str] = frozenset()

    @property
    def filtering(self) -> bool:
        return self.errors != "all" or bool(self.text) or self.min_ns > 0


@dataclass(frozen=True, slots=True)
class Line:
    """One row of the waterfall."""

    key: str
    """The row's id in the page, unique even where span ids are not."""
    row: TraceRow
    level: int
    """1 for a top row, as `aria-level` has it."""
    bar: Bar
    colour: int
    """1 to SERVICE_COLOURS, the same for all rows of a service."""
    foldable: bool
    open: bool
    hidden: bool
    """Stands under a row that is folded; the page holds it, but does not show it."""
    matches: bool
    group: int = 0
    """How many siblings this row stands for; 0 for a row of its own."""
    below: int = 0
    """Rows under this one that the page does not hold because it is folded."""

    @property
    def error(self) -> SpanError:
        return self.row.error


@dataclass(frozen=True, slots=True)
class Waterfall:
    """The rows, and what to say of those that are not there."""

    lines: tuple[Line, ...]
    ticks: tuple[int, ...]
    """Nanoseconds since the beginning of the trace, five of them."""
    counts: Mapping[ErrorFilter, int]
    matching: int
    folded_deep: bool
    """The trace is so large that everything deep began folded."""
    cut: int
    """Rows that did not fit into the page."""


@dataclass(slots=True)
class _Plan:
    """Working state while rows are laid out."""

    analysis: TraceAnalysis
    wish: Wish
    colours: Mapping[str, int]
    critical: Stretches
    deep: bool
    needed: set[int]
    """Places of rows that must be visible: ancestors of errors and of the opened span."""
    ends: list[int]
    """Per place, the place after its subtree."""
    keys: list[str]
    troubled: list[bool]
    """Per place, whether its subtree holds an error or something odd."""
    lines: list[Line] = field(default_factory=list)


def build(analysis: TraceAnalysis, wish: Wish) -> Waterfall:
    """The rows of a trace as the reader wants them. O(rows)."""
    rows = analysis.rows
    matching = [_matches(row, wish) for row in rows]
    deep = len(rows) > FOLD_ABOVE and "all" not in wish.unfolded
    plan = _plan(analysis, wish, deep)
    if wish.filtering and wish.matches_only:
        lines = [_flat(plan, place) for place, fits in enumerate(matching) if fits]
    else:
        _lay_out(plan, matching)
        lines = plan.lines
    kept = _within_limit(lines, wish.opened)
    return Waterfall(
        lines=tuple(kept),
        ticks=tuple(analysis.duration_ns * i // 4 for i in range(5)),
        counts={
            "all": analysis.spans,
            "errors": analysis.errors,
            "root": analysis.origin_errors,
        },
        matching=sum(fits and not row.inferred for fits, row in zip(matching, rows, strict=True)),
        folded_deep=deep,
        cut=len(lines) - len(kept),
    )


def colours_of(analysis: TraceAnalysis) -> dict[str, int]:
    """A colour for each service, in order of first start."""
    return {service.name: place % SERVICE_COLOURS + 1 for place, service in enumerate(analysis.services)}


def _matches(row: TraceRow, wish: Wish) -> bool:
    if wish.errors == "errors" and row.error is SpanError.NONE:
        return False
    if wish.errors == "root" and row.error is not SpanError.ORIGIN:
        return False
    span = row.span
    if span.duration_ns < wish.min_ns:
        return False
    if not wish.text:
        return True
    wanted = wish.text.lower()
    if wanted in f"{span.service}: {span.name}".lower() or wanted == span.span_id:
        return True
    return any(wanted in f"{key}={text_of(value)}".lower() for key, value in span.attributes.items())


def _plan(analysis: TraceAnalysis, wish: Wish, deep: bool) -> _Plan:
    rows = analysis.rows
    ends, parents = _extents(rows)
    troubled = [row.error is SpanError.ORIGIN or bool(row.notes and not row.inferred) for row in rows]
    opened = [row.span.span_id == wish.opened for row in rows]
    needed: set[int] = set()
    for place in range(len(rows) - 1, -1, -1):
        up = parents[place]
        if up >= 0 and troubled[place]:
            troubled[up] = True
        if opened[place] or rows[place].error is SpanError.ORIGIN:
            while up >= 0 and up not in needed:
                needed.add(up)
                up = parents[up]
    return _Plan(
        analysis=analysis,
        wish=wish,
        colours=colours_of(analysis),
        critical=critical_stretches(analysis),
        deep=deep,
        needed=needed,
        ends=ends,
        keys=_keys(rows),
        troubled=troubled,
    )


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


def _lay_out(plan: _Plan, matching: Sequence[bool]) -> None:
    """Walk the rows in order; a folded row hides its subtree, or leaves it out where the trace is large."""
    rows = plan.analysis.rows
    groups = _groups(plan)
    hidden_until = 0
    extra: list[int] = []
    place = 0
    while place < len(rows):
        while extra and extra[-1] <= place:
            extra.pop()
        size = groups.get(place, 0)
        hidden = place < hidden_until
        if size:
            end = _after_siblings(plan, place, size)
            is_open = _is_open(plan, f"g{plan.keys[place]}", begins_open=_any_needed(plan, place, end))
            left_out = plan.deep and not is_open
            plan.lines.append(_group_line(plan, place, end, size, is_open, hidden, extra, matching))
            if left_out:
                place = end
                continue
            extra.append(end)
            if not is_open:
                hidden_until = max(hidden_until, end)
        hidden = place < hidden_until
        foldable = plan.ends[place] > place + 1
        is_open = not foldable or _is_open(plan, plan.keys[place], begins_open=_begins_open(plan, place))
        leave_out = foldable and not is_open and plan.deep
        plan.lines.append(
            _line(
                plan,
                place,
                level=rows[place].depth + 1 + len(extra),
                foldable=foldable,
                open_=is_open,
                hidden=hidden,
                matches=matching[place],
                below=plan.ends[place] - place - 1 if leave_out else 0,
            )
        )
        if foldable and not is_open:
            if leave_out:
                place = plan.ends[place]
                continue
            hidden_until = max(hidden_until, plan.ends[place])
        place += 1


def _is_open(plan: _Plan, key: str, begins_open: bool) -> bool:
    if key in plan.wish.folded:
        return False
    return begins_open or key in plan.wish.unfolded or "all" in plan.wish.unfolded


def _begins_open(plan: _Plan, place: int) -> bool:
    return not plan.deep or plan.analysis.rows[place].depth < FOLD_DEPTH - 1 or place in plan.needed


def _any_needed(plan: _Plan, place: int, end: int) -> bool:
    opened = plan.wish.opened
    return opened is not None and any(row.span.span_id == opened for row in plan.analysis.rows[place:end])


def _groups(plan: _Plan) -> dict[int, int]:
    """First places of runs of alike siblings, and how many they are; what failed is never put into one."""
    rows = plan.analysis.rows
    found: dict[int, int] = {}
    runs: dict[tuple[int, int], tuple[int, int]] = {}
    ups: list[int] = []
    for place, row in enumerate(rows):
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


def _alike(plan: _Plan, one: int, other: int) -> bool:
    a, b = plan.analysis.rows[one], plan.analysis.rows[other]
    return (
        not plan.troubled[other]
        and b.error is SpanError.NONE
        and a.span.service == b.span.service
        and a.span.name == b.span.name
        and a.span.kind == b.span.kind
    )


def _after_siblings(plan: _Plan, place: int, size: int) -> int:
    for _ in range(size):
        place = plan.ends[place]
    return place


def _group_line(
    plan: _Plan,
    place: int,
    end: int,
    size: int,
    is_open: bool,
    hidden: bool,
    extra: Sequence[int],
    matching: Sequence[bool],
) -> Line:
    row = plan.analysis.rows[place]
    members = []
    at = place
    for _ in range(size):
        members.append(plan.analysis.rows[at].span)
        at = plan.ends[at]
    first = min(span.start_unix_nano for span in members)
    last = max(span.end_unix_nano for span in members)
    x, width = stretch(plan.analysis, first, last - first)
    return Line(
        key=f"g{plan.keys[place]}",
        row=row,
        level=row.depth + 1 + len(extra),
        bar=Bar(x, width),
        colour=plan.colours.get(row.span.service, 1),
        foldable=True,
        open=is_open,
        hidden=hidden,
        matches=any(matching[place:end]),
        group=size,
        below=end - place if plan.deep and not is_open else 0,
    )


def _line(
    plan: _Plan,
    place: int,
    level: int,
    foldable: bool,
    open_: bool,
    hidden: bool,
    matches: bool,
    below: int,
) -> Line:
    row = plan.analysis.rows[place]
    return Line(
        key=plan.keys[place],
        row=row,
        level=level,
        bar=bar_of(plan.analysis, row, plan.critical),
        colour=plan.colours.get(row.span.service, 1),
        foldable=foldable,
        open=open_,
        hidden=hidden,
        matches=matches,
        below=below,
    )


def _flat(plan: _Plan, place: int) -> Line:
    """A row on its own, as a list of matches shows it."""
    return _line(plan, place, 1, foldable=False, open_=True, hidden=False, matches=True, below=0)


def _within_limit(lines: Sequence[Line], opened: SpanId | None) -> list[Line]:
    """The first rows of the page, and the opened one wherever it stands."""
    kept = list(lines[:ROWS_LIMIT])
    if opened is not None:
        kept.extend(line for line in lines[ROWS_LIMIT:] if line.row.span.span_id == opened and not line.group)
    return kept
