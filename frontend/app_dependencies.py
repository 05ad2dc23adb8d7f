"""The dependencies of the storefront's application, for its routes to use."""

from __future__ import annotations

from dataclasses import dataclass

from frontend.assets import Assets
from frontend.beacon_filter import BeaconFilter
from frontend.pages import Pages
from frontend.relay import Relay
from frontend.settings import Settings
from frontend.shop import Shop
from frontend.visit import Visits
from services.common.flags import Flags
from services.common.telemetry import Telemetry


@dataclass(frozen=True, slots=True)
class AppDependencies:
    """The dependencies of one application, kept in `app.extensions["shop"]`."""

    settings: Settings
    telemetry: Telemetry
    flags: Flags
    assets: Assets
    shop: Shop
    visits: Visits
    relay: Relay
    beacon_filter: BeaconFilter
    pages: Pages
