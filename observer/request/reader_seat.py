"""The seat of the reader: read from the cookie that the shop shares, and written to it.

What a seat's name may be and how it is signed is in `runtime.seats`. In class mode a seat must be on the
roster, too: a signature alone is not enough where there is one.
"""

from __future__ import annotations

from dataclasses import dataclass

from flask import g, request
from werkzeug.wrappers import Response

from classroom import Seat
from observer.request import context
from runtime import seats


@dataclass(frozen=True, slots=True)
class ReaderSeat:
    """`slug` is the seat's name in telemetry, empty without a seat; `place` is the seat on the roster."""

    slug: str
    place: Seat | None
    freed: str = ""
    """The name of the person, else of the seat, that the cookie kept until it was freed; else empty."""


def reader_seat() -> ReaderSeat:
    """The seat of the current request's reader. Raises ClassError."""
    if "reader_seat" not in g:
        g.reader_seat = _read()
    found: ReaderSeat = g.reader_seat
    return found


def _read() -> ReaderSeat:
    cookie, secret = request.cookies.get(seats.COOKIE, ""), context.settings().seat_secret
    slug, store = seats.seat_of_cookie(cookie, secret, generation_of), context.class_store()
    place = store.seat(slug) if store and slug else None
    freed = seats.freed_seat_of_cookie(cookie, secret, generation_of) if secret and not slug else ""
    left = store.seat(freed) if store and freed else None
    return ReaderSeat("" if store and not place else slug, place, left.name if left else freed)


def generation_of(name: str) -> int:
    """The generation of a seat, for which its links and cookies are signed. Raises ClassError."""
    store = context.class_store()
    return store.generation(seats.name_or_empty(name)) if store else 0


def remember_seat(answer: Response, slug: str) -> None:
    """Keep the reader's seat in the cookie; an empty one deletes the cookie."""
    if not slug:
        answer.delete_cookie(seats.COOKIE)
        return
    value = seats.cookie_value(slug, context.settings().seat_secret, generation_of(slug))
    answer.set_cookie(
        seats.COOKIE, value, max_age=seats.COOKIE_MAX_AGE_S, httponly=True, samesite="Lax", path="/"
    )
