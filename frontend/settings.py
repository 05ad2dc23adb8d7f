"""The storefront's settings: the environment variables of the original shop, and our own."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from runtime.listener_settings import (
    body_s_setting,
    header_s_setting,
    idle_s_setting,
    most_connections_setting,
)
from runtime.proxy import TrustedProxies, trusted_proxies_setting
from runtime.settings import ADDRESS, BOOLEAN, HTTP_URL, PATH, PORT, PUBLIC_ADDRESS, setting, whole_number
from services.common.settings import CommonSettings

_THREADS = whole_number(2, 256)


@dataclass(frozen=True, slots=True)
class Settings(CommonSettings):
    """The storefront's settings."""

    port: int = setting(8080, "PORT", "TCP port to listen on; 0 takes any free one.", PORT)
    threads: int = setting(32, "FRONTEND_THREADS", "Requests served at once.", _THREADS)
    most_connections: int = most_connections_setting()
    header_s: int = header_s_setting()
    body_s: int = body_s_setting()
    idle_s: int = idle_s_setting()
    trusted_proxies: TrustedProxies = trusted_proxies_setting()
    catalog_addr: str = setting(
        "127.0.0.1:3550", "PRODUCT_CATALOG_SERVICE_ADDR", "Address of productcatalogservice.", ADDRESS
    )
    currency_addr: str = setting(
        "127.0.0.1:7000", "CURRENCY_SERVICE_ADDR", "Address of currencyservice.", ADDRESS
    )
    cart_addr: str = setting("127.0.0.1:7070", "CART_SERVICE_ADDR", "Address of cartservice.", ADDRESS)
    recommendation_addr: str = setting(
        "127.0.0.1:8082", "RECOMMENDATION_SERVICE_ADDR", "Address of recommendationservice.", ADDRESS
    )
    shipping_addr: str = setting(
        "127.0.0.1:50052", "SHIPPING_SERVICE_ADDR", "Address of shippingservice.", ADDRESS
    )
    checkout_addr: str = setting(
        "127.0.0.1:5050", "CHECKOUT_SERVICE_ADDR", "Address of checkoutservice.", ADDRESS
    )
    ad_addr: str = setting("127.0.0.1:9555", "AD_SERVICE_ADDR", "Address of adservice.", ADDRESS)
    web_dir: Path = setting(
        Path(sys.prefix) / "web",
        "HIPSTERLAB_WEB_DIR",
        "Folder of the installed browser files: the RUM agent.",
        PATH,
        shown="`web` in the Python environment",
    )
    rum_enabled: bool = setting(
        True, "RUM_ENABLED", "Whether pages carry the RUM agent; off shows a shop before RUM.", BOOLEAN
    )
    rum_beacon_url: str = setting(
        "http://127.0.0.1:4318/v1/rum",
        "RUM_BEACON_URL",
        "Where the beacons that pages send to /v1/rum are relayed to.",
        HTTP_URL,
    )
    rum_realm: str = setting(
        "", "RUM_REALM", "Realm of Splunk Observability Cloud; with RUM_AUTH pages report there instead."
    )
    rum_auth: str = setting("", "RUM_AUTH", "RUM access token, rendered into pages as the agent needs it.")
    rum_app_name: str = setting("hipster-shop", "RUM_APP_NAME", "Application name on RUM data.")
    rum_environment: str = setting(
        "", "RUM_ENVIRONMENT", "Environment name on RUM data; empty means DEPLOYMENT_ENVIRONMENT."
    )
    seat_secret: str = setting(
        "",
        "SEAT_SECRET",
        "Class mode: only links and cookies signed with it give a seat; empty is open mode.",
        secret=True,
    )
    seat_generations_file: Path | None = setting(
        None,
        "SEAT_GENERATIONS_FILE",
        "Class mode: file that says how often each seat was freed, so that older links are void.",
        PATH,
    )
    public_url: str = setting(
        "",
        "SHOP_PUBLIC_URL",
        "Address at which visitors reach the shop; its host is answered to in class mode.",
        PUBLIC_ADDRESS,
    )
    observer_public_url: str = setting(
        "",
        "OBSERVER_PUBLIC_URL",
        "Address at which visitors reach the screens; empty: OBSERVER_URL, at the host by which they came.",
        PUBLIC_ADDRESS,
    )
    observer_url: str = setting(
        "",
        "OBSERVER_URL",
        "Address of the screens, for the links back to the lesson and to join the class; empty: no link.",
        HTTP_URL,
    )
    lab_token: str = setting(
        "", "LAB_TOKEN", "Needed as a bearer to read /_flags; empty: everyone may.", secret=True
    )

    @property
    def reports_to_splunk(self) -> bool:
        """Whether pages beacon to the real product instead of to the shop's own origin."""
        return bool(self.rum_realm and self.rum_auth)
