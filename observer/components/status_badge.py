"""An HTTP status as a badge: its class by colour and by word. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StatusBadge:
    """What the macro `status_badge` shows."""

    text: str
    css: str
    title: str


def status_badge(status: int | None) -> StatusBadge | None:
    """The badge of a status; 0 is a request without an answer, None has no badge."""
    if status is None:
        return None
    if status == 0:
        return StatusBadge("no answer", "bad", "")
    if status >= 500:
        return StatusBadge(str(status), "bad", "server error")
    if status >= 400:
        return StatusBadge(str(status), "received", "client error")
    if status >= 300:
        return StatusBadge(str(status), "note", "redirect")
    return StatusBadge(str(status), "good", "success")
