"""The SDK's batch processors and exporters, with a count of what they lose.

A batch processor drops what does not fit, and loses a batch that its exporter gave
up; neither says how much. Here a `SignalQueue` keeps the count: the processor asks
it for room, the exporter has each batch settled. Metrics are summed up where they are
made, so nothing of them queues but the batch in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk._logs import ReadableLogRecord, ReadWriteLogRecord
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics.export import MetricExportResult, MetricsData
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

from services.common.telemetry.otlp_http import OtlpSession
from services.common.telemetry.signal_queue import SignalQueue

Settle = Callable[[int, bool], object]


class CountingSpanExporter(SpanExporter):
    """Exports by `inner` and calls `settle(items, sent)` after every batch; tries none once `ended()`."""

    def __init__(self, inner: SpanExporter, settle: Settle, ended: Callable[[], bool]) -> None:
        self._inner = inner
        self._settle = settle
        self._ended = ended

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Returns how `inner` ended, FAILURE without trying."""
        result = SpanExportResult.FAILURE
        try:
            if not self._ended():
                result = self._inner.export(spans)
        finally:
            self._settle(len(spans), result is SpanExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """End `inner`."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Returns what `inner` returns."""
        return self._inner.force_flush(timeout_millis)


class CountingLogExporter(LogRecordExporter):
    """The same for log records."""

    def __init__(self, inner: LogRecordExporter, settle: Settle, ended: Callable[[], bool]) -> None:
        self._inner = inner
        self._settle = settle
        self._ended = ended

    def export(self, batch: Sequence[ReadableLogRecord]) -> LogRecordExportResult:
        """Returns how `inner` ended, FAILURE without trying."""
        result = LogRecordExportResult.FAILURE
        try:
            if not self._ended():
                result = self._inner.export(batch)
        finally:
            self._settle(len(batch), result is LogRecordExportResult.SUCCESS)
        return result

    def shutdown(self) -> None:
        """End `inner`."""
        self._inner.shutdown()

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        """Returns what `inner` returns."""
        return self._inner.force_flush(timeout_millis)


class CountingMetricExporter(OTLPMetricExporter):
    """The SDK's exporter of metrics, its points counted in `queue`; `settle` and `ended` as above.

    A subclass, because a reader takes the temporality that it prefers from its exporter.
    """

    def __init__(
        self, session: OtlpSession, queue: SignalQueue, settle: Settle, ended: Callable[[], bool]
    ) -> None:
        super().__init__(session=session)
        self._queue = queue
        self._settle = settle
        self._ended = ended

    def export(
        self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **kwargs: Any
    ) -> MetricExportResult:
        """Returns how the SDK's ended, FAILURE without trying."""
        result = MetricExportResult.FAILURE
        points = _points_of(metrics_data)
        if not self._queue.enter(points):
            return result
        try:
            if not self._ended():
                result = super().export(metrics_data, timeout_millis, **kwargs)
        finally:
            self._settle(points, result is MetricExportResult.SUCCESS)
        return result


def _points_of(data: MetricsData) -> int:
    return sum(
        len(metric.data.data_points)
        for resource in data.resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    )


def set_period(processor: BatchSpanProcessor | BatchLogRecordProcessor, period_ms: float) -> None:
    """Let batches leave this often from the next one on. The SDK itself never changes it, so that it stays
    as it is where a version keeps it elsewhere.
    """
    batches: Any = getattr(processor, "_batch_processor", None)
    if hasattr(batches, "_schedule_delay"):
        batches._schedule_delay = period_ms / 1_000


class BoundedSpanProcessor(BatchSpanProcessor):
    """Batches ended spans as long as `queue` has room."""

    def __init__(
        self, exporter: CountingSpanExporter, queue: SignalQueue, period_ms: float, batch: int
    ) -> None:
        super().__init__(exporter, queue.capacity, period_ms, min(batch, queue.capacity))
        self._room = queue

    def on_end(self, span: ReadableSpan) -> None:
        """Queue the span unless it is not sampled or there is no room."""
        if span.context is not None and span.context.trace_flags.sampled and self._room.enter():
            super().on_end(span)


class BoundedLogProcessor(BatchLogRecordProcessor):
    """Batches log records as long as `queue` has room."""

    def __init__(
        self, exporter: CountingLogExporter, queue: SignalQueue, period_ms: float, batch: int
    ) -> None:
        super().__init__(exporter, period_ms, min(batch, queue.capacity), None, queue.capacity)
        self._room = queue

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Queue the record unless there is no room."""
        if self._room.enter():
            super().on_emit(log_record)
