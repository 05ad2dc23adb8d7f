"""Every page of the screens over a million spans: server time, transferred size, time per store query.

    python -m benchmarks.pages             1,000,000 spans and 300,000 logs
    python -m benchmarks.pages --small     a twentieth of that
    python -m benchmarks.pages --keep DIR  keep the store in DIR, or use the one in it
    python -m benchmarks.pages --store URL over a ClickHouse store, filled by `benchmarks.clickhouse_fill`

Pages are rendered in this process, without a network, compressed as for a browser. A round requests
every page once, so that a page does not profit from its own last answer only; the first round, which may
have to read the file from disk, is printed separately. Absolute times depend on the machine; compare the
share of the store in each page.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

import store
from benchmarks.store import ingest, settle
from observer.app import create_app, warm_up
from observer.settings import Settings
from signals.model import Severity
from store.api import LogQuery, Reader, SessionQuery, TraceQuery, Window

_TARGET_MS = 100.0
_SAME_WORK = 50_000
_TARGET_BYTES = 150_000
_STATIC = "/static/"
_OBSERVER = Path(__file__).parent.parent / "observer"


class _Clocked:
    """A reader that records the time of each kind of query."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.spent_ms: dict[str, float] = defaultdict(float)

    def __getattr__(self, name: str) -> Any:
        query = getattr(self._reader, name)
        if not callable(query):
            return query

        def timed(*args: object, **named: object) -> object:
            began_s = time.perf_counter()
            try:
                return query(*args, **named)
            finally:
                self.spent_ms[name] += (time.perf_counter() - began_s) * 1e3

        return timed


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print the table; 1 if a page exceeds its targets."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--small", action="store_true", help="a twentieth of the data")
    parser.add_argument("--spans", type=int, help="number of spans (default 1,000,000; logs are 3 for 10)")
    parser.add_argument("--rounds", type=int, default=20, help="requests per page (default 20)")
    parser.add_argument("--only", default="", help="only pages whose address contains this")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="keep the store in DIR, or reuse it")
    parser.add_argument(
        "--store", metavar="URL", help="clickhouse://host:8123/database, chdb:///folder/database"
    )
    parser.add_argument("--one-core", action="store_true", help="let this process use one core only")
    arguments = parser.parse_args(argv)
    if arguments.one_core:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    if arguments.store:
        return measure(arguments.store, arguments.rounds, arguments.only)
    spans = arguments.spans or (50_000 if arguments.small else 1_000_000)
    with tempfile.TemporaryDirectory(prefix="pages-bench-") as scratch:
        path = (arguments.keep or Path(scratch)) / "store.db"
        if path.exists():
            settle(path)
        else:
            ingest(path, spans)
        return measure(path, arguments.rounds, arguments.only)


def measure(path: store.Place, rounds: int, only: str = "") -> int:
    """Request every page `rounds` times and print its figures; 1 if one exceeds its targets or fails."""
    reader = store.open_reader(path)
    status = reader.status()
    newest = (status.newest_unix_nano or 0) + 10**9
    clocked = _Clocked(reader)
    app = create_app(clocked, Settings(), clock=lambda: newest)
    warm_up(app)
    client = app.test_client()
    addresses = [a for a in dict.fromkeys(_addresses(reader, newest)) if only in a]
    times: dict[str, list[float]] = {address: [] for address in addresses}
    work: dict[str, list[float]] = {address: [] for address in addresses}
    parts: dict[str, dict[str, list[float]]] = {a: defaultdict(list) for a in addresses}
    sizes: dict[str, int] = {}
    broken: dict[str, int] = {}
    same: list[float] = []
    for _ in range(rounds):
        for address in addresses:
            same.append(_same_work_ms())
            clocked.spent_ms.clear()
            took_ms, worked_ms, size, code = _ask(client, address)
            times[address].append(took_ms)
            work[address].append(worked_ms)
            sizes[address] = size
            if code >= 400 and not address.startswith("/search"):
                broken[address] = code
            for name, spent_ms in clocked.spent_ms.items():
                parts[address][name].append(spent_ms)
    print(f"\n{status.spans:,} spans, {status.logs:,} logs, {status.sessions:,} sessions; {rounds} rounds")
    heads = " ".join(f"{head:>7}" for head in ("first", "p50 ms", "p95 ms", "CPU ms", "CPU p95"))
    print(f"  {'page':66} {heads} {'kB':>6}  largest shares (p50)")
    busy = sum(map(sum, times.values())) / max(1e-9, sum(map(sum, work.values())))
    first = max((_first_view(client, a) for a in addresses), default=0)
    over = sum(_print_page(a, times[a], work[a], sizes[a], first, parts[a], broken.get(a)) for a in addresses)
    print(f"\n  styles, scripts and typeface of a first view: {first / 1e3:.1f} kB, cached afterwards")
    print(f"  targets: p95 under {_TARGET_MS:.0f} ms, {_TARGET_BYTES / 1e3:.0f} kB with these")
    print(f"  {over} of {len(addresses)} pages above them")
    late = _share(same, 0.95) / statistics.median(same)
    print(f"  the same work before each page: p95 {late:.2f} times the median, by the machine alone")
    if busy > 1.3:
        print(f"  the machine was busy (wall clock {busy:.1f} times the CPU): use the CPU column")
    reader.close()
    return 1 if over or broken else 0


def _same_work_ms() -> float:
    """Wall clock of a loop that always does the same: what of a page's p95 is the machine's."""
    began_s = time.perf_counter()
    rest = 0
    for number in range(_SAME_WORK):
        rest = (rest + number * number) % 7
    return (time.perf_counter() - began_s) * 1e3


def _ask(client: FlaskClient, address: str) -> tuple[float, float, int, int]:
    """Milliseconds of wall clock and of CPU, bytes transferred, status."""
    # With the threads of an engine inside this process.
    began_s, worked_s = time.perf_counter(), time.process_time()
    answer = client.get(address, headers={"Accept-Encoding": "gzip"})
    body = answer.get_data()
    took_ms = (time.perf_counter() - began_s) * 1e3
    return took_ms, (time.process_time() - worked_s) * 1e3, len(body), answer.status_code


def _print_page(
    address: str,
    times: Sequence[float],
    work: Sequence[float],
    size: int,
    first: int,
    parts: dict[str, list[float]],
    broken: int | None,
) -> int:
    middle, late, worked = statistics.median(times), _share(times, 0.95), statistics.median(work)
    by_part = {name: statistics.median(spent) for name, spent in parts.items()}
    rest = max(0.0, middle - sum(by_part.values()))
    largest = [f"{name} {spent:.1f}" for name, spent in sorted(by_part.items(), key=lambda p: -p[1])[:3]]
    largest.append(f"page itself {rest:.1f}")
    over = late > _TARGET_MS or size + first > _TARGET_BYTES
    shown = address if len(address) <= 66 else address[:65] + "…"
    marks = ("  ABOVE" if over else "") + (f"  ANSWERED {broken}" if broken else "")
    numbers = (
        f"{times[0]:7.1f} {middle:7.1f} {late:7.1f} {worked:7.1f} {_share(work, 0.95):7.1f} {size / 1e3:6.1f}"
    )
    print(f"  {shown:66} {numbers}  {', '.join(largest)}{marks}")
    return int(over)


def _share(values: Sequence[float], share: float) -> float:
    """The lowest value that this share of them does not exceed."""
    ranked = sorted(values)
    return ranked[math.ceil(share * len(ranked)) - 1]


def _first_view(client: FlaskClient, address: str) -> int:
    """Bytes transferred of every static file that a page names, and of the modules that those import.

    A page also names its typeface (it is preloaded), where the lab has installed one.
    """
    page = client.get(address)
    if page.mimetype != "text/html":
        return 0
    hrefs = page.get_data(as_text=True).split(f'="{_STATIC}')[1:]
    named = {href.partition('"')[0].partition("?")[0] for href in hrefs}
    modules = {path.name for path in (_OBSERVER / "static").glob("*.js")}
    answers = [_ask(client, _STATIC + name) for name in named | modules]
    return sum(size for _, _, size, status in answers if status == 200)


def _addresses(reader: Reader, newest: int) -> list[str]:
    """The address of every kind of page, with ids of the store."""
    window = Window(newest - 900 * 10**9, newest)
    failing = reader.find_traces(TraceQuery(window=window, error="origin", limit=1)).items[0]
    largest = max(reader.find_traces(TraceQuery(window=window, limit=200)).items, key=lambda t: t.spans)
    session = reader.find_sessions(SessionQuery(window=window, sort="errors", limit=1)).items[0]
    event = next(s for s in reader.spans_of_session(session.session_id) if s.attributes.get("link.traceId"))
    logs = LogQuery(window=window, severities=frozenset({Severity.ERROR}), limit=1)
    log = reader.find_logs(logs).items[0]
    service = failing.services[-1].name
    seat = session.attributes.get("enduser.id", "student-1")
    span = next(s for s in reader.spans_of_trace(failing.trace_id) if s.error)
    short = _lists(service, seat)
    searched = _searches(service, seat, span.span_id)
    return [
        *short,
        *(f"{path}{'&' if '?' in path else '?'}since=6h" for path in (*short, *searched)),
        f"/apm/traces/{failing.trace_id}",
        f"/apm/traces/{failing.trace_id}?span={span.span_id}",
        f"/apm/traces/{largest.trace_id}",
        f"/rum/sessions/{session.session_id}",
        f"/rum/sessions/{session.session_id}/apm/{event.span_id}",
        f"/logs?trace_id={failing.trace_id}",
        f"/logs?trace_id={failing.trace_id}&log={log.log_id}",
        "/",
        "/workshop",
        "/desk",
        "/-/keys",
        "/-/patterns",
        "/api/v1/status",
        "/api/v1/apm/map?since=15m",
        f"/api/v1/apm/traces/{failing.trace_id}",
        f"/api/v1/logs?trace_id={failing.trace_id}",
    ]


def _searches(service: str, seat: str, span_id: str) -> list[str]:
    """Searches that no index serves or that match many rows, for the longest range."""
    environments = ("/apm", f"/apm/services/{service}", "/apm/tags", "/rum", "/rum/tags", "/logs")
    return [
        *(f"{path}?env=bench" for path in environments),
        f"/apm/tags?service={service}&tag=server.port",
        f"/apm/traces?attr=server.port:5000&service={service}",
        "/apm/traces?attr=missing:value",
        "/apm/traces?min_ms=2000",
        f"/rum/tags?metric=js_errors&attr=enduser.id:{seat}",
        "/rum/sessions?attr=error.message:x+is+undefined",
        "/rum/sessions?attr=missing:value",
        "/rum/sessions?sort=longest",
        f"/logs?service={service}",
        "/logs?q=handled+request",
        "/logs?attr=number:3",
        "/logs?attr=missing:value",
        "/search?q=0123456789abcdef",
        f"/search?q={span_id}",
    ]


def _lists(service: str, seat: str) -> list[str]:
    """Addresses of the pages over a time range."""
    return [
        "/apm",
        f"/apm?service={service}",
        "/apm/services",
        f"/apm/services/{service}",
        "/apm/tags",
        f"/apm/tags?service={service}",
        f"/apm/tags?service={service}&attr=version:v350.10",
        "/apm/traces",
        f"/apm/traces?service={service}&error=origin&sort=slowest",
        f"/apm/traces?attr=enduser.id:{seat}",
        "/rum",
        "/rum/tags",
        "/rum/sessions",
        f"/rum/sessions?attr=enduser.id:{seat}",
        "/logs",
        "/logs?severity=error",
        "/logs?q=invalid",
    ]


if __name__ == "__main__":
    raise SystemExit(main())
