"""Where a visitor without a seat joins the class: at the screens, whose address is a setting.

The shop knows no more of the screens than this address.
"""

from __future__ import annotations

from flask import request

from frontend.settings import Settings
from runtime.addresses import as_reached

_JOIN_PATH = "/join"


def join_address(settings: Settings) -> str:
    """The page, at the host by which the visitor came; empty in open mode and where it is not known."""
    if not settings.seat_secret or not settings.observer_public_url:
        return ""
    host = request.headers.get("Host", "")
    return as_reached(settings.observer_public_url, host, settings.listen_addr) + _JOIN_PATH
