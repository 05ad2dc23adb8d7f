"""Gets a session by the id of an address, or says why it is not here; tells which logs are its own."""

from __future__ import annotations

import unicodedata

from observer.lookup.session_events import linked_traces
from observer.request.errors import Unknown
from observer.request.parameters import refuse
from signals.model import SessionId, TraceId
from store.api import Presence, Reader, SessionSummary

_LONGEST = 2_000
EVENTS_LIMIT = 10_000
"""Events read of one session, the earliest."""


def session_traces(reader: Reader, session_id: SessionId) -> tuple[TraceId, ...]:
    """The backend traces that a session's events link to; none if the session is not here.

    With these a `LogQuery` of the session finds the backend's logs too, which know
    no session: one question for the page of a session and the page of its logs, so
    that the number on the first is the number on the second.
    """
    return linked_traces(reader.spans_of_session(session_id, EVENTS_LIMIT))


def find_session(reader: Reader, text: str) -> SessionSummary:
    """The session that an address names. Raises Malformed, or Unknown (code `pruned` if it was here)."""
    if len(text) > _LONGEST or not text.strip() or any(unicodedata.category(c) == "Cc" for c in text):
        raise refuse("session_id", text, f"a session's id: text of at most {_LONGEST} characters")
    session_id = SessionId(text)
    found = reader.session(session_id)
    if found is not None:
        return found
    shown = text if len(text) <= 64 else text[:64] + "…"
    if reader.locate_session(session_id) is Presence.PRUNED:
        raise Unknown(
            f"Session {shown} was here and has been pruned: the store keeps what is newest.",
            "Open a new session in the shop, or give the store more room (STORE_MAX_BYTES, STORE_MAX_AGE_S).",
            code="pruned",
        )
    raise Unknown(
        f"Nothing of session {shown} has arrived.",
        "Check the id. If the page was just opened, wait a second: the agent sends in batches.",
    )
