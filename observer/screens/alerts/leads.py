"""Where an alert leads: map, traces, logs, metric, and the trace and session of the moment it began."""

from __future__ import annotations

from flask import request

from alerting import Alert, Rule
from observer.components.related_metrics import related_metrics
from observer.lookup.alert_origin import origin_of
from observer.request import alert_links
from observer.request.links import metric_url
from observer.request.time_range import range_args
from observer.screens.alerts.alert_page import Lead
from signals.ids import short_trace_id
from store.api import Reader, StoreError, Window

_SERVICE = "service.name"


def leads_of(reader: Reader, alert: Alert, rule: Rule | None, now: int) -> list[Lead]:
    """The ways from an alert, those to the moment of its begin first."""
    signal = rule.signal if rule else None
    window = alert_links.window_of(alert, now)
    origin = origin_of(reader, alert, signal, window)
    # For the API they begin with the proxy's path, which pages get by themselves.
    root = request.script_root
    found = {
        name: url.removeprefix(root)
        for name, url in alert_links.links(alert, signal, window, origin.trace_id, origin.session_id).items()
        if url
    }
    leads = []
    if origin.session_id and "session" in found:
        leads.append(Lead("The session of that moment", found["session"], "the first that met it", "session"))
    if origin.trace_id and "trace" in found:
        leads.append(
            Lead(
                f"Trace {short_trace_id(origin.trace_id)}", found["trace"], "the first that shows it", "trace"
            )
        )
    leads.append(Lead("Service map", found["map"], "at that time", ""))
    leads.append(Lead("Traces", found["traces"], "of that time", ""))
    leads.append(Lead("Logs", found["logs"], "of that time", "logs"))
    return [*leads, *_metrics(reader, alert, rule, window)]


def _metrics(reader: Reader, alert: Alert, rule: Rule | None, window: Window) -> list[Lead]:
    signal = rule.signal if rule else None
    service = alert.labels.get(_SERVICE) or (signal.service if signal else "")
    leads = []
    if signal and signal.kind == "metric":
        narrowed = {**signal.where, **alert.group, **({_SERVICE: signal.service} if signal.service else {})}
        args = {"agg": signal.measure, "since": "", **range_args(window)}
        leads.append(Lead("The metric", metric_url(signal.name, narrowed, args), signal.name, "metrics"))
    try:
        related = related_metrics(reader, [service], window) if service else None
    except StoreError:
        related = None
    if related:
        number = f"{related.count:,}" if related.count is not None else "more than 1,000"
        leads.append(
            Lead(
                f"{related.label} ({number})", related.address, "around that time", "" if leads else "metrics"
            )
        )
    return leads
