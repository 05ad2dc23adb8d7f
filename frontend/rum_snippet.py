"""The RUM snippet: the options of the agent on every page, and the hosts that it may reach.

Knows the options of `@splunk/otel-web` 2.x, not the receiver of its beacons.
"""

from __future__ import annotations

from typing import Any

from flask import request

from frontend.settings import Settings
from frontend.visit import Visit

AGENT_FILE = "splunk-otel-web.js"
BEACON_PATH = "/v1/rum"
# The agent's default of four seconds would make a student wait for their session.
FLUSH_AFTER_MS = 500


def agent_config(settings: Settings, version: str, visit: Visit | None) -> dict[str, Any]:
    """The argument of `SplunkRum.init` for a page shown to `visit`.

    `visit` is None on the page of an error that comes before the visit is read.
    """
    config: dict[str, Any] = {}
    if settings.reports_to_splunk:
        config["realm"] = settings.rum_realm
    else:
        # Behind a proxy that serves the shop under a path, the page's origin alone is not ours.
        config["beaconEndpoint"] = request.script_root + BEACON_PATH
        config["allowInsecureBeacon"] = True
    if settings.rum_auth:
        config["rumAccessToken"] = settings.rum_auth
    config["applicationName"] = settings.rum_app_name
    config["deploymentEnvironment"] = settings.rum_environment or settings.environment
    config["version"] = version
    config["bufferTimeout"] = FLUSH_AFTER_MS
    config["globalAttributes"] = visit.shopper.attributes() if visit is not None else {}
    return config


def content_security_policy(settings: Settings) -> str:
    """A content security policy that allows the shop's own files only."""
    beacons = "'self'"
    if settings.rum_enabled and settings.reports_to_splunk:
        realm = settings.rum_realm
        beacons += f" https://rum-ingest.{realm}.signalfx.com https://rum-ingest.{realm}.observability.splunkcloud.com"
    return "; ".join(
        (
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self'",
            f"connect-src {beacons}",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        )
    )
