"""Runs the evaluation: reads the settings, evaluates every few seconds until SIGTERM or SIGINT.

Its HTTP server answers `/healthz` and `/stats`, and the screens' questions to who has the token.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from alerting.settings import Settings
from runtime.json_logging import log_to_stdout
from runtime.listening import CannotListen, endpoint
from runtime.settings import EXIT_CANNOT_START, load_or_exit
from runtime.stop_signal import StopSignal

if TYPE_CHECKING:
    from runtime.wsgi import Limits

SERVICE: Final = "alerting"
_TITLE: Final = (
    "python -m alerting: evaluates rules over the store that a collector writes, and keeps alerts."
)
_TIME_LIMIT_S: Final = 2.0
"""Of each question to the store."""
_STOP_WITHIN_S: Final = 3.0
_log = logging.getLogger(SERVICE)


def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate until SIGTERM or SIGINT. Returns 0 after a graceful stop, 2 if it cannot start."""
    settings = load_or_exit(Settings, argv, _TITLE)
    stop = StopSignal()
    log_to_stdout(SERVICE)
    return _serve(settings, stop)


def _serve(settings: Settings, stop: StopSignal) -> int:
    from runtime.wsgi import WsgiServer

    loop = Loop(settings)
    try:
        server = WsgiServer(loop.answer, settings.listen_addr, settings.port, _limits(settings))
    except CannotListen as error:
        sys.stderr.write(f"{SERVICE} {error}\n")
        return EXIT_CANNOT_START
    server.start()
    loop.start()
    _log.info(
        "evaluating every %g s, state at http://%s",
        settings.interval_s,
        endpoint(settings.listen_addr, server.port),
    )
    stop.wait()
    loop.stop()
    server.stop()
    return 0


def _limits(settings: Settings) -> Limits:
    from alerting.over_http import MAX_BODY_BYTES
    from runtime.wsgi import Limits

    # Screens of several machines ask at once; without them nobody but the probe of the health does.
    threads = 4 if settings.alerts_token else 1
    return Limits(threads=threads, connections=64, body_bytes=MAX_BODY_BYTES)


class Loop:
    """Evaluates in a thread of its own from `start` to `stop`."""

    def __init__(self, settings: Settings) -> None:
        from alerting import outbox
        from alerting.alert_file import AlertFile
        from alerting.database import Database
        from alerting.delivery import Delivery
        from alerting.evaluator import Evaluator
        from alerting.rule_folders import SHIPPED
        from alerting.senders import otlp_sender, webhook_sender
        from store import open_reader

        self._settings = settings
        self._database = Database(settings.alerts_db, owner=True)
        self._file = AlertFile(settings.alerts_db)
        self._reader = open_reader(settings.store_place, time_limit_s=_TIME_LIMIT_S, frugal=True)
        senders = {outbox.WEBHOOK: webhook_sender(settings), outbox.OTLP: otlp_sender(settings)}
        self._deliveries = [
            # A connection of its own: a message must not wait for a pass, nor a pass for it.
            Delivery(Database(settings.alerts_db), way, send)
            for way, send in senders.items()
            if send is not None
        ]
        folders = [SHIPPED, *([settings.detectors_dir] if settings.detectors_dir else [])]
        self._evaluator = Evaluator(
            self._database,
            self._reader,
            folders,
            interval_ns=round(settings.interval_s * 1e9),
            ways=[way for way, send in senders.items() if send is not None],
        )
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="evaluate", daemon=True)
        self._stats: dict[str, Any] = {"passes": 0, "last_pass_unix_nano": None, "trouble": ""}
        self._warned = ""

    def start(self) -> None:
        """Begin to evaluate."""
        self._thread.start()

    def stop(self) -> None:
        """End after the pass in work, and note that."""
        from alerting.errors import AlertError

        self._stopping.set()
        self._thread.join(_STOP_WITHIN_S)
        for delivery in self._deliveries:
            delivery.stop()
        try:
            self._evaluator.stopped()
        except AlertError as error:
            _log.warning("%s", error)
        self._reader.close()
        self._file.close()
        self._database.close()

    def answer(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """The WSGI application."""
        from alerting.over_http import PREFIX, answered

        path = environ.get("PATH_INFO", "")
        if path == "/healthz":
            status, kind, body = "200 OK", "text/plain", b"ok\n"
        elif path == "/stats":
            status, kind, body = "200 OK", "application/json", json.dumps(self._stats).encode()
        elif path.startswith(PREFIX) and environ.get("REQUEST_METHOD") == "POST":
            asked, given = environ.get("HTTP_AUTHORIZATION", ""), environ["wsgi.input"].read()
            status, found = answered(self._file, self._settings.alerts_token, path, asked, given)
            kind, body = "application/json", json.dumps(found).encode()
        else:
            status, kind, body = "404 Not Found", "text/plain", b"There is /healthz and /stats.\n"
        start_response(status, [("Content-Type", kind), ("Content-Length", str(len(body)))])
        return [body]

    def _run(self) -> None:
        interval_s = self._settings.interval_s
        due = time.monotonic()
        while not self._stopping.is_set():
            begun = time.monotonic()
            self._pass_once(begun)
            # By the clock and not by pauses: a pass that took long is not made up for by several.
            due = max(due + interval_s, time.monotonic())
            self._stopping.wait(due - time.monotonic())

    def _pass_once(self, begun: float) -> None:
        from alerting.errors import AlertError

        trouble = ""
        try:
            done = self._evaluator.run_pass()
            trouble = done.trouble
            self._stats = {
                **self._stats,
                **asdict(done),
                "passes": self._stats["passes"] + 1,
                "last_pass_unix_nano": time.time_ns(),
                "seconds": round(time.monotonic() - begun, 4),
            }
            if done.queued:
                for delivery in self._deliveries:
                    delivery.wake()
        except AlertError as error:
            trouble = f"{error} {error.remedy}"
        except Exception as error:  # the next pass may work
            _log.exception("a pass failed")
            trouble = f"An evaluation failed ({type(error).__name__}): see the log of alerting."
        self._stats["trouble"] = trouble
        if trouble != self._warned:
            self._warned = trouble
            _log.warning(trouble) if trouble else _log.info("rules are evaluated again")
