"""Runs the observer: reads the settings, opens the store for reading, serves until told to stop."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Sequence
from types import FrameType

from observer.settings import BadSetting, Settings, help_text

_CONNECTIONS = 2_000
_COMPILE_AFTER_S = 3.0
_log = logging.getLogger("observer")


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; 0 when stopped, 2 for a malformed setting, 1 for a taken port.

    It takes no argument but `--help`, which prints the settings and exits.
    """
    argparse.ArgumentParser(
        prog="python -m observer",
        description="The screens and the JSON API over the store that a collector fills.",
        epilog=f"settings, from the environment:\n{help_text()}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    ).parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        settings = Settings.from_environment(os.environ)
    except BadSetting as error:
        sys.stderr.write(f"observer: {error}\n")
        return 2
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, _stop)
    return _serve(settings)


def _serve(settings: Settings) -> int:
    import waitress.server

    from observer.app import compile_templates, create_app
    from store import open_reader

    reader = open_reader(settings.store_path)
    app = create_app(reader, settings)
    try:
        server = waitress.server.create_server(
            app,
            host=settings.listen_addr,
            port=settings.port,
            threads=settings.threads,
            ident=None,
            # Browsers hold several connections each and keep them: a class must not run out of them.
            connection_limit=_CONNECTIONS,
            asyncore_use_poll=True,
            clear_untrusted_proxy_headers=True,
        )
    except OSError as error:
        sys.stderr.write(
            f"observer: cannot listen on {settings.listen_addr}:{settings.port}: {error.strerror or error}; "
            "set PORT to a free one\n"
        )
        reader.close()
        return 1
    # Not at once: while a lab starts, every process wants the processor.
    later = threading.Timer(_COMPILE_AFTER_S, compile_templates, (app,))
    later.daemon = True
    later.start()
    _log.info("listening on http://%s:%d", settings.listen_addr, settings.port)
    try:
        server.run()  # ends by the SystemExit of _stop, which it takes for a wish to shut down
    finally:
        later.cancel()
        server.close()
        reader.close()
    return 0


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
