"""Gets a session by the id of an address, or says why it is not here."""

from __future__ import annotations

from observer.errors import Unknown
from store.api import Reader
from store.model import SessionId
from store.model import SessionSummary
from store.model import Whereabouts


def find_session(reader: Reader, text: str) -> SessionSummary:
    """The session that an address names. Raises Unknown (code `pruned` if it is known to have been here)."""
    session_id = SessionId(text)
    found = reader.session(session_id)
    if found is not None:
        return found
    shown = text if len(text) <= 64 else text[:64] + "…"
    if reader.locate_session(session_id) is Whereabouts.PRUNED:
        raise Unknown(
            f"Session {shown} was here and has been pruned: the store keeps what is newest.",
            "Open a new session in the shop, or give the store more room (STORE_MAX_BYTES, STORE_MAX_AGE_S).",
            code="pruned",
        )
    raise Unknown(
        f"Nothing of session {shown} has arrived.",
        "Check the id. If the page was just opened, wait a second: the agent sends in batches.",
    )
