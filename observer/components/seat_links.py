"""Seats: the name by which students find their own sessions, and the link to the shop that sets it.

In class mode only a link signed with the class's secret sets a seat: `?seat=NAME&sig=…`,
where the signature is the first 32 hexadecimal digits of HMAC-SHA256 over `seat:NAME`.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from urllib.parse import urlencode

LONGEST = 40
COOKIE = "seat"


def clean(name: str) -> str:
    """A seat's name as the shop normalises it: printable, single blanks, at most 40 characters."""
    printable = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in name[: 4 * LONGEST])
    return " ".join(printable.split())[:LONGEST].strip()


def link(shop: str, seat: str, secret: str = "") -> str:
    """The shop's address that sets this seat; its home page without a name. Empty without a shop."""
    name = clean(seat)
    if not shop or not name:
        return shop
    arguments = {"seat": name}
    if secret:
        digest = hmac.new(secret.encode(), f"seat:{name}".encode(), hashlib.sha256)
        arguments["sig"] = digest.hexdigest()[:32]
    return f"{shop}/?{urlencode(arguments)}"
