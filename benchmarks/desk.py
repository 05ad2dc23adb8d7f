"""The desk of a class: server time and bytes of a refresh, while the class orders and goes on.

    python -m benchmarks.desk             30 seats over 200,000 spans of load
    python -m benchmarks.desk --seats 300

The application runs in this process, without a network; the class's file and the store are real. Between two
refreshes one and a half seconds pass on the application's clock, in which a seat orders and reaches a step:
nothing is answered from what was kept. The ratio is that of the desk with its class to the same desk with a
single seat: what a seat costs.
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

import incidents
import store
from benchmarks.measure import quantile, table
from benchmarks.result_line import ResultLine
from benchmarks.store import ingest
from classroom import Answer, ClassStore, Mark, MarkKind
from collector.intake import Encoding, Intake, Signal
from observer.app import compile_templates, create_app
from observer.settings import Settings
from store.api import Writer

TARGET_MS = 100.0
TARGET_BYTES = 20_000
_REFRESH = "/desk/live"
_PAGE = "/desk"
_EVERY_NS = 1_500_000_000
_MIN = 60 * 10**9
_SECRET = "only for this benchmark"
_ROUNDS = 120
_LONG_NAME = "Featherstonehaugh-Cholmondeley of Wolfeschlegelsteinhausen"
_BUSY = 1.5
"""Wall clock over CPU above which other work was measured too."""


@dataclass(frozen=True, slots=True)
class Result:
    """What refreshes of one class took."""

    seats: int
    refreshes_ms: Sequence[float]
    cpu_ms: Sequence[float]
    refresh_bytes: int
    refresh_bytes_compressed: int
    page_ms: float

    @property
    def p95_ms(self) -> float:
        """The 95th percentile of the server time of a refresh."""
        return quantile(self.refreshes_ms, 0.95)


class _Class:
    """A class that goes on: each turn one seat orders, and one reaches a step."""

    def __init__(self, path: Path, writer: Writer, seats: int, now_ns: int) -> None:
        self.now_ns = now_ns
        self.file = ClassStore(path)
        self.file.enrol([f"Person {number:03} {_LONG_NAME}" for number in range(seats)])
        self._incident = incidents.load(incidents.DEFAULT)
        self.file.begin_incident(self._incident.name, now_ns - 60 * _MIN)
        self._slugs = [seat.slug for seat in self.file.seats()]
        self._intake = Intake(writer, max_in_flight_bytes=1 << 28, now_unix_nano=lambda: self.now_ns)
        self._random = random.Random(1)
        self._orders = 0
        for slug in self._slugs:
            self.file.take(slug, now_ns - 55 * _MIN)
            for _ in range(self._random.randrange(1, 9)):
                self._order(slug, now_ns - self._random.randrange(50 * _MIN))
            for _ in range(self._random.randrange(len(self._incident.steps))):
                self._reach(slug)
            for _ in range(self._random.randrange(4)):
                self._answer(slug)

    def turn(self) -> None:
        """What happens between two refreshes."""
        self.now_ns += _EVERY_NS
        self._order(self._random.choice(self._slugs), self.now_ns - _EVERY_NS // 2)
        self._reach(self._random.choice(self._slugs))

    def _reach(self, slug: str) -> None:
        step = self._random.choice(self._incident.steps).name
        for kind in (MarkKind.ARRIVED, MarkKind.OPENED, MarkKind.HINT):
            self.file.mark(Mark(slug, self._incident.name, step, kind, self.now_ns))

    def _answer(self, slug: str) -> None:
        given = {"service": "checkoutservice", "tag": "version", "kind": "slowness", "evidence": ""}
        wrong: frozenset[str] = frozenset()
        self.file.answer(Answer(slug, self._incident.name, self.now_ns, **given, right=wrong, complete=False))

    def _order(self, slug: str, at_ns: int) -> None:
        self._orders += 1
        trace = f"{self._orders:032x}"
        tags = {
            "http.request.method": "POST",
            "http.route": "/cart/checkout",
            "http.response.status_code": "500",
            "enduser.id": slug,
        }
        span = {
            "traceId": trace,
            "spanId": f"{self._orders:016x}",
            "name": "POST /cart/checkout",
            "kind": 2,
            "startTimeUnixNano": str(at_ns),
            "endTimeUnixNano": str(at_ns + 400_000_000),
            "status": {"code": 2},
            "attributes": _pairs(tags),
        }
        resource = {"attributes": _pairs({"service.name": "frontend"})}
        body = {"resourceSpans": [{"resource": resource, "scopeSpans": [{"spans": [span]}]}]}
        self._intake.take(Signal.TRACES, Encoding.JSON, json.dumps(body).encode())
        beacon = {
            "traceId": f"{self._orders + (1 << 40):032x}",
            "id": f"{self._orders + (1 << 40):016x}",
            "name": "documentLoad",
            "timestamp": at_ns // 1000,
            "duration": 90_000,
            "tags": {"app": "hipster-shop", "splunk.rumSessionId": f"{slug}-session", "enduser.id": slug},
        }
        self._intake.take(Signal.TRACES, Encoding.ZIPKIN, json.dumps([beacon]).encode())


def _pairs(values: dict[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items()]


def measure(folder: Path, seats: int, rounds: int) -> Result:
    """Refresh the desk of a class of this size over the store in `folder`."""
    path = folder / "store.db"
    writer, reader = store.open_writer(path, max_bytes=64 * 1024**3), store.open_reader(path)
    newest = reader.status().newest_unix_nano or time.time_ns()
    in_class = _Class(folder / f"class-{seats}.sqlite3", writer, seats, newest + _MIN)
    app = create_app(
        reader, Settings(seat_secret=_SECRET), lambda: in_class.now_ns, class_store=in_class.file
    )
    compile_templates(app)
    client = app.test_client()
    client.post("/desk/sign-in", data={"passcode": in_class.file.facts().passcode})
    _, _, first = _asked(client, _REFRESH)
    assert first.count("data-row") > seats, "the desk shows its class"
    times, cpu = [], []
    compressed = b""
    for _ in range(rounds):
        in_class.turn()
        took_ms, worked_ms, _ = _asked(client, _REFRESH)
        times.append(took_ms)
        cpu.append(worked_ms)
    size = len(client.get(_REFRESH).data)
    compressed = client.get(_REFRESH, headers={"Accept-Encoding": "gzip"}).data
    page_ms = quantile([_asked(client, _PAGE)[0] for _ in range(20)], 0.95)
    in_class.file.close()
    reader.close()
    writer.close()
    return Result(seats, times, cpu, size, len(compressed), page_ms)


def _asked(client: FlaskClient, address: str) -> tuple[float, float, str]:
    """Milliseconds of wall clock and of this thread's CPU, and the answer."""
    began_s, worked_s = time.perf_counter(), time.thread_time()
    answer = client.get(address, headers={"HX-Request": "true"})
    took_ms = (time.perf_counter() - began_s) * 1e3
    worked_ms = (time.thread_time() - worked_s) * 1e3
    if answer.status_code != 200:
        raise SystemExit(f"{address} answered {answer.status_code}")
    return took_ms, worked_ms, answer.text


def run(quick: bool, write_line: Any = print) -> list[ResultLine]:
    """The lines of the table of all benchmarks."""
    return _lines(*_both(30, 20_000 if quick else 200_000, 40 if quick else _ROUNDS), write_line)


def _both(seats: int, spans: int, rounds: int) -> tuple[Result, Result]:
    """The class, and the same desk with a single seat."""
    with tempfile.TemporaryDirectory(prefix="desk-bench-") as scratch:
        folder = Path(scratch)
        ingest(folder / "store.db", spans)
        return measure(folder, seats, rounds), measure(folder, 1, rounds)


def _lines(found: Result, alone: Result, write_line: Any) -> list[ResultLine]:
    head = ("seats", "p50 ms", "p95 ms", "CPU p50 ms", "CPU p95 ms", "page p95 ms", "bytes", "gzip")
    rows = [
        (
            str(each.seats),
            f"{quantile(each.refreshes_ms, 0.5):.1f}",
            f"{each.p95_ms:.1f}",
            f"{quantile(each.cpu_ms, 0.5):.1f}",
            f"{quantile(each.cpu_ms, 0.95):.1f}",
            f"{each.page_ms:.1f}",
            f"{each.refresh_bytes:,}",
            f"{each.refresh_bytes_compressed:,}",
        )
        for each in (found, alone)
    ]
    write_line(table(head, rows))
    if quantile(found.refreshes_ms, 0.5) > _BUSY * quantile(found.cpu_ms, 0.5):
        write_line("the machine was busy: use the CPU columns")
    cost = quantile(found.cpu_ms, 0.5) / max(0.1, quantile(alone.cpu_ms, 0.5))
    return [
        ResultLine(
            f"p95 of a refresh of the desk, {found.seats} seats",
            f"{found.p95_ms:.0f} ms",
            f"{found.p95_ms / TARGET_MS:.2f} of {TARGET_MS:.0f} ms",
        ),
        ResultLine("CPU of a refresh", f"{quantile(found.cpu_ms, 0.5):.0f} ms", f"{cost:.1f} of one seat"),
        ResultLine(
            "bytes of a refresh, not compressed",
            f"{found.refresh_bytes / 1e3:.1f} kB",
            f"{found.refresh_bytes / TARGET_BYTES:.2f} of {TARGET_BYTES / 1e3:.0f} kB",
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; 1 if a refresh takes longer or is larger than its bound."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.desk",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seats", type=int, default=30, help="default 30")
    parser.add_argument("--spans", type=int, default=200_000, help="spans of load, default 200,000")
    parser.add_argument("--rounds", type=int, default=_ROUNDS, help=f"refreshes, default {_ROUNDS}")
    arguments = parser.parse_args(argv)
    found, alone = _both(arguments.seats, arguments.spans, arguments.rounds)
    for line in _lines(found, alone, print):
        print(f"{line.name}: {line.value}, {line.ratio}")
    return int(found.p95_ms > TARGET_MS or found.refresh_bytes > TARGET_BYTES)


if __name__ == "__main__":
    raise SystemExit(main())
