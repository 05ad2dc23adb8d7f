"""The reader's seat: typed or from a cookie, and the link to the shop that sets it.

What a seat's name may be and how its link is signed is in `runtime.seats`.
"""

from __future__ import annotations

from urllib.parse import quote, unquote

from werkzeug.wrappers import Response

from observer.request.errors import Malformed
from runtime import seats

COOKIE = "seat"
_YEAR_S = 31_536_000
RULE = seats.RULE
MAX_NAMES = 200
_YEAR_S = 31_536_000


def chosen(typed: str | None, cookie: str) -> str:
    """The seat's name that was typed, else the one in the cookie; empty where there is none.

    Raises Malformed when the typed text is not a seat name. A cookie that is not one is ignored.
    """
    if typed is None:
        return seats.name_or_empty(unquote(cookie))
    if not typed.strip():
        return ""
    try:
        return seats.name_of(typed)
    except seats.NotASeatName as error:
        raise Malformed(str(error), seats.RULE) from error


def remember(answer: Response, seat: str) -> None:
    """Keep the reader's seat in a cookie for a year; an empty one deletes the cookie."""
    if seat:
        answer.set_cookie(COOKIE, quote(seat), max_age=_YEAR_S, samesite="Lax", httponly=True)
    else:
        answer.delete_cookie(COOKIE)


def link(shop: str, seat: str, secret: str = "") -> str:
    """The shop's address that sets this seat; its home page without a name. Empty without a shop."""
    name = seats.name_or_empty(seat)
    return seats.link(shop, name, secret) if shop and name else shop


def names_in(lines: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The seat names of a text, one per line, and the lines that are not names; blank lines are ignored."""
    given = [line for line in lines.splitlines()[:MAX_NAMES] if line.strip()]
    names = [(line, seats.name_or_empty(line)) for line in given]
    return tuple(name for _, name in names if name), tuple(line for line, name in names if not name)


def is_name(text: str) -> bool:
    """Whether a value of the telemetry is a seat's name, exactly."""
    return bool(text) and seats.name_or_empty(text) == text


def remember_seat(page: Response, seat: str) -> None:
    """Keep the reader's seat in a cookie; an empty seat deletes the cookie."""
    if seat:
        page.set_cookie(COOKIE, quote(seat), max_age=_YEAR_S, samesite="Lax", httponly=True)
    else:
        page.delete_cookie(COOKIE)
