"""What is written along a page's line of time: its ticks, and the moments that a reader looks for.

The moments are those of the document (first paint, DOMContentLoaded, load) where the
agent sends them as events of its span, and the vitals that are a time. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.components.number_format import duration
from observer.screens.rum.session.compressed_time import Scale
from signals.attributes import number_of
from signals.session_events import SessionEvent

_DOCUMENT = {
    "firstPaint": ("FP", "first paint"),
    "firstContentfulPaint": ("FCP", "first contentful paint"),
    "domContentLoadedEventEnd": ("DCL", "DOMContentLoaded"),
    "loadEventEnd": ("Load", "load"),
}
_VITALS = {"fcp": ("FCP", "first contentful paint"), "lcp": ("LCP", "largest contentful paint")}
"""Those that say when something was; the others say how long or how much."""
_CHARACTER = 2.2
"""Percent of the line that one character takes, on the narrowest line that is drawn."""
_GAP = 1.0
_EDGE = 6.0
_FULL_BREAKS = 3
"""With more cuts than this, there is no room to say how long each was."""


@dataclass(frozen=True, slots=True)
class Marker:
    """A moment of a page."""

    short: str
    name: str
    at: float
    """Percent of the line."""
    after_ns: int
    """Since the document began."""
    anchor: str
    """As SVG's `text-anchor`: labels at the ends stay within the line."""
    labelled: bool
    """Whether its short name has room at the head of the page."""


@dataclass(frozen=True, slots=True)
class Tick:
    """A text on the line's axis."""

    at: float
    text: str
    anchor: str
    """As SVG's `text-anchor`."""


def markers_of(events: Sequence[SessionEvent], line: Scale) -> tuple[Marker, ...]:
    """The moments of a page in order of time; those that lie outside its line are left out."""
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
            if value_ms is not None and 0 <= value_ms < 1e9:
                found[name] = (short, round(value_ms * 1e6))
    placed = sorted(
        (after_ns, short, name)
        for name, (short, after_ns) in found.items()
        if 0 <= after_ns <= line.end_unix_nano - began
    )
    ticks = [_label(line.at(began + after_ns), short) for after_ns, short, _ in placed]
    # The last moments are those that one waits for: they are labelled first.
    fitting = fit(ticks[::-1])
    return tuple(
        Marker(short, name, tick.at, after_ns, tick.anchor, tick in fitting)
        for (after_ns, short, name), tick in zip(placed, ticks, strict=True)
    )


def _label(at: float, text: str) -> Tick:
    return Tick(at, text, "start" if at < _EDGE else "end" if at > 100.0 - _EDGE else "middle")


def ticks_of(line: Scale) -> tuple[Tick, ...]:
    """Start, end, cuts and quarters of a line, as many as do not touch each other."""
    whole = line.end_unix_nano - line.start_unix_nano
    wanted = [Tick(0.0, "0", "start"), Tick(100.0, duration(whole), "end")]
    middles = [(cut.at + cut.width / 2, cut.idle_ns) for cut in line.breaks]
    if len(middles) <= _FULL_BREAKS:
        wanted += [Tick(at, f"idle {duration(idle_ns)}", "middle") for at, idle_ns in middles]
    # Where the words have no room, these dots have.
    wanted += [Tick(at, "⋯", "middle") for at, _ in middles]
    for at in (50.0, 25.0, 75.0):
        when = line.moment(at)
        if when is not None:
            wanted.append(Tick(at, duration(when - line.start_unix_nano), "middle"))
    return tuple(sorted(fit(wanted), key=lambda tick: tick.at))


def fit(wanted: Sequence[Tick]) -> list[Tick]:
    """Those of these texts, most wanted first, that neither touch one chosen before nor leave the line."""
    taken: list[tuple[float, float]] = []
    found = []
    for tick in wanted:
        begin, end = _extent(tick)
        inside = begin >= -_GAP and end <= 100.0 + _GAP
        if inside and all(end + _GAP <= left or begin >= right + _GAP for left, right in taken):
            taken.append((begin, end))
            found.append(tick)
    return found


def _extent(tick: Tick) -> tuple[float, float]:
    width = len(tick.text) * _CHARACTER
    begin = tick.at - {"start": 0.0, "middle": width / 2, "end": width}[tick.anchor]
    return begin, begin + width
