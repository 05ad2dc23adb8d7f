"""The way out for spans and logs: a bounded queue for each, one thread, OTLP over HTTP.

Batches of 64 leave every 200 ms. While the receiver is away the batch in hand is
tried again and the queue fills; what no longer fits is dropped, counted and told.
A stop sends what is left. Differs from the SDK's batch processors in that: they
lose a batch whose export failed and tell nobody how much. Knows no service.
"""

from __future__ import annotations

import gzip
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor

from services.common.telemetry.otlp_encoding import Encoder
from services.common.telemetry.otlp_http import Poster

Item = TypeVar("Item")
Report = Callable[[str, Mapping[str, object]], None]

BATCH_SIZE = 64
PERIOD_S = 0.2
_FIRST_RETRY_S = 0.2
_LAST_RETRY_S = 2.0
_REPORT_EVERY_S = 10.0
_RETRYABLE = frozenset({408, 429, 502, 503, 504})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where one signal goes."""

    url: str
    headers: Mapping[str, str]
    timeout_s: float
    gzip: bool = False
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of one signal's items since the start."""

    sent: int
    dropped: int
    waiting: int


class Lane(Generic[Item]):
    """One signal on its way: its queue, the batch in hand and its numbers."""

    def __init__(
        self, name: str, endpoint: Endpoint, capacity: int, encode: Callable[[Sequence[Item]], bytes]
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self.capacity = capacity
        self.queue: deque[Item] = deque()
        self._encode = encode
        self._poster = Poster(endpoint.url, endpoint.timeout_s, endpoint.tls)
        self._body: bytes | None = None
        self._count = 0
        self._retry_s = _FIRST_RETRY_S
        self._not_before = 0.0
        self._sent = 0
        self.dropped = 0
        self.told = 0

    def counts(self) -> Counts:
        """The numbers so far; approximate while the thread runs."""
        return Counts(self._sent, self.dropped, len(self.queue) + self._count)

    @property
    def in_hand(self) -> bool:
        """Whether a batch waits to be tried again."""
        return self._body is not None

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is in hand."""
        return not self.queue and self._body is None

    def step(self, hurry: bool) -> bool:
        """Send one batch, if there is one and its time has come; whether something was settled."""
        if self._body is None:
            if not self.queue:
                return False
            batch = [self.queue.popleft() for _ in range(min(BATCH_SIZE, len(self.queue)))]
            self._count = len(batch)
            body = self._encode(batch)
            self._body = gzip.compress(body, 1) if self.endpoint.gzip else body
        elif not hurry and time.monotonic() < self._not_before:
            return False
        accepted = self._post()
        if accepted is None:
            self._not_before = time.monotonic() + self._retry_s
            self._retry_s = min(self._retry_s * 2, _LAST_RETRY_S)
            return False
        if accepted:
            self._sent += self._count
        else:
            self.dropped += self._count
        self._body, self._count, self._retry_s = None, 0, _FIRST_RETRY_S
        return True

    def _post(self) -> bool | None:
        """True: taken; False: refused for good; None: try again."""
        try:
            status = self._poster.post(self._body or b"", self.endpoint.headers)
        except OSError:
            return None
        if status in _RETRYABLE:
            return None
        return 200 <= status < 300

    def close(self) -> None:
        """Close the connection."""
        self._poster.close()

    def give_up(self) -> None:
        """Count everything that is left as dropped."""
        self.dropped += len(self.queue) + self._count
        self.queue.clear()
        self._body, self._count = None, 0


class Exporter:
    """The thread that empties the lanes. Make it after any fork."""

    def __init__(
        self,
        traces: Endpoint | None,
        logs: Endpoint | None,
        capacity: int,
        report: Report,
    ) -> None:
        self._report = report
        self._reported_at = 0.0
        self._wake = threading.Event()
        self._stopping = False
        self._urgent = False
        self._stop_by = 0.0
        encoder = Encoder()
        self.spans: Lane[ReadableSpan] | None = (
            Lane("spans", traces, capacity, encoder.spans) if traces is not None else None
        )
        self.logs: Lane[ReadableLogRecord] | None = (
            Lane("logs", logs, capacity, encoder.logs) if logs is not None else None
        )
        self._lanes: list[Lane[Any]] = [lane for lane in (self.spans, self.logs) if lane is not None]
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def put(self, lane: Lane[Item], item: Item) -> None:
        """Queue one item; never blocks. Without room the item is dropped and counted."""
        waiting = len(lane.queue)
        if waiting >= lane.capacity:
            lane.dropped += 1
            return
        lane.queue.append(item)
        if waiting == BATCH_SIZE:
            self._wake.set()

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Wait until nothing is left to send; whether that came about in time."""
        deadline = time.monotonic() + timeout_s
        while not all(lane.idle for lane in self._lanes):
            if time.monotonic() >= deadline:
                return False
            self._urgent = True
            self._wake.set()
            self._thread.join(0.01)
        return True

    def stop(self, timeout_s: float = 1.2) -> None:
        """Send what is left for at most `timeout_s`, then end the thread; the rest counts as dropped."""
        if self._stopping:
            return
        self._stop_by = time.monotonic() + timeout_s
        self._stopping = self._urgent = True
        self._wake.set()
        self._thread.join(timeout_s + 0.3)
        for lane in self._lanes:
            lane.give_up()
        self._tell(force=True)
        for lane in self._lanes:
            lane.close()

    def counts(self) -> dict[str, Counts]:
        """The numbers of each lane by its name (`spans`, `logs`)."""
        return {lane.name: lane.counts() for lane in self._lanes}

    def _run(self) -> None:
        all_due = 0.0
        while True:
            self._wake.wait(0.05 if self._stopping else PERIOD_S)
            self._wake.clear()
            now = time.monotonic()
            everything = self._urgent or now >= all_due
            if everything:
                self._urgent, all_due = False, now + PERIOD_S
            for lane in self._lanes:
                self._drain(lane, everything)
            self._tell()
            if self._stopping:
                self._urgent = True
                if all(lane.idle for lane in self._lanes) or now >= self._stop_by:
                    return

    def _drain(self, lane: Lane[Any], everything: bool) -> None:
        """Send full batches, and with `everything` the rest of what waits now; never what comes meanwhile."""
        rest = len(lane.queue) if everything else 0
        while lane.in_hand or rest > 0 or len(lane.queue) >= BATCH_SIZE:
            if not lane.step(hurry=self._stopping):
                return
            rest -= BATCH_SIZE

    def _tell(self, *, force: bool = False) -> None:
        """Say how much was dropped: every ten seconds while it goes on, and once when the receiver is back.

        What is said while the receiver is away may itself be dropped, so it does not count as told.
        """
        now = time.monotonic()
        news = {f"dropped.{lane.name}": lane.dropped for lane in self._lanes if lane.dropped > lane.told}
        back = not any(lane.in_hand for lane in self._lanes)
        if not news or not (force or back or now - self._reported_at >= _REPORT_EVERY_S):
            return
        self._reported_at = now
        if back:
            for lane in self._lanes:
                lane.told = lane.dropped
        self._report("Telemetry was dropped: its receiver was away or refused it", news)


class QueueSpans(SpanProcessor):
    """Hands ended spans to the exporter."""

    def __init__(self, exporter: Exporter, lane: Lane[ReadableSpan]) -> None:
        self._exporter = exporter
        self._lane = lane

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span unless it is not sampled."""
        if span.context is not None and span.context.trace_flags.sampled:
            self._exporter.put(self._lane, span)

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait until the queue is empty."""
        return self._exporter.flush(timeout_millis / 1000)


class QueueLogs(LogRecordProcessor):
    """Hands log records to the exporter."""

    def __init__(self, exporter: Exporter, lane: Lane[ReadableLogRecord]) -> None:
        self._exporter = exporter
        self._lane = lane

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue the record."""
        self._exporter.put(
            self._lane,
            ReadableLogRecord(
                log_record=log_record.log_record,
                resource=log_record.resource,  # type: ignore[arg-type]  # a provider always sets one
                instrumentation_scope=log_record.instrumentation_scope,
                limits=log_record.limits,
            ),
        )

    def shutdown(self) -> None:
        """Nothing of its own to end: the exporter is stopped by its owner."""

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Wait until the queue is empty."""
        return self._exporter.flush(timeout_millis / 1000)
