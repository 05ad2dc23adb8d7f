"""Locust's master and workers, each a process of its own: one load, counted in one place."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.helpers import REPO, eventually, free_port, running
from tests.loadgen.shop import ServedShop
from tests.loadgen.test_locust import figures, load, orders

pytestmark = pytest.mark.timeout(120)


@contextmanager
def worker(master: str, log: Path | None = None, **environment: str) -> Iterator[Any]:
    """A worker of the master at this address."""
    given = {"LOADGEN_MASTER_ADDR": master, "PORT": "0", "LOADGEN_PACE": "50"}
    with running("loadgen", {**given, **environment}, log=log) as process:
        yield process


@contextmanager
def late_reporter(master: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    """A worker that reports only when it is sent a line, and how many users it was given, in order."""
    command = [sys.executable, "-m", "tests.loadgen.late_reporter", master]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=REPO, stdin=pipe, stdout=pipe, text=True) as process:
        given: list[str] = []
        assert process.stdout
        threading.Thread(
            target=lambda lines: given.extend(line.strip() for line in lines),
            args=(process.stdout,),
            daemon=True,
        ).start()
        try:
            yield process, given
        finally:
            process.kill()


def workers(url: str) -> int:
    """How many workers the master knows that are not gone."""
    return sum(each["state"] != "missing" for each in figures(url)["workers"])


def test_workers_make_the_load_that_the_master_counts(served: ServedShop, tmp_path: Path) -> None:
    """The users start when a worker comes, on both; the master's pages have the sum."""
    listen = f"127.0.0.1:{free_port()}"
    with load(served.url, LOADGEN_USERS="6", LOADGEN_MASTER_LISTEN=listen) as (url, _):
        assert figures(url)["user_count"] == 0
        with worker(listen, tmp_path / "one"), worker(listen, tmp_path / "two"):
            eventually(lambda: workers(url) == 2, "both workers are known", within_s=30)
            eventually(
                lambda: [each["user_count"] for each in figures(url)["workers"]] == [3, 3],
                "three users each",
                within_s=30,
            )
            eventually(lambda: len(orders(served)) > 5, "orders are placed", within_s=30)
            eventually(lambda: figures(url)["total_rps"] > 0, "the master counts requests", within_s=30)


def test_a_worker_that_comes_before_the_last_report_gets_its_share(served: ServedShop) -> None:
    """Locust gives nothing to a worker that comes while it waits to be told of the last user."""
    listen = f"127.0.0.1:{free_port()}"
    with (
        load(
            served.url,
            LOADGEN_USERS="4",
            LOADGEN_MASTER_LISTEN=listen,
            LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP="60",
        ) as (url, _),
        late_reporter(listen) as (reporter, given),
    ):
        eventually(lambda: given[-1:] == ["4"], "one has four users, and does not say so", within_s=30)
        with worker(listen):
            eventually(lambda: workers(url) == 2, "another comes", within_s=30)
            print(file=reporter.stdin, flush=True)
            eventually(lambda: given[-1:] == ["2"], "it gets two of them", within_s=30)


def test_the_load_goes_on_with_a_new_worker_after_the_last_one_left(served: ServedShop) -> None:
    """Locust stops the load with its last worker; a cluster starts a new one, and nobody presses a button."""
    listen = f"127.0.0.1:{free_port()}"
    with load(served.url, LOADGEN_USERS="2", LOADGEN_MASTER_LISTEN=listen) as (url, _):
        with worker(listen) as first:
            eventually(lambda: figures(url)["user_count"] == 2, "the users run", within_s=30)
            first.send_signal(signal.SIGTERM)
            assert first.wait(10) == 0
        eventually(lambda: figures(url)["user_count"] == 0, "nobody shops", within_s=30)
        with worker(listen):
            eventually(lambda: figures(url)["user_count"] == 2, "the users run again", within_s=30)


def test_a_worker_ends_with_its_master(served: ServedShop) -> None:
    """Sent away, it ends by itself, so that whoever started it can start it anew."""
    listen = f"127.0.0.1:{free_port()}"
    with worker(listen) as process:
        with load(served.url, LOADGEN_USERS="1", LOADGEN_MASTER_LISTEN=listen) as (url, master):
            eventually(lambda: figures(url)["user_count"] == 1, "the user runs", within_s=30)
            master.send_signal(signal.SIGTERM)
            assert master.wait(10) == 0
        assert process.wait(20) == 0


def test_a_worker_without_a_master_can_be_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with worker(f"127.0.0.1:{free_port()}", log) as process:
        eventually(lambda: "worker of the master" in log.read_text(), "it waits", within_s=30)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
