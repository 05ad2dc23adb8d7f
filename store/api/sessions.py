"""The contract for reading browser sessions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from signals.model import SessionId, Span
from store.queries import Page, SessionQuery
from store.results import Presence, SessionSummary


class SessionReader(Protocol):
    """Browser sessions: their summaries and their spans."""

    def find_sessions(self, query: SessionQuery) -> Page[SessionSummary]:
        """Sessions with any span in the window, in the order of `query.sort`, then id."""

    def count_sessions(self, query: SessionQuery) -> tuple[int, bool]:
        """How many sessions `find_sessions` finds on all its pages; True if there may be more."""

    def session(self, session_id: SessionId) -> SessionSummary | None:
        """One session's summary; None if it is not stored."""

    def sessions_ending(self, ending: str) -> Sequence[SessionId]:
        """At most 10 of the newest 20,000 whose id ends in this text, in either case; none if it is empty."""

    def spans_of_session(self, session_id: SessionId, limit: int = 10_000) -> Sequence[Span]:
        """Every browser span of a session, by start and then arrival; the earliest `limit`.

        Browsers' clocks have milliseconds: of one millisecond, what an agent sent first happened first.
        """

    def locate_session(self, session_id: SessionId) -> Presence:
        """Whether a session is stored, was pruned, or never arrived (as far as is remembered)."""
