"""A time axis on which long idle stretches are cut short. Pure arithmetic.

A reader who looks at a page for a minute and then clicks leaves a minute without events; drawn
to scale, everything else would be hairlines.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import attrgetter

from observer.components.number_format import duration
from observer.screens.rum.svg_percent import svg_percent

IDLE_NS = 1_500_000_000
"""An idle stretch longer than this is cut."""
_BREAK_WIDTH = 4.0
"""Percent of the axis that one cut takes."""
_MOST_BREAKS = 12
"""With more idle stretches than this, only the longest are cut."""
_LEAST_PIECE_SHARE = 0.02
"""Share of the busy width that each busy piece keeps, even one that is a single moment."""


@dataclass(frozen=True, slots=True)
class Break:
    """An idle stretch that is cut: where it is drawn, in percent, and how long it lasted."""

    left: float
    width: float
    idle_ns: int

    @property
    def words(self) -> str:
        """What the cut is, and how long."""
        return f"reading time: {duration(self.idle_ns)} without an event"

    @property
    def middle(self) -> float:
        """The middle of the cut, in percent."""
        return self.left + self.width / 2

    @property
    def svg_x(self) -> str:
        """The left end as an SVG length."""
        return svg_percent(self.left)

    @property
    def svg_width(self) -> str:
        """The width as an SVG length."""
        return svg_percent(self.width)


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    left: float
    width: float


_START = attrgetter("start")


@dataclass(frozen=True, slots=True)
class TimeScale:
    """Maps Unix nanoseconds to percent of the axis and back."""

    start_unix_nano: int
    end_unix_nano: int
    pieces: tuple[_Piece, ...]
    breaks: tuple[Break, ...]

    @property
    def duration_ns(self) -> int:
        """From the first start to the last end, idle stretches included."""
        return self.end_unix_nano - self.start_unix_nano

    def percent_at(self, unix_nano: int) -> float:
        """The position of a moment, in percent; a moment outside the axis lies at its nearer end."""
        pieces, position = self.pieces, 0.0
        behind = bisect_left(pieces, unix_nano, key=_START)
        if behind:
            piece = pieces[behind - 1]
            share = min(1.0, (unix_nano - piece.start) / max(1, piece.end - piece.start))
            position = piece.left + share * piece.width
        if behind == len(pieces):
            return min(100.0, position)
        following = pieces[behind]
        return max(position, following.left) if unix_nano == following.start else position

    def moment_at(self, percent: float) -> int | None:
        """The moment at a position, in Unix nanoseconds; None inside a cut."""
        for piece in self.pieces:
            if piece.left <= percent <= piece.left + piece.width:
                share = (percent - piece.left) / piece.width if piece.width else 0.0
                return piece.start + round(share * (piece.end - piece.start))
        return None


def time_scale(intervals: Iterable[tuple[int, int]]) -> TimeScale:
    """The scale of (start, end) pairs in Unix nanoseconds; without pairs, one of a single nanosecond."""
    busy = _union(sorted(intervals))
    if not busy:
        return TimeScale(0, 1, (_Piece(0, 1, 0.0, 100.0),), ())
    busy = _join_short_gaps(busy)
    room = 100.0 - _BREAK_WIDTH * (len(busy) - 1)
    active = sum(end - start for start, end in busy) or 1
    least = room * _LEAST_PIECE_SHARE
    widths = [max(least, room * (end - start) / active) for start, end in busy]
    factor = room / sum(widths)
    pieces: list[_Piece] = []
    breaks: list[Break] = []
    left = 0.0
    for (start, end), width in zip(busy, widths, strict=True):
        if pieces:
            breaks.append(Break(left, _BREAK_WIDTH, start - pieces[-1].end))
            left += _BREAK_WIDTH
        pieces.append(_Piece(start, end, left, width * factor))
        left += width * factor
    return TimeScale(busy[0][0], busy[-1][1], tuple(pieces), tuple(breaks))


def _union(intervals: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Busy stretches: sorted intervals, joined where the gap between them is not longer than IDLE_NS."""
    found: list[tuple[int, int]] = []
    for start, end in intervals:
        if found and start - found[-1][1] <= IDLE_NS:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, max(start, end)))
    return found


def _join_short_gaps(busy: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The busy stretches, joined until only the longest _MOST_BREAKS gaps are left."""
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
