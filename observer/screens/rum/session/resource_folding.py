"""Folding of resources: successful resources of a page that follow one another become one line.

A resource that failed is never folded. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from observer.screens.rum.session.event_rows import EventRow

ALL = "all"
"""The key that unfolds every run."""


@dataclass(frozen=True, slots=True)
class ResourceRun:
    """Consecutive successful resources of one page, at one level."""

    rows: tuple[EventRow, ...]
    open: bool
    statuses: tuple[int, ...]
    """The distinct HTTP statuses, ascending."""
    slowest: EventRow
    left: float
    width: float
    """Percent of the bar column, from the first start to the last end."""

    @property
    def key(self) -> str:
        """The span id of its first row: it stays the same when later resources arrive."""
        return self.rows[0].event.span.span_id

    @property
    def dom_id(self) -> str:
        """The id of its element."""
        return f"r-{self.key}"

    @property
    def level(self) -> int:
        """The level of its rows, from 1."""
        return self.rows[0].level

    @property
    def duration_ns(self) -> int:
        """From the first start to the last end."""
        spans = [row.event.span for row in self.rows]
        return max(span.end_unix_nano for span in spans) - min(span.start_unix_nano for span in spans)

    @property
    def label_before(self) -> bool:
        """Whether the duration is written before the bar, as for the row that ends last."""
        return max(self.rows, key=lambda row: row.left + row.width).label_before


def fold_resources(
    rows: Sequence[EventRow], unfolded: frozenset[str], opened: str
) -> Iterator[EventRow | ResourceRun]:
    """The rows with their runs of resources folded; a run that holds the opened event is open."""
    for (foldable, _), group in groupby(rows, key=lambda row: (_is_foldable(row), row.level)):
        found = tuple(group)
        if not foldable or len(found) < 2:
            yield from found
            continue
        ids = {row.event.span.span_id for row in found}
        yield _run(found, is_open=bool(ids & unfolded) or ALL in unfolded or opened in ids)


def _is_foldable(row: EventRow) -> bool:
    return row.event.kind == "resource" and not row.failed


def _run(rows: tuple[EventRow, ...], *, is_open: bool) -> ResourceRun:
    left = min(row.left for row in rows)
    return ResourceRun(
        rows=rows,
        open=is_open,
        statuses=tuple(sorted({row.status for row in rows if row.status is not None})),
        slowest=max(rows, key=lambda row: row.event.span.duration_ns),
        left=left,
        width=max(row.left + row.width for row in rows) - left,
    )
