"""The address by which a visitor of the shop takes a seat, in an open class and in one with signed links."""

from __future__ import annotations

import os
import secrets

from runtime import seats

SECRET_VARIABLE = "SEAT_SECRET"  # noqa: S105  # the name of a variable


def new_seat() -> str:
    """A seat name that nobody else has."""
    return f"verify-{secrets.token_hex(4)}"


def entry(shop: str, seat: str, secret: str | None = None) -> str:
    """The link that seats a visitor; signed where the class has a secret (SEAT_SECRET unless given)."""
    return seats.link(shop, seat, os.environ.get(SECRET_VARIABLE, "") if secret is None else secret)
