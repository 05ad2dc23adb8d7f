"""Starts, supervises and stops the collector's two receivers over one store writer.

Owns the process: settings, ports, signals, draining, the log lines on standard
output; must not know wire formats.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
from waitress.server import create_server

import store
from collector import grpc_receiver
from collector.http import Application
from collector.intake import Intake
from collector.settings import BadSetting, Settings, help_text
from store.api import StoreError, Writer

_log = logging.getLogger("collector")
_DRAIN_S = 0.8
_CLOSE_S = 1.0
_HTTP_CONNECTIONS = 512
_HTTP_BUFFER_BYTES = 4 * 1024**2


class CannotStart(Exception):
    """Why the collector cannot run, and the remedy, in one sentence."""


class JsonLines(logging.Formatter):
    """One JSON object per line: time, severity, message and the fields given as `extra`."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "timestamp": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "severity": record.levelname.lower(),
            "service.name": "collector",
            "message": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def _log_to_stdout() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    for name in ("collector", "waitress"):
        logger = logging.getLogger(name)
        logger.handlers[:] = [handler]
        logger.propagate = False
        logger.setLevel(logging.INFO)
    # It warns of every queued request; a full queue is answered and counted instead.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)


@dataclass(slots=True)
class Collector:
    """Both receivers, running. `grpc_port` and `http_port` are those really bound."""

    intake: Intake
    grpc_server: grpc.Server
    grpc_port: int
    http_server: Any
    http_port: int
    http_thread: threading.Thread

    def stop(self, within_s: float = _DRAIN_S) -> None:
        """Take nothing new, finish and answer what is in flight, close. Leaves the writer open."""
        deadline = time.monotonic() + within_s
        self.intake.drain()
        stopped = self.grpc_server.stop(within_s)
        self.http_server.trigger.pull_trigger(self._stop_listening)
        _wait_until(lambda: not self.intake.in_flight and not self._http_unsent(), deadline)
        stopped.wait(max(0.0, deadline - time.monotonic()))
        self.http_server.trigger.pull_trigger(self._close_http)
        self.http_thread.join(max(0.1, deadline - time.monotonic()))
        self.http_server.task_dispatcher.shutdown(timeout=0.1)

    def _stop_listening(self) -> None:
        self.http_server.del_channel()
        self.http_server.socket.close()

    def _close_http(self) -> None:
        for channel in list(self.http_server.active_channels.values()):
            channel.handle_close()
        self.http_server.trigger.close()

    def _http_unsent(self) -> bool:
        channels = list(self.http_server.active_channels.values())
        return any(channel.requests or channel.total_outbufs_len for channel in channels)


def spare_the_garbage_collector() -> None:
    """Rows make no cycles: looking for them in every batch costs about a tenth of decoding and storing it."""
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _wait_until(done: Callable[[], bool], deadline: float) -> None:
    pause = threading.Event()
    while not done() and time.monotonic() < deadline:
        pause.wait(0.01)


def start(settings: Settings, writer: Writer) -> Collector:
    """Bind and start both receivers. Raises CannotStart if a port cannot be had."""
    intake = Intake(writer, max_in_flight_bytes=settings.max_in_flight_bytes)
    _probe(settings.listen_addr, settings.otlp_grpc_port)
    http_server = _bind_http(settings, Application(intake, settings.max_request_bytes))
    grpc_server = grpc_receiver.create(
        intake, threads=settings.threads, max_request_bytes=settings.max_request_bytes
    )
    try:
        grpc_port = grpc_server.add_insecure_port(_address(settings.listen_addr, settings.otlp_grpc_port))
    except RuntimeError as error:
        http_server.close()
        raise _port_taken("OTLP_GRPC_PORT", settings.listen_addr, settings.otlp_grpc_port) from error
    grpc_server.start()
    thread = threading.Thread(target=http_server.run, name="otlp-http", daemon=True)
    thread.start()
    return Collector(intake, grpc_server, grpc_port, http_server, http_server.effective_port, thread)


def _probe(host: str, port: int) -> None:
    """Find out in one sentence what gRPC would tell in its own way on standard error."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise _port_taken("OTLP_GRPC_PORT", host, port, error) from error


def _bind_http(settings: Settings, application: Application) -> Any:
    try:
        return create_server(
            application,
            host=settings.listen_addr,
            port=settings.otlp_http_port,
            threads=settings.threads,
            connection_limit=_HTTP_CONNECTIONS,
            channel_timeout=settings.idle_timeout_s,
            cleanup_interval=max(1, settings.idle_timeout_s // 2),
            # The application answers too large bodies itself; this bounds those without a length.
            max_request_body_size=settings.max_request_bytes * 2,
            inbuf_overflow=_HTTP_BUFFER_BYTES,
            ident=None,
            clear_untrusted_proxy_headers=True,
        )
    except OSError as error:
        raise _port_taken("OTLP_HTTP_PORT", settings.listen_addr, settings.otlp_http_port, error) from error


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _port_taken(key: str, host: str, port: int, error: OSError | None = None) -> CannotStart:
    why = f" ({error.strerror})" if error and error.strerror else ""
    remedy = f"stop whatever holds the port, or set {key} to a free one"
    return CannotStart(f"cannot listen on {_address(host, port)}{why}: {remedy}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM or SIGINT. 0 after a graceful stop, 2 if it cannot start."""
    parser = argparse.ArgumentParser(
        prog="python -m collector",
        description="Receives OTLP and RUM beacons and keeps them. Configured by environment variables:",
        epilog=help_text(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.parse_args(argv)
    try:
        return _run(Settings.from_environment(os.environ))
    except (BadSetting, CannotStart) as problem:
        sys.stderr.write(f"collector: {problem}\n")
    except StoreError as problem:
        sys.stderr.write(f"collector: cannot open the store: {problem}\n")
    return 2


def _run(settings: Settings) -> int:
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    _log_to_stdout()
    spare_the_garbage_collector()
    writer = store.open_writer(
        settings.store_path, max_bytes=settings.store_max_bytes, max_age_s=settings.store_max_age_s
    )
    try:
        collector = start(settings, writer)
        _log.info(
            "receiving",
            extra={
                "fields": {
                    "otlp_http": _address(settings.listen_addr, collector.http_port),
                    "otlp_grpc": _address(settings.listen_addr, collector.grpc_port),
                    "store": settings.store_path,
                }
            },
        )
        stop.wait()
        collector.stop()
        _log.info("stopped", extra={"fields": collector.intake.stats()})
    finally:
        _close(writer)
    return 0


def _close(writer: Writer) -> None:
    """Close the store, but not for longer than a stop may take: what is left is settled at the next start."""
    closing = threading.Thread(target=writer.close, name="closing", daemon=True)
    closing.start()
    closing.join(_CLOSE_S)
    if closing.is_alive():
        _log.warning("stopped while summaries were being settled; the next start goes on with it")
        sys.stdout.flush()
        os._exit(0)
