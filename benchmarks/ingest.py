"""Spans per second that the collector commits, compared with decoding them only.

`python -m benchmarks.ingest`. Both are measured in one run on one machine; compare the
ratio, because rates vary with the machine.
"""

from __future__ import annotations

import argparse
import http.client
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.result_line import ResultLine
from collector.framing import protobuf_groups
from collector.items import Refusals
from collector.rows import Decoder
from collector.server import freeze_gc

SPANS_PER_REQUEST = 512
SPANS_PER_TRACE = 40
SERVICES = tuple(f"service-{number}" for number in range(11))
READY_WITHIN_S = 15.0


@dataclass(frozen=True, slots=True)
class Result:
    """One line of the table."""

    name: str
    spans: int
    wall_s: float
    cpu_s: float

    def row(self, baseline: Result) -> str:
        """Rate, CPU per span, and the ratio of the rate to that of `baseline`."""
        rate = self.spans / self.wall_s
        cpu_us = self.cpu_s / self.spans * 1e6
        share = rate / (baseline.spans / baseline.wall_s)
        return f"{self.name:<42} {rate:>10,.0f} {cpu_us:>10.1f} {share:>8.2f}"


def payloads(count: int, rng: random.Random) -> list[bytes]:
    """Export requests of checkout-like traces: 15 attributes a span, 3 in 100 traces with an error."""
    made, trace = [], _Trace(rng)
    start = time.time_ns() - 60 * 10**9
    for _ in range(count):
        request = ExportTraceServiceRequest()
        groups = []
        for service in SERVICES:
            resource_spans = request.resource_spans.add()
            for key, value in (
                ("service.name", service),
                ("service.version", "1.4.2"),
                ("deployment.environment.name", "benchmark"),
                ("host.name", "bench-1"),
                ("service.instance.id", f"{service}-1"),
            ):
                resource_spans.resource.attributes.add(key=key).value.string_value = value
            groups.append(resource_spans.scope_spans.add())
        for _ in range(SPANS_PER_REQUEST):
            if len(trace.span_ids) == SPANS_PER_TRACE:
                trace = _Trace(rng)
            start += 1000
            _add_span(rng, groups[rng.randrange(len(groups))].spans.add(), trace, start)
        made.append(request.SerializeToString())
    return made


class _Trace:
    """A trace to which spans are added one by one."""

    def __init__(self, rng: random.Random) -> None:
        self.id = rng.randbytes(16)
        self.failing = rng.random() < 0.03
        self.span_ids: list[bytes] = []


def _add_span(rng: random.Random, span: Span, trace: _Trace, start: int) -> None:
    span.trace_id, span.span_id = trace.id, rng.randbytes(8)
    if trace.span_ids:
        span.parent_span_id = rng.choice(trace.span_ids)
    trace.span_ids.append(span.span_id)
    span.kind = Span.SPAN_KIND_SERVER if len(trace.span_ids) % 2 else Span.SPAN_KIND_CLIENT
    method = rng.choice(("GetProduct", "Convert", "GetCart", "Charge", "PlaceOrder"))
    span.name = f"/hipstershop.Service/{method}"
    span.start_time_unix_nano, span.end_time_unix_nano = start, start + rng.randrange(10**5, 10**8)
    texts = {
        "rpc.system": "grpc",
        "rpc.service": "hipstershop.Service",
        "rpc.method": method,
        "server.address": f"10.0.0.{rng.randrange(20)}",
        "enduser.id": f"seat-{rng.randrange(30)}",
        "tenant.level": rng.choice(("gold", "silver", "bronze")),
        "network.transport": "tcp",
        "network.type": "ipv4",
        "thread.name": f"worker-{rng.randrange(10)}",
        "code.function.name": f"{method}.handle",
        "order.kind": rng.choice(("new", "again")),
        "session.short": f"{rng.randrange(10**6):06d}",
    }
    for key, value in texts.items():
        span.attributes.add(key=key).value.string_value = value
    for key, number in (
        ("rpc.grpc.status_code", 0),
        ("server.port", 50051),
        ("thread.id", rng.randrange(99)),
    ):
        span.attributes.add(key=key).value.int_value = number
    if trace.failing and method == "Charge":
        span.status.code = 2  # type: ignore[assignment]  # the number of STATUS_CODE_ERROR
        span.status.message = "Invalid request"


def measure_decode(bodies: Sequence[bytes]) -> Result:
    """Decode the requests in this process, without a store."""
    decoder, spans = Decoder(), 0
    wall, cpu = time.perf_counter(), time.process_time()
    for body in bodies:
        spans += len(decoder.traces(protobuf_groups(body), Refusals()).batch.spans)
    return Result("decode alone, one thread", spans, time.perf_counter() - wall, time.process_time() - cpu)


def measure_http(bodies: Sequence[bytes], connections: int, folder: Path) -> Result:
    """Send the requests to a collector process over HTTP, whose answer means that they are committed."""
    port, grpc_port = _free_port(), _free_port()
    environment = {
        **os.environ,
        "OTLP_HTTP_PORT": str(port),
        "OTLP_GRPC_PORT": str(grpc_port),
        "STORE_PATH": str(folder / f"bench-{connections}.db"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "collector"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        watched = psutil.Process(process.pid)
        cpu = _cpu_s(watched)
        wall = time.perf_counter()
        with ThreadPoolExecutor(connections) as pool:
            shares = [bodies[number::connections] for number in range(connections)]
            sent = sum(pool.map(lambda share: _send(port, share), shares))
        wall = time.perf_counter() - wall
        cpu = _cpu_s(watched) - cpu
    finally:
        process.terminate()
        process.wait(30)
    name = f"committed over HTTP, {connections} connection{'s' if connections > 1 else ''}"
    return Result(name, sent * SPANS_PER_REQUEST, wall, cpu)


def _send(port: int, bodies: Sequence[bytes]) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    accepted = 0
    for body in bodies:
        while True:
            connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
            answer = connection.getresponse()
            answer.read()
            if answer.status in (429, 503):
                time.sleep(0.05)
                continue
            if answer.status != 200:
                raise SystemExit(f"the collector answered {answer.status}")
            break
        accepted += 1
    connection.close()
    return accepted


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    used: float = times.user + times.system
    return used


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
    decode, *committed = measure(20 if quick else 200, 7, write_line)
    rate = decode.spans / decode.wall_s
    return [
        ResultLine(
            each.name,
            f"{each.spans / each.wall_s:,.0f} spans/s",
            f"{each.spans / each.wall_s / rate:.2f} of decode alone",
        )
        for each in committed
    ]


def measure(requests: int, seed: int, write_line: Callable[[str], object]) -> list[Result]:
    """Decode only, then commit over one connection and over four; writes the table line by line."""
    freeze_gc()
    bodies = payloads(requests, random.Random(seed))
    size = sum(map(len, bodies)) / len(bodies) / SPANS_PER_REQUEST
    write_line(
        f"{len(bodies) * SPANS_PER_REQUEST:,} spans of {size:.0f} bytes, {SPANS_PER_REQUEST} a request\n"
    )
    write_line(f"{'':<42} {'spans/s':>10} {'CPU µs':>10} {'ratio':>8}")
    with tempfile.TemporaryDirectory(prefix="ingest-") as folder:
        decode = measure_decode(bodies)
        write_line(decode.row(decode))
        results = [decode]
        for connections in (1, 4):
            results.append(measure_http(bodies, connections, Path(folder)))
            write_line(results[-1].row(decode))
    return results


def main(argv: Sequence[str] | None = None, write_line: Callable[[str], object] = print) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ingest", description=__doc__)
    parser.add_argument(
        "--requests", type=int, default=200, help="requests of 512 spans each (default %(default)s)"
    )
    parser.add_argument("--seed", type=int, default=7)
    arguments = parser.parse_args(argv)
    measure(arguments.requests, arguments.seed, write_line)
    return 0


if __name__ == "__main__":
    sys.exit(main())
