"""What is wrong with a session, before its rows are read: the first error, the first failed request, gaps.

Pure; names no application.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.screens.rum.event_kinds import is_network_error
from observer.screens.rum.session.event_rows import title_of
from signals.attributes import text_of
from signals.session_events import SessionEvent, path_of
from store.api import SessionSummary

_CONSOLE = "console.error"
_ANNOUNCED_NS = 1_000_000_000
"""An error thrown so soon after a line on the console is what the line speaks of."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An event worth going to first."""

    span_id: str
    title: str
    page: str
    """The path of the page that it happened on; may be empty."""
    status: int | None
    after_ns: int
    """Since the session began."""


@dataclass(frozen=True, slots=True)
class Findings:
    """What a session's facts lead to."""

    errors: int
    """JavaScript errors."""
    network_errors: int
    documents: int
    error: Finding | None
    """The first JavaScript error; the thrown one rather than the console's line about it."""
    request: Finding | None
    """The first request that failed."""

    @property
    def failures(self) -> int:
        return self.errors + self.network_errors


def findings_of(events: Sequence[SessionEvent]) -> Findings:
    """Counts the failures among events in order of time, and finds the first of each kind."""
    errors = [event for event in events if event.kind == "error"]
    requests = [event for event in events if is_network_error(event)]
    began = events[0].span.start_unix_nano if events else 0
    return Findings(
        errors=len(errors),
        network_errors=len(requests),
        documents=sum(event.kind == "document" for event in events),
        error=_finding(_most_telling(errors), began) if errors else None,
        request=_finding(requests[0], began) if requests else None,
    )


def _most_telling(errors: Sequence[SessionEvent]) -> SessionEvent:
    first = errors[0]
    if first.span.name.lower() != _CONSOLE:
        return first
    soon = first.span.start_unix_nano + _ANNOUNCED_NS
    thrown = (
        error
        for error in errors[1:]
        if error.span.name.lower() != _CONSOLE and error.span.start_unix_nano <= soon
    )
    return next(thrown, first)


def _finding(event: SessionEvent, began: int) -> Finding:
    where = text_of(event.span.attributes.get("location.href"))
    return Finding(
        span_id=event.span.span_id,
        title=title_of(event),
        page=path_of(where) if where else "",
        status=event.http_status,
        after_ns=event.span.start_unix_nano - began,
    )


def has_gaps(summary: SessionSummary, events: Sequence[SessionEvent], found: Findings) -> bool:
    """Whether a part of the session is no longer here: its sum knows of more than its events show.

    `events` must be all that the store holds, and asked for after the sum.
    """
    first = events[0].span.start_unix_nano if events else summary.start_unix_nano + 1
    return (
        summary.start_unix_nano < first
        or summary.page_views > found.documents
        or summary.errors > found.errors
    )
