"""Spans per second that the collector commits, beside decoding them only and beside another revision.

`python -m benchmarks.ingest --against 07d0f6f`. All is measured in one run on one machine, revisions in
turn; compare the ratios, because rates vary with the machine. A 200 means committed; *settled* is when
every derived number is there too.
"""

from __future__ import annotations

import argparse
import http.client
import io
import os
import random
import socket
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psutil

from benchmarks.ingest_data import SETS, spans_in
from benchmarks.result_line import ResultLine
from collector.framing import protobuf_groups
from collector.items import Refusals
from collector.rows import Decoder
from collector.server import freeze_gc

READY_WITHIN_S = 15.0
_HERE = Path(__file__).parents[1]
_IDLE_S = 0.7
"""A collector that used no CPU for this long has settled everything."""
_IDLE_SHARE = 0.05
_SETTLED_WITHIN_S = 120.0


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    name: str
    spans: int
    wall_s: float
    """To the last answer."""
    cpu_s: float
    """Of the process and its children, until all is settled."""
    settled_s: float = 0.0
    """From the last answer until all is settled."""
    p95_ms: float = 0.0
    """Of the answers."""
    peak_mib: float = 0.0
    """Highest resident memory seen, of the process and its children; what they share counts once."""
    disk_bytes: int = 0
    """Of all files, once closed: write-ahead logs are gone then."""
    free_bytes: int = 0
    """Of that, pages that hold nothing: most held what waited for the settler; later commits use them."""

    @property
    def rate(self) -> float:
        """Spans per second."""
        return self.spans / self.wall_s

    def row(self, baseline: Result) -> str:
        """Rate, CPU per span, and the ratio of the rate to that of `baseline`."""
        return (
            f"{self.name:<44} {self.rate:>9,.0f} {self.rate / baseline.rate:>6.2f} "
            f"{self.cpu_s / self.spans * 1e6:>7.1f} {self.settled_s:>8.1f} {self.p95_ms:>7.0f} "
            f"{self.peak_mib:>6.0f} {self.disk_bytes / self.spans:>7.0f} "
            f"{self.free_bytes / self.spans:>7.0f}"
        )


_HEAD = (
    f"{'':<44} {'spans/s':>9} {'x':>6} {'CPU µs':>7} {'late s':>8} {'p95 ms':>7} {'MiB':>6} {'B/span':>7} "
    f"{'of free':>7}"
)


def measure_decode(bodies: Sequence[bytes]) -> Result:
    """Decode the requests in this process, without a store."""
    decoder, spans = Decoder(), 0
    wall, cpu = time.perf_counter(), time.process_time()
    for body in bodies:
        spans += len(decoder.traces(protobuf_groups(body), Refusals()).batch.spans)
    return Result("decode alone, one thread", spans, time.perf_counter() - wall, time.process_time() - cpu)


def measure_http(bodies: Sequence[bytes], connections: int, name: str, code: Path) -> Result:
    """Send the requests to a collector process over HTTP, whose answer means that they are committed."""
    port, grpc_port = _free_port(), _free_port()
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        environment = {
            **os.environ,
            "OTLP_HTTP_PORT": str(port),
            "OTLP_GRPC_PORT": str(grpc_port),
            "STORE_PATH": str(Path(folder) / "bench.db"),
        }
        process = subprocess.Popen(
            [sys.executable, "-m", "collector"], env=environment, cwd=code, stdout=subprocess.DEVNULL
        )
        try:
            _wait_for(port)
            watched = _Watched(process.pid)
            cpu, wall = watched.cpu_s(), time.perf_counter()
            with ThreadPoolExecutor(connections + 1) as pool:
                shares = [bodies[number::connections] for number in range(connections)]
                sending = [pool.submit(_send, port, share) for share in shares]
                pool.submit(watched.watch, lambda: all(each.done() for each in sending))
                delays = sorted(delay for each in sending for delay in each.result())
            wall = time.perf_counter() - wall
            settled = watched.until_idle()
            cpu = watched.cpu_s() - cpu
            peak = watched.peak_mib
        finally:
            process.terminate()
            process.wait(30)
        disk = sum(each.stat().st_size for each in Path(folder).iterdir())
        free = sum(map(_free_bytes, Path(folder).iterdir()))
    spans = spans_in(bodies)
    return Result(name, spans, wall, cpu, settled, delays[len(delays) * 95 // 100] * 1e3, peak, disk, free)


class _Watched:
    """A process with its children: CPU time, and the most memory that was seen."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self.peak_mib = 0.0

    def cpu_s(self) -> float:
        """User and system time so far, of children that have ended too."""
        found = 0.0
        for each in self._all():
            with _gone_is_nothing():
                times = each.cpu_times()
                found += times.user + times.system
        ended = self._process.cpu_times()
        return float(found + ended.children_user + ended.children_system)

    def watch(self, is_over: Callable[[], bool]) -> None:
        """Look at the memory until it is over."""
        while not is_over():
            self._look()
            time.sleep(0.05)

    def until_idle(self) -> float:
        """Wait until nothing is computed any more; the seconds that took."""
        began = last = time.perf_counter()
        used = self.cpu_s()
        while time.perf_counter() - last < _IDLE_S and time.perf_counter() - began < _SETTLED_WITHIN_S:
            time.sleep(0.1)
            self._look()
            now = self.cpu_s()
            if now - used > _IDLE_SHARE * 0.1 * 2:
                last = time.perf_counter()
            used = now
        return last - began

    def _look(self) -> None:
        size = 0
        for each in self._all():
            with _gone_is_nothing():
                size += _memory_bytes(each.pid)
        self.peak_mib = max(self.peak_mib, size / 2**20)

    def _all(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


def _free_bytes(path: Path) -> int:
    """Bytes of the pages of a closed SQLite file that hold nothing; 0 for another file."""
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            return 0
    with closing(sqlite3.connect(path)) as connection:
        free, size = (
            int(connection.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("freelist_count", "page_size")
        )
    return free * size


def _memory_bytes(pid: int) -> int:
    """Resident memory of a process; what it shares with others counts in part, so that sums are right."""
    try:
        text = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return int(psutil.Process(pid).memory_info().rss)
    return int(text.partition("\nPss:")[2].split()[0]) * 1024


@contextmanager
def _gone_is_nothing() -> Iterator[None]:
    try:
        yield
    except psutil.NoSuchProcess:
        return


def _send(port: int, bodies: Sequence[bytes]) -> list[float]:
    """Send each until it is accepted; the seconds that each acceptance took."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    delays = []
    for body in bodies:
        while True:
            began = time.perf_counter()
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            if answer.status in (429, 503):
                time.sleep(0.05)
                continue
            if answer.status != 200:
                raise SystemExit(f"the collector answered {answer.status}")
            break
        delays.append(time.perf_counter() - began)
    connection.close()
    return delays


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"the collector was not ready within {READY_WITHIN_S:g} s")


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`."""
    found = []
    for data in SETS:
        decode, *committed = measure(data, 20 if quick else 200, 7, write_line)
        found += [
            ResultLine(
                f"{each.name}, set {data}",
                f"{each.rate:,.0f} spans/s",
                f"{each.rate / decode.rate:.2f} of decode alone",
            )
            for each in committed
        ]
    return found


def measure(
    data: str,
    requests: int,
    seed: int,
    write_line: Callable[[str], object],
    *,
    connections: Sequence[int] = (1, 4),
    against: str = "",
    rounds: int = 1,
) -> list[Result]:
    """Decode only, then commit over each number of connections; writes the table line by line.

    With `against`, a revision, the same of it in turn, and ratios to that; else ratios to decoding.
    """
    freeze_gc()
    bodies = SETS[data](requests, random.Random(seed))
    spans = spans_in(bodies)
    write_line(f"set {data}: {spans:,} spans of {sum(map(len, bodies)) / spans:.0f} bytes\n")
    write_line(_HEAD)
    results = [measure_decode(bodies)]
    write_line(results[0].row(results[0]))
    with _revision(against) as former:
        for number in connections:
            plural = "s" if number > 1 else ""
            name = f"committed over HTTP, {number} connection{plural}"
            codes = {name: _HERE, **({f"the same at {against}": former} if former else {})}
            found: dict[str, list[Result]] = {each: [] for each in codes}
            for _ in range(rounds):
                for each, code in codes.items():
                    found[each].append(measure_http(bodies, number, each, code))
            middle = {each: _middle(results) for each, results in found.items()}
            baseline = list(middle.values())[-1] if former else results[0]
            for result in middle.values():
                write_line(result.row(baseline))
            results.append(middle[name])
    return results


def _middle(results: Sequence[Result]) -> Result:
    rate = median(each.rate for each in results)
    return min(results, key=lambda each: abs(each.rate - rate))


@contextmanager
def _revision(name: str) -> Iterator[Path | None]:
    """A folder with the code of a revision of this clone."""
    if not name:
        yield None
        return
    packed = subprocess.run(["git", "archive", name], cwd=_HERE, check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory(prefix="revision-") as folder:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        yield Path(folder)


def main(argv: Sequence[str] | None = None, write_line: Callable[[str], object] = print) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument(
        "--requests", type=int, default=200, help="requests of each set (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--set", dest="sets", choices=sorted(SETS), action="append", help="default: both")
    parser.add_argument("--connections", type=int, action="append", help="default: 1 and 4")
    parser.add_argument(
        "--against", default="", metavar="REVISION", help="measure it too, and take ratios to it"
    )
    parser.add_argument("--rounds", type=int, default=1, help="medians of so many rounds in turn")
    arguments = parser.parse_args(argv)
    for data in arguments.sets or sorted(SETS):
        measure(
            data,
            arguments.requests,
            arguments.seed,
            write_line,
            connections=arguments.connections or (1, 4),
            against=arguments.against,
            rounds=arguments.rounds,
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
