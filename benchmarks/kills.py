"""Random kills of collector, settler and observer under load: what was acknowledged is there once.

`python -m benchmarks.kills --kills 1000`. Spans, browsers' spans, logs and metric points are sent until they
are acknowledged, by senders that try again. At the end they are counted, and all that is settled is compared
with a settling from nothing. Exit code 1 where something is lost, doubled or wrong.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
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
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psutil
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

import store
from benchmarks.ingest_data import SHOP_SPANS, shop_requests
from benchmarks.measure import free_port, post, wait_until
from benchmarks.result_line import ResultLine
from store.sqlite.settled_file import settled_path

_PROTOBUF = "application/x-protobuf"
_TIMEOUT_S = 10.0
_SETTLED_WITHIN_S = 120.0
_PAUSES_S = (0.02, 1.2)
"""Between two kills: some meet a process that has not begun."""
_SEND_EVERY_S = 0.03
_LOGS, _POINTS, _EVENTS = 50, 40, 5
"""Items of a request."""

# Ids are replaced by what they stand for, as a settling from nothing hands out its own.
_SETTLED = {
    "traces": "SELECT trace_id, start, duration, service, operation, spans, errors, origins, complete, "
    "session_id, services, tags, calls FROM traces ORDER BY trace_id",
    "requests": "SELECT t.trace_id, r.last, r.lows, r.starts, r.unbounded FROM requests r "
    "LEFT JOIN traces t ON t.id = r.trace ORDER BY 1, 2",
    "trace_pairs": "SELECT p.tag, p.value, t.trace_id FROM trace_pairs x "
    "LEFT JOIN pairs p ON p.id = x.pair LEFT JOIN traces t ON t.id = x.trace ORDER BY 1, 2, 3",
    "cells": "SELECT s.kind, s.environment, s.subject, s.item, s.value, c.width, c.slot, c.n, "
    "c.errors, c.origins, c.latencies FROM cells c JOIN series s ON s.id = c.series "
    "WHERE c.n OR c.errors OR c.origins ORDER BY 1, 2, 3, 4, 5, 6, 7",
    "sessions": "SELECT session_id, start, finish, page_views, errors, network_errors, events, attributes "
    "FROM sessions ORDER BY 1",
    "session_pairs": "SELECT p.tag, p.value, e.session_id FROM session_pairs x "
    "LEFT JOIN pairs p ON p.id = x.pair LEFT JOIN sessions e ON e.id = x.session ORDER BY 1, 2, 3",
    "samples": "SELECT metric, start, seq, bucket, failed FROM samples ORDER BY 1, 2, 3",
    "links": "SELECT trace_id, seq, session_id FROM links ORDER BY 1, 2",
    "tag sets": "SELECT s.body, x.slot FROM set_slots x JOIN tagsets s ON s.id = x.tagset ORDER BY 1, 2",
}


@dataclass(slots=True)
class Result:
    """What was done and found."""

    kills: Counter[str] = field(default_factory=Counter)
    sent: Counter[str] = field(default_factory=Counter)
    """Items that were acknowledged, by kind."""
    stored: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    """Settled tables that differ from a settling from nothing."""
    settled_s: float = 0.0
    """From the last answer until all was settled."""

    def passed(self) -> bool:
        """Whether nothing is lost, doubled or wrong."""
        return self.sent == self.stored and not self.wrong


class _Senders:
    """Threads that send requests, each until it is acknowledged."""

    def __init__(self, url: str, seed: int) -> None:
        self._url = url
        self._seed = seed
        self._over = threading.Event()
        self.sent: Counter[str] = Counter()
        kinds = (
            ("traces", "spans", SHOP_SPANS, self._traces()),
            ("traces", "events", _EVENTS, self._events()),
            ("logs", "logs", _LOGS, self._logs()),
            ("metrics", "points", _POINTS, self._points()),
        )
        self._threads = [threading.Thread(target=self._send, args=each, daemon=True) for each in kinds]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Let each finish its request."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _send(self, signal_name: str, kind: str, items: int, bodies: Iterator[bytes]) -> None:
        for body in bodies:
            while not self._is_taken(f"{self._url}/v1/{signal_name}", body):
                time.sleep(0.05)
            self.sent[kind] += items
            if self._over.wait(_SEND_EVERY_S):
                return

    @staticmethod
    def _is_taken(url: str, body: bytes) -> bool:
        with contextlib.suppress(OSError):
            return post(url, body, _PROTOBUF, _TIMEOUT_S) == 200
        return False

    def _traces(self) -> Iterator[bytes]:
        seed = self._seed
        while True:
            seed += 1
            yield from shop_requests(100, random.Random(seed))

    def _events(self) -> Iterator[bytes]:
        """Page views and clicks of sessions, three beacons each."""
        rng = random.Random(self._seed)
        for number in range(10**9):
            request = ExportTraceServiceRequest()
            resource = request.resource_spans.add()
            for key, value in (("app", "shop"), ("telemetry.sdk.language", "webjs")):
                resource.resource.attributes.add(key=key).value.string_value = value
            spans = resource.scope_spans.add().spans
            for _ in range(_EVENTS):
                span = spans.add(trace_id=rng.randbytes(16), span_id=rng.randbytes(8))
                span.name = rng.choice(("documentLoad", "click"))
                span.start_time_unix_nano = time.time_ns() - 10**7
                span.end_time_unix_nano = span.start_time_unix_nano + rng.randrange(10**6, 10**7)
                session = f"session-{self._seed}-{number // 3}"
                span.attributes.add(key="splunk.rumSessionId").value.string_value = session
            yield request.SerializeToString()

    def _logs(self) -> Iterator[bytes]:
        number = 0
        while True:
            request = ExportLogsServiceRequest()
            resource = request.resource_logs.add()
            resource.resource.attributes.add(key="service.name").value.string_value = "kills"
            records = resource.scope_logs.add().log_records
            for _ in range(_LOGS):
                number += 1
                record = records.add(time_unix_nano=time.time_ns())
                record.body.string_value = f"line {number}"
            yield request.SerializeToString()

    def _points(self) -> Iterator[bytes]:
        while True:
            request = ExportMetricsServiceRequest()
            resource = request.resource_metrics.add()
            resource.resource.attributes.add(key="service.name").value.string_value = "kills"
            now = time.time_ns()
            points = resource.scope_metrics.add().metrics.add(name="load").gauge.data_points
            for number in range(_POINTS):
                point = points.add(time_unix_nano=now, as_double=float(number))
                point.attributes.add(key="n").value.string_value = str(number)
            yield request.SerializeToString()


class _Process:
    """A module that is started again when it was killed."""

    def __init__(self, module: str, environment: dict[str, str], address: str) -> None:
        self._module = module
        self._environment = {**os.environ, **environment}
        self._address = address
        self.start()

    def start(self) -> None:
        self.popen = subprocess.Popen(
            [sys.executable, "-m", self._module], env=self._environment, stdout=subprocess.DEVNULL
        )

    def is_there(self) -> bool:
        try:
            with urlopen(self._address, timeout=2.0):
                return True
        except (URLError, OSError):
            return False

    def kill(self) -> None:
        """Kill it and start it again."""
        self.popen.kill()
        self.popen.wait()
        self.start()

    def stop(self) -> None:
        self.popen.terminate()
        self.popen.wait(30)


def measure(kills: int, seed: int, folder: Path) -> Result:
    """Kill so many times, then compare. Raises SystemExit where nothing starts or settles any more."""
    result, path = Result(), folder / "store.db"
    ports = [str(free_port()) for _ in range(3)]
    collector = _Process(
        "collector",
        {"OTLP_HTTP_PORT": ports[0], "OTLP_GRPC_PORT": ports[1], "STORE_PATH": str(path)},
        f"http://127.0.0.1:{ports[0]}/healthz",
    )
    observer = _Process(
        "observer",
        {"PORT": ports[2], "STORE_PATH": str(path), "ALERTS_DB": str(folder / "alerts.db")},
        f"http://127.0.0.1:{ports[2]}/apm?since=15m",
    )
    try:
        for each in (collector, observer):
            wait_until(each.is_there, f"{each.popen.args!r} answers", 30.0)
        senders = _Senders(f"http://127.0.0.1:{ports[0]}", seed)
        _kill(kills, random.Random(seed), collector, observer, result)
        senders.stop()
        result.sent = senders.sent
        began = time.monotonic()
        reader = store.open_reader(path)
        wait_until(
            lambda: reader.status().settled_up_to_unix_nano is None, "all is settled", _SETTLED_WITHIN_S
        )
        result.settled_s = time.monotonic() - began
        reader.close()
    finally:
        observer.stop()
        collector.stop()
    result.stored = _stored(path)
    result.wrong = _differing(path)
    return result


def _kill(count: int, rng: random.Random, collector: _Process, observer: _Process, result: Result) -> None:
    for _ in range(count):
        time.sleep(rng.uniform(*_PAUSES_S))
        victim = rng.choice(("collector", "settler", "settler", "observer"))
        if victim == "settler":
            with contextlib.suppress(psutil.NoSuchProcess):
                for child in psutil.Process(collector.popen.pid).children():
                    child.send_signal(signal.SIGKILL)
                    result.kills[victim] += 1
            continue
        (collector if victim == "collector" else observer).kill()
        result.kills[victim] += 1


@contextmanager
def _both_files(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    connection.execute("ATTACH ? AS settled", (str(settled_path(path)),))
    yield connection
    connection.close()


def _stored(path: Path) -> Counter[str]:
    """What the tables hold, by kind, and whether the counters say the same."""
    reader = store.open_reader(path)
    status = reader.status()
    reader.close()
    with _both_files(path) as connection:

        def one(sql: str) -> int:
            return int(connection.execute(sql).fetchone()[0] or 0)

        events = one("SELECT sum(events) FROM sessions")
        spans = one("SELECT (SELECT count(*) FROM spans) + (SELECT coalesce(sum(n), 0) FROM trace_parts)")
        logs = one("SELECT (SELECT count(*) FROM logs) + (SELECT coalesce(sum(n), 0) FROM log_parts)")
        found = Counter({"spans": spans - events, "events": events, "logs": logs})
    found["points"] = status.metric_points
    if status.spans != spans:
        found["spans counted"] = status.spans
    return found


def _differing(path: Path) -> list[str]:
    """Settled tables that a settling from nothing makes otherwise."""
    before = _settled(path)
    for suffix in ("", "-wal", "-shm"):
        Path(f"{settled_path(path)}{suffix}").unlink(missing_ok=True)
    store.open_writer(path).close()
    after = _settled(path)
    return [
        f"{name}: {len(set(before[name]) ^ set(after[name]))} rows of {len(after[name])}, such as "
        f"{sorted(set(before[name]) ^ set(after[name]), key=repr)[:2]}"[:500]
        for name in _SETTLED
        if before[name] != after[name]
    ]


def _settled(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    with _both_files(path) as connection:
        return {
            name: [tuple(map(_plain, row)) for row in connection.execute(sql)]
            for name, sql in _SETTLED.items()
        }


def _plain(value: Any) -> Any:
    """The value; of an object in JSON with its names in order."""
    if isinstance(value, str) and value.startswith("{"):
        return json.dumps(json.loads(value), sort_keys=True)
    return value


def report(result: Result) -> str:
    """A few lines."""
    kills = ", ".join(f"{count} of {name}" for name, count in sorted(result.kills.items()))
    lines = [f"killed: {kills}; settled {result.settled_s:.1f} s after the last answer"]
    for kind, sent in sorted(result.sent.items()):
        lines.append(f"{kind}: {sent:,} acknowledged, {result.stored[kind]:,} kept")
    lines += [f"differs from a settling from nothing: {each}" for each in result.wrong]
    lines.append("nothing is lost, doubled or wrong" if result.passed() else "FAILED")
    return "\n".join(lines)


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`."""
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        result = measure(10 if quick else 100, 1, Path(folder))
    write_line(report(result))
    kills = sum(result.kills.values())
    missing = sum(abs(result.sent[kind] - result.stored[kind]) for kind in result.sent | result.stored)
    return [
        ResultLine(
            f"acknowledged items lost or doubled, and tables wrong, after {kills} kills",
            f"{missing} and {len(result.wrong)}",
            f"{missing / max(result.sent.total(), 1):.2f}",
        )
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; 1 where something is lost, doubled or wrong."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        result = measure(arguments.kills, arguments.seed, Path(folder))
    print(report(result))
    return 0 if result.passed() else 1


if __name__ == "__main__":
    sys.exit(main())
