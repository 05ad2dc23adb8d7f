"""Time from the end of a span until the API returns it.

`python -m benchmarks.freshness`. *Sent*: a span is posted to the collector at its
end, and the API is polled for it. *Shop*: a page is requested from the shop, and the
API is polled until the storefront's span is in its trace; that adds the delay of the
exporter.
"""

from __future__ import annotations

import argparse
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import labs
from benchmarks.measure import get_json, is_missing, post, quantile, table
from benchmarks.result_line import ResultLine
from benchmarks.witness import SERVICE, span_request
from loadgen.agent import Exchange
from loadgen.requests_client import RequestsClient

_WITHIN_S = 10.0
_PAUSE_S = 0.005
EXPORT_PERIOD_MS = 300.0


@dataclass(frozen=True, slots=True)
class Result:
    """Milliseconds from the end of each span until the API returns it, and of one answer without a wait."""

    sent_ms: Sequence[float]
    shop_ms: Sequence[float]
    answer_ms: Sequence[float]


def measure(spans: int) -> Result:
    """Measure this number of spans of each kind. Raises SystemExit when one does not arrive."""
    with labs.running("--no-load") as lab:
        api = lab.url("observer") + "/api/v1/apm/traces"
        ids = [secrets.token_bytes(16) for _ in range(spans)]
        sent = [_sent(lab.url("otlp_http"), api, trace_id) for trace_id in ids]
        shop = [_through_shop(lab.url("shop"), api) for _ in range(spans)]
        answers = [_answer_ms(api, trace_id.hex()) for trace_id in ids]
    return Result(sent, shop, answers)


def _sent(collector: str, api: str, trace_id: bytes) -> float:
    body = span_request(trace_id, time.time_ns())
    ended = time.perf_counter()
    if post(f"{collector}/v1/traces", body, "application/x-protobuf") != 200:
        raise SystemExit("the collector did not accept a span")
    _until_there(api, trace_id.hex(), SERVICE)
    return (time.perf_counter() - ended) * 1000


def _through_shop(shop: str, api: str) -> float:
    client = RequestsClient()
    reply = client.send("GET", f"{shop}/", name="", headers={})
    ended = time.perf_counter()
    link = Exchange(reply.url, 0, 0, reply.status, server_timing=reply.server_timing).link()
    if not link:
        raise SystemExit(f"the shop answered {reply.status} without a trace id")
    _until_there(api, link["link.traceId"], "frontend")
    client.close()
    return (time.perf_counter() - ended) * 1000


def _until_there(api: str, trace_id: str, service: str) -> None:
    deadline = time.monotonic() + _WITHIN_S
    while time.monotonic() < deadline:
        try:
            spans = get_json(f"{api}/{trace_id}")["spans"]
        except OSError as error:
            if not is_missing(error):
                raise
        else:
            if any(span["service"] == service and span["kind"] == "server" for span in spans):
                return
        time.sleep(_PAUSE_S)
    raise SystemExit(f"the trace {trace_id} was not there within {_WITHIN_S:g} s")


def _answer_ms(api: str, trace_id: str) -> float:
    started = time.perf_counter()
    get_json(f"{api}/{trace_id}")
    return (time.perf_counter() - started) * 1000


def report(result: Result) -> str:
    """Quantiles of each kind as a table."""
    rows = [
        (name, *(f"{quantile(values, share):.0f}" for share in (0.5, 0.95)), f"{max(values):.0f}")
        for name, values in (
            ("posted to the collector", result.sent_ms),
            ("through the shop and its exporter", result.shop_ms),
            ("one answer of the API alone", result.answer_ms),
        )
    ]
    return table(("from a span's end to its answer", "p50 ms", "p95 ms", "slowest ms"), rows)


def run(quick: bool, write_line: Callable[[str], object]) -> list[ResultLine]:
    """The part of `python -m benchmarks`."""
    result = measure(10 if quick else 60)
    write_line(report(result))
    answer = quantile(result.answer_ms, 0.5)
    sent, shop = quantile(result.sent_ms, 0.5), quantile(result.shop_ms, 0.5)
    return [
        ResultLine("span's end to its answer, posted", f"{sent:.0f} ms", f"{sent / answer:.1f} answers"),
        ResultLine(
            "span's end to its answer, through the shop",
            f"{shop:.0f} ms (p95 {quantile(result.shop_ms, 0.95):.0f})",
            f"{shop / EXPORT_PERIOD_MS:.2f} export periods",
        ),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.freshness", description=__doc__)
    parser.add_argument("--spans", type=int, default=60, help="spans of each kind (default %(default)s)")
    print(report(measure(parser.parse_args(argv).spans)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
