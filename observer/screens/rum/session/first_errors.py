"""The failures of a session: their counts, the first of each kind, whether events were pruned. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.screens.rum.event_kinds import is_console_error, is_counted_error, is_network_error
from observer.screens.rum.session.event_rows import title_of
from signals.attributes import text_of
from signals.session_events import SessionEvent, path_of
from store.api import SessionSummary

_LOGGED_BEFORE_NS = 1_000_000_000
"""A console line this shortly before a thrown error is taken to be about that error."""


@dataclass(frozen=True, slots=True)
class FirstFailure:
    """The event that a count of failures links to."""

    span_id: str
    title: str
    page: str
    """The path of the page that it happened on; may be empty."""
    status: int | None
    after_ns: int
    """Since the session began."""


@dataclass(frozen=True, slots=True)
class SessionFailures:
    """The failures among the events of a session."""

    errors: int
    """JavaScript errors, each once."""
    reported: int
    """The events that reported them: an uncaught error may be logged to the console, too."""
    network_errors: int
    documents: int
    first_error: FirstFailure | None
    """The first JavaScript error; a thrown error is preferred to the console line about it."""
    first_request: FirstFailure | None
    """The first request that failed."""

    @property
    def total(self) -> int:
        """JavaScript and network errors."""
        return self.errors + self.network_errors


def failures_of(events: Sequence[SessionEvent]) -> SessionFailures:
    """The failures among `events`, which are in order of time."""
    errors = [event for event in events if event.kind == "error"]
    requests = [event for event in events if is_network_error(event)]
    began = events[0].span.start_unix_nano if events else 0
    return SessionFailures(
        errors=sum(is_counted_error(event) for event in errors),
        reported=len(errors),
        network_errors=len(requests),
        documents=sum(event.kind == "document" for event in events),
        first_error=_first_failure(_thrown_or_first(errors), began) if errors else None,
        first_request=_first_failure(requests[0], began) if requests else None,
    )


def _thrown_or_first(errors: Sequence[SessionEvent]) -> SessionEvent:
    """The first error, or the thrown error that follows within _LOGGED_BEFORE_NS if it is a console line."""
    first = errors[0]
    if not is_console_error(first):
        return first
    until = first.span.start_unix_nano + _LOGGED_BEFORE_NS
    thrown = (
        error for error in errors[1:] if not is_console_error(error) and error.span.start_unix_nano <= until
    )
    return next(thrown, first)


def _first_failure(event: SessionEvent, began: int) -> FirstFailure:
    location = text_of(event.span.attributes.get("location.href"))
    return FirstFailure(
        span_id=event.span.span_id,
        title=title_of(event),
        page=path_of(location) if location else "",
        status=event.http_status,
        after_ns=event.span.start_unix_nano - began,
    )


def has_gaps(summary: SessionSummary, events: Sequence[SessionEvent], failures: SessionFailures) -> bool:
    """Whether events of the session have been pruned: its summary counts more than its events show.

    `events` must be all that the store holds, read after the summary.
    """
    first = events[0].span.start_unix_nano if events else summary.start_unix_nano + 1
    return (
        summary.start_unix_nano < first
        or summary.page_views > failures.documents
        or summary.errors > failures.reported
    )
