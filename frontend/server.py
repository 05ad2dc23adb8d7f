"""`python -m frontend`: settings, telemetry, connections, the HTTP server, a graceful stop."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from frontend.app import create_app
from frontend.backends import connect
from frontend.relay import MAX_BODY_BYTES, Relay
from frontend.settings import Settings
from runtime.listening import CannotListen
from runtime.settings import EXIT_CANNOT_START, load_or_exit
from runtime.stop_signal import StopSignal
from runtime.wsgi import WsgiServer, limits_of
from services.common import telemetry as telemetry_module
from services.common.flags import (
    CART_PRICE_TYPO,
    FRONTEND_LOST_CONTEXT,
    FRONTEND_UNSAMPLED_LINK,
    FRONTEND_VENDOR_SCRIPT,
    Flags,
)
from services.common.server import announce
from services.common.telemetry import Identity, Occupancy, observe_pool

SERVICE = "frontend"
FLAGS = (CART_PRICE_TYPO, FRONTEND_LOST_CONTEXT, FRONTEND_UNSAMPLED_LINK, FRONTEND_VENDOR_SCRIPT)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns 0 after a graceful stop, 2 if it cannot start."""
    settings = load_or_exit(Settings, argv, f"{SERVICE}: the storefront of the Hipster Shop.")
    stop = StopSignal()
    telemetry = telemetry_module.start(Identity(SERVICE, settings.environment))
    flags = Flags(settings.flags_file, telemetry.log, FLAGS)
    backends = connect(settings, telemetry)
    relay = Relay(settings.rum_beacon_url, telemetry.log)
    app = create_app(settings, telemetry, backends, flags, relay)
    limits = limits_of(settings, threads=settings.threads, body_bytes=2 * MAX_BODY_BYTES)
    try:
        server = WsgiServer(app, settings.listen_addr, settings.port, limits)
    except CannotListen as error:
        sys.stderr.write(f"{SERVICE} {error}\n")
        telemetry.stop()
        return EXIT_CANNOT_START
    observe_pool(telemetry.meter, "waitress", lambda: Occupancy(*server.occupancy()))
    server.start()
    announce(settings, telemetry, server.port)
    stop.wait()
    server.stop()
    relay.close()
    backends.close()
    flags.close()
    telemetry.log.info("Stopped")
    telemetry.stop(1.0)
    return 0
