"""What a reader may ask of a waterfall, and the rows that it is answered with. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from observer.screens.apm.trace.timeline_bars import Bar
from signals.attributes import text_of
from signals.model import SpanError, SpanId
from signals.trace_analysis import TraceRow

ErrorFilter = Literal["all", "errors", "root"]


@dataclass(frozen=True, slots=True)
class Wish:
    """What the reader asked of the waterfall; all of it comes from the address."""

    errors: ErrorFilter = "all"
    text: str = ""
    service: str = ""
    """Only spans of exactly this service."""
    min_ns: int = 0
    matches_only: bool = False
    opened: SpanId | None = None
    """The span whose detail stands open."""
    unfolded: frozenset[str] = frozenset()
    """Ids of rows that begin folded and were opened; `all` opens everything."""
    folded: frozenset[str] = frozenset()
    at: int = 0
    """The first row of the page, counted from 0 among those that are not folded away."""

    @property
    def filtering(self) -> bool:
        return self.errors != "all" or self.narrowing

    @property
    def narrowing(self) -> bool:
        """Whether anything but the choice of errors leaves spans out."""
        return bool(self.text or self.service) or self.min_ns > 0


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
    skipped: int = 0
    """Rows left out just before this one, for the page is full."""
    skipped_at: int = 0
    """Where they begin: `Wish.at` of a page that holds them."""

    @property
    def error(self) -> SpanError:
        return self.row.error


def fits_error(row: TraceRow, errors: ErrorFilter) -> bool:
    """Whether a row is among all, those in error, or those where an error began."""
    if errors == "errors":
        return row.error is not SpanError.NONE
    return errors == "all" or row.error is SpanError.ORIGIN


def narrowed(rows: Sequence[TraceRow], wish: Wish) -> list[bool]:
    """For each row whether it is of the service, as long, and says the text that was asked for."""
    if not wish.narrowing:
        return [True] * len(rows)
    wanted = wish.text.lower()
    return [_fits(row, wish, wanted) for row in rows]


def _fits(row: TraceRow, wish: Wish, wanted: str) -> bool:
    span = row.span
    if span.duration_ns < wish.min_ns or (wish.service and span.service != wish.service):
        return False
    if not wanted or wanted in f"{span.service}: {span.name}".lower() or wanted == span.span_id:
        return True
    return any(wanted in f"{key}={text_of(value)}".lower() for key, value in span.attributes.items())
