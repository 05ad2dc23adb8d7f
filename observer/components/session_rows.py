"""Sessions as rows of a table. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.components.session_path import session_path
from observer.trace_notes import clock_note, skew_words
from signals.attributes import SEAT, SYNTHETIC
from signals.model import SessionId
from store.api import SessionSummary

_SHORT_ID = 8


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session of the list."""

    session_id: SessionId
    short_id: str
    path: str
    """The path of its screen."""
    seat: str
    app: str
    environment: str
    start_unix_nano: int
    duration_ns: int
    share: float
    """Of the longest duration on this page, 0 to 1."""
    page_views: int
    errors: int
    network_errors: int
    events: int
    browser: str
    system: str
    synthetic: str
    last_seen_unix_nano: int
    skew: str
    """`9 min ahead`: how wrong its sender's clock is; empty where it seems right."""
    clock_note: str
    """The same in a sentence."""


def session_rows(summaries: Sequence[SessionSummary]) -> tuple[SessionRow, ...]:
    """The rows of these sessions."""
    longest = max((summary.duration_ns for summary in summaries), default=0) or 1
    return tuple(_row(summary, longest) for summary in summaries)


def _row(summary: SessionSummary, longest_ns: int) -> SessionRow:
    tags = summary.attributes
    session_id = summary.session_id
    return SessionRow(
        session_id=session_id,
        short_id=session_id[:_SHORT_ID] + ("…" if len(session_id) > _SHORT_ID else ""),
        path=session_path(session_id),
        seat=tags.get(SEAT, ""),
        app=summary.app,
        environment=summary.environment,
        start_unix_nano=summary.start_unix_nano,
        duration_ns=summary.duration_ns,
        share=summary.duration_ns / longest_ns,
        page_views=summary.page_views,
        errors=summary.errors,
        network_errors=summary.network_errors,
        events=summary.events,
        browser=tags.get("browser.version") or tags.get("browser.name", ""),
        system=tags.get("os.name", ""),
        synthetic=tags.get(SYNTHETIC, ""),
        last_seen_unix_nano=summary.last_seen_unix_nano,
        skew=skew_words(summary.clock_shift_ns),
        clock_note=clock_note(summary.clock_shift_ns),
    )
