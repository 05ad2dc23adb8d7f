"""Runs Locust: the users, its web pages, a gentle start. A process of its own, always.

Importing Locust replaces the standard library's blocking calls, so this module is
only ever run in a fresh interpreter (`loadgen.server` sees to that).
"""

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import json
import logging
import signal
import sys
import time
from typing import Any

import gevent
import gevent.event
from flask import Response, request
from locust import events
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING
from locust.stats import stats_history

from loadgen.server import EXIT_CANNOT_START, SERVICE_NAME
from loadgen.settings import Settings
from loadgen.users import HttpShopper, RumShopper, Seeded
from services.common.settings import load

_log = logging.getLogger("loadgen")
_STOP_WITHIN_S = 1.5


class JsonLines(logging.Formatter):
    """One JSON object per line."""

    def format(self, record: logging.LogRecord) -> str:
        created = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = {
            "timestamp": f"{created}.{int(record.msecs):03d}Z",
            "severity": record.levelname.lower(),
            "service.name": SERVICE_NAME,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line)


def _log_to_stdout() -> None:
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    _log.setLevel(logging.INFO)


def _guard(settings: Settings, app: Any) -> None:
    """Keep other people's pages from steering the load, and the load from leaving the shop."""

    @app.before_request  # type: ignore[untyped-decorator]  # Locust's application has no types
    def refuse() -> Response | None:
        if request.method != "POST":
            return None
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            return Response("another site may not steer the load\n", 403, mimetype="text/plain")
        host = request.form.get("host", "").rstrip("/")
        if host and host != settings.shop_url:
            message = f"the load goes to {settings.shop_url} only: restart it with SHOP_URL to change that\n"
            return Response(message, 403, mimetype="text/plain")
        return None


def run(settings: Settings) -> int:
    """Serve Locust's pages and shop until SIGTERM or SIGINT."""
    _log_to_stdout()
    Seeded.seed, Seeded.pace = settings.seed, settings.pace
    environment = Environment(
        user_classes=[HttpShopper, RumShopper], host=settings.shop_url, events=events, catch_exceptions=True
    )
    runner = environment.create_local_runner()
    web = environment.create_web_ui(settings.listen_addr, settings.port, delayed_start=True)
    _guard(settings, web.app)
    # Locust's own methods are not annotated.
    web.start()  # type: ignore[no-untyped-call]
    serving: Any = web.greenlet
    stop = gevent.event.Event()
    serving.link(lambda _: stop.set())
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    history = gevent.spawn(stats_history, runner)
    _log.info("web pages on http://%s:%s", settings.listen_addr, settings.port)
    if settings.users:
        runner.start(settings.users, settings.spawn_rate)
        _log.info("%s shoppers go to %s", settings.users, settings.shop_url)
    stop.wait()
    failed = serving.ready() and serving.exception is not None
    history.kill(block=False)
    with gevent.Timeout(_STOP_WITHIN_S, False):
        if runner.state in (STATE_RUNNING, STATE_SPAWNING):
            runner.stop()
        runner.quit()
        if not failed:
            web.stop()  # type: ignore[no-untyped-call]
    _log.info("stopped after %s requests", environment.stats.total.num_requests)
    return EXIT_CANNOT_START if failed else 0


if __name__ == "__main__":
    sys.exit(run(load(Settings)))
