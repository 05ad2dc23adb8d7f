"""What the settler has in memory of what was handed over; the error for senders while that is too much."""

from __future__ import annotations

from typing import Final, NamedTuple

from store.api import StoreBusy
from store.rows import SpanRow
from store.sqlite.write.handover import Handover
from store.sqlite.write.row_values import encodable_span

NO_NUMBER: Final = 1 << 62


class Due(NamedTuple):
    """Since when a trace is due."""

    first_s: float
    """When the first of its spans that are not aggregated was taken; 0 if that is of before the start."""
    row: int
    """The number before that of the handover that it was in, or NO_NUMBER."""
    seq: int
    """A number before that span's, if it was found in the table, or NO_NUMBER."""


class RecentTrace:
    """Rows of a trace in memory, and when the last of them was taken."""

    __slots__ = ("last_s", "rows", "size_bytes", "waiting")

    def __init__(self) -> None:
        self.rows: dict[bytes, SpanRow] = {}
        self.waiting = 0
        """How many of them are not aggregated."""
        self.size_bytes = 0
        self.last_s = 0.0


def busy(lag: str) -> StoreBusy:
    """The error for senders while settling is behind; `lag` says how far."""
    return StoreBusy(
        f"Spans arrive faster than they can be settled: {lag}. They are taken again within seconds; "
        "if this lasts, send less.",
        "behind",
    )


def encodable(row: Handover) -> Handover:
    """The row with question marks for lone surrogates."""
    whole = {id(span): encodable_span(span) for span in row.spans}
    return row._replace(
        spans=list(whole.values()), browsers=[(seq, whole[id(span)]) for seq, span in row.browsers]
    )
