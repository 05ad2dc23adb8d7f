"""Starts and stops the collector's two receivers over one store writer.

Owns the process: settings, ports, signals, draining, log lines. Knows no wire format.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import store
from collector.grpc_receiver import GrpcReceiver
from collector.http import Application
from collector.intake import Intake
from collector.refusals import Refused
from collector.settings import Settings
from runtime.json_logging import log_to_stdout
from runtime.listening import CannotListen, endpoint
from runtime.settings import EXIT_CANNOT_START, load_or_exit
from runtime.stop_signal import StopSignal
from runtime.wsgi import WsgiServer, limits_of
from store.api import StoreError, Writer

SERVICE = "collector"
_log = logging.getLogger(SERVICE)
_TITLE = "python -m collector: receives OTLP and RUM beacons and keeps them in the store."
_DRAIN_S = 0.8
_CLOSE_S = 1.0


@dataclass(slots=True)
class Collector:
    """Both receivers, running. `grpc_port` and `http_port` are those really bound."""

    intake: Intake
    grpc_receiver: GrpcReceiver
    http_server: WsgiServer

    @property
    def grpc_port(self) -> int:
        """The port of OTLP over gRPC."""
        return self.grpc_receiver.port

    @property
    def http_port(self) -> int:
        """The port of OTLP over HTTP and of beacons."""
        return self.http_server.port

    def stop(self, within_s: float = _DRAIN_S) -> None:
        """Refuse new requests, answer those in flight, close. Leaves the writer open."""
        deadline = time.monotonic() + within_s
        self.intake.drain()
        stopped = self.grpc_receiver.stop(within_s)
        self.http_server.stop(within_s, busy=lambda: self.intake.in_flight > 0)
        with contextlib.suppress(TimeoutError):
            stopped.result(max(0.1, deadline - time.monotonic()))
        self.grpc_receiver.close()


def freeze_gc() -> None:
    """Exempt what is loaded from garbage collection, and collect seldom.

    Rows make no cycles: looking for cycles in every batch costs about a tenth of decoding and storing it.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def start(settings: Settings, writer: Writer, refused: Refused | None = None) -> Collector:
    """Bind and start both receivers; `refused` keeps what they refuse. Raises CannotListen."""
    intake = Intake(writer, max_in_flight_bytes=settings.max_in_flight_bytes, refused=refused)
    http_server = _http_server(settings, Application(intake, settings.max_request_bytes))
    grpc_receiver = GrpcReceiver(
        intake,
        threads=settings.threads,
        max_request_bytes=settings.max_request_bytes,
        message_s=settings.body_s,
    )
    try:
        grpc_receiver.start(settings.listen_addr, settings.otlp_grpc_port)
    except CannotListen:
        http_server.stop()
        raise
    http_server.start()
    return Collector(intake, grpc_receiver, http_server)


def _http_server(settings: Settings, application: Application) -> WsgiServer:
    # The application refuses larger bodies itself; this bounds those without a length.
    limits = limits_of(settings, threads=settings.threads, body_bytes=settings.max_request_bytes * 2)
    return WsgiServer(
        application, settings.listen_addr, settings.otlp_http_port, limits, variable="OTLP_HTTP_PORT"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. Returns 0 after a graceful stop, 2 if it cannot start."""
    settings = load_or_exit(Settings, argv, _TITLE)
    try:
        return _run(settings)
    except CannotListen as error:
        sys.stderr.write(f"{SERVICE} {error}\n")
    except StoreError as error:
        sys.stderr.write(f"{SERVICE} cannot open the store: {error}\n")
    return EXIT_CANNOT_START


def _run(settings: Settings) -> int:
    stop = StopSignal()
    log_to_stdout(SERVICE)
    # waitress warns of every queued request; `/stats` counts them.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    freeze_gc()
    writer = store.open_writer(
        settings.store_place,
        max_bytes=settings.store_max_bytes,
        max_age_s=settings.store_max_age_s,
        max_series_of_metric=settings.max_series_of_metric,
        max_series=settings.max_series,
        apart=True,
    )
    settling = store.start_settling(settings.store_place) if settings.settle else None
    try:
        refused = Refused(settings.store_path.with_name(settings.store_path.name + ".refusals"))
        collector = start(settings, writer, refused)
        _log.info(
            "receiving",
            extra={
                "fields": {
                    "otlp_http": endpoint(settings.listen_addr, collector.http_port),
                    "otlp_grpc": endpoint(settings.listen_addr, collector.grpc_port),
                    "store": store.shown(settings.store_place),
                }
            },
        )
        stop.wait()
        collector.stop()
        refused.save()
        _log.info("stopped", extra={"fields": collector.intake.stats()})
    finally:
        if settling is not None:
            settling.close()
        _close(writer)
    return 0


def _close(writer: Writer) -> None:
    """Close the store within `_CLOSE_S`; what it has not aggregated by then is done at the next start."""
    closing = threading.Thread(target=writer.close, name="closing", daemon=True)
    closing.start()
    closing.join(_CLOSE_S)
    if closing.is_alive():
        _log.warning("stopped during the aggregation of traces; the next start continues it")
        sys.stdout.flush()
        os._exit(0)
