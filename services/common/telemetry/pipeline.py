"""What lies between an ended span or log record and the receiver: built, flushed, stopped and counted as one.

Batches leave every 200 ms. While the receiver is away the batch in hand is tried
again and the queue fills; what no longer fits is dropped, counted and logged. A
stop sends what is left. Knows no service.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor

from services.common.telemetry.bounded_export import (
    BoundedLogProcessor,
    BoundedSpanProcessor,
    CountingLogExporter,
    CountingSpanExporter,
)
from services.common.telemetry.otlp_http import OtlpSession
from services.common.telemetry.signal_queue import Counts, SignalQueue

Report = Callable[[str, Mapping[str, object]], None]

PERIOD_MS = 200
BATCH_SIZE = 512
DEFAULT_CAPACITY = 8192
_REPORT_EVERY_S = 10.0
_GRACE_S = 0.3


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How one signal is batched: items that may wait, milliseconds between batches, items in one."""

    capacity: int = DEFAULT_CAPACITY
    period_ms: float = PERIOD_MS
    batch_size: int = BATCH_SIZE


class Pipeline:
    """A batch processor for each signal that has limits, and the counts of both. Make it after any fork.

    The exporters read their `OTEL_EXPORTER_OTLP_*` variables themselves. `report` gets
    a message and how many items each signal has dropped since the start.
    """

    def __init__(self, spans: BatchLimits | None, logs: BatchLimits | None, report: Report) -> None:
        self._report = report
        self._reporting = threading.Lock()
        self._reported_at = -math.inf
        self._was_away = False
        self._reported: dict[str, int] = {}
        self._last_report: dict[str, int] = {}
        self._queues: list[SignalQueue] = []
        self._sessions: list[OtlpSession] = []
        self._stopped = False
        self.span_processor = self._batching_spans(spans) if spans else None
        self.log_processor = self._batching_logs(logs) if logs else None

    def _batching_spans(self, limits: BatchLimits) -> SpanProcessor:
        queue, session = self._queue("spans", limits.capacity), self._session()
        exporter = CountingSpanExporter(
            OTLPSpanExporter(session=session), partial(self._settle, queue), lambda: session.ended
        )
        return BoundedSpanProcessor(exporter, queue, limits.period_ms, limits.batch_size)

    def _batching_logs(self, limits: BatchLimits) -> LogRecordProcessor:
        queue, session = self._queue("logs", limits.capacity), self._session()
        exporter = CountingLogExporter(
            OTLPLogExporter(session=session), partial(self._settle, queue), lambda: session.ended
        )
        return BoundedLogProcessor(exporter, queue, limits.period_ms, limits.batch_size)

    def _queue(self, name: str, capacity: int) -> SignalQueue:
        self._queues.append(SignalQueue(name, capacity))
        return self._queues[-1]

    def _session(self) -> OtlpSession:
        self._sessions.append(OtlpSession(self._report_drops))
        return self._sessions[-1]

    def _settle(self, queue: SignalQueue, count: int, sent: bool) -> None:
        queue.settle(count, sent)
        self._report_drops()

    def counts(self) -> dict[str, Counts]:
        """Returns the numbers of each signal by its name (`spans`, `logs`)."""
        return {queue.name: queue.counts() for queue in self._queues}

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Returns whether everything so far was sent or given up, within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        return all(queue.wait_until_empty(max(0.0, deadline - time.monotonic())) for queue in self._queues)

    def stop(self, timeout_s: float = 1.2) -> None:
        """Send what is left for at most `timeout_s`, then end; the rest counts as dropped."""
        if self._stopped:
            return
        self._stopped = True
        deadline = time.monotonic() + timeout_s
        for session in self._sessions:
            session.stop_by(deadline)
        # A processor's own shutdown may wait for half a minute, and one signal must not wait for the other.
        processors = [each for each in (self.span_processor, self.log_processor) if each is not None]
        threads = [threading.Thread(target=each.shutdown, daemon=True) for each in processors]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(max(0.0, deadline + _GRACE_S - time.monotonic()))
        for queue in self._queues:
            queue.close()
        self._report_drops(force=True)

    def _report_drops(self, *, force: bool = False) -> None:
        """Report new drops: at most every ten seconds, and once when the receiver is back.

        A report made while the receiver is away may itself be dropped, so it is repeated then.
        A receiver that refuses logs refuses the report too, which drops anew: hence the ten seconds.
        """
        with self._reporting:
            now = time.monotonic()
            away = any(session.retrying for session in self._sessions)
            back = self._was_away and not away
            self._was_away = away
            dropped = {queue.name: queue.dropped for queue in self._queues}
            unreported = {
                f"dropped.{name}": count
                for name, count in dropped.items()
                if count > self._reported.get(name, 0)
            }
            due = back or now - self._reported_at >= _REPORT_EVERY_S
            if not unreported or not (due or (force and unreported != self._last_report)):
                return
            self._reported_at = now
            self._last_report = unreported
            if not away:
                self._reported = dropped
        self._report("Telemetry was dropped: its receiver was away or refused it", unreported)
