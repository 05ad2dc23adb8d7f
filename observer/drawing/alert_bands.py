"""Bands of stretches of time on a chart, such as alerts: a wash over the plot, and a strip above it. Pure.

The strip is a link, so that a keyboard reaches it and a screen reader reads its words. Stretches that would
lie on one another share a strip, with the words of all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from markupsafe import Markup

from observer.drawing import svg
from store.api import Window

_STRIP: Final = 5.0
_LEAST: Final = 6.0
"""The least width of a strip, in units: what is narrower can hardly be pointed at."""
_LISTED: Final = 6


@dataclass(frozen=True, slots=True)
class Band:
    """One stretch of time."""

    from_unix_nano: int
    to_unix_nano: int | None
    """None while it goes on."""
    words: str
    """What it is, on one line."""
    href: str
    css: str = ""
    """Its severity: a class of its drawing."""


class Place(Protocol):
    """The place to draw in: `event_marks.Plot`."""

    @property
    def window(self) -> Window: ...
    @property
    def left(self) -> float: ...
    @property
    def right(self) -> float: ...
    @property
    def top(self) -> float: ...
    @property
    def bottom(self) -> float: ...
    def x(self, unix_nano: float, /) -> float:
        """The x coordinate of a time."""


def within(bands: Sequence[Band], window: Window) -> Sequence[Band]:
    """Those that touch a window, by their begin."""
    found = [
        band
        for band in bands
        if band.from_unix_nano < window.to_unix_nano
        and (band.to_unix_nano is None or band.to_unix_nano >= window.from_unix_nano)
    ]
    return sorted(found, key=lambda band: band.from_unix_nano)


def washes(bands: Sequence[Band], plot: Place) -> Markup:
    """The coloured stretches, to lie below what a chart draws."""
    return svg.joined(
        svg.element(
            "rect",
            x=begin,
            y=plot.top,
            width=end - begin,
            height=plot.bottom - plot.top,
            class_=f"alert-wash {band.css}".strip(),
        )
        for band in within(bands, plot.window)
        for begin, end in (_ends(band, plot),)
    )


def strips(bands: Sequence[Band], plot: Place) -> Markup:
    """The links above the plot, each with the words of the stretches below it."""
    groups: list[tuple[float, float, list[Band]]] = []
    for band in within(bands, plot.window):
        begin, end = _ends(band, plot)
        if groups and begin <= groups[-1][1]:
            first, last, members = groups[-1]
            groups[-1] = first, max(last, end), [*members, band]
        else:
            groups.append((begin, end, [band]))
    return svg.joined(_strip(begin, end, members, plot) for begin, end, members in groups)


def words_of(bands: Sequence[Band]) -> str:
    """The words of one, or of several a line each below their number."""
    if len(bands) == 1:
        return bands[0].words
    more = [f"{len(bands) - _LISTED} more"] if len(bands) > _LISTED else []
    return "\n".join([f"{len(bands)} alerts:", *(band.words for band in bands[:_LISTED]), *more])


def _strip(begin: float, end: float, bands: Sequence[Band], plot: Place) -> Markup:
    return svg.element(
        "a",
        svg.title(words_of(bands)),
        svg.element(
            "rect", x=begin, y=plot.top - _STRIP - 1, width=max(end - begin, 0.0), height=_STRIP, rx=1.5
        ),
        href=bands[-1].href,
        class_=f"chart-alert {bands[-1].css}".strip(),
    )


def _ends(band: Band, plot: Place) -> tuple[float, float]:
    """The x coordinates of a band inside the plot; one that is too narrow is widened."""
    begin = max(plot.left, plot.x(band.from_unix_nano))
    end = plot.right if band.to_unix_nano is None else min(plot.right, plot.x(band.to_unix_nano))
    if end - begin < _LEAST:
        end = min(plot.right, begin + _LEAST)
        begin = max(plot.left, end - _LEAST)
    return begin, end
