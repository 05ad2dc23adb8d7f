"""What lies between the signals and their receiver: built, flushed, stopped and counted as one.

Batches of spans and logs leave every 300 ms, metrics every five seconds. Until the first
metrics left, batches leave every 60 ms: whoever starts a service waits for its first
spans, and three services that each take up to 300 ms made a fifth of a lab's start. While the
receiver is away the batch in hand is tried again and the queue fills; what no
longer fits is dropped, counted and logged. A stop sends what is left. Knows no service.
"""

from __future__ import annotations

import math
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics.export import MetricReader, PeriodicExportingMetricReader

from services.common.telemetry.bounded_export import (
    BoundedLogProcessor,
    BoundedSpanProcessor,
    CountingLogExporter,
    CountingMetricExporter,
    CountingSpanExporter,
    set_period,
)
from services.common.telemetry.metrics import observe
from services.common.telemetry.otlp_http import OtlpSession
from services.common.telemetry.signal_queue import Counts, SignalQueue

Report = Callable[[str, Mapping[str, object]], None]

PERIOD_MS = 300
FIRST_PERIOD_MS = 60
_LONGEST_FIRST_MS = 10_000
BATCH_SIZE = 512
DEFAULT_CAPACITY = 8192
METRICS_PERIOD_MS = 5_000
_REPORT_EVERY_S = 10.0
_GRACE_S = 0.3


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How one signal is batched: items that may wait, milliseconds between batches, items in one."""

    capacity: int = DEFAULT_CAPACITY
    period_ms: float = PERIOD_MS
    batch_size: int = BATCH_SIZE


class Pipeline:
    """A batch processor or reader for each signal that has limits, and their counts. Make it after any fork.

    The exporters read their `OTEL_EXPORTER_OTLP_*` variables themselves. `report` gets
    a message and how many items each signal has dropped since the start.
    """

    def __init__(
        self,
        spans: BatchLimits | None,
        logs: BatchLimits | None,
        report: Report,
        *,
        metrics_period_ms: float | None = None,
    ) -> None:
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
        self.metric_reader = self._reading_metrics(metrics_period_ms) if metrics_period_ms else None
        soon = metrics_period_ms and metrics_period_ms <= _LONGEST_FIRST_MS
        self._quick = self._begin_quickly(spans, logs) if soon else []

    def _begin_quickly(
        self, spans: BatchLimits | None, logs: BatchLimits | None
    ) -> list[BoundedSpanProcessor | BoundedLogProcessor]:
        """The processors whose period is the usual one; another one was chosen, and holds from the first."""
        pairs = ((self.span_processor, spans), (self.log_processor, logs))
        usual = [each for each, limits in pairs if each and limits and limits.period_ms == PERIOD_MS]
        for each in usual:
            set_period(each, FIRST_PERIOD_MS)
        return usual

    def _batching_spans(self, limits: BatchLimits) -> BoundedSpanProcessor:
        queue, session = self._queue("spans", limits.capacity), self._session()
        exporter = CountingSpanExporter(
            OTLPSpanExporter(session=session), partial(self._settle, queue), lambda: session.ended
        )
        return BoundedSpanProcessor(exporter, queue, limits.period_ms, limits.batch_size)

    def _batching_logs(self, limits: BatchLimits) -> BoundedLogProcessor:
        queue, session = self._queue("logs", limits.capacity), self._session()
        exporter = CountingLogExporter(
            OTLPLogExporter(session=session), partial(self._settle, queue), lambda: session.ended
        )
        return BoundedLogProcessor(exporter, queue, limits.period_ms, limits.batch_size)

    def _reading_metrics(self, period_ms: float) -> MetricReader:
        # What waits is one batch, however large: the next is not made before it was sent or refused.
        queue, session = self._queue("metrics", sys.maxsize), self._session()
        exporter = CountingMetricExporter(
            session, queue, partial(self._settle_metrics, queue), lambda: session.ended
        )
        return PeriodicExportingMetricReader(exporter, export_interval_millis=period_ms)

    def observe(self, meter: Meter) -> None:
        """Make the queues of the other signals part of every export of metrics."""
        for queue in self._queues:
            if queue.name in _SIGNALS:
                _observe_queue(meter, queue, _SIGNALS[queue.name])

    def _queue(self, name: str, capacity: int) -> SignalQueue:
        self._queues.append(SignalQueue(name, capacity))
        return self._queues[-1]

    def _session(self) -> OtlpSession:
        self._sessions.append(OtlpSession(self._report_drops))
        return self._sessions[-1]

    def _settle(self, queue: SignalQueue, count: int, sent: bool) -> None:
        queue.settle(count, sent)
        self._report_drops()

    def _settle_metrics(self, queue: SignalQueue, count: int, sent: bool) -> None:
        while self._quick:
            set_period(self._quick.pop(), PERIOD_MS)
        self._settle(queue, count, sent)

    def counts(self) -> dict[str, Counts]:
        """Returns the numbers of each signal by its name (`spans`, `logs`, `metrics`)."""
        return {queue.name: queue.counts() for queue in self._queues}

    def flush(self, timeout_s: float = 5.0) -> bool:
        """Returns whether everything so far was sent or given up, within `timeout_s`."""
        deadline = time.monotonic() + timeout_s
        if self.metric_reader is not None:
            # In a thread, because it waits as long as the receiver is away.
            reading = threading.Thread(target=self.metric_reader.collect, daemon=True)
            reading.start()
            reading.join(timeout_s)
            if reading.is_alive():
                return False
        return all(queue.wait_until_empty(max(0.0, deadline - time.monotonic())) for queue in self._queues)

    def stop(self, timeout_s: float = 1.2) -> None:
        """Send what is left for at most `timeout_s`, then end; the rest counts as dropped."""
        if self._stopped:
            return
        self._stopped = True
        deadline = time.monotonic() + timeout_s
        for session in self._sessions:
            session.stop_by(deadline)
        # A processor's own shutdown may wait for half a minute, and one signal must not wait for another.
        parts = (self.span_processor, self.log_processor, self.metric_reader)
        threads = [threading.Thread(target=each.shutdown, daemon=True) for each in parts if each is not None]
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


_SIGNALS = {"spans": "span", "logs": "log"}


def _observe_queue(meter: Meter, queue: SignalQueue, signal: str) -> None:
    kind = f"batching_{signal}_processor"
    about = {"otel.component.type": kind, "otel.component.name": f"{kind}/0"}
    name = f"otel.sdk.processor.{signal}.queue"
    observe(meter, f"{name}.size", lambda: [(queue.counts().waiting, about)])
    observe(meter, f"{name}.capacity", lambda: [(queue.capacity, about)])
