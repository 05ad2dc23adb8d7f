"""The instructor's newest line to the reader, which stands on every page until it is dismissed."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from classroom import ClassError, Message
from observer.request import context
from observer.request.reader_seat import reader_seat

DISMISSED_COOKIE = "message_dismissed"
_SHOWN_FOR_NS = 3600 * 10**9
"""A line about this minute says nothing to whoever comes an hour later."""
_MOST_DIGITS = 18


@dataclass(frozen=True, slots=True)
class Broadcast:
    """What the page shows, and what it knows already when it asks for more."""

    message: Message | None
    """The line to show; None where there is none, or the reader dismissed it."""
    after: int
    """The number of the newest line to the reader, shown or not; 0 before the first."""


def broadcast() -> Broadcast | None:
    """The newest line to the current request's reader.

    None where no line can come: without a class nobody is asked again and again before there was a first.
    """
    app = context.app_context()
    if app.class_file is None:
        return None
    try:
        newest = app.class_file.newest_message(reader_seat().slug)
    except ClassError:
        return Broadcast(None, 0) if app.settings.class_mode else None
    if newest is None:
        return Broadcast(None, 0) if app.settings.class_mode else None
    old = context.now_unix_nano() - newest.at_unix_nano > _SHOWN_FOR_NS
    shown = not old and newest.message_id > number(request.cookies.get(DISMISSED_COOKIE, ""))
    return Broadcast(newest if shown else None, newest.message_id)


def number(text: str) -> int:
    """The number of a message; 0 for a text that is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS else 0
