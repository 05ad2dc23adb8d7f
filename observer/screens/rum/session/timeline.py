"""The timeline of a session: one track each for pages, requests, errors and actions. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.components.number_format import duration
from observer.screens.rum.event_kinds import colour_of, is_network_error, label_of
from observer.screens.rum.session.compressed_time import IDLE_NS, TimeScale, time_scale
from observer.screens.rum.session.event_rows import title_of
from observer.screens.rum.svg_percent import svg_percent
from signals.session_events import SessionEvent

_ERRORS = "Errors"
_TRACKS = (
    ("Pages", ("document", "route")),
    ("Requests", ("fetch", "document_fetch", "resource")),
    (_ERRORS, ("error",)),
    ("Actions", ("action", "custom")),
)
_MARKS_LIMIT = 400
"""Marks of one track; more could not be distinguished."""
_LEAST_WIDTH = 0.3
"""Percent: three pixels on a wide screen, so that a moment is visible and can be clicked."""


@dataclass(frozen=True, slots=True)
class TimelineMark:
    """One event on a track."""

    left: float
    width: float
    """Percent of the track."""
    colour: str
    failed: bool
    span_id: str
    title: str
    """The event's kind and name, and its HTTP status if it has one."""

    @property
    def svg_x(self) -> str:
        """The left end as an SVG length."""
        return svg_percent(self.left)

    @property
    def svg_width(self) -> str:
        """The width as an SVG length."""
        return svg_percent(self.width)


@dataclass(frozen=True, slots=True)
class Track:
    """The events of some kinds over the whole session."""

    label: str
    marks: tuple[TimelineMark, ...]
    count: int
    """All its events, drawn or not; an error that was logged, too, is one."""


@dataclass(frozen=True, slots=True)
class Timeline:
    """The whole session on one axis."""

    scale: TimeScale
    tracks: tuple[Track, ...]

    @property
    def summary(self) -> str:
        """`3 pages, 12 requests, …` for screen readers."""
        return ", ".join(f"{track.count} {track.label.lower()}" for track in self.tracks)

    @property
    def cut_note(self) -> str:
        """What the shaded stretches are; empty where nothing is cut."""
        if not self.scale.breaks:
            return ""
        idle = duration(IDLE_NS)
        return f"Shaded: nothing happened for longer than {idle}; these stretches are drawn short."


def timeline_of(events: Sequence[SessionEvent]) -> Timeline:
    """The timeline of a session's events, which are in order of time."""
    scale = time_scale((e.span.start_unix_nano, e.span.end_unix_nano) for e in events)
    tracks = []
    for label, kinds in _TRACKS:
        # A failed request stands among the requests and among the errors.
        own = [
            event for event in events if event.kind in kinds or (label == _ERRORS and is_network_error(event))
        ]
        marks = tuple(_mark(event, scale) for event in _limited(own))
        tracks.append(Track(label, marks, sum(not event.repeats for event in own)))
    return Timeline(scale, tuple(tracks))


def _limited(events: Sequence[SessionEvent]) -> Sequence[SessionEvent]:
    """At most _MARKS_LIMIT of the events, in order; failures are kept before successes."""
    if len(events) <= _MARKS_LIMIT:
        return events
    kept = sorted(range(len(events)), key=lambda place: (not events[place].error, place))[:_MARKS_LIMIT]
    return [events[place] for place in sorted(kept)]


def _mark(event: SessionEvent, scale: TimeScale) -> TimelineMark:
    left = scale.percent_at(event.span.start_unix_nano)
    failed = is_network_error(event)
    status = "" if event.http_status is None else f", {event.http_status or 'no answer'}"
    return TimelineMark(
        left=min(left, 100.0 - _LEAST_WIDTH),
        width=max(_LEAST_WIDTH, scale.percent_at(event.span.end_unix_nano) - left),
        colour="error" if failed else colour_of(event.kind),
        failed=failed or event.error,
        span_id=event.span.span_id,
        title=f"{label_of(event)}: {title_of(event)}{status}",
    )
