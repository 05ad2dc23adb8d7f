"""The seat of a page and the links that seats have: to the shop, and for the desk those of the students."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request
from werkzeug.wrappers import Response

from observer.request import context
from observer.request.desk_session import is_desk
from observer.request.errors import Malformed
from observer.request.reader_seat import generation_of, reader_seat, remember_seat
from runtime import seats
from runtime.addresses import host_of

RULE = seats.RULE
MAX_NAMES = 200
_WORKSHOP = "/workshop"


@dataclass(frozen=True, slots=True)
class PageSeat:
    """Whose page it is."""

    slug: str
    """The seat's name in telemetry; empty without a seat."""
    name: str
    """The person's name on the roster; in open mode the seat's."""
    code: str
    """What gives a seat of the class back to a student who lost it; empty in open mode."""
    class_mode: bool
    watched: bool
    """The desk looks at the page of a student."""
    typed: bool
    """The address names the seat, which is to be kept in the cookie."""

    @property
    def argument(self) -> str | None:
        """The value of `seat` in addresses of this page; None where the cookie says it."""
        return self.slug or None if self.watched or not self.class_mode else None


def page_seat() -> PageSeat:
    """The seat of the current request's page: named by the address where that may be, else the reader's.

    Raises Malformed for a text that is not a seat name, ClassError.
    """
    own, typed = reader_seat(), request.args.get("seat")
    if not context.settings().class_mode:
        slug = chosen(typed, own.slug)
        return PageSeat(slug, slug, "", False, False, typed is not None)
    if typed is not None and is_desk():
        slug, store = chosen(typed, ""), context.class_store()
        place = store.seat(slug) if store and slug else None
        return PageSeat(slug, place.name if place else slug, "", True, True, False)
    name, code = (own.place.name, own.place.code) if own.place else (own.slug, "")
    return PageSeat(own.slug, name, code, True, False, False)


def keep(answer: Response, seat: PageSeat) -> None:
    """Keep a seat that was typed in the cookie; an empty one gives the seat up."""
    if seat.typed:
        remember_seat(answer, seat.slug)


def chosen(typed: str | None, kept: str) -> str:
    """The seat's name that was typed, else the one that is kept; empty where there is none.

    Raises Malformed when the typed text is not a seat name.
    """
    if typed is None:
        return kept
    if not typed.strip():
        return ""
    try:
        return seats.name_of(typed)
    except seats.NotASeatName as error:
        raise Malformed(str(error), seats.RULE) from error


def shop_link(shop: str, seat: PageSeat) -> str:
    """The shop's address that has this seat; its home page without one. Empty without a shop.

    In class mode the cookie says the seat, unless the shop has another host: then the link is signed, for
    nobody but the reader whose cookie was.
    """
    if not shop or not seat.slug or seat.watched:
        return shop
    if not seat.class_mode:
        return seats.link(shop, seat.slug)
    if host_of(shop.partition("://")[2].partition("/")[0]) == host_of(request.headers.get("Host", "")):
        return shop
    return seats.link(shop, seat.slug, context.settings().seat_secret, generation=generation_of(seat.slug))


def open_link(shop: str, name: str) -> str:
    """The shop's address that gives a seat in open mode."""
    return seats.link(shop, name)


def student_link(screens: str, slug: str) -> str:
    """The link that gives a student the seat `slug`, signed in class mode. For the desk only.

    `screens` is the address of the screens without a slash at its end. Raises NotASeatName.
    """
    return seats.link(screens, slug, context.settings().seat_secret, _WORKSHOP, generation_of(slug))


def names_in(lines: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The seat names of a text, one per line, and the lines that are not names; blank lines are ignored."""
    given = [line for line in lines.splitlines()[:MAX_NAMES] if line.strip()]
    names = [(line, seats.name_or_empty(line)) for line in given]
    return tuple(name for _, name in names if name), tuple(line for line, name in names if not name)


def is_name(text: str) -> bool:
    """Whether a value of the telemetry is a seat's name, exactly."""
    return bool(text) and seats.name_or_empty(text) == text
