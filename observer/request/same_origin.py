"""Refuses what a page elsewhere sends in the reader's name: browsers say where a request comes from."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import request

from observer.request import context
from observer.request.errors import Forbidden

_OWN_SITES = ("same-origin", "none")
"""Values of `Sec-Fetch-Site`: a page of this origin, or the reader's own doing."""


def refuse_cross_site() -> None:
    """Raise Forbidden if the browser says that this request was made by a page of another origin.

    The shop is one: same host, another port. Programs send neither header.
    """
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin")
    if site not in _OWN_SITES or (origin is not None and not _is_own(origin)):
        raise Forbidden(
            "This was sent by a page elsewhere, so nothing was done.",
            "Open the page here by its address and do it there.",
            "cross_site",
        )


def _is_own(origin: str) -> bool:
    # Behind a proxy the host that the browser asked may not be the one of this request.
    public = context.settings().observer_public_url
    scheme, _, netloc = origin.lower().partition("://")
    if scheme not in ("http", "https") or not netloc:
        return False
    return netloc in (request.headers.get("Host", "").lower(), urlsplit(public).netloc)
