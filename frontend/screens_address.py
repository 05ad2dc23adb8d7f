"""Where the screens are: to join the class, and to go back to the lesson.

The shop knows no more of the screens than their address, which is a setting.
"""

from __future__ import annotations

from urllib.parse import urlencode

from flask import request

from frontend.settings import Settings
from runtime.addresses import as_reached

_JOIN_PATH = "/join"
_LESSON_PATH = "/workshop"


def join_address(settings: Settings) -> str:
    """The page, at the host by which the visitor came; empty in open mode and where it is not known."""
    screens = _screens(settings)
    return f"{screens}{_JOIN_PATH}" if screens and settings.seat_secret else ""


def lesson_address(settings: Settings, seat: str) -> str:
    """The lesson of a visitor's seat, at the host by which the visitor came; empty where it is not known.

    In class mode a cookie says the seat there, too.
    """
    screens = _screens(settings)
    if not screens:
        return ""
    named = f"?{urlencode({'seat': seat})}" if seat and not settings.seat_secret else ""
    return f"{screens}{_LESSON_PATH}{named}"


def _screens(settings: Settings) -> str:
    host = request.headers.get("Host", "")
    known = settings.observer_public_url or settings.observer_url
    return as_reached(known, host, settings.listen_addr).rstrip("/") if known else ""
