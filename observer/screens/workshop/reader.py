"""The seat for which a form of the lesson acts."""

from __future__ import annotations

from flask import request

from observer.components import seat_links
from observer.request import context
from observer.request.errors import Forbidden, Malformed
from observer.request.reader_seat import reader_seat
from observer.request.same_origin import refuse_cross_site
from runtime import seats


def acting_seat() -> str:
    """The seat for which a form acts: in class mode the reader's own, in open mode any that the form names.

    Raises Malformed without a seat, Forbidden for somebody else's or from another site, ClassError.
    """
    refuse_cross_site()
    own, named = reader_seat().slug or _seat_of_the_lab(), request.form.get("seat", "")
    if context.settings().class_mode:
        if named and seats.name_or_empty(named) != own:
            raise Forbidden("A seat acts for itself only.", "Open the link of your own seat.")
    elif named:
        own = seat_links.chosen(named, "")
    if not own:
        raise Malformed("You have no seat.", "Take a seat on the page of the lesson, then try again.")
    return own


def _seat_of_the_lab() -> str:
    """The seat of `lab verify`, which no roster has; its cookie is signed as every other."""
    secret = context.settings().seat_secret
    slug = seats.seat_of_cookie(request.cookies.get(seats.COOKIE, ""), secret) if secret else ""
    return slug if seats.is_of_the_lab(slug) else ""
