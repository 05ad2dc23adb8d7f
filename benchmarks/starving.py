"""Ordinary pages of the screens with and without costly readers beside them, in turns within one run.

    python -m benchmarks.starving                 1,000,000 spans, ten costly readers, 4 pairs of windows
    python -m benchmarks.starving --keep DIR      keep the store in DIR, or use the one in it

An observer in a process of its own over a filled store. Four people open ordinary pages with a pause of half
a second. In every second window of 15 s ten others ask, without a pause, for service maps of six hours and
for searches that no index leads to, each for a range of its own; some ask the same at once. The ratio is the
p95 of the ordinary pages beside them to the p95 without them. Exit code 1 when that p95 is above 500 ms, or
an ordinary page is refused.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import store
from benchmarks.measure import free_port, machine, quantile, table, wait_until
from benchmarks.result_line import ResultLine
from benchmarks.store import ingest
from lab.paths import ROOT
from store.api import SessionQuery, TraceQuery, Window

BOUND_S = 0.5
_COSTLY = 10
_PEOPLE = 4
_PAUSE_S = 0.5
_WINDOW_S = 15.0
_PAIRS = 4
_TIMEOUT_S = 60.0
_HOURS_NS = 6 * 3_600 * 10**9
_STEP_NS = 7 * 10**9
_pause = threading.Event()


@dataclass
class Answers:
    """Seconds and statuses of the pages of one kind of reader."""

    times: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)

    def add(self, status: int, seconds: float) -> None:
        """Note one answer."""
        self.statuses[status] += 1
        self.times.append(seconds)


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """Measure over a store of its own, and return the lines of the common table."""
    with tempfile.TemporaryDirectory(prefix="hipster-lab-starving-") as folder:
        return _measure(Path(folder), 50_000 if quick else 1_000_000, 2 if quick else _PAIRS, write_line)


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; 1 when ordinary pages suffer."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--spans", type=int, default=1_000_000, help="of the store (default 1,000,000)")
    parser.add_argument("--pairs", type=int, default=_PAIRS, help=f"pairs of windows (default {_PAIRS})")
    parser.add_argument(
        "--keep", type=Path, metavar="DIR", help="keep the store in DIR, or use the one in it"
    )
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="hipster-lab-starving-") as scratch:
        try:
            lines = _measure(arguments.keep or Path(scratch), arguments.spans, arguments.pairs, print)
        except _Starved as problem:
            print(problem)
            return 1
    print(f"\n== on {machine()}, Python {sys.version.split()[0]}")
    print(table(("", "here", "ratio"), [(line.name, line.value, line.ratio) for line in lines]))
    return 0


class _Starved(SystemExit):
    """Ordinary pages were refused or too slow."""


def _measure(folder: Path, spans: int, pairs: int, write_line: Callable[[str], object]) -> list[ResultLine]:
    path = folder / "store.db"
    if not path.exists():
        ingest(path, spans)
    ordinary, costly = _questions(path)
    alone, beside, asked = Answers(), Answers(), Answers()
    with _observer(path) as port:
        _window(port, ordinary, costly, 0, 3.0, Answers(), Answers())
        for _ in range(pairs):
            _window(port, ordinary, costly, 0, _WINDOW_S, alone, asked)
            _window(port, ordinary, costly, _COSTLY, _WINDOW_S, beside, asked)
    head = ("", "pages", "p50 ms", "p95 ms", "slowest ms", "answers")
    kinds = (("ordinary, alone", alone), ("ordinary, beside", beside), ("costly", asked))
    write_line(table(head, [_row(name, each) for name, each in kinds]))
    before, after = quantile(alone.times, 0.95), quantile(beside.times, 0.95)
    refused = sum(beside.statuses.values()) - beside.statuses[200]
    if refused or after > BOUND_S:
        raise _Starved(f"p95 {after * 1e3:.0f} ms beside costly readers, {refused} ordinary pages refused")
    name = f"p95 of ordinary pages beside {_COSTLY} costly readers"
    value = f"{after * 1e3:.0f} ms (without: {before * 1e3:.0f} ms)"
    return [
        ResultLine(
            name, value, f"{after / max(before, 1e-9):.2f} of without; {after / BOUND_S:.2f} of 500 ms"
        )
    ]


def _row(name: str, of: Answers) -> tuple[str, ...]:
    seconds = (quantile(of.times, 0.5), quantile(of.times, 0.95), max(of.times, default=0.0))
    figures = (f"{value * 1e3:.0f}" for value in seconds)
    answers = ", ".join(f"{count} x {status}" for status, count in sorted(of.statuses.items()))
    return name, str(len(of.times)), *figures, answers


def _questions(path: Path) -> tuple[list[str], Iterator[str]]:
    """Addresses of ordinary pages, and costly ones without end."""
    reader = store.open_reader(path)
    newest = (reader.status().newest_unix_nano or 0) + 10**9
    quarter = Window(newest - 900 * 10**9, newest)
    trace = reader.find_traces(TraceQuery(window=quarter, limit=1)).items[0]
    session = reader.find_sessions(SessionQuery(window=quarter, limit=1)).items[0]
    reader.close()
    recent = urlencode({"from": quarter.from_unix_nano, "to": quarter.to_unix_nano})
    paths = ("/apm", "/apm/services", "/apm/traces", "/rum", "/rum/sessions", "/logs", "/logs?severity=error")
    ordinary = [f"{path}{'&' if '?' in path else '?'}{recent}" for path in paths]
    ordinary += [
        "/",
        f"/apm/traces/{trace.trace_id}",
        f"/rum/sessions/{session.session_id}",
        "/api/v1/status",
    ]
    return ordinary, _costly(newest)


def _costly(newest: int) -> Iterator[str]:
    paths = (
        "/apm",
        "/apm/traces?attr=missing:value",
        "/logs?attr=missing:value",
        "/apm/tags",
        "/logs?q=absent",
    )
    for number in itertools.count():
        # Three ask the same before the range moves on.
        end = newest - number // 15 * _STEP_NS
        path = paths[number % len(paths)]
        span = urlencode({"from": end - _HOURS_NS, "to": end})
        yield f"{path}{'&' if '?' in path else '?'}{span}"


def _window(
    port: int,
    ordinary: Sequence[str],
    costly: Iterator[str],
    readers: int,
    seconds: float,
    of_people: Answers,
    of_readers: Answers,
) -> None:
    """People, and so many costly readers, for so long."""
    end, lock = time.monotonic() + seconds, threading.Lock()

    def next_costly() -> str:
        with lock:
            return next(costly)

    turns = [itertools.cycle([*ordinary[n:], *ordinary[:n]]) for n in range(_PEOPLE)]
    people = [_reading(port, turn.__next__, _PAUSE_S, end, of_people) for turn in turns]
    others = [_reading(port, next_costly, 0.0, end, of_readers) for _ in range(readers)]
    for thread in (*others, *people):
        thread.start()
    for thread in (*others, *people):
        thread.join()


def _reading(
    port: int, address: Callable[[], str], pause_s: float, end: float, answers: Answers
) -> threading.Thread:
    return threading.Thread(target=_read, args=(port, address, pause_s, end, answers))


def _read(port: int, address: Callable[[], str], pause_s: float, end: float, answers: Answers) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
    while time.monotonic() < end:
        began = time.monotonic()
        try:
            connection.request("GET", address(), headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            answers.add(answer.status, time.monotonic() - began)
            wait_s = max(pause_s, float(answer.getheader("Retry-After") or 0))
        except (OSError, http.client.HTTPException):
            connection.close()
            answers.add(599, time.monotonic() - began)
            wait_s = pause_s
        _pause.wait(wait_s)
    connection.close()


@contextmanager
def _observer(path: Path) -> Iterator[int]:
    port = free_port()
    environment = {**os.environ, "PORT": str(port), "STORE_PATH": str(path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "observer"], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        wait_until(lambda: _healthy(port), "the observer answers", 30.0)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def _healthy(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/healthz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    raise SystemExit(main())
