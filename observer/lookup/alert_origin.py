"""The trace and the browser session of the moment at which an alert began."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Final, cast

from alerting import Alert, Signal
from signals.model import SessionId, TraceId
from store.api import (
    CountedEvents,
    MetricQuery,
    Reader,
    RumMetric,
    SessionQuery,
    StoreError,
    TraceQuery,
    Window,
)

_MOST_KEPT: Final = 500
_ERRORS: Final[Mapping[str, str]] = {"error_share": "any", "errors": "any", "origin_share": "origin"}


@dataclass(frozen=True, slots=True)
class Origin:
    """Where an alert's story begins; None where nothing of the kind is stored."""

    trace_id: TraceId | None = None
    session_id: SessionId | None = None


_kept: OrderedDict[str, Origin] = OrderedDict()
_lock = Lock()


def origin_of(reader: Reader, alert: Alert, signal: Signal | None, window: Window) -> Origin:
    """The first trace, and session, that shows what the alert is about. What was found whole is kept.

    `window` begins before the alert did. Without an answer of the store, nothing.
    """
    key = f"{alert.alert_id} {alert.started_unix_nano}"
    with _lock:
        if key in _kept:
            _kept.move_to_end(key)
            return _kept[key]
    try:
        found = _find(reader, alert, signal, Window(alert.started_unix_nano, window.to_unix_nano))
    except StoreError:
        return Origin()
    if found.session_id:
        with _lock:
            _kept[key] = found
            while len(_kept) > _MOST_KEPT:
                _kept.popitem(last=False)
    return found


def _find(reader: Reader, alert: Alert, signal: Signal | None, window: Window) -> Origin:
    if signal is None:
        return Origin()
    if signal.kind == "rum":
        return _of_browsers(reader, alert, signal, window)
    if signal.kind == "metric":
        return _of_metric(reader, alert, signal, window)
    where = {**signal.where, **alert.group}
    service = where.pop("service", "") if "service" in signal.by else ""
    operation = where.pop("operation", "") if "operation" in signal.by else ""
    error = _ERRORS.get(signal.measure)
    query = TraceQuery(
        window,
        service=service or signal.service or None,
        operation=operation or signal.operation or None,
        error="origin" if error == "origin" else "any" if error else None,
        attributes=where,
        sort="slowest" if signal.measure.startswith("p") else "oldest",
        environment=signal.environment or None,
        limit=1,
    )
    return next((_of_trace(reader, each.trace_id) for each in reader.find_traces(query).items), Origin())


def _of_trace(reader: Reader, trace_id: TraceId) -> Origin:
    summary = reader.trace_summaries([trace_id]).get(trace_id)
    if summary and summary.session_id:
        return Origin(trace_id, summary.session_id)
    browser = reader.browser_of_trace(trace_id)
    return Origin(trace_id, browser.session_id if browser else None)


def _of_metric(reader: Reader, alert: Alert, signal: Signal, window: Window) -> Origin:
    narrowed = {**signal.where, **alert.group}
    if signal.service:
        narrowed["service.name"] = signal.service
    found = reader.metric_exemplars(MetricQuery(window, signal.name, attributes=narrowed), 20)
    traces = [
        (each.exemplar.time_unix_nano, each.exemplar.trace_id) for each in found if each.exemplar.trace_id
    ]
    return _of_trace(reader, min(traces)[1]) if traces else Origin()


def _of_browsers(reader: Reader, alert: Alert, signal: Signal, window: Window) -> Origin:
    counted = CountedEvents(cast(RumMetric, signal.name), {**signal.where, **alert.group})
    page = reader.find_sessions(SessionQuery(window, counted=counted, sort="oldest", limit=1))
    return next((Origin(session_id=each.session_id) for each in page.items), Origin())
