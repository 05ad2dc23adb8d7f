"""Time as places on a line, with long idle stretches cut short.

A reader who looked at a page for a minute and then clicked leaves a minute of
nothing; drawn to scale, everything else would be hairlines. Pure arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

IDLE_NS = 1_500_000_000
"""A stretch longer than this in which nothing happens is cut."""
_BREAK_SHARE = 0.04
"""Of the line's length, what a cut takes."""
_MOST_BREAKS = 12
"""Beyond this many cuts only the longest are made."""


@dataclass(frozen=True, slots=True)
class Break:
    """A cut: where it is drawn (percent) and how long nothing happened."""

    at: float
    width: float
    idle_ns: int


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Scale:
    """Places in percent of the line's length."""

    start_unix_nano: int
    end_unix_nano: int
    pieces: tuple[_Piece, ...]
    breaks: tuple[Break, ...]

    def at(self, unix_nano: int) -> float:
        """Where a moment lies; moments outside are put at the ends."""
        place = 0.0
        for piece in self.pieces:
            if unix_nano <= piece.start:
                return max(place, piece.left) if unix_nano == piece.start else place
            share = min(1.0, (unix_nano - piece.start) / max(1, piece.end - piece.start))
            place = piece.left + share * piece.width
        return min(100.0, place)

    def moment(self, at: float) -> int | None:
        """The moment that lies at a place; None where the line is cut."""
        for piece in self.pieces:
            if piece.left <= at <= piece.left + piece.width:
                share = (at - piece.left) / piece.width if piece.width else 0.0
                return piece.start + round(share * (piece.end - piece.start))
        return None


def scale(intervals: Iterable[tuple[int, int]]) -> Scale:
    """The scale of (start, end) pairs in Unix nanoseconds; of nothing, a scale of nothing."""
    busy = _union(sorted(intervals))
    if not busy:
        return Scale(0, 1, (_Piece(0, 1, 0.0, 100.0),), ())
    busy = _join_short(busy)
    room = 100.0 - 100.0 * _BREAK_SHARE * (len(busy) - 1)
    active = sum(end - start for start, end in busy) or 1
    # Each busy piece keeps a little room even where it is a single moment.
    least = room * 0.02
    widths = [max(least, room * (end - start) / active) for start, end in busy]
    factor = room / sum(widths)
    pieces: list[_Piece] = []
    breaks: list[Break] = []
    left = 0.0
    for (start, end), width in zip(busy, widths, strict=True):
        if pieces:
            breaks.append(Break(left, 100.0 * _BREAK_SHARE, start - pieces[-1].end))
            left += 100.0 * _BREAK_SHARE
        pieces.append(_Piece(start, end, left, width * factor))
        left += width * factor
    return Scale(busy[0][0], busy[-1][1], tuple(pieces), tuple(breaks))


def _union(intervals: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    for start, end in intervals:
        if found and start - found[-1][1] <= IDLE_NS:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, max(start, end)))
    return found


def _join_short(busy: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Keep only the longest gaps where there are too many to draw."""
    if len(busy) - 1 <= _MOST_BREAKS:
        return busy
    gaps = sorted((busy[i + 1][0] - busy[i][1] for i in range(len(busy) - 1)), reverse=True)
    least = gaps[_MOST_BREAKS - 1]
    joined = [busy[0]]
    left = _MOST_BREAKS
    for start, end in busy[1:]:
        if start - joined[-1][1] >= least and left:
            joined.append((start, end))
            left -= 1
        else:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
    return joined
