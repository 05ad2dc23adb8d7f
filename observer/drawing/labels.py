"""How wide and high the labels of an axis are, and which of them have room beside one another. Pure.

A drawing is scaled to the width of its place, and on a phone its text is enlarged (static/charts.css).
So each label is measured twice: what has no room there is drawn for the desk only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

Anchor = Literal["start", "middle", "end"]

WIDE_FONT: Final = 11.0
"""Size of a label on a desk, in units."""
PHONE_FONT: Final = 18.0
NARROW_PHONE_FONT: Final = 13.0
"""Sizes on a phone: of a wide drawing, and of one that is drawn for phones."""
_LINE: Final = 1.25
"""Height of a line of text, by its size."""
_WIDTHS: Final = {
    **dict.fromkeys(" ,.:;'|/ijlI!", 0.36),
    **dict.fromkeys("mw", 0.98),
    **dict.fromkeys("MW%", 1.0),
    **dict.fromkeys("rtf-()", 0.45),
}
"""Of characters by the text's size, at most: of Inter, and of DejaVu where it is not installed."""
_WIDTH, _CAPITAL = 0.65, 0.8
APART: Final = 0.6
"""The gap between two labels of an axis, by the text's size."""


def width_of(words: str, font: float) -> float:
    """The width of a text at most, in units."""
    return font * sum(_WIDTHS.get(each, _CAPITAL if each.isupper() else _WIDTH) for each in words)


@dataclass(frozen=True, slots=True)
class Placed:
    """A label of the time axis."""

    x: float
    words: str
    anchor: Anchor
    on_phones: bool
    """Whether it has room where the text is enlarged."""


def along(
    candidates: Iterable[tuple[float, str]], left: float, right: float, phone_font: float
) -> Sequence[Placed]:
    """Those labels of an axis, from the left, that have room between `left` and `right`."""
    found = []
    free = free_on_phones = left
    for x, words in candidates:
        wide = width_of(words, phone_font)
        anchor: Anchor = "start" if x - wide / 2 < left else "end" if x + wide / 2 > right else "middle"
        begin, end = _extent(x, width_of(words, WIDE_FONT), anchor)
        if begin < free or end > right + 1:
            continue
        free = end + APART * WIDE_FONT
        begin, end = _extent(x, wide, anchor)
        on_phones = begin >= free_on_phones and end <= right + 1
        if on_phones:
            free_on_phones = end + APART * phone_font
        found.append(Placed(x, words, anchor, on_phones))
    return found


def _extent(x: float, wide: float, anchor: Anchor) -> tuple[float, float]:
    begin = x - {"start": 0.0, "middle": 0.5, "end": 1.0}[anchor] * wide
    return begin, begin + wide


def down(heights: Iterable[float], font: float) -> Sequence[bool]:
    """Which labels of an axis of values, from the bottom, have room for a line of text."""
    found, free = [], float("inf")
    for y in heights:
        fits = y <= free
        if fits:
            free = y - _LINE * font
        found.append(fits)
    return found
