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
from locust import User, events
from locust.env import Environment
from locust.exception import RPCError
from locust.runners import STATE_RUNNING, STATE_SPAWNING, Runner
from locust.stats import stats_history

from loadgen import runners
from loadgen.server import SERVICE
from loadgen.settings import Settings
from loadgen.users import HttpShopper, RegularBuyer, RumShopper, Seeded
from runtime.json_logging import log_to_stdout
from runtime.settings import EXIT_CANNOT_START, load

_log = logging.getLogger(SERVICE)
_STOP_WITHIN_S = 1.5
_TOO_FEW = (1, 2)


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


def classes_for(users: int) -> list[type[User]]:
    """The kinds of users. Of one or two at the start none only orders, so that there are sessions."""
    shoppers: list[type[User]] = [HttpShopper, RumShopper]
    return shoppers if users in _TOO_FEW else [*shoppers, RegularBuyer]


def run(settings: Settings) -> int:
    """Serve Locust's pages, where there are any, and run the users until SIGTERM or SIGINT.

    Returns 1 without a runner (`_runner` says why), 2 where the pages cannot be served.
    """
    log_to_stdout(SERVICE)
    Seeded.seed, Seeded.pace = settings.seed, settings.pace
    stop = gevent.event.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, stop.set)
    environment = Environment(
        user_classes=classes_for(settings.users),
        host=settings.shop_url,
        events=events,
        catch_exceptions=True,
    )
    made = gevent.spawn(_runner, environment, settings)
    # A worker waits for its master: it must be stoppable meanwhile.
    gevent.wait([made, stop], count=1)
    if not made.ready():
        made.kill(block=False)
        return 0
    runner = made.get()
    if runner is None:
        return 1
    runners.when_left(runner, stop.set)
    if settings.master:
        stop.wait()
        _end(runner)
        return 0
    return _with_pages(environment, runner, settings, stop)


def _runner(environment: Environment, settings: Settings) -> Runner | None:
    """The runner; None after a line of log that says why there is none."""
    try:
        return runners.runner_of(environment, settings)
    except ConnectionError:
        _log.error("no master of Locust answers at %s", settings.master)
    except RPCError as error:
        _log.error("%s cannot be had: %s", settings.master or settings.master_listen, error)
    return None


def _with_pages(environment: Environment, runner: Runner, settings: Settings, stop: Any) -> int:
    web = environment.create_web_ui(settings.listen_addr, settings.port, delayed_start=True)
    _guard(settings, web.app)
    # Locust's own methods are not annotated.
    web.start()  # type: ignore[no-untyped-call]  # Locust leaves it untyped
    serving: Any = web.greenlet
    serving.link(lambda _: stop.set())
    history = gevent.spawn(stats_history, runner)
    _log.info("web pages on http://%s:%s", settings.listen_addr, settings.port)
    runners.start(runner, settings)
    stop.wait()
    failed = serving.ready() and serving.exception is not None
    history.kill(block=False)
    _end(runner)
    if not failed:
        with gevent.Timeout(_STOP_WITHIN_S, False):
            web.stop()  # type: ignore[no-untyped-call]  # Locust leaves it untyped
    _log.info("stopped after %s requests", environment.stats.total.num_requests)
    return EXIT_CANNOT_START if failed else 0


def _end(runner: Runner) -> None:
    with gevent.Timeout(_STOP_WITHIN_S, False):
        if runner.state in (STATE_RUNNING, STATE_SPAWNING):
            runner.stop()
        runner.quit()


if __name__ == "__main__":
    sys.exit(run(load(Settings)))
