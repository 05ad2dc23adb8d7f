"""Runs Locust: the users and its web pages.

Importing Locust replaces the standard library's blocking calls, so this module runs
in a fresh interpreter only; `loadgen.server` starts it.
"""

from __future__ import annotations

import gevent.monkey

gevent.monkey.patch_all()

import logging
import signal
import sys
from typing import Any

import gevent
import gevent.event
from flask import Response, request
from locust import events
from locust.env import Environment
from locust.runners import STATE_RUNNING, STATE_SPAWNING
from locust.stats import stats_history

from loadgen.server import SERVICE
from loadgen.settings import Settings
from loadgen.users import HttpShopper, RegularBuyer, RumShopper, Seeded
from runtime.json_logging import log_to_stdout
from runtime.settings import EXIT_CANNOT_START, load

_log = logging.getLogger(SERVICE)
_STOP_WITHIN_S = 1.5


def _guard(settings: Settings, app: Any) -> None:
    """Refuse commands from other sites' pages, and any target but the shop."""

    @app.before_request  # type: ignore[untyped-decorator]  # Locust's application has no types
    def refuse() -> Response | None:
        if request.method != "POST":
            return None
        if request.headers.get("Sec-Fetch-Site") == "cross-site":
            return Response("another site may not control the load\n", 403, mimetype="text/plain")
        host = request.form.get("host", "").rstrip("/")
        if host and host != settings.shop_url:
            message = f"the load goes to {settings.shop_url} only: restart it with SHOP_URL to change that\n"
            return Response(message, 403, mimetype="text/plain")
        return None


def run(settings: Settings) -> int:
    """Serve Locust's pages and run the users until SIGTERM or SIGINT."""
    log_to_stdout(SERVICE)
    Seeded.seed, Seeded.pace = settings.seed, settings.pace
    environment = Environment(
        user_classes=[HttpShopper, RegularBuyer, RumShopper],
        host=settings.shop_url,
        events=events,
        catch_exceptions=True,
    )
    runner = environment.create_local_runner()
    web = environment.create_web_ui(settings.listen_addr, settings.port, delayed_start=True)
    _guard(settings, web.app)
    # Locust's own methods are not annotated.
    web.start()  # type: ignore[no-untyped-call]  # Locust leaves it untyped
    serving: Any = web.greenlet
    stop = gevent.event.Event()
    serving.link(lambda _: stop.set())
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    history = gevent.spawn(stats_history, runner)
    _log.info("web pages on http://%s:%s", settings.listen_addr, settings.port)
    if settings.users:
        runner.start(settings.users, settings.spawn_rate)
        _log.info("%s users started for %s", settings.users, settings.shop_url)
    stop.wait()
    failed = serving.ready() and serving.exception is not None
    history.kill(block=False)
    with gevent.Timeout(_STOP_WITHIN_S, False):
        if runner.state in (STATE_RUNNING, STATE_SPAWNING):
            runner.stop()
        runner.quit()
        if not failed:
            web.stop()  # type: ignore[no-untyped-call]  # Locust leaves it untyped
    _log.info("stopped after %s requests", environment.stats.total.num_requests)
    return EXIT_CANNOT_START if failed else 0


if __name__ == "__main__":
    sys.exit(run(load(Settings)))
