"""The time axis of one page: its ticks, and the moments of the page's loading.

The moments are those of the document (first paint, DOMContentLoaded, load), which the agent
sends as events of its span, and the web vitals that are points in time. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter

from observer.components.number_format import duration
from observer.screens.rum.session.compressed_time import TimeScale
from observer.screens.rum.svg_percent import svg_percent
from signals.attributes import number_of
from signals.session_events import SessionEvent

_DOCUMENT = {
    "firstPaint": ("FP", "first paint"),
    "firstContentfulPaint": ("FCP", "first contentful paint"),
    "domContentLoadedEventEnd": ("DCL", "DOMContentLoaded"),
    "loadEventEnd": ("Load", "load"),
}
_VITALS = {"fcp": ("FCP", "first contentful paint"), "lcp": ("LCP", "largest contentful paint")}
"""The vitals that are points in time; the others are durations or scores."""
_LONGEST_VITAL_MS = 1e9
"""Eleven days; a larger value is junk."""
_CHARACTER = 2.2
"""Percent of the axis that one character takes on the narrowest screen."""
_GAP = 1.0
"""Percent of the axis between two labels."""
_EDGE = 6.0
"""Percent from an end of the axis within which a label is aligned to that end."""
_ANCHORED = {"start": 0.0, "middle": 0.5, "end": 1.0}
"""Which share of a label is left of where it stands."""
_MOST_LABELLED_BREAKS = 3
"""With more cuts than this, their durations have no room."""
_LABELLED_TOP, _UNLABELLED_TOP = 28, 16
"""Pixels at which the line of a moment begins: below its label, or below the row of ticks."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A moment of a page."""

    short: str
    name: str
    at: float
    """Percent of the axis."""
    after_ns: int
    """Since the document began."""
    anchor: str
    """SVG's `text-anchor`: labels at the ends stay within the axis."""
    labelled: bool
    """Whether its short name has room at the head of the page."""

    @property
    def svg_x(self) -> str:
        """Its position as an SVG length."""
        return svg_percent(self.at, 3)

    @property
    def line_top(self) -> int:
        """Pixels from the top of the axis at which its line begins."""
        return _LABELLED_TOP if self.labelled else _UNLABELLED_TOP


@dataclass(frozen=True, slots=True)
class Tick:
    """A text on the axis."""

    at: float
    """Percent of the axis."""
    text: str
    anchor: str
    """SVG's `text-anchor`."""

    @property
    def svg_x(self) -> str:
        """Its position as an SVG length."""
        return svg_percent(self.at)


_AT = attrgetter("at")


def markers_of(events: Sequence[SessionEvent], scale: TimeScale) -> tuple[Marker, ...]:
    """The moments of a page in order of time; those outside the axis are left out."""
    document = next((event.span for event in events if event.kind == "document"), None)
    if document is None:
        return ()
    began = document.start_unix_nano
    found: dict[str, tuple[str, int]] = {}
    for moment in document.events:
        if moment.name in _DOCUMENT:
            short, name = _DOCUMENT[moment.name]
            found[name] = (short, moment.time_unix_nano - began)
    for event in events:
        for vital, (short, name) in _VITALS.items() if event.kind == "vital" else ():
            value_ms = number_of(event.span.attributes.get(vital))
            if value_ms is not None and 0 <= value_ms < _LONGEST_VITAL_MS:
                found[name] = (short, round(value_ms * 1e6))
    placed = sorted(
        (after_ns, short, name)
        for name, (short, after_ns) in found.items()
        if 0 <= after_ns <= scale.end_unix_nano - began
    )
    ticks = [_label(scale.percent_at(began + after_ns), short) for after_ns, short, _ in placed]
    # The last moments (load, LCP) are what a reader looks for, so they get their labels first.
    fitting = fit(ticks[::-1])
    return tuple(
        Marker(short, name, tick.at, after_ns, tick.anchor, tick in fitting)
        for (after_ns, short, name), tick in zip(placed, ticks, strict=True)
    )


def _label(at: float, text: str) -> Tick:
    return Tick(at, text, "start" if at < _EDGE else "end" if at > 100.0 - _EDGE else "middle")


def ticks_of(scale: TimeScale) -> tuple[Tick, ...]:
    """Start, end, cuts and quarters of the axis, as many as fit beside one another, from left to right."""
    candidates = [Tick(0.0, "0", "start"), Tick(100.0, duration(scale.duration_ns), "end")]
    if len(scale.breaks) <= _MOST_LABELLED_BREAKS:
        candidates += [Tick(cut.middle, f"reading {duration(cut.idle_ns)}", "middle") for cut in scale.breaks]
    # A cut whose duration has no room still gets these dots.
    candidates += [Tick(cut.middle, "⋯", "middle") for cut in scale.breaks]
    for at in (50.0, 25.0, 75.0):
        moment = scale.moment_at(at)
        if moment is not None:
            candidates.append(Tick(at, duration(moment - scale.start_unix_nano), "middle"))
    return tuple(sorted(fit(candidates), key=_AT))


def fit(candidates: Sequence[Tick]) -> list[Tick]:
    """Those of the candidates, most important first, that neither touch an earlier one nor leave the axis."""
    taken: list[tuple[float, float]] = []
    found = []
    for tick in candidates:
        width = len(tick.text) * _CHARACTER
        begin = tick.at - width * _ANCHORED[tick.anchor]
        end = begin + width
        if begin < -_GAP or end > 100.0 + _GAP:
            continue
        for left, right in taken:
            if end + _GAP > left and begin < right + _GAP:
                break
        else:
            taken.append((begin, end))
            found.append(tick)
    return found
