"""Which part of a load a process is: all of it, Locust's master, or a worker of a master elsewhere.

Knows Locust's runners; knows nothing of what the users do. Importing it imports Locust.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import gevent
from locust.env import Environment
from locust.runners import STATE_RUNNING, LocalRunner, MasterRunner, Runner, WorkerRunner

from loadgen.settings import Settings

_log = logging.getLogger("loadgen")
_LOOK_EVERY_S = 0.5


def runner_of(environment: Environment, settings: Settings) -> Runner:
    """The runner that the settings ask for; a worker's only once its master answered.

    Raises ConnectionError where no master answers within five minutes, and what Locust raises where the
    master's own address cannot be had.
    """
    if settings.master:
        host, port = _parts(settings.master)
        _log.info("worker of the master at %s", settings.master)
        return environment.create_worker_runner(host, port)
    if settings.master_listen:
        host, port = _parts(settings.master_listen)
        _log.info("master of workers at %s", settings.master_listen)
        return environment.create_master_runner(host, port)
    return environment.create_local_runner()


def start(runner: Runner, settings: Settings) -> None:
    """Start the users that the settings name: at once, or when a master has workers."""
    if isinstance(runner, LocalRunner):
        if settings.users:
            runner.start(settings.users, settings.spawn_rate)
            _log.info("%s users started for %s", settings.users, settings.shop_url)
    elif isinstance(runner, MasterRunner):
        gevent.spawn(_start_with_workers, runner, settings)


def when_left(runner: Runner, then: Callable[[], None]) -> None:
    """Call `then` when a worker has lost its master, or was sent away by it; never for another runner."""
    if isinstance(runner, WorkerRunner):
        gevent.spawn(_wait_for_end, runner, then)


def _wait_for_end(runner: WorkerRunner, then: Callable[[], None]) -> None:
    # Locust ends all that a worker does, and leaves it to the process to end itself.
    runner.greenlet.join()
    then()


def _start_with_workers(runner: MasterRunner, settings: Settings) -> None:
    """Start the users whenever workers come where none were, and share them out anew where they are not even.

    Locust stops the load with the last worker, and gives no users to one that comes while it waits to be
    told of the last user of a start.
    """
    had_workers = was_uneven = False
    while True:
        workers = [*runner.clients.ready, *runner.clients.running, *runner.clients.spawning]
        is_uneven = _is_uneven(runner, [each.user_count for each in workers])
        if workers and not had_workers and settings.users:
            runner.start(settings.users, settings.spawn_rate)
            _log.info("%s users started on workers for %s", settings.users, settings.shop_url)
        elif is_uneven and was_uneven:
            runner.start(runner.target_user_count, runner.spawn_rate)
            _log.info("%s users shared out among %s workers", runner.target_user_count, len(workers))
        had_workers, was_uneven = bool(workers), is_uneven
        gevent.sleep(_LOOK_EVERY_S)


def _is_uneven(runner: MasterRunner, users: list[int]) -> bool:
    return runner.state == STATE_RUNNING and bool(users) and max(users) - min(users) > 1


def _parts(address: str) -> tuple[str, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)
