"""Where the reader of a page reaches the shop and the collector, for links and hints; and the screens."""

from __future__ import annotations

from dataclasses import dataclass

from flask import request

from observer.request import context
from runtime.addresses import as_reached


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Base addresses without a slash at the end; the shop's is empty where there is none."""

    shop_url: str
    otlp_http_url: str
    observer_url: str
    """That of the screens themselves."""


def neighbours() -> Neighbours:
    """Those of the settings, as the reader of the current request reaches them."""
    settings, host = context.settings(), request.headers.get("Host", "")
    return Neighbours(
        shop_url=settings.shop_public_url or as_reached(settings.shop_url, host, settings.listen_addr),
        otlp_http_url=as_reached(settings.otlp_http_url, host, settings.listen_addr),
        observer_url=settings.observer_public_url or request.url_root.rstrip("/"),
    )
