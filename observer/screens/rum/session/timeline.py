"""The session at a glance: a lane each for pages, requests, errors and actions, over the whole session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.screens.rum.event_kinds import colour_of, is_network_error, word_of
from observer.screens.rum.session.compressed_time import Scale, scale
from observer.screens.rum.session.event_rows import title_of
from signals.session_events import SessionEvent

_LANES = (
    ("Pages", ("document", "route")),
    ("Requests", ("fetch", "document_fetch", "resource")),
    ("Errors", ("error",)),
    ("Actions", ("action", "custom")),
)
_MARKS_LIMIT = 400
"""Marks of one lane; more could not be told apart."""


@dataclass(frozen=True, slots=True)
class Mark:
    left: float
    width: float
    colour: str
    failed: bool
    span_id: str
    title: str
    """What the event is called, and its status where it has one."""


@dataclass(frozen=True, slots=True)
class Lane:
    label: str
    marks: tuple[Mark, ...]
    count: int


@dataclass(frozen=True, slots=True)
class Lanes:
    scale: Scale
    lanes: tuple[Lane, ...]


def lanes_of(events: Sequence[SessionEvent]) -> Lanes:
    """Where the events of a session lie, by lane."""
    line = scale((e.span.start_unix_nano, e.span.end_unix_nano) for e in events)
    lanes = []
    for label, kinds in _LANES:
        own = [event for event in events if event.kind in kinds]
        marks = tuple(_mark(event, line) for event in _most_telling(own))
        lanes.append(Lane(label, marks, len(own)))
    return Lanes(line, tuple(lanes))


def _most_telling(own: Sequence[SessionEvent]) -> Sequence[SessionEvent]:
    """As many as can be told apart, in order; failures are never left out for what went well."""
    if len(own) <= _MARKS_LIMIT:
        return own
    kept = sorted(range(len(own)), key=lambda place: (not own[place].error, place))[:_MARKS_LIMIT]
    return [own[place] for place in sorted(kept)]


def _mark(event: SessionEvent, line: Scale) -> Mark:
    left = line.at(event.span.start_unix_nano)
    failed = is_network_error(event)
    status = "" if event.http_status is None else f", {event.http_status or 'no answer'}"
    return Mark(
        left=min(left, 99.7),
        width=max(0.3, line.at(event.span.end_unix_nano) - left),
        colour="error" if failed else colour_of(event.kind),
        failed=failed or event.error,
        span_id=event.span.span_id,
        title=f"{word_of(event)}: {title_of(event)}{status}",
    )
