"""Rows that tell little one by one: a page's successful resources, several in a row, fold into one line.

What failed is never folded away. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from observer.screens.rum.session.event_rows import Row

ALL = "all"
"""In place of a key: every run is unfolded."""


@dataclass(frozen=True, slots=True)
class Run:
    """Consecutive resources of one page that all succeeded; its rows follow it, a level deeper."""

    rows: tuple[Row, ...]
    open: bool
    statuses: tuple[int, ...]
    """Those that occur, each once."""
    slowest: Row
    left: float
    width: float
    """Percent of the bar column, from the first start to the last end."""

    @property
    def key(self) -> str:
        """The span id of its first row: stays while others come at its end."""
        return self.rows[0].event.span.span_id

    @property
    def dom_id(self) -> str:
        return f"r-{self.key}"

    @property
    def level(self) -> int:
        return self.rows[0].level

    @property
    def duration_ns(self) -> int:
        """From the first start to the last end."""
        spans = [row.event.span for row in self.rows]
        return max(span.end_unix_nano for span in spans) - min(span.start_unix_nano for span in spans)

    @property
    def label_before(self) -> bool:
        return max(self.rows, key=lambda row: row.left + row.width).label_before


Line = Row | Run


def folded(rows: Sequence[Row], unfolded: frozenset[str], opened: str) -> Iterator[Line]:
    """The rows as lines; a run that holds the opened event stands open."""
    for (foldable, _), group in groupby(rows, key=lambda row: (_foldable(row), row.level)):
        found = tuple(group)
        if not foldable or len(found) < 2:
            yield from found
            continue
        ids = {row.event.span.span_id for row in found}
        yield _run(found, is_open=bool(ids & unfolded) or ALL in unfolded or opened in ids)


def _foldable(row: Row) -> bool:
    return row.event.kind == "resource" and not row.failed


def _run(rows: tuple[Row, ...], *, is_open: bool) -> Run:
    left = min(row.left for row in rows)
    return Run(
        rows=rows,
        open=is_open,
        statuses=tuple(sorted({row.status for row in rows if row.status is not None})),
        slowest=max(rows, key=lambda row: row.event.span.duration_ns),
        left=left,
        width=max(row.left + row.width for row in rows) - left,
    )
