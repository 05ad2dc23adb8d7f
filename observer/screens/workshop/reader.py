"""Whose lesson it is: the seat of the reader, and the seat for which a form of the page acts."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Response, request

from observer.components import seat_links
from observer.request import context
from observer.request.errors import Forbidden, Malformed
from runtime import seats

_OWN_SITES = ("same-origin", "none")


@dataclass(frozen=True, slots=True)
class PageSeat:
    """Whose page it is."""

    slug: str
    name: str
    class_mode: bool
    typed: bool

    @property
    def argument(self) -> str | None:
        """The value of `seat` in addresses of this page; None where the cookie says it."""
        return None if self.class_mode else self.slug or None

    def shop_link(self, shop: str) -> str:
        """The address by which the shop takes the seat."""
        return seat_links.link(shop, self.slug, context.settings().seat_secret)

    def keep(self, answer: Response) -> None:
        """Keep a seat that was typed in the cookie."""
        if self.typed:
            seat_links.remember_seat(answer, self.slug)


def page_seat() -> PageSeat:
    """The seat of the current request's page: named by the address where that may be, else the reader's."""
    typed = request.args.get("seat")
    slug = seat_links.chosen(typed, request.cookies.get(seat_links.COOKIE, ""))
    return PageSeat(slug, slug, bool(context.settings().seat_secret), typed is not None)


def reader_seat() -> str:
    """The seat of the current request's reader; empty without one."""
    return seat_links.chosen(None, request.cookies.get(seat_links.COOKIE, ""))


def acting_seat() -> str:
    """The seat for which a form acts. Raises Malformed without one, Forbidden for somebody else's.

    In class mode it is the reader's own; in open mode the form may name any.
    """
    refuse_cross_site()
    own, named = reader_seat(), request.form.get("seat", "")
    if context.settings().seat_secret:
        if named and seats.name_or_empty(named) != own:
            raise Forbidden("A seat acts for itself only.", "Leave the seat out of the form.")
    elif named:
        own = seat_links.chosen(named, "")
    if not own:
        raise Malformed("You have no seat.", "Take a seat on the page of the lesson, then try again.")
    return own


def refuse_cross_site() -> None:
    """Raise Forbidden if the browser says that this request was made by a page of another origin."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin")
    host = request.headers.get("Host", "").lower()
    if site not in _OWN_SITES or (origin is not None and urlsplit(origin.lower()).netloc != host):
        raise Forbidden(
            "This was sent by a page elsewhere, so nothing was done.",
            "Open the page here by its address and do it there.",
            "cross_site",
        )
