"""Runs the observer: reads the settings, opens the store for reading, serves until SIGTERM or SIGINT."""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

from observer.settings import Settings
from runtime.json_logging import log_to_stdout
from runtime.listening import CannotListen, endpoint
from runtime.settings import EXIT_CANNOT_START, load_or_exit
from runtime.stop_signal import StopSignal
from store.api import Reader, ReaderProcesses

if TYPE_CHECKING:
    from alerting import AlertFile

SERVICE = "observer"
_TITLE = "python -m observer: the screens and the JSON API over the store that a collector writes."
_MAX_BODY_BYTES = 1024 * 1024
"""The application refuses forms far below this; more is not even received."""
_WARM_AFTER_S = 3.0
_SWITCH_S = 0.001
"""A page asks the store many short questions, and waits this long after each for a thread that computes."""
_log = logging.getLogger(SERVICE)


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT. Returns 0 after a graceful stop, 2 if it cannot start."""
    settings = load_or_exit(Settings, argv, _TITLE)
    stop = StopSignal()
    log_to_stdout(SERVICE)
    return _serve(settings, stop)


def _serve(settings: Settings, stop: StopSignal) -> int:
    from classroom import ClassError, ClassStore
    from observer.app import create_app, warm_up
    from runtime.wsgi import WsgiServer, limits_of
    from store.api import StoreError

    try:
        class_store = ClassStore(settings.class_db) if settings.class_db else None
        reader, processes = _opened(settings)
    except ClassError as error:
        sys.stderr.write(f"{error} {error.remedy}\n")
        return EXIT_CANNOT_START
    except StoreError as error:
        sys.stderr.write(f"{SERVICE} cannot open the store: {error}\n")
        return EXIT_CANNOT_START
    alert_file = _alerts(settings)
    sys.setswitchinterval(_SWITCH_S)
    try:
        app = create_app(
            reader,
            settings,
            class_store=class_store,
            alert_file=alert_file,
            reader_processes=processes,
        )
        limits = limits_of(settings, threads=settings.threads, body_bytes=_MAX_BODY_BYTES)
        try:
            server = WsgiServer(app, settings.listen_addr, settings.port, limits)
        except CannotListen as error:
            sys.stderr.write(f"{SERVICE} {error}\n")
            return EXIT_CANNOT_START
        server.start()
        # Not at once: while a lab starts, every process needs the processor.
        later = threading.Timer(_WARM_AFTER_S, warm_up, (app,))
        later.daemon = True
        later.start()
        _log.info("listening on http://%s", endpoint(settings.listen_addr, server.port))
        stop.wait()
        later.cancel()
        server.stop()
    finally:
        if processes:
            processes.close()
        reader.close()
        if class_store:
            class_store.close()
        if alert_file:
            alert_file.close()
    return 0


def _alerts(settings: Settings) -> AlertFile | None:
    """The file of alerts, or the process that keeps it on another machine."""
    from alerting import AlertFile, DistantAlertFile

    if settings.alerts_url:
        return DistantAlertFile(settings.alerts_url, settings.alerts_token)
    return AlertFile(settings.alerts_db) if settings.alerts_db else None


def _opened(settings: Settings) -> tuple[Reader, ReaderProcesses | None]:
    """The store, and the processes that read its file; a server needs none. Raises StoreError."""
    from store import file_of, open_reader, open_reader_processes

    reader = open_reader(settings.store_place)
    most = settings.reader_processes if file_of(settings.store_place) else 0
    return reader, open_reader_processes(reader, most) if most else None
