"""The path of one session's screen."""

from __future__ import annotations

from urllib.parse import quote


def session_path(session_id: str) -> str:
    """The path without a query; an id may hold any character, a slash too."""
    return f"/rum/sessions/{quote(session_id, safe='')}"
