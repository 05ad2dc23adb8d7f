"""Runs the control process: settings, the class's file, the HTTP server, a graceful stop."""

from __future__ import annotations

import logging
import socket
import sys
from collections.abc import Sequence

from lab.control.settings import NO_LISTENER, Settings
from runtime.json_logging import log_to_stdout
from runtime.listening import CannotListen, endpoint
from runtime.settings import EXIT_CANNOT_START, load_or_exit
from runtime.stop_signal import StopSignal

SERVICE = "control"
_THREADS = 4
_BODY_BYTES = 64 * 1024
_TITLE = "python -m lab.control: changes a running lab for the desk and the command line."
_log = logging.getLogger(SERVICE)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns 0 after a graceful stop, 2 if it cannot start."""
    settings = load_or_exit(Settings, argv, _TITLE)
    stop = StopSignal()
    log_to_stdout(SERVICE)
    if not settings.token:
        sys.stderr.write("CONTROL_TOKEN is empty: the control interface would be open to every process.\n")
        return EXIT_CANNOT_START
    return _serve(settings, stop)


def _serve(settings: Settings, stop: StopSignal) -> int:
    from classroom import ClassError, ClassStore
    from lab.control.app import create_app
    from lab.control.changes import Changes
    from lab.control.clockwork import Clockwork
    from runtime.wsgi import Limits, WsgiServer

    try:
        store = ClassStore(settings.class_db)
    except ClassError as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return EXIT_CANNOT_START
    try:
        changes = Changes(store, settings)
        clockwork = Clockwork(store, changes)
        app = create_app(changes, settings.token)
        try:
            server = WsgiServer(
                app,
                settings.listen_addr,
                settings.port,
                Limits(_THREADS, body_bytes=_BODY_BYTES),
                taken=_taken_over(settings),
            )
        except CannotListen as error:
            sys.stderr.write(f"{SERVICE} {error}\n")
            return EXIT_CANNOT_START
        server.start()
        clockwork.start()
        _log.info("listening on http://%s", endpoint(settings.listen_addr, server.port))
        stop.wait()
        clockwork.stop()
        server.stop()
    finally:
        store.close()
    return 0


def _taken_over(settings: Settings) -> socket.socket | None:
    return None if settings.listener_fd == NO_LISTENER else socket.socket(fileno=settings.listener_fd)
