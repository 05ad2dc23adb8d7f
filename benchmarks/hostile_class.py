"""Students' pages with and without a hostile class beside them, in turns within one run.

    python -m benchmarks.hostile_class            10 pairs of windows of 6 s, 5,000 ghost beacons in all
    python -m benchmarks.hostile_class --pairs 20

A class on loopback. Students open pages of shop and screens without a pause worth the name. In every second
window strangers send beacons for seats that do not exist, guess the passcode and open links without a
signature, from a process of their own. The ratio is the p95 of pages beside them to the p95 without them.
Exit code 1 when something got in, or the ratio is above the bound.
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import os
import random
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import SynchronizedArray
from multiprocessing.synchronize import Event
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

from benchmarks import labs
from benchmarks.measure import get_json, quantile, table
from benchmarks.result_line import ResultLine
from lab.state import seat_secret
from runtime import seats

if TYPE_CHECKING:
    Counts = SynchronizedArray[int]
else:
    Counts = SynchronizedArray

BOUND = 1.5
_STUDENTS = 6
_STRANGERS = 4
_WINDOW_S = 6.0
_PAIRS = 10
_GHOSTS = 5_000
_GUESS_EVERY, _LINK_EVERY = 10, 5
"""A passcode for so many beacons, and a link for so many."""
_PAUSE_S = (0.2, 0.5)
_TIMEOUT_S = 30.0
_WARM_UP_S = 4.0
_LONGEST_WINDOW_S = 30.0
_GHOST = "ghost"
_NO_ANSWER = 599
_NICENESS = 10
"""Strangers have machines of their own: here they wait for the lab, not the lab for them."""


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds of pages in quiet and in hostile windows; what strangers sent; what got in."""

    quiet_ms: Sequence[float]
    hostile_ms: Sequence[float]
    failed_pages: int
    beacons: int
    beacons_per_s: float
    got_in: int

    @property
    def ratio(self) -> float:
        """The p95 beside the hostile class to the p95 without it."""
        return quantile(self.hostile_ms, 0.95) / max(0.1, quantile(self.quiet_ms, 0.95))


@dataclass(slots=True)
class _Pages:
    """What students measured: when each page was asked for, and its milliseconds."""

    times: list[tuple[float, float]] = field(default_factory=list)
    failed: int = 0


def _client() -> requests.Session:
    session = requests.Session()
    # A proxy of the environment cannot reach this machine's loopback.
    session.trust_env = False
    return session


def _study(shop: str, screens: str, seat: str, secret: str, found: _Pages, over: threading.Event) -> None:
    """Open the pages of a lesson, one after the other, until it is over."""
    rng, client = random.Random(seat), _client()
    client.get(seats.link(screens, seat, secret, "/workshop"), timeout=_TIMEOUT_S)
    pages = [
        f"{shop}/",
        f"{shop}/product/1YMWWN1N4O",
        f"{shop}/cart",
        f"{screens}/workshop",
        f"{screens}/rum/sessions?attr=enduser.id:{seat}",
        f"{screens}/apm",
    ]
    while not over.wait(rng.uniform(*_PAUSE_S)):
        began = time.monotonic()
        try:
            status = client.get(rng.choice(pages), timeout=_TIMEOUT_S).status_code
        except requests.RequestException:
            status = 0
        found.times.append((began, (time.monotonic() - began) * 1000))
        found.failed += status != 200
    client.close()


def _attack(shop: str, screens: str, per_second: float, on: Event, over: Event, counts: Counts) -> None:
    """Send what is not theirs, at a steady pace while `on` is set; `counts` are beacons and what got in."""
    os.nice(_NICENESS)
    given = (shop, screens, per_second / _STRANGERS, on, over, counts)
    threads = [threading.Thread(target=_strange, args=given) for _ in range(_STRANGERS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _strange(shop: str, screens: str, per_second: float, on: Event, over: Event, counts: Counts) -> None:
    doors, sent = _Doors(shop, screens), 0
    while not over.is_set():
        if not on.wait(0.05):
            continue
        began = time.monotonic()
        sent += 1
        got_in = doors.attempt(sent)
        with counts.get_lock():
            counts[0] += 1
            counts[1] += got_in
        over.wait(max(0.0, 1 / per_second - (time.monotonic() - began)))


class _Doors:
    """Two connections that are kept: a client that costs little, since its CPU is taken from the lab's."""

    def __init__(self, shop: str, screens: str) -> None:
        self._shop = http.client.HTTPConnection(urlsplit(shop).netloc, timeout=_TIMEOUT_S)
        self._screens = http.client.HTTPConnection(urlsplit(screens).netloc, timeout=_TIMEOUT_S)

    def attempt(self, number: int) -> int:
        """One beacon, now and then a guess and a link with it; how many of guess and link got in."""
        beacon = {
            "traceId": f"{number:032x}",
            "id": f"{number:016x}",
            "name": "documentLoad",
            "timestamp": time.time_ns() // 1000,
            "tags": {"splunk.rumSessionId": f"{number:032x}", "enduser.id": _GHOST},
        }
        self._status(self._shop, "POST", "/v1/rum", [beacon])
        got_in = 0
        if number % _GUESS_EVERY == 0:
            guess = {"passcode": f"{random.getrandbits(48):012X}"}
            got_in += self._status(self._screens, "POST", "/api/v1/desk/session", guess) < 400
        if number % _LINK_EVERY == 0:
            to_shop = number % (2 * _LINK_EVERY) == 0
            connection, path = (self._shop, "/") if to_shop else (self._screens, "/workshop")
            got_in += self._status(connection, "GET", f"{path}?seat=seat-01") < 400
        return got_in

    def _status(
        self, connection: http.client.HTTPConnection, method: str, path: str, document: object = None
    ) -> int:
        body = None if document is None else json.dumps(document)
        headers = {"Content-Type": "application/json"} if body else {}
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            answer.read()
        except (OSError, http.client.HTTPException):
            connection.close()
            return _NO_ANSWER
        return answer.status


def measure(pairs: int, window_s: float, ghosts: int) -> Result:
    """Run the class. Raises SystemExit when no lab starts."""
    with labs.running("--no-load", "--class", str(_STUDENTS), "--host", "127.0.0.1") as lab:
        shop, screens = lab.url("shop"), lab.url("observer")
        context = multiprocessing.get_context("spawn")
        on, over, counts = context.Event(), context.Event(), context.Array("q", 2)
        given = (shop, screens, ghosts / (pairs * window_s), on, over, counts)
        strangers = context.Process(target=_attack, args=given, daemon=True)
        strangers.start()
        found, windows = _Pages(), []
        end = _students(shop, screens, seat_secret.read(lab.folder), found)
        try:
            time.sleep(_WARM_UP_S)
            for pair in range(1, pairs + 1):
                began = time.monotonic()
                time.sleep(window_s)
                windows.append((began, time.monotonic(), False))
                windows.append(_beside(on, counts, ghosts * pair // pairs))
        finally:
            over.set()
            end()
            strangers.join(_TIMEOUT_S)
        ghosts_seen = len(get_json(f"{screens}/api/v1/rum/sessions?attr=enduser.id:{_GHOST}")["sessions"])
    return Result(
        _within(found, windows, False),
        _within(found, windows, True),
        found.failed,
        counts[0],
        counts[0] / sum(ended - began for began, ended, hostile in windows if hostile),
        counts[1] + ghosts_seen,
    )


def _beside(on: Event, counts: Counts, until: int) -> tuple[float, float, bool]:
    """A window in which strangers send until so many beacons were sent, or it lasts too long."""
    began = time.monotonic()
    on.set()
    while counts[0] < until and time.monotonic() - began < _LONGEST_WINDOW_S:
        time.sleep(0.05)
    on.clear()
    return began, time.monotonic(), True


def _students(shop: str, screens: str, secret: str, found: _Pages) -> Callable[[], None]:
    """Let every seat study; returns what ends it."""
    over = threading.Event()
    threads = [
        threading.Thread(
            target=_study, args=(shop, screens, f"seat-{number:02}", secret, found, over), daemon=True
        )
        for number in range(1, _STUDENTS + 1)
    ]
    for thread in threads:
        thread.start()

    def end() -> None:
        over.set()
        for thread in threads:
            thread.join(_TIMEOUT_S)

    return end


def _within(found: _Pages, windows: Sequence[tuple[float, float, bool]], hostile: bool) -> list[float]:
    return [
        took_ms
        for at_s, took_ms in found.times
        if any(began <= at_s < ended and kind is hostile for began, ended, kind in windows)
    ]


def run(quick: bool, write_line: Callable[[str], object] = print) -> list[ResultLine]:
    """The lines of the table of all benchmarks."""
    pairs = 3 if quick else _PAIRS
    return _lines(measure(pairs, _WINDOW_S, _GHOSTS * pairs // _PAIRS), write_line)


def _lines(result: Result, write_line: Callable[[str], object]) -> list[ResultLine]:
    rows = [
        (name, str(len(took)), *(f"{quantile(took, share):.0f}" for share in (0.5, 0.95, 0.99)))
        for name, took in (("without", result.quiet_ms), ("beside them", result.hostile_ms))
    ]
    write_line(table(("students' pages", "pages", "p50 ms", "p95 ms", "p99 ms"), rows))
    write_line(
        f"{result.beacons:,} beacons of strangers ({result.beacons_per_s:.0f} a second, every "
        f"{_LINK_EVERY}th with a link, every {_GUESS_EVERY}th with a guess); {result.got_in} got in; "
        f"{result.failed_pages} pages failed"
    )
    beside, without = quantile(result.hostile_ms, 0.95), quantile(result.quiet_ms, 0.95)
    return [
        ResultLine(
            "p95 of students' pages beside a hostile class",
            f"{beside:.0f} ms",
            f"{result.ratio:.2f} of without ({without:.0f} ms)",
        ),
        ResultLine("what strangers got in", str(result.got_in), f"0 of {result.beacons:,} expected"),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; 1 if something got in, a page failed or pages became slow."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.hostile_class",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pairs", type=int, default=_PAIRS, help=f"default {_PAIRS}")
    parser.add_argument("--window", type=float, default=_WINDOW_S, help=f"seconds, default {_WINDOW_S:g}")
    parser.add_argument("--ghosts", type=int, default=_GHOSTS, help=f"beacons in all, default {_GHOSTS:,}")
    arguments = parser.parse_args(argv)
    result = measure(arguments.pairs, arguments.window, arguments.ghosts)
    for line in _lines(result, print):
        print(f"{line.name}: {line.value}, {line.ratio}")
    return int(bool(result.got_in or result.failed_pages) or result.ratio > BOUND)


if __name__ == "__main__":
    raise SystemExit(main())
