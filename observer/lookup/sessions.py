"""Looks up a session by the id of an address, and the traces that it links to."""

from __future__ import annotations

import unicodedata

from observer.request.errors import Unknown, refuse
from signals.model import SessionId, TraceId
from signals.session_events import linked_traces
from store.api import Presence, Reader, SessionSummary

EVENTS_LIMIT = 10_000
"""Events read of one session, the earliest."""

_LONGEST_ID = 2_000


def session_traces(reader: Reader, session_id: SessionId) -> tuple[TraceId, ...]:
    """The backend traces that a session's events link to; none if the session is not here.

    With these a `LogQuery` of the session finds the backend's logs too, which do not name
    a session. The page of a session and the page of its logs both use them, so that their
    numbers of logs agree.
    """
    return linked_traces(reader.spans_of_session(session_id, EVENTS_LIMIT))


def find_session(reader: Reader, text: str) -> SessionSummary:
    """The session that an address names. Raises Malformed, or Unknown (code `pruned` if it was here)."""
    if len(text) > _LONGEST_ID or not text.strip() or any(unicodedata.category(c) == "Cc" for c in text):
        raise refuse("session_id", text, f"a session's id: text of at most {_LONGEST_ID} characters")
    session_id = SessionId(text)
    found = reader.session(session_id)
    if found is not None:
        return found
    shown = text if len(text) <= 64 else text[:64] + "…"
    if reader.locate_session(session_id) is Presence.PRUNED:
        raise Unknown.pruned(f"Session {shown}", "Open a new session in the shop")
    raise Unknown(
        f"Nothing of session {shown} has arrived.",
        "Check the id. If the page was just opened, wait a second: the agent sends in batches.",
    )
