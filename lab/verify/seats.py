"""The address by which a visitor of the shop takes a seat, in an open class and in one with signed links."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from urllib.parse import urlencode

SECRET_VARIABLE = "SEAT_SECRET"  # noqa: S105  # the name of a variable
_SIGNATURE_DIGITS = 32


def new_seat() -> str:
    """A seat name that nobody else has."""
    return f"verify-{secrets.token_hex(4)}"


def entry(shop: str, seat: str, secret: str | None = None) -> str:
    """The link that seats a visitor; signed where the class has a secret (SEAT_SECRET unless given)."""
    secret = os.environ.get(SECRET_VARIABLE, "") if secret is None else secret
    query = {"seat": seat}
    if secret:
        signed = hmac.new(secret.encode(), f"seat:{seat}".encode(), hashlib.sha256)
        query["sig"] = signed.hexdigest()[:_SIGNATURE_DIGITS]
    return f"{shop}/?{urlencode(query)}"
