"""The line of every page that says how far settling is, while that is not complete."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from observer.components import time_format
from observer.request import context
from observer.request.page_request import zone
from store.api import Settling, SettlingState


@dataclass(frozen=True, slots=True)
class SettlingLine:
    """One sentence or two."""

    state: SettlingState
    text: str

    @property
    def mark(self) -> str:
        """Changes when something else is to be shown."""
        return f"{zlib.crc32(self.text.encode()):08x}" if self.text else ""


def settling_line(found: Settling) -> SettlingLine:
    """The line of the page at hand; without text while all is complete."""
    now = context.now_unix_nano()
    state = found.state(now)
    return SettlingLine(state, _words(found, state, now))


def _words(found: Settling, state: SettlingState, now_unix_nano: int) -> str:
    if state == "complete":
        return ""
    up_to = found.up_to_unix_nano
    since = _since(up_to, now_unix_nano) if up_to else ""
    if state == "anew":
        so_far = f" So far they are complete up to {since}." if since else ""
        return f"Lists, charts and maps are being computed anew from what is kept.{so_far}"
    if state == "behind":
        return f"Complete up to {since}: what came since follows."
    complete = f"Complete up to {since}" if since else "Nothing is complete"
    return f"{complete}: nothing has been settled since. The settling process has stopped or hangs."


def _since(unix_nano: int, now_unix_nano: int) -> str:
    """`2026-11-23 14:03:27 (6 s ago)`."""
    return f"{time_format.stamp(unix_nano, zone())} ({time_format.ago(unix_nano, now_unix_nano)})"
