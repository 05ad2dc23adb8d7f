"""`python -m frontend`: settings, telemetry, connections, the HTTP server, a graceful end."""

from __future__ import annotations

import sys
import threading
from collections.abc import Sequence

import waitress

from frontend.app import create_app
from frontend.backends import connect
from frontend.relay import MAX_BODY_BYTES, Relay
from frontend.settings import Settings
from services.common import settings as settings_module, telemetry as telemetry_module
from services.common.flags import CART_PRICE_TYPO, Flags
from services.common.server import StopSignal, announce
from services.common.telemetry import Identity

SERVICE = "frontend"
_GRACE_S = 0.5
_CONNECTIONS = 2_000


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until told to stop: 0 after a graceful end, 1 when it cannot start, 2 for a bad setting."""
    settings = settings_module.load_or_exit(Settings, argv, f"{SERVICE}: the storefront of the Hipster Shop.")
    stop = StopSignal()
    telemetry = telemetry_module.start(Identity(SERVICE, settings.environment))
    flags = Flags(settings.flags_file, telemetry.log, [CART_PRICE_TYPO])
    backends = connect(settings, telemetry)
    relay = Relay(settings.rum_beacon_url, telemetry.log)
    app = create_app(settings, telemetry, backends, flags, relay)
    try:
        server = waitress.create_server(
            app,
            host=settings.listen_addr,
            port=settings.port,
            threads=settings.threads,
            ident=None,
            max_request_body_size=2 * MAX_BODY_BYTES,
            # Browsers hold several connections each and keep them: a class must not run out of them.
            connection_limit=_CONNECTIONS,
            asyncore_use_poll=True,
        )
    except OSError as error:
        where = f"{settings.listen_addr}:{settings.port}"
        sys.stderr.write(f"{SERVICE} cannot listen on {where}: {error.strerror}; set PORT to another.\n")
        telemetry.stop()
        return 1
    threading.Thread(target=server.run, name="http", daemon=True).start()
    announce(settings, telemetry, server.effective_port)
    stop.wait()
    server.task_dispatcher.shutdown(cancel_pending=True, timeout=_GRACE_S)
    server.close()
    relay.close()
    backends.close()
    flags.close()
    telemetry.log.info("Stopped")
    telemetry.stop(1.0)
    return 0
