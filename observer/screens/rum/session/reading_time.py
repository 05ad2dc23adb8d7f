"""Waiting that is reading time: a browser's span that stays open until the reader acts. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from observer.components.number_format import duration
from observer.screens.rum.session.compressed_time import IDLE_NS
from signals.session_events import SessionEvent

_WAITING_KINDS: Final = frozenset({"action", "custom", "route"})
"""Spans of these kinds may last until somebody clicks; documents, requests and files wait for a machine."""
_LEAST_SHARE: Final = 0.5


def reading_ns(event: SessionEvent, events: Sequence[SessionEvent]) -> int:
    """How long nothing else of the session ran while this span was open; 0 where it is no waiting."""
    span = event.span
    if event.kind not in _WAITING_KINDS or span.duration_ns < IDLE_NS:
        return 0
    begin, end = span.start_unix_nano, span.end_unix_nano
    inside = sorted(
        (max(begin, other.span.start_unix_nano), min(end, other.span.end_unix_nano))
        for other in events
        if other.span.span_id != span.span_id
        and other.span.start_unix_nano < end
        and other.span.end_unix_nano > begin
        and not (other.span.start_unix_nano <= begin and other.span.end_unix_nano >= end)
    )
    busy_ns, reached = 0, begin
    for first, last in inside:
        busy_ns += max(0, last - max(first, reached))
        reached = max(reached, last)
    idle_ns = span.duration_ns - busy_ns
    return idle_ns if idle_ns >= max(IDLE_NS, _LEAST_SHARE * span.duration_ns) else 0


def with_reading(lasted: str, waited_ns: int) -> str:
    """A duration in words, with the part that was reading time."""
    return f"{lasted}, {duration(waited_ns)} of it reading" if waited_ns else lasted
