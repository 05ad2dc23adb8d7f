"""One row of the waterfall as it is placed in the page. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from observer.screens.apm.trace.timeline_bars import Bar
from observer.trace_notes import row_notes, skew_words
from signals.model import SpanError
from signals.trace_analysis import TraceRow

_MAX_INDENT = 16
"""The style sheet indents so many levels; deeper rows are not indented further."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Rows that are left out because the page is full."""

    rows: int
    offset: int
    """The `WaterfallFilter.offset` of a page that holds them."""


@dataclass(frozen=True, slots=True)
class WaterfallRow:
    """A span, an inferred span, or a group of similar siblings."""

    key: str
    """The row's id in the page, unique even where span ids are not."""
    trace_row: TraceRow
    """Of a group: its first sibling."""
    level: int
    """1 for a top row, as in `aria-level`."""
    bar: Bar
    duration_ns: int
    """Of a group: from the first start to the last end."""
    colour: int
    """1 to SERVICE_COLOURS, the same for all rows of a service."""
    foldable: bool
    open: bool
    hidden: bool
    """The row is under a folded one: the page holds it, but does not show it."""
    matches: bool
    group: int = 0
    """The number of siblings in this row; 0 for a row of one span."""
    omitted: int = 0
    """Rows under this folded one that the page does not hold."""
    gap_before: Gap | None = None

    @property
    def error(self) -> SpanError:
        return self.trace_row.error

    @property
    def mark(self) -> str:
        """What `data-mark` holds: `error`, `error origin`, or nothing."""
        if self.error is SpanError.NONE:
            return ""
        return "error origin" if self.error is SpanError.ORIGIN else "error"

    @property
    def indent(self) -> int:
        """The level by which the row is indented."""
        return min(self.level, _MAX_INDENT)

    @property
    def operation(self) -> str:
        """The span's name, or `call` where it has none."""
        return self.trace_row.span.name or "call"

    @property
    def badges(self) -> tuple[str, ...]:
        """What is unusual about the span, in two or three words each."""
        row = self.trace_row
        found = (
            ("orphan", row.orphan),
            ("circular", row.circular),
            ("same id twice", row.duplicate),
            ("clock skew", row.skewed),
            (
                f"clock {skew_words(row.span.clock_shift_ns)}",
                bool(row.span.clock_shift_ns) and not row.inferred,
            ),
            ("odd times", row.span.odd_time is not None and not row.inferred),
        )
        return tuple(word for word, holds in found if holds)

    @property
    def notes(self) -> str:
        """The same in sentences."""
        return " ".join(row_notes(self.trace_row))
