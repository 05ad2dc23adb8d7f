"""In slots of which length a window is looked at, and which holes between covered ones are named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from store.queries import Window

_SECOND_NS: Final = 10**9

FINE_S: Final = 10
MIDDLE_S: Final = 60
COARSE_S: Final = 600
WIDTHS: Final = (FINE_S, MIDDLE_S, COARSE_S)
"""Part of SQLite's format (`cells.width`): 10 s make short windows right, 1 min draws long series, 10 min
sums cheaply.

Each is a multiple of the one before, so that a wide slot covers whole narrow ones.
"""

_LEAST_GAP_NS: Final = 60 * _SECOND_NS
"""A shorter pause is none: a person alone in the shop makes such ones."""
_GAP_FRACTION: Final = 20
"""Nor is one that is shorter than this part of the window: it changes no rate by more than 5 %."""
_MOST_FINE_SLOTS: Final = 400
"""A window is looked at in the finest slots of which it has no more than these."""


def holes_of(parts: Sequence[tuple[int, int]], window: Window) -> list[Window]:
    """The gaps between the covered parts of a window that are long enough to be named."""
    least_ns = max(_LEAST_GAP_NS, window.duration_ns // _GAP_FRACTION)
    ends = [window.from_unix_nano, *(end for part in parts for end in part), window.to_unix_nano]
    return [Window(*pair) for pair in zip(ends[::2], ends[1::2], strict=True) if pair[1] - pair[0] > least_ns]


def slot_of(window: Window) -> int:
    """The length in ns of the slots in which a window is looked at."""
    width = next((w for w in WIDTHS if window.duration_ns <= _MOST_FINE_SLOTS * w * _SECOND_NS), WIDTHS[-1])
    return width * _SECOND_NS


def merged(slots: Iterable[int], slot_ns: int, window: Window) -> list[tuple[int, int]]:
    """(from, to) of neighbouring slots, given in order, cut to the window."""
    parts: list[tuple[int, int]] = []
    for slot in slots:
        begin = max(slot * slot_ns, window.from_unix_nano)
        end = min((slot + 1) * slot_ns, window.to_unix_nano)
        if parts and parts[-1][1] == begin:
            parts[-1] = (parts[-1][0], end)
        else:
            parts.append((begin, end))
    return parts
