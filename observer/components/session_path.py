"""Addresses of one session's screen."""

from __future__ import annotations

from urllib.parse import quote

from observer.request.links import scoped

AFTER = "after"
"""The argument, in nanoseconds since the Unix epoch, from which on events are shown: those of an incident."""
SESSION_ARGS = ("kind", "page", "unfold", AFTER)
"""Arguments of the session's screen that its dialog carries, so that the link back shows the same rows."""


def session_path(session_id: str) -> str:
    """The path without a query; an id may hold any character, a slash too."""
    return f"/rum/sessions/{quote(session_id, safe='')}"


def session_event_address(session_id: str, span_id: str, args: dict[str, str]) -> str:
    """The address that leads from an event's dialog, which has these arguments, back to its session."""
    kept = {name: args.get(name) for name in SESSION_ARGS}
    return scoped(session_path(session_id), event=span_id, **kept) + f"#e-{span_id}"
