"""A program with a Prometheus endpoint, and what it knows of its numbers: every scrape counts further."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

RESET_AT = 4
"""Before this scrape the program starts anew."""
SCRAPES = 8
"""After so many nothing changes any more."""
GONE_AT = 3
"""From this scrape on one of two series is not there."""
STEP = 3
TRACE_ID, SPAN_ID = "5b8aa5a2d2c872e8321cf37308d69df2", "051581bf3cb55c13"
EXEMPLAR = f'{{trace_id="{TRACE_ID}",span_id="{SPAN_ID}"}}'
BOUNDS = (0.1, 0.5, 1.0)
OBSERVED = (0.05, 0.3, 0.3, 0.7)
"""What the histogram observes at every scrape."""
QUANTILES = {0.5: 0.25, 0.99: 1.75}


class Target:
    """The state of the program."""

    def __init__(self) -> None:
        self.scrapes = 0
        self.base_url = ""
        self._lives = 0
        self._lock = threading.Lock()

    @property
    def is_done(self) -> bool:
        """Whether the last value was scraped."""
        return self.scrapes > SCRAPES

    @staticmethod
    def risen() -> int:
        """By how many steps its counters rose after the first scrape, which no one knows the start of."""
        return SCRAPES - 1

    def text(self) -> str:
        """The next answer, in OpenMetrics' text format."""
        with self._lock:
            scrape = self.scrapes
            self.scrapes += 1
        life = min(scrape, SCRAPES - 1)
        steps = life + 1 if life < RESET_AT else life - RESET_AT + 1
        lines = [
            "# TYPE jobs_done counter",
            "# HELP jobs_done Jobs that were done.",
            f'jobs_done_total{{kind="a\\"b"}} {steps * STEP} # {EXEMPLAR} 1',
            "# TYPE heat_celsius gauge",
            "# UNIT heat_celsius celsius",
            f"heat_celsius {20 + life}",
            "# TYPE present gauge",
            'present{who="a"} 1',
            *(['present{who="b"} 1'] if scrape < GONE_AT else []),
            *_histogram(steps),
            *_summary(steps),
            "# EOF",
        ]
        return "\n".join(lines) + "\n"


def _histogram(steps: int) -> list[str]:
    lines = ["# TYPE wait_seconds histogram", "# UNIT wait_seconds seconds"]
    for bound in BOUNDS:
        count = steps * sum(value <= bound for value in OBSERVED)
        exemplar = f" # {EXEMPLAR} 0.3" if bound == 0.5 else ""
        lines.append(f'wait_seconds_bucket{{le="{bound}"}} {count}{exemplar}')
    lines.append(f'wait_seconds_bucket{{le="+Inf"}} {steps * len(OBSERVED)}')
    lines.append(f"wait_seconds_sum {steps * sum(OBSERVED)}")
    lines.append(f"wait_seconds_count {steps * len(OBSERVED)}")
    return lines


def _summary(steps: int) -> list[str]:
    lines = ["# TYPE size_bytes summary", "# UNIT size_bytes bytes"]
    lines += [f'size_bytes{{quantile="{quantile}"}} {value}' for quantile, value in QUANTILES.items()]
    return [*lines, f"size_bytes_sum {steps * 10}", f"size_bytes_count {steps * 5}"]


@contextmanager
def served() -> Iterator[Target]:
    """The program, on a loopback port of its own."""
    target = Target()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = target.text().encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/openmetrics-text; version=1.0.0; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    target.base_url = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield target
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
