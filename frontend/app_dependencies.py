"""What the storefront's application is made of, for its routes to find; must not know routes or requests."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.assets import Assets
from frontend.pages import Pages
from frontend.relay import Relay
from frontend.settings import Settings
from frontend.shop import Shop
from frontend.visit import Visits
from services.common.flags import Flags
from services.common.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class Parts:
    """What an application is made of; `app.extensions["shop"]` while it runs."""

    settings: Settings
    telemetry: Telemetry
    flags: Flags
    assets: Assets
    shop: Shop
    visits: Visits
    relay: Relay
    pages: Pages
