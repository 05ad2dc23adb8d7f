"""Charts over time: lines, stacked columns, and points by time and value.

Every chart takes its window in Unix nanoseconds and draws in units of a viewBox that is
scaled to the width of its place. With `brush` it has the data attributes that
static/brush.js reads to zoom. A chart is an image with a name for screen readers; the page
has the same numbers as a table. Moments of a frame, such as deployments, stand on every kind.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from markupsafe import Markup, escape

from observer.drawing import alert_bands, event_marks, labels, scale, svg
from store.api import Window

_LEFT = 56.0
_MOST_LEFT = 0.34
"""Room for the labels of values: at least this many units, at most this share of the width."""
_BESIDE = 6.0
"""Between a label and its line."""
_RIGHT = 8.0
_TOP = 8.0
_BOTTOM = 20.0
_MS = 1_000_000
NARROW = 400.0
"""Width of a chart for a phone, in units: its text is hardly scaled down."""
_DOTS_ABOVE = 3.0


@dataclass(frozen=True, slots=True)
class Frame:
    """Name, window and size of a chart, and how it writes its values."""

    label: str
    """The name that screen readers read."""
    window: Window
    zone: tzinfo
    unit: Callable[[float], str]
    """How a value on the axis is written."""
    width: float = 600.0
    height: float = 160.0
    brush: bool = True
    events: event_marks.EventMarks = event_marks.NONE
    """Moments to mark; those outside of the window are not drawn."""
    left: float = _LEFT
    """Where the plot begins: right of the labels of its values."""

    @property
    def right(self) -> float:
        return self.width - _RIGHT

    @property
    def top(self) -> float:
        return _TOP

    @property
    def bottom(self) -> float:
        return self.height - _BOTTOM

    def x(self, unix_nano: float) -> float:
        """The x coordinate of a time."""
        w = self.window
        return scale.position(unix_nano, w.from_unix_nano, w.to_unix_nano, self.left, self.right)

    def y(self, value: float, highest: float) -> float:
        """The y coordinate of a value between 0 and the highest."""
        return scale.position(value, 0, highest, self.bottom, self.top)


@dataclass(frozen=True, slots=True)
class Line:
    """One line: values at the beginnings of equal columns; None leaves a gap."""

    name: str
    css: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of stacked columns, the first at the bottom."""

    name: str
    css: str
    values: Sequence[float]


@dataclass(frozen=True, slots=True)
class Dot:
    """One point of a scatter plot, or one observation beside lines."""

    unix_nano: int
    value: float
    css: str
    title: str
    href: str
    count: int = 0
    """What its title counts; 0 where it counts nothing."""
    of: str = ""


def lines(
    frame: Frame, of: Sequence[Line], column_titles: Sequence[str] = (), dots: Sequence[Dot] = ()
) -> Markup:
    """Lines over time; a value without neighbours is a dot. `column_titles` are tooltips.

    `dots` are single observations beside the lines, each a link; one above the lines by more than
    _DOTS_ABOVE times stands at the upper edge.
    """
    values = [v for line in of for v in line.values if v is not None]
    highest, lowest = max(values, default=0.0), min(values, default=0.0)
    seen = [dot.value for dot in dots]
    if highest > 0:
        highest = max(highest, min(max(seen, default=0.0), highest * _DOTS_ABOVE))
    elif not values:
        highest, lowest = max(seen, default=0.0), min(seen, default=0.0)
    ends = scale.signed_ticks(lowest, highest, 3)
    frame = _with_room(frame, [frame.unit(mark) for mark in ends])
    axis = _rules(frame, [(_level(frame, mark, ends), frame.unit(mark)) for mark in ends])
    count = max((len(line.values) for line in of), default=0)
    drawn = [_line(frame, line, ends) for line in of]
    hovers = _hovers(frame, count, column_titles)
    placed = [_dot(dot, frame.x(dot.unix_nano), _level(frame, dot.value, ends)) for dot in dots]
    return _chart(frame, [axis, _time_axis(frame), *drawn, hovers, *placed], "lines", links=bool(dots))


def _level(frame: Frame, value: float, ends: Sequence[float]) -> float:
    """The y coordinate of a value on an axis with these marks, at an edge where it lies beyond them."""
    inside = min(max(value, ends[0]), ends[-1])
    return scale.position(inside, ends[0], ends[-1], frame.bottom, frame.top)


def columns(
    frame: Frame,
    layers: Sequence[Layer],
    column_titles: Sequence[str] = (),
    hrefs: Sequence[str] = (),
    of: str = "",
) -> Markup:
    """Stacked columns over time; each may be a link (`hrefs`) with a tooltip (`column_titles`).

    A link counts the sum of its layers; `of` names what that is.
    """
    count = max((len(layer.values) for layer in layers), default=0)
    sums = [sum(layer.values[i] for layer in layers) for i in range(count)]
    frame, marks, top = _values_axis(frame, max(sums, default=0.0))
    width = (frame.right - frame.left) / max(1, count)
    gap = 1.0 if width > 3 else 0.0
    drawn = []
    for i in range(count):
        if sums[i]:
            values = [(layer.css, layer.values[i]) for layer in layers if layer.values[i]]
            stack = _stack(frame, values, top, svg.number(frame.left + i * width), svg.number(width - gap))
            drawn.append(_column(stack, i, column_titles, hrefs, int(sums[i]), of))
    return _chart(frame, [marks, _time_axis(frame), *drawn], "columns", links=bool(hrefs))


def _stack(frame: Frame, values: Sequence[tuple[str, float]], top: float, x: str, width: str) -> Markup:
    """(class, value) of a column's layers, one on top of the other. By hand: a page has hundreds of them."""
    parts, below = [], 0.0
    foot = frame.y(below, top)
    for css, value in values:
        y = frame.y(below + value, top)
        height = svg.number(max(1.0, foot - y))
        parts.append(
            f'<rect x="{x}" y="{svg.number(y)}" width="{width}" height="{height}" class="{escape(css)}"/>'
        )
        below += value
        foot = y
    return Markup("".join(parts))  # noqa: S704 - numbers, and what was escaped


def scatter(frame: Frame, dots: Sequence[Dot]) -> Markup:
    """Points by time and value on a logarithmic axis, each a link."""
    values = [max(dot.value, 1e-9) for dot in dots]
    if not values:
        return _chart(frame, [_time_axis(frame)], "scatter")
    marks = scale.log_ticks(min(values), max(values))
    frame = _with_room(frame, [frame.unit(mark) for mark in marks])
    low, high = math.log10(marks[0]), math.log10(marks[-1])

    def y(value: float) -> float:
        return scale.position(math.log10(max(value, 1e-9)), low, high, frame.bottom, frame.top)

    rules = _rules(frame, [(y(mark), frame.unit(mark)) for mark in marks])
    drawn = [_dot(dot, frame.x(dot.unix_nano), y(dot.value)) for dot in dots]
    return _chart(frame, [rules, _time_axis(frame), *drawn], "scatter", links=True)


def _dot(dot: Dot, x: float, y: float) -> Markup:
    return svg.element(
        "a",
        svg.element("circle", cx=x, cy=y, r=3.5, class_=dot.css),
        svg.title(dot.title),
        href=dot.href,
        tabindex="-1",
        data_count=dot.count or None,
        data_of=dot.of or None,
    )


def _chart(frame: Frame, parts: Sequence[Markup], kind: str, links: bool = False) -> Markup:
    w = frame.window
    attributes: dict[str, svg.Attribute] = {}
    if frame.brush:
        attributes = {
            "data-brush": True,
            "data-from": w.from_unix_nano // _MS,
            "data-to": -(-w.to_unix_nano // _MS),
            "data-left": frame.left,
            "data-right": frame.right,
        }
    plot = event_marks.Plot(w, frame.x, frame.left, frame.right, frame.top, frame.bottom)
    marks = event_marks.draw(frame.events, plot)
    strips = alert_bands.strips(frame.events.bands, plot)
    return svg.element(
        "svg",
        alert_bands.washes(frame.events.bands, plot),
        *parts,
        strips,
        marks,
        viewBox=f"0 0 {svg.number(frame.width)} {svg.number(frame.height)}",
        class_=f"chart {kind}"
        + (" brush" if frame.brush else "")
        + (" narrow" if frame.width <= NARROW else ""),
        role="group" if links or marks or strips else "img",
        aria_label=frame.label,
        **attributes,
    )


def _phone_font(frame: Frame) -> float:
    return labels.NARROW_PHONE_FONT if frame.width <= NARROW else labels.PHONE_FONT


def _with_room(frame: Frame, words: Sequence[str]) -> Frame:
    """The frame with a margin in which the longest of these labels has room, on a phone, too."""
    longest = max((labels.width_of(each, _phone_font(frame)) for each in words), default=0.0)
    room = longest + _BESIDE + 2
    return replace(frame, left=max(_LEFT, min(room, _MOST_LEFT * frame.width)))


def _values_axis(frame: Frame, highest: float) -> tuple[Frame, Markup, float]:
    """The frame with room for the labels of its values, their rules, and the value at the top."""
    marks = scale.ticks(highest, 3)
    words = [frame.unit(mark) for mark in marks]
    frame = _with_room(frame, words)
    heights = [frame.y(mark, marks[-1]) for mark in marks]
    return frame, _rules(frame, list(zip(heights, words, strict=True))), marks[-1]


def _rules(frame: Frame, marks: Sequence[tuple[float, str]]) -> Markup:
    """Lines across the plot from the bottom up, each with its label where that has room."""
    heights = [y for y, words in marks if words]
    room = labels.down(heights, labels.WIDE_FONT), labels.down(heights, _phone_font(frame))
    fitting = dict(zip(heights, zip(*room, strict=True), strict=True))
    parts = []
    for y, words in marks:
        parts.append(svg.element("line", x1=frame.left, x2=frame.right, y1=y, y2=y, class_="grid"))
        fits, on_phones = fitting.get(y, (False, False))
        if fits and words:
            parts.append(_value_label(frame, y, words, on_phones=on_phones))
    return svg.joined(parts)


def _value_label(frame: Frame, y: float, words: str, *, on_phones: bool) -> Markup:
    room = frame.left - _BESIDE
    squeezed: dict[str, svg.Attribute] = {}
    if labels.width_of(words, _phone_font(frame)) > room:
        squeezed = {"textLength": room - 1, "lengthAdjust": "spacingAndGlyphs"}
    css = "tick" if on_phones else "tick desk-only"
    return svg.text(room, y + 3.5, words, class_=css, text_anchor="end", **squeezed)


def _time_axis(frame: Frame) -> Markup:
    w = frame.window
    ticks = scale.time_ticks(w.from_unix_nano, w.to_unix_nano, frame.zone)
    parts = [
        svg.element("line", x1=x, x2=x, y1=frame.bottom, y2=frame.bottom + 4, class_="grid")
        for x in (frame.x(at) for at, _ in ticks)
    ]
    placed = labels.along(
        [(frame.x(at), words) for at, words in ticks], frame.left, frame.width, _phone_font(frame)
    )
    parts += [
        svg.text(
            each.x,
            frame.height - 4,
            each.words,
            class_="tick" if each.on_phones else "tick desk-only",
            text_anchor=each.anchor,
        )
        for each in placed
    ]
    return svg.joined(parts)


def _line(frame: Frame, line: Line, ends: Sequence[float]) -> Markup:
    width = (frame.right - frame.left) / max(1, len(line.values))
    runs: list[list[tuple[float, float]]] = [[]]
    for i, value in enumerate(line.values):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((frame.left + (i + 0.5) * width, _level(frame, value, ends)))
    parts = []
    for run in runs:
        if len(run) == 1:
            parts.append(svg.element("circle", cx=run[0][0], cy=run[0][1], r=2.0, class_=f"dot {line.css}"))
        elif run:
            points = " ".join(f"{svg.number(x)},{svg.number(y)}" for x, y in run)
            parts.append(svg.element("polyline", points=points, fill="none", class_=f"line {line.css}"))
    return svg.joined(parts)


def _hovers(frame: Frame, count: int, titles: Sequence[str]) -> Markup:
    width = (frame.right - frame.left) / max(1, count)
    # As text, and only what differs: dozens of elements by `svg.element` were a tenth of a page.
    size = (
        f'y="{svg.number(frame.top)}" width="{svg.number(width)}" '
        f'height="{svg.number(frame.bottom - frame.top)}" class="hover"'
    )
    return Markup(  # noqa: S704 - the words are escaped
        "".join(
            [
                f'<rect x="{svg.number(frame.left + i * width)}" {size}><title>{escape(words)}</title></rect>'
                for i, words in enumerate(titles[:count])
                if words
            ]
        )
    )


def _column(
    stack: Markup,
    i: int,
    titles: Sequence[str],
    hrefs: Sequence[str],
    number: int,
    of: str,
) -> Markup:
    """A column, by hand as its layers are: a link that counts so many, or a group without one."""
    title = f"<title>{escape(titles[i])}</title>" if i < len(titles) and titles[i] else ""
    if i < len(hrefs) and hrefs[i]:
        head = f'href="{escape(hrefs[i])}" tabindex="-1" data-count="{number}" data-of="{escape(of)}"'
        return Markup(f"<a {head}>{stack}{title}</a>")  # noqa: S704 - escaped above
    return Markup(f"<g>{stack}{title}</g>")  # noqa: S704 - escaped above
