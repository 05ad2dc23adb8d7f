"""Marks of moments on a chart over time: a line with a flag, its words shown on hover and focus. Pure.

Each is a link, so that a keyboard reaches it and a screen reader reads its words: its `<title>`
is its name and its tooltip. Marks that would lie on one another are one mark with a count.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from textwrap import wrap

from markupsafe import Markup

from observer.drawing import svg
from observer.drawing.alert_bands import Band
from store.api import Window

_APART = 16.0
"""Marks closer than this, in units, are one: the width of a flag with a count of two digits."""
_FLAG = 14.0
_LISTED = 6
"""Marks of one flag whose words are all in its tooltip."""
_CHARACTER = 9.4
_LINE = 21.6
"""Width of a character of the words and height of a line, in units, at most: of a wide chart on a phone."""
_BELOW_FLAGS = 26.0
"""Where the words begin: no flag of a neighbour lies on them."""
CUT = "older ones are not marked"


@dataclass(frozen=True, slots=True)
class EventMark:
    """One moment."""

    unix_nano: int
    words: str
    """What happened, on one line."""
    href: str
    of: str = "deployment"
    """What kind of moment it is: also a class of its drawing."""


@dataclass(frozen=True, slots=True)
class EventMarks:
    """The moments of a window, and the stretches that touch it."""

    marks: Sequence[EventMark] = ()
    cut: bool = False
    """Whether older ones of the window were left out."""
    bands: Sequence[Band] = ()
    """Stretches of time, such as alerts."""


NONE = EventMarks()


@dataclass(frozen=True, slots=True)
class Plot:
    """The place to draw in."""

    window: Window
    x: Callable[[float], float]
    left: float
    right: float
    top: float
    bottom: float


def within(events: EventMarks, window: Window) -> Sequence[EventMark]:
    """The moments that lie in a window, oldest first."""
    found = (m for m in events.marks if window.from_unix_nano <= m.unix_nano < window.to_unix_nano)
    return sorted(found, key=lambda mark: mark.unix_nano)


def draw(events: EventMarks, plot: Plot) -> Markup:
    """The marks that lie in the window of the plot."""
    flags: list[list[EventMark]] = []
    for mark in within(events, plot.window):
        if flags and plot.x(mark.unix_nano) - plot.x(flags[-1][0].unix_nano) < _APART:
            flags[-1].append(mark)
        else:
            flags.append([mark])
    drawn = [_flag(marks, plot) for marks in flags]
    if events.cut:
        drawn.append(svg.text(plot.left + 2, plot.top + 10, CUT, class_="tick"))
    return svg.joined(drawn)


def words_of(marks: Sequence[EventMark]) -> str:
    """`3 deployments:` (`3 changes:` of several kinds) and the words of a flag's marks, a line each."""
    if len(marks) == 1:
        return marks[0].words
    more = [f"{len(marks) - _LISTED} more"] if len(marks) > _LISTED else []
    return "\n".join([_title(marks), *(mark.words for mark in marks[:_LISTED]), *more])


def _title(marks: Sequence[EventMark]) -> str:
    kinds = {mark.of for mark in marks}
    return f"{len(marks)} {kinds.pop() if len(kinds) == 1 else 'change'}s:"


def _flag(marks: Sequence[EventMark], plot: Plot) -> Markup:
    # At the right end a flag points to the left.
    x = plot.x(marks[0].unix_nano)
    side = -1.0 if x + _FLAG > plot.right else 1.0
    flag = (
        svg.element("path", d=_shape(marks[0], x, side, plot))
        if len(marks) == 1
        else svg.element(
            "rect", x=x if side > 0 else x - _FLAG - 2, y=plot.top, width=_FLAG + 2, height=11.0, rx=2.0
        )
        + svg.text(
            x + side * (_FLAG + 2) / 2,
            plot.top + 9,
            _count(len(marks)),
            text_anchor="middle",
            aria_hidden="true",
        )
    )
    return svg.element(
        "a",
        svg.title(words_of(marks)),
        svg.element("line", x1=x, x2=x, y1=plot.top, y2=plot.bottom),
        flag,
        _shown_words(marks, x, plot),
        href=marks[-1].href,
        class_="chart-event change" if {mark.of for mark in marks} == {"change"} else "chart-event",
    )


def _shape(mark: EventMark, x: float, side: float, plot: Plot) -> str:
    """A flag with a notch for a deployment, a pennant for what was only seen to change."""
    begin = f"M{svg.number(x)} {svg.number(plot.top)}"
    if mark.of == "change":
        return f"{begin}l{svg.number(side * _FLAG)} 5l{svg.number(-side * _FLAG)} 5z"
    return (
        f"{begin}h{svg.number(side * _FLAG)}"
        f"l{svg.number(-side * 4)} 5l{svg.number(side * 4)} 5h{svg.number(-side * _FLAG)}z"
    )


def _count(number: int) -> str:
    return str(number) if number < 100 else "99+"


def _shown_words(marks: Sequence[EventMark], x: float, plot: Plot) -> Markup:
    """The words beside the flag, towards the side with more room, in as many lines as there is room for."""
    onwards = x < (plot.left + plot.right) / 2
    room = max(12, int(((plot.right - x) if onwards else (x - plot.left)) / _CHARACTER) - 2)
    first = plot.top + _BELOW_FLAGS
    most = max(1, int((plot.bottom - first) / _LINE) + 1)
    title = [_title(marks)] if len(marks) > 1 else []
    lines = [*title, *(line for mark in marks[:_LISTED] for line in wrap(mark.words, room))]
    if len(lines) > most or len(marks) > _LISTED:
        lines = [*lines[: most - 1], f"{lines[most - 1][: room - 1]}…" if len(lines) >= most else "…"]
    at = svg.number(x + _FLAG + 6 if onwards else x - _FLAG - 6)
    spans = [svg.element("tspan", line, x=at, dy="1.2em" if n else None) for n, line in enumerate(lines)]
    return svg.element("text", *spans, y=first, class_="words", text_anchor="start" if onwards else "end")
